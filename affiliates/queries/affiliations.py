"""Who may already be affiliated, for a clerk who reads the request of a new employer."""

from django.db.models import Q, QuerySet

from affiliates.access import Actor
from affiliates.enums import NATIONAL_ROLES, AffiliationState, StaffRole
from affiliates.models import (
    OPEN_AFFILIATIONS,
    Affiliate,
    AffiliationRequest,
    AffiliationStep,
    StaffAssignment,
)
from portal import audit
from portal.models import User


def affiliates_like(request: AffiliationRequest) -> QuerySet[Affiliate]:
    """Affiliates of the same ICE, or of the same tax number and trade register."""
    same = Q(ice=request.ice)
    if request.trade_register:
        same |= Q(tax_id=request.tax_id, trade_register__iexact=request.trade_register)
    return Affiliate.objects.filter(same).exclude(affiliation_request=request).order_by("pk")


def affiliations_like(request: AffiliationRequest) -> QuerySet[AffiliationRequest]:
    """Other open requests of the same ICE, or of the same tax number and trade register."""
    same = Q(ice=request.ice)
    if request.trade_register:
        same |= Q(tax_id=request.tax_id, trade_register__iexact=request.trade_register)
    rows = AffiliationRequest.objects.filter(same, state__in=OPEN_AFFILIATIONS)
    return rows.exclude(pk=request.pk).order_by("pk")


def affiliation_steps(request: AffiliationRequest) -> list[AffiliationStep]:
    """What happened to a request, oldest first, with who did it."""
    return audit.with_offices_of_authors(
        request.steps.select_related("author").order_by("pk"), request
    )


def staff_affiliations(user: Actor) -> QuerySet[AffiliationRequest]:
    """The requests on the desk of a member of staff: those of the agency, all for a supervisor; drafts apart."""
    rows = AffiliationRequest.objects.exclude(state=AffiliationState.DRAFT.value)
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return rows.none()
    assignment = StaffAssignment.objects.filter(user=user).first()
    if assignment is None or assignment.role == StaffRole.ADMINISTRATOR:
        return rows.none()
    if assignment.role in NATIONAL_ROLES:
        return rows
    return rows.filter(agency=assignment.agency_id)
