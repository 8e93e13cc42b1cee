"""The clerk's desk of certificates: read, issue for an affiliate, revoke; each through its workflow."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import staff_affiliates
from affiliates.models import Affiliate
from certificates import documents, downloads, freezing, papers, queries, receipts, tasks, workflows
from certificates.eligibility import Eligibility, decide
from certificates.forms import AlarmForm, DeskForm, RevocationForm
from certificates.models import Certificate, UsageAlarm
from declarations.queries import receipt_facts
from disputes.access import staff_disputes
from portal import audit, clock, formats, limits
from portal.actor import actor_of
from portal.admin import StaffScreens
from portal.errors import add_to_form, add_to_messages
from portal.tasks import wake
from regulation.errors import DomainError

Screen = method_decorator(require_http_methods(["GET", "HEAD", "POST"]))


@admin.register(Certificate)
class CertificateAdmin(StaffScreens):
    list_display = ("number", "state", "kind", "affiliate", "months", "issued_on", "at_the_desk")
    list_filter = ("state", "kind", "ended_because")
    search_fields = ("=number", "=affiliate__affiliation_number", "affiliate__name")
    list_select_related = ("affiliate",)
    date_hierarchy = "issued_at"
    # The token opens the public page: whoever needs it reads it on the paper.
    exclude = ("token", "intent")
    actions = ("revoke",)
    change_list_template = "admin/certificates/list.html"
    change_form_template = "admin/certificates/certificate.html"

    def get_urls(self) -> list[URLPattern | URLResolver]:  # type: ignore[override]
        """Our own screens before the lists of Django."""
        return [
            self.screen("delivrer/", self.issue_view, "issue"),
            self.screen("<int:pk>/pdf/", self.pdf_view, "pdf"),
            self.screen("<int:pk>/preparer/", self.prepare_view, "prepare"),
            self.screen("decisions/<int:pk>/", self.decision_view, "decision"),
            *super().get_urls(),
        ]

    @admin.display(description=_("Période"))
    def months(self, row: Certificate) -> str:
        if row.first_period is None or row.last_period is None:
            return ""
        return f"{formats.period(row.first_period)} – {formats.period(row.last_period)}"

    @admin.display(description=_("Délivrée le"), ordering="issued_at")
    def issued_on(self, row: Certificate) -> str:
        return formats.day(row.issued_at)

    @admin.display(description=_("Au bureau"), boolean=True)
    def at_the_desk(self, row: Certificate) -> bool:
        return bool(row.purpose)

    def affiliation_number_of(self, row: Certificate) -> str:
        return row.affiliate.affiliation_number

    def visible(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(affiliate__in=staff_affiliates(request.user))

    # ------------------------------------------------------------------------------------------- issue

    @Screen
    def issue_view(self, request: HttpRequest) -> HttpResponseBase:
        """Look whether a paper is possible, issue it, or print a receipt: always with a reason that the firm reads."""
        if request.method != "POST":
            number = request.GET.get("affilie", "")
            form = DeskForm(initial={"intent": uuid.uuid4(), "affiliation_number": number})
            return self._issue_page(request, form)
        form = DeskForm(request.POST)
        sound = form.is_valid()
        affiliate = self._affiliate(request, form)
        if affiliate is None:
            return self._issue_page(request, form)
        paper = request.POST.get("paper", "")
        if paper and form.cleaned_data.get("purpose"):
            return self._receipt(request, affiliate, paper, form.cleaned_data["purpose"])
        if sound and request.POST.get("issue"):
            done = self._issue(request, affiliate, form)
            if done is not None:
                return done
        asked = self._answer(affiliate, form) if sound else None
        return self._issue_page(request, form, affiliate=affiliate, eligibility=asked)

    def _issue_page(
        self,
        request: HttpRequest,
        form: DeskForm,
        *,
        affiliate: Affiliate | None = None,
        eligibility: Eligibility | None = None,
    ) -> HttpResponse:
        if affiliate is not None:
            audit.record_reading(
                request,
                action="certificate.looked_up",
                subject=affiliate,
                affiliation_number=affiliate.affiliation_number,
            )
        return self.page(
            request,
            "admin/certificates/issue.html",
            title=gettext("Délivrer pour un affilié"),
            form=form,
            affiliate=affiliate,
            eligibility=eligibility,
            filed=receipts.last_filed(affiliate) if affiliate else [],
            paid=receipts.last_paid(affiliate) if affiliate else [],
        )

    def _affiliate(self, request: HttpRequest, form: DeskForm) -> Affiliate | None:
        """The affiliate of the form, if it is on this desk; otherwise the form says that there is none."""
        number = form.cleaned_data.get("affiliation_number", "")
        rows = staff_affiliates(request.user).select_related("agency")
        found = rows.filter(affiliation_number=number).first() if number else None
        if number and found is None:
            form.add_error("affiliation_number", _("Aucun affilié de votre bureau n’a ce numéro."))
        return found

    @staticmethod
    def _answer(affiliate: Affiliate, form: DeskForm) -> Eligibility:
        asked = form.cleaned_data
        person = (
            freezing.person_standing(affiliate, asked["about"])
            if asked["kind"].is_personal
            else None
        )
        return decide(
            asked["kind"],
            queries.standing(affiliate, clock.today()),
            first=asked["first"],
            last=asked["last"],
            about=asked["about"],
            person=person,
        )

    def _issue(
        self, request: HttpRequest, affiliate: Affiliate, form: DeskForm
    ) -> HttpResponseBase | None:
        asked = form.cleaned_data
        chosen = asked["kind"].months_are_chosen
        limits.count(limits.CERTIFICATES, str(actor_of(request).pk))
        try:
            certificate = workflows.issue_at_the_desk(
                actor=actor_of(request),
                affiliate=affiliate,
                kind=asked["kind"],
                intent=asked["intent"],
                at=clock.now(),
                purpose=asked["purpose"],
                first=asked["first"] if chosen else None,
                last=asked["last"] if chosen else None,
                about=asked["about"] if asked["kind"].names_something else "",
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
            return None
        messages.success(
            request,
            gettext("L’attestation %(number)s est délivrée ; l’affilié est prévenu.")
            % {"number": certificate.number},
        )
        return redirect(self.address("change", certificate.pk))

    # ----------------------------------------------------------------------------------------- papers

    def _receipt(
        self, request: HttpRequest, affiliate: Affiliate, paper: str, purpose: str
    ) -> HttpResponseBase:
        """The receipt of a filing (« filing:12 ») or of a payment (« payment:12 »), with its trace."""
        kind, _colon, key = paper.partition(":")
        document = self._receipt_document(affiliate, kind, key)
        if document is None:
            raise Http404
        with transaction.atomic():
            audit.record(
                actor=actor_of(request),
                action=f"{kind}.receipt_issued",
                subject=affiliate,
                affiliation_number=affiliate.affiliation_number,
                purpose=purpose,
                document=document.filename,
            )
        return downloads.send(request, document)

    @staticmethod
    def _receipt_document(affiliate: Affiliate, kind: str, key: str) -> documents.Document | None:
        if not (key.isascii() and key.isdecimal() and len(key) < 19):
            return None
        if kind == "filing" and (declaration := receipts.filed(affiliate, int(key))) is not None:
            return papers.filing_receipt(affiliate, receipt_facts(declaration))
        if kind == "payment" and (facts := receipts.payment_facts(affiliate, int(key))) is not None:
            return documents.payment_receipt(facts)
        return None

    @method_decorator(require_safe)
    def pdf_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The paper of a certificate; the firm sees in its trace that it was fetched."""
        certificate = self.get_queryset(request).select_related("affiliate").filter(pk=pk).first()
        if certificate is None:
            raise Http404
        audit.record_reading(
            request,
            action="certificate.paper_read",
            subject=certificate,
            affiliation_number=certificate.affiliate.affiliation_number,
        )
        if not papers.is_long(certificate):
            return downloads.send(request, papers.document_of(certificate))
        drawn = queries.drawn_paper(certificate)
        if drawn is not None:
            return downloads.send_drawn(request, certificate, drawn)
        paper = downloads.Paper(
            queries.printing_of(certificate),
            people=len(certificate.facts["people"]),
            prepare_url=self.address("prepare", pk),
            progress_url=self.address("pdf", pk),
            pdf_url=self.address("pdf", pk),
        )
        return self.page(
            request, "admin/certificates/paper.html", title=certificate.number, paper=paper
        )

    @method_decorator(require_safe)
    def decision_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The decision of a dispute as the firm received it; the firm sees in its trace that it was fetched."""
        rows = staff_disputes(request.user).select_related("affiliate")
        dispute = get_object_or_404(rows, pk=pk)
        facts = receipts.decision_facts(dispute.affiliate, dispute.number)
        if facts is None:
            raise Http404
        number = dispute.affiliate.affiliation_number
        self.read(request, "dispute.paper_read", dispute, [number])
        return downloads.send(request, documents.decision(facts))

    @method_decorator(require_POST)
    def prepare_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Have a long list drawn by a worker."""
        certificate = self.get_queryset(request).filter(pk=pk).first()
        if certificate is None:
            raise Http404
        if papers.is_long(certificate):
            row = workflows.prepare(
                actor=actor_of(request), certificate=certificate, at=clock.now()
            )
            wake(tasks.draw_paper, row.pk)
        return redirect(self.address("pdf", pk))

    # ----------------------------------------------------------------------------------------- revoke

    @admin.action(description=_("Révoquer (délivrée par erreur)"), permissions=["act"])
    def revoke(
        self, request: HttpRequest, certificates: "QuerySet[Certificate]"
    ) -> HttpResponse | None:
        """Ask for the reason once, then revoke each certificate chosen."""
        form = RevocationForm(request.POST if "reason" in request.POST else None)
        if not (form.is_bound and form.is_valid()):
            return TemplateResponse(
                request,
                "certificates/admin_revoke.html",
                {
                    **self.admin_site.each_context(request),
                    "title": _("Révoquer des attestations"),
                    "opts": self.model._meta,
                    "form": form,
                    "certificates": certificates,
                    "action_name": "revoke",
                },
            )
        for certificate in certificates.order_by("pk"):
            try:
                workflows.revoke(
                    actor=actor_of(request),
                    certificate=certificate,
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_messages(request, refusal)
            else:
                messages.success(
                    request,
                    _("L’attestation %(number)s est révoquée.") % {"number": certificate.number},
                )
        return None


@admin.register(UsageAlarm)
class UsageAlarmAdmin(StaffScreens):
    """Bulk reading and issuing; for supervisors, who say what they found: clerks may be whom it is about."""

    def get_urls(self) -> list[URLPattern]:
        """The list and its one act."""
        return [
            self.screen("", self.changelist_view, "changelist"),
            self.screen("<int:pk>/", self.close_view, "change"),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Those that wait first."""
        self._supervisor(request)
        rows = UsageAlarm.objects.select_related("user", "closed_by")
        rows = rows.order_by(F("closed_at").desc(nulls_first=True), "-pk")
        page = Paginator(rows, 25).get_page(request.GET.get("page"))
        return self.page(
            request, "admin/certificates/alarms.html", title=gettext("Alertes d’usage"), page=page
        )

    @Screen
    def close_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """One alarm, and what was found."""
        self._supervisor(request)
        alarm = get_object_or_404(UsageAlarm.objects.select_related("user", "closed_by"), pk=pk)
        form = AlarmForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                workflows.close_alarm(
                    actor=actor_of(request),
                    alarm=alarm,
                    note=form.cleaned_data["note"],
                    at=clock.now(),
                )
            except DomainError as refusal:
                add_to_form(form, refusal)
            else:
                messages.success(request, gettext("L’alerte est examinée."))
                return redirect(self.address("changelist"))
        return self.page(
            request,
            "admin/certificates/alarm.html",
            title=gettext("Alerte d’usage"),
            alarm=alarm,
            form=form,
        )

    def _supervisor(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
