"""The page that says who may do what for an affiliate; inviting a colleague, taking back a mandate."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view
from affiliates.enums import Role, Scope
from affiliates.forms import InviteForm
from affiliates.models import Affiliate, Invitation, Mandate
from portal import clock, limits
from portal.actor import actor_of
from portal.enums import Language
from portal.errors import add_to_form
from portal.fresh import fresh
from regulation.errors import DomainError


@require_safe
@affiliate_view(Scope.READ)
def access(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Members and mandates, each with what it allows."""
    return _access_page(request, affiliate, InviteForm())


def _access_page(request: HttpRequest, affiliate: Affiliate, form: InviteForm) -> HttpResponse:
    card = queries.access_card(affiliate, on=clock.today())
    context = {"card": card, "section": "access", "form": form, "now": clock.now()}
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
def revoke_mandate(request: HttpRequest, affiliate: Affiliate, mandate_id: int) -> HttpResponse:
    """Ask, then take a mandate back; it stops at the office's next request."""
    mandate = get_object_or_404(
        Mandate.objects.select_related("representative"), pk=mandate_id, affiliate=affiliate
    )
    if request.method == "POST":
        workflows.revoke_mandate(actor=actor_of(request), at=clock.now(), mandate=mandate)
        messages.success(
            request,
            _("Le mandat de %(name)s est retiré : ce cabinet n’a plus accès à vos pages.")
            % {"name": mandate.representative.name},
        )
        return redirect("affiliates:access", affiliation_number=affiliate.affiliation_number)
    return render(
        request, "affiliates/revoke_mandate.html", {"mandate": mandate, "section": "access"}
    )
