"""A firm that is not affiliated yet: its form, and the private page where it follows its request."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from affiliates import transitions, workflows
from affiliates.enums import AffiliationState, RequestAct, RequestParty
from affiliates.forms import AnswerForm, FirmPiecesForm, NewFirmForm
from affiliates.models import AffiliationRequest
from affiliates.queries.affiliations import affiliation_steps
from affiliates.rules import NewFirm, faults_of_firm, tidy_firm
from portal import clock, limits
from portal.enums import Language
from portal.errors import TooManyAttempts, add_to_form, message_of
from portal.middleware import client_address
from regulation.errors import DomainError
from regulation.identifiers import ice_key_matches

_Forms = dict[str, FirmPiecesForm | AnswerForm]


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_firm(request: HttpRequest) -> HttpResponse:
    """The form of a new employer. Limited by place: a visitor writes few requests an hour."""
    form = NewFirmForm(request.POST or None)
    if request.method == "POST":
        try:
            limits.count(limits.VISITOR_REQUESTS, client_address(request))
        except TooManyAttempts as refusal:
            response = _form_page(request, NewFirmForm(), 429, message_of(refusal))
            response.headers["Retry-After"] = str(refusal.wait_seconds)
            return response
        if form.is_valid():
            told = tidy_firm(form.firm())
            for field, fault in faults_of_firm(told, clock.today()).items():
                add_to_form(form, fault, field)
            if not form.errors:
                workflows.begin_affiliation(
                    at=clock.now(),
                    intent=form.cleaned_data["intent"],
                    firm=told,
                    agency=form.cleaned_data["agency"],
                    language=Language(get_language() or "fr"),
                )
                return redirect("affiliates:affiliation_begun")
    return _form_page(request, form, 422 if form.errors else 200)


def _form_page(
    request: HttpRequest, form: NewFirmForm, status: int, refusal: str = ""
) -> HttpResponse:
    context = {"form": form, "refusal": refusal}
    return render(request, "affiliates/affiliation_form.html", context, status=status)


@login_not_required
@require_safe
def begun(request: HttpRequest) -> HttpResponse:
    """What to do next: open the mail. The same page for everyone, whatever was typed."""
    return render(request, "affiliates/affiliation_begun.html")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """The private page of a request: join pieces and send, follow, answer, withdraw."""
    row = workflows.request_of_token(token)
    if row is None:
        raise Http404
    may = transitions.may_affiliate(AffiliationState(row.state), RequestParty.APPLICANT)
    forms: _Forms = {"send": FirmPiecesForm(), "answer": AnswerForm()}
    status = 200
    if request.method == "POST":
        limits.count(limits.VISITOR_REQUESTS, client_address(request))
        done = _act(request, row, forms)
        if done is not None:
            return done
        status = 422
    context = {
        "row": row,
        "steps": affiliation_steps(row),
        "pieces": row.pieces.select_related("stored"),
        "forms": forms,
        "token": token,
        "may_edit": RequestAct.EDIT in may,
        "may_send": RequestAct.SEND in may,
        "may_answer": RequestAct.ANSWER in may,
        "may_withdraw": RequestAct.WITHDRAW in may,
        "ice_doubtful": not ice_key_matches(row.ice),
    }
    return render(request, "affiliates/affiliation.html", context, status=status)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, token: str) -> HttpResponse:
    """Correct what was told, until it is sent; the address that the link proved stays."""
    row = workflows.request_of_token(token)
    if row is None:
        raise Http404
    private = redirect("affiliates:affiliation", token)
    if row.state != AffiliationState.DRAFT:
        return private
    told = {name: getattr(row, name) for name in NewFirm.__dataclass_fields__}
    told |= {"agency": row.agency, "first_hire_on": row.first_hire_on.isoformat()}
    form = NewFirmForm(request.POST or None, initial=told)
    form.fields["email"].disabled = True
    form.fields["email"].help_text = _("Le lien privé prouve cette adresse : elle ne change pas.")
    if request.method == "POST":
        limits.count(limits.VISITOR_REQUESTS, client_address(request))
        if form.is_valid():
            firm = tidy_firm(form.firm())
            for field, fault in faults_of_firm(firm, clock.today()).items():
                add_to_form(form, fault, field)
        if not form.errors:
            try:
                workflows.correct_affiliation(
                    request=row, firm=firm, agency=form.cleaned_data["agency"]
                )
            except DomainError as refusal:
                messages.error(request, message_of(refusal))
            else:
                messages.success(request, _("Vos corrections sont gardées."))
            return private
    context = {"form": form, "row": row, "cancel_url": private.url}
    status = 422 if form.errors else 200
    return render(request, "affiliates/affiliation_correction.html", context, status=status)


def _act(request: HttpRequest, row: AffiliationRequest, forms: _Forms) -> HttpResponse | None:
    """Do what the button says; None when the page is to be shown again with a refusal."""
    at = clock.now()
    if "withdraw" in request.POST:
        return _done(
            request,
            row,
            lambda: workflows.withdraw_affiliation(at=at, request=row),
            _("La demande est retirée."),
            forms["send"],
        )
    name = "answer" if "answer" in request.POST else "send"
    kind: type[FirmPiecesForm | AnswerForm] = AnswerForm if name == "answer" else FirmPiecesForm
    form = kind(request.POST, request.FILES)
    forms[name] = form
    if not form.is_valid():
        return None
    pieces = form.cleaned_data["pieces"]
    if name == "answer":
        text = form.cleaned_data["text"]
        return _done(
            request,
            row,
            lambda: workflows.answer_affiliation(at=at, request=row, text=text, pieces=pieces),
            _("Votre réponse est envoyée : l’examen reprend."),
            form,
        )
    return _done(
        request,
        row,
        lambda: workflows.send_affiliation(at=at, request=row, pieces=pieces),
        _("La demande est envoyée. Gardez le courriel : son lien vous ramène ici."),
        form,
    )


def _done(
    request: HttpRequest,
    row: AffiliationRequest,
    act: Callable[[], object],
    said: str,
    form: FirmPiecesForm | AnswerForm,
) -> HttpResponse | None:
    try:
        act()
    except DomainError as refusal:
        if not form.is_bound:
            messages.error(request, message_of(refusal))
            return redirect(workflows.path_of(row))
        add_to_form(form, refusal)
        return None
    messages.success(request, said)
    return redirect(workflows.path_of(row))
