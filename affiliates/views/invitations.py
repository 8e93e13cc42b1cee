"""The page behind the link of an invitation: open an account, or accept with the one there is."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from affiliates import workflows
from affiliates.forms import OpenAccountForm
from affiliates.models import Invitation
from portal import clock, limits, second_step
from portal.errors import add_to_form, add_to_messages
from portal.middleware import client_address
from portal.models import User
from regulation.errors import DomainError


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites, for what; then a password, or one button for who has an account."""
    row = workflows.invitation_of(token)
    if row is None:
        raise Http404
    form = OpenAccountForm(
        request.POST or None, email=row.email, initial={"full_name": row.full_name}
    )
    # Who holds the link holds the mailbox: it may say whether the address has an account here.
    known = User.objects.filter(email=row.email).exists()
    signed_in = request.user if isinstance(request.user, User) else None
    if request.method == "POST":
        limits.count(limits.VISITOR_REQUESTS, client_address(request))
        # Whoever is signed in as somebody else signs out first: nobody opens a second account by mistake.
        is_visitor = signed_in is None and not known
        done = (
            _open_account(request, row, form) if is_visitor else _accept_as(request, row, signed_in)
        )
        if done is not None:
            return done
    context = {
        "row": row,
        "form": form,
        "open": workflows.is_open(row, clock.now()),
        "known": known,
        "mine": signed_in is not None and signed_in.email == row.email,
        "signed_in": signed_in,
    }
    status = 422 if form.is_bound and form.errors and not known else 200
    return render(request, "affiliates/invitation.html", context, status=status)


def _accept_as(
    request: HttpRequest, row: Invitation, signed_in: User | None
) -> HttpResponse | None:
    if signed_in is None:
        return None
    try:
        workflows.accept_as(actor=signed_in, at=clock.now(), invitation=row)
    except DomainError as refusal:
        add_to_messages(request, refusal)
        return None
    _greet(request, row)
    return redirect(_home_of(row))


def _open_account(
    request: HttpRequest, row: Invitation, form: OpenAccountForm
) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        user = workflows.accept_with_password(
            at=clock.now(),
            invitation=row,
            full_name=form.cleaned_data["full_name"],
            password=form.cleaned_data["password"],
        )
    except DomainError as refusal:
        add_to_form(form, refusal)
        return None
    inside = second_step.enter(request, user, _home_of(row))
    _greet(request, row)
    return inside


def _greet(request: HttpRequest, row: Invitation) -> None:
    messages.success(
        request,
        _("Bienvenue : vous agissez maintenant pour %(name)s.") % {"name": row.affiliate.name},
    )


def _home_of(row: Invitation) -> str:
    return reverse("affiliates:home", args=[row.affiliate.affiliation_number])
