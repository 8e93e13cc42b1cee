"""The page that says who may do what for an affiliate; inviting a colleague."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view
from affiliates.enums import ROLE_SCOPES, Role, Scope
from affiliates.forms import InviteForm, RoleForm
from affiliates.models import Affiliate, Invitation, Membership
from portal import clock, limits
from portal.actor import actor_of
from portal.enums import Language
from portal.errors import add_to_form, add_to_messages
from portal.fresh import fresh
from regulation.errors import DomainError


@require_safe
@affiliate_view(Scope.READ)
def access(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Members and mandates, each with what it allows."""
    return _access_page(request, affiliate, InviteForm())


def _access_page(request: HttpRequest, affiliate: Affiliate, form: InviteForm) -> HttpResponse:
    card = queries.access_card(affiliate, on=clock.today())
    context = {
        "card": card,
        "asked": queries.open_requests_for(affiliate),
        "roles": [
            (role, [(scope, scope in ROLE_SCOPES[role]) for scope in Scope]) for role in Role
        ],
        "all_scopes": list(Scope),
        "section": "access",
        "form": form,
        "now": clock.now(),
    }
    status = 422 if form.errors else 200
    return render(request, "affiliates/access.html", context, status=status)


@require_POST
@affiliate_view(Scope.MANAGE)
@fresh
def invite(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Invite a colleague by mail, with a role."""
    form = InviteForm(request.POST)
    if form.is_valid():
        limits.count(limits.INVITATIONS, affiliate.affiliation_number)
        try:
            workflows.invite(
                actor=actor_of(request),
                at=clock.now(),
                affiliate=affiliate,
                email=form.cleaned_data["email"],
                full_name=form.cleaned_data["full_name"],
                role=Role(form.cleaned_data["role"]),
                language=Language(get_language() or "fr"),
            )
        except DomainError as refusal:
            add_to_form(form, refusal, "email")
        else:
            messages.success(request, _("L’invitation est partie par courriel."))
            return redirect("affiliates:access", affiliation_number=affiliate.affiliation_number)
    return _access_page(request, affiliate, form)


@require_POST
@affiliate_view(Scope.MANAGE)
@fresh
def withdraw_invitation(
    request: HttpRequest, affiliate: Affiliate, invitation_id: int
) -> HttpResponse:
    """Take an invitation back."""
    row = get_object_or_404(
        Invitation.objects.select_related("affiliate"), pk=invitation_id, affiliate=affiliate
    )
    workflows.withdraw_invitation(actor=actor_of(request), at=clock.now(), invitation=row)
    messages.success(request, _("L’invitation est retirée : son lien n’ouvre plus rien."))
    return redirect("affiliates:access", affiliation_number=affiliate.affiliation_number)


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.MANAGE)
@fresh
def member(request: HttpRequest, affiliate: Affiliate, membership_id: int) -> HttpResponse:
    """One person of the firm: another role, or no access any more. The last owner keeps theirs."""
    row = get_object_or_404(
        Membership.objects.select_related("user", "affiliate"),
        pk=membership_id,
        affiliate=affiliate,
        ended_at__isnull=True,
    )
    changing = request.method == "POST" and "remove" not in request.POST
    form, status = RoleForm(request.POST if changing else None, initial={"role": row.role}), 200
    if request.method == "POST" and (not changing or form.is_valid()):
        actor, at = actor_of(request), clock.now()
        try:
            if changing:
                workflows.add_member(
                    actor=actor,
                    at=at,
                    affiliate=affiliate,
                    user=row.user,
                    role=Role(form.cleaned_data["role"]),
                )
                said = _("Le rôle de %(name)s est enregistré ; il vaut dès sa prochaine page.")
            else:
                workflows.end_membership(actor=actor, at=at, membership=row)
                said = _("%(name)s n’a plus accès à votre entreprise.")
        except DomainError as refusal:
            add_to_messages(request, refusal)
            status = 422
        else:
            messages.success(request, said % {"name": row.user.full_name})
            if row.user == actor:
                return redirect("home")
            return redirect("affiliates:access", affiliate.affiliation_number)
    context = {"row": row, "form": form, "section": "access"}
    status = 422 if form.errors else status
    return render(request, "affiliates/member.html", context, status=status)


@require_safe
@affiliate_view(Scope.MANAGE)
def openings(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Who of the fund opened the file of the firm, when and why; and what they changed."""
    only = request.GET.get("quoi") == "lectures"
    rows = queries.staff_acts(affiliate, at=clock.now(), only_readings=only)
    page = Paginator(rows, queries.PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "acts": queries.shown_acts(page.object_list),
        "only": only,
        "section": "access",
    }
    return render(request, "affiliates/openings.html", context)
