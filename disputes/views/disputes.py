"""The employer's side: list, open, follow, answer, withdraw, appeal."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from disputes import transitions
from disputes.downloads import piece_response
from disputes.enums import Action, DisputeState, Ground, MessageSide, Party, SubjectKind
from disputes.forms.disputes import AppealForm, IntentForm, OpenForm, ReplyForm
from disputes.models import Attachment, Dispute
from disputes.queries import disputes as queries
from disputes.queries import subjects
from disputes.queries.subjects import Contestable
from disputes.rules import Subject
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from payments.enums import SlipState
from payments.models import SlipLine
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from regulation.errors import DomainError
from regulation.parameters import value_at

# So many things in one dispute: more would be read by nobody.
MOST_AT_ONCE = 20


@require_safe
@affiliate_view(Scope.READ)
def dispute_list(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """The disputes of an affiliate, those under way first, each with its running clock."""
    today = clock.today()
    disputes = [(row, queries.clocks_of(row, today)) for row in queries.disputes_of(affiliate)]
    return render(
        request,
        "disputes/list.html",
        {"section": "disputes", "disputes": disputes},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.DISPUTES)
def open_dispute(request: HttpRequest, affiliate: Affiliate) -> HttpResponseBase:
    """Contest what ``?objet=`` names, as often as it is there; without one, first choose."""
    asked = request.GET.getlist("objet")[:MOST_AT_ONCE]
    if not asked:
        return render(
            request,
            "disputes/choose.html",
            {"section": "disputes", "choices": subjects.choices(affiliate)},
        )
    chosen = _found_or_404(affiliate, asked)
    others = _others(chosen)
    sums = [row for row in (*chosen, *others) if row.subject.is_money]
    form = OpenForm(
        request.POST or None,
        request.FILES or None,
        remaining={row.subject: row.remaining for row in sums},
        wholes=[row.subject for row in chosen if not row.subject.is_money],
        initial={"ground": _usual_ground(chosen[0])},
    )
    if request.method == "POST" and form.is_valid():
        try:
            dispute = opening.open_dispute(
                actor=actor_of(request),
                affiliate=affiliate,
                intent=form.cleaned_data["intent"],
                ground=Ground(form.cleaned_data["ground"]),
                text=form.cleaned_data["text"],
                contested=form.contested(),
                pieces=form.cleaned_data["pieces"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(
                request,
                _("Votre réclamation %(number)s est déposée. Vous suivez ici chaque étape.")
                % {"number": dispute.number},
            )
            return _to_detail(dispute)
    today = clock.today()
    return render(
        request,
        "disputes/open.html",
        {
            "section": "disputes",
            "chosen": [(row, _amount_field(form, row)) for row in chosen],
            "others": [(row, _amount_field(form, row)) for row in others],
            "others_open": form.is_bound or not any(row.is_open for row in chosen),
            "has_sums": any(row.subject.is_money for row in chosen),
            "form": form,
            "first_answer_days": int(value_at("dispute.first_answer", today).value),
            "decision_days": int(value_at("dispute.decision", today).value),
        },
        status=422 if form.errors else 200,
    )


def _amount_field(form: OpenForm, row: Contestable) -> object:
    """The field of a sum, or None when nothing is left to contest on it or when it is no sum."""
    name = form.amount_name(row.subject)
    return form[name] if name in form.fields else None


def _found_or_404(affiliate: Affiliate, asked: list[str]) -> list[Contestable]:
    named = [Subject.parse(text) for text in asked]
    found = subjects.found(affiliate, [subject for subject in named if subject is not None])
    replaced = {SlipState.REPLACED.value, SlipState.CANCELLED.value}
    live = [row for row in found if row.line is None or row.line.slip.state not in replaced]
    if not live or None in named:
        raise Http404
    return live


def _others(chosen: list[Contestable]) -> list[Contestable]:
    """The other lines of the slips among what was chosen, offered beside it."""
    slips = {row.line.slip_id for row in chosen if row.line is not None}
    lines = SlipLine.objects.filter(slip__in=slips).select_related("slip")
    taken = {row.subject for row in chosen}
    rows = subjects.of_lines(list(lines.order_by("slip", "rank")))
    return [row for row in rows if row.subject not in taken]


def _usual_ground(row: Contestable) -> str:
    """The ground that goes without saying; for a sum, the person chooses."""
    if row.subject.kind in {SubjectKind.PAYMENT, SubjectKind.MOVEMENT}:
        return Ground.NOT_COUNTED.value
    return "" if row.subject.is_money else Ground.WRONG_REFUSAL.value


@require_safe
@affiliate_view(Scope.READ)
def detail(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponse:
    """Everything said, held and decided."""
    return _detail_page(request, _dispute_or_404(affiliate, number), ReplyForm())


@require_POST
@affiliate_view(Scope.DISPUTES)
def reply(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponseBase:
    """Add a message and its pieces; a refusal shows the page again with what was typed."""
    dispute = _dispute_or_404(affiliate, number)
    form = ReplyForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            workflows.write(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                side=MessageSide.AFFILIATE,
                intent=form.cleaned_data["intent"],
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(request, _("Votre message est transmis à la Caisse."))
            return _to_detail(dispute)
    return _detail_page(request, dispute, form, status=422)


@require_POST
@affiliate_view(Scope.DISPUTES)
def appeal(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponseBase:
    """Ask other persons to look again at what was refused; a refusal shows the page again with what was typed."""
    dispute = _dispute_or_404(affiliate, number)
    form = AppealForm(request.POST, request.FILES, prefix="appeal")
    if form.is_valid():
        try:
            second = opening.appeal(
                actor=actor_of(request),
                dispute_id=dispute.pk,
                intent=form.cleaned_data["intent"],
                text=form.cleaned_data["text"],
                pieces=form.cleaned_data["pieces"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_to_form(form, refusal)
        else:
            messages.success(
                request,
                _("Votre appel %(number)s est déposé : d’autres personnes examinent à nouveau.")
                % {"number": second.number},
            )
            return _to_detail(second)
    return _detail_page(request, dispute, ReplyForm(), appeal_form=form, status=422)


@require_POST
@affiliate_view(Scope.DISPUTES)
def withdraw(request: HttpRequest, affiliate: Affiliate, number: str) -> HttpResponseBase:
    """Give up the dispute; the page asked for a confirmation before."""
    dispute = _dispute_or_404(affiliate, number)
    try:
        workflows.withdraw(actor=actor_of(request), dispute_id=dispute.pk, at=clock.now())
    except DomainError as refusal:
        add_to_messages(request, refusal)
    else:
        messages.success(
            request, _("Votre réclamation est retirée : le bordereau est de nouveau dû en entier.")
        )
    return _to_detail(dispute)


@require_safe
@affiliate_view(Scope.READ)
def piece(request: HttpRequest, affiliate: Affiliate, number: str, pk: int) -> HttpResponseBase:
    """Download an attachment of the thread."""
    attachment = get_object_or_404(
        Attachment.objects.select_related("stored", "message__dispute"),
        pk=pk,
        message__dispute=_dispute_or_404(affiliate, number),
    )
    return piece_response(attachment)


def _dispute_or_404(affiliate: Affiliate, number: str) -> Dispute:
    rows = Dispute.objects.select_related("affiliate", "appeal_of")
    return get_object_or_404(rows, affiliate=affiliate, number=number)


def _to_detail(dispute: Dispute) -> HttpResponseBase:
    return redirect(
        "disputes:detail",
        affiliation_number=dispute.affiliate.affiliation_number,
        number=dispute.number,
    )


def _detail_page(
    request: HttpRequest,
    dispute: Dispute,
    form: IntentForm,
    appeal_form: IntentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "disputes/detail.html",
        {
            **page_of(dispute),
            "section": "disputes",
            "form": form,
            "appeal_form": appeal_form or AppealForm(prefix="appeal"),
        },
        status=status,
    )


def page_of(dispute: Dispute) -> dict[str, Any]:
    """What the page of a dispute says to the firm; the desk shows the same to who asks how it reads there."""
    today = clock.today()
    actions = transitions.allowed(DisputeState(dispute.state), Party.AFFILIATE)
    thread = queries.thread_of(dispute, today)
    decision = thread.decision
    return {
        "dispute": dispute,
        "thread": thread,
        "as_seen": False,
        "may_write": Action.WRITE in actions,
        "may_withdraw": Action.WITHDRAW in actions,
        "may_appeal": opening.may_appeal(dispute, decision, today),
        "appeal_until": opening.appeal_until(decision) if decision else None,
        "second": Dispute.objects.filter(appeal_of=dispute).first(),
        "piece_awaited": dispute.state == DisputeState.ANSWER_AWAITED,
        "conciliation_months": int(value_at("dispute.conciliation_months", today).value),
    }
