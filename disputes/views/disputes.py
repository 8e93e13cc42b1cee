"""The employer's side: list, open, follow, answer, withdraw."""

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
from disputes.enums import Action, DisputeState, Ground, MessageSide, Party
from disputes.forms.disputes import OpenForm, ReplyForm
from disputes.models import Attachment, Dispute
from disputes.queries import disputes as queries
from disputes.workflows import disputes as workflows
from payments.models import SlipLine
from portal import clock
from portal.actor import actor_of
from portal.errors import add_to_form, add_to_messages
from regulation.errors import DomainError
from regulation.parameters import value_at


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
    """Contest a line: the one named by ``?ligne=``, or first choose it among the latest slips."""
    if "ligne" not in request.GET:
        return render(
            request,
            "disputes/choose.html",
            {
                "section": "disputes",
                "slips": queries.slips_to_choose(affiliate),
            },
        )
    line = _line_or_404(affiliate, request.GET["ligne"])
    lines = queries.contestable_lines(line.slip)
    form = OpenForm(
        request.POST or None,
        request.FILES or None,
        remaining={row.line.pk: row.remaining for row in lines},
    )
    if request.method == "POST" and form.is_valid():
        try:
            dispute = workflows.open_dispute(
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
    chosen = next(row for row in lines if row.line.pk == line.pk)
    today = clock.today()
    return render(
        request,
        "disputes/open.html",
        {
            "section": "disputes",
            "slip": line.slip,
            "chosen": chosen,
            "chosen_field": _amount_field(form, chosen),
            "others": [(row, _amount_field(form, row)) for row in lines if row is not chosen],
            "others_open": form.is_bound,
            "form": form,
            "first_answer_days": int(value_at("dispute.first_answer", today).value),
            "decision_days": int(value_at("dispute.decision", today).value),
        },
        status=422 if form.errors else 200,
    )


def _amount_field(form: OpenForm, row: queries.ContestableLine) -> object:
    """The field of a line, or None when nothing is left to contest on it."""
    name = form.amount_name(row.line.pk)
    return form[name] if name in form.fields else None


def _line_or_404(affiliate: Affiliate, text: str) -> SlipLine:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Http404
    return get_object_or_404(
        SlipLine.objects.select_related("slip"),
        pk=int(text),
        slip__in=queries.live_slips(affiliate),
    )


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
    return get_object_or_404(Dispute, affiliate=affiliate, number=number)


def _to_detail(dispute: Dispute) -> HttpResponseBase:
    return redirect(
        "disputes:detail",
        affiliation_number=dispute.affiliate.affiliation_number,
        number=dispute.number,
    )


def _detail_page(
    request: HttpRequest, dispute: Dispute, form: ReplyForm, status: int = 200
) -> HttpResponse:
    today = clock.today()
    actions = transitions.allowed(DisputeState(dispute.state), Party.AFFILIATE)
    return render(
        request,
        "disputes/detail.html",
        {
            "section": "disputes",
            "dispute": dispute,
            "thread": queries.thread_of(dispute, today),
            "form": form,
            "may_write": Action.WRITE in actions,
            "may_withdraw": Action.WITHDRAW in actions,
            "piece_awaited": dispute.state == DisputeState.ANSWER_AWAITED,
            "conciliation_months": int(value_at("dispute.conciliation_months", today).value),
        },
        status=status,
    )
