"""The page that says who may do what for an affiliate."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from affiliates import queries, workflows
from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate, Mandate
from portal import clock
from portal.actor import actor_of


@require_safe
@affiliate_view(Scope.READ)
def access(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Members and mandates, each with what it allows."""
    card = queries.access_card(affiliate, on=clock.today())
    return render(request, "affiliates/access.html", {"card": card, "section": "access"})


@require_http_methods(["GET", "HEAD", "POST"])
@affiliate_view(Scope.MANAGE)
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
