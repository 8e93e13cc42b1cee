"""What a firm lets an accountants' office do: asked, given, taken back; each side is told by mail.

Locks: the affiliate, then the request. A mandate taken back stops at the next request; work that waits in a queue
looks again before it writes (affiliates.access.taken_back).
"""

import datetime
from collections.abc import Iterable

from django.db import transaction
from django.urls import reverse

from affiliates.enums import MANDATE_SCOPES, MandateRequestState, Scope
from affiliates.errors import (
    MandateEmpty,
    MandateInThePast,
    MandateOverlaps,
    MandateRequestClosed,
)
from affiliates.models import Affiliate, Mandate, MandateRequest, Representative
from affiliates.workflows.steps import check_days, locked, overlapping, owners_of
from portal import audit, mail
from portal.clock import day_of
from portal.models import User

# The page of each side.
_ACCESS, _MANDATES = "affiliates:access", "affiliates:mandates"


@transaction.atomic
def grant_mandate(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    representative: Representative,
    scopes: Iterable[Scope],
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
) -> Mandate:
    """Let a representative do ``scopes`` for ``affiliate`` on these days, both included; reading goes along.

    Refuses an empty mandate or one that would manage access (MandateEmpty), reversed days, and days that another
    mandate of the same representative covers (MandateOverlaps). The office and the other owners are told by mail.
    """
    values = _values(scopes)
    check_days(starts_on, ends_on)
    affiliate = locked(affiliate)
    live = Mandate.objects.filter(
        affiliate=affiliate, representative=representative, revoked_at__isnull=True
    )
    existing = live.filter(starts_on=starts_on, ends_on=ends_on, scopes=values).first()
    if existing:
        return existing
    if overlapping(live, "starts_on", "ends_on", starts_on, ends_on):
        raise MandateOverlaps(representative=representative.name)
    mandate = Mandate.objects.create(
        affiliate=affiliate,
        representative=representative,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    audit.record(
        actor=actor,
        action="mandate.granted",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=representative.name,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    _tell("granted", mandate, actor, at)
    return mandate


@transaction.atomic
def revoke_mandate(*, actor: User, at: datetime.datetime, mandate: Mandate) -> Mandate:
    """Take a mandate back, or give it back, from the next request on; both sides are told by mail.

    A mandate already taken back stays as it is.
    """
    affiliate = locked(mandate.affiliate)
    mandate = (
        Mandate.objects.select_for_update(of=("self",))
        .select_related("representative")
        .get(pk=mandate.pk)
    )
    if mandate.revoked_at is not None:
        return mandate
    mandate.revoked_at = at
    mandate.save(update_fields=["revoked_at"])
    mandate.affiliate = affiliate
    audit.record(
        actor=actor,
        action="mandate.revoked",
        subject=mandate,
        affiliation_number=affiliate.affiliation_number,
        representative=mandate.representative.name,
        scopes=mandate.scopes,
    )
    _tell("revoked", mandate, actor, at)
    return mandate


@transaction.atomic
def ask_for_mandate(
    *,
    actor: User,
    at: datetime.datetime,
    representative: Representative,
    affiliation_number: str,
    scopes: Iterable[Scope],
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
) -> MandateRequest:
    """Ask the firm of this number for a mandate; its owners are told by mail. A former open request gives way.

    The answer is the same whether the number is a firm's or nobody's. Refuses as grant_mandate does, and a start
    before today (MandateInThePast).
    """
    values = _values(scopes)
    _check_days_from(at, starts_on, ends_on)
    affiliate = (
        Affiliate.objects.select_for_update(of=("self",))
        .filter(affiliation_number=affiliation_number)
        .first()
    )
    Representative.objects.select_for_update(of=("self",)).get(pk=representative.pk)
    MandateRequest.objects.filter(
        representative=representative,
        affiliation_number=affiliation_number,
        state=MandateRequestState.OPEN.value,
    ).update(state=MandateRequestState.WITHDRAWN.value, decided_at=at)
    request = MandateRequest.objects.create(
        affiliation_number=affiliation_number,
        affiliate=affiliate,
        representative=representative,
        scopes=values,
        starts_on=starts_on,
        ends_on=ends_on,
        asked_by=actor,
        asked_at=at,
    )
    audit.record(
        actor=actor,
        action="mandate.asked",
        subject=request,
        affiliation_number=affiliate.affiliation_number if affiliate else "",
        representative=representative.name,
        scopes=values,
    )
    if affiliate is not None:
        for owner in owners_of(affiliate):
            _write("asked", request, owner, at, affiliate, actor, _ACCESS)
    return request


@transaction.atomic
def accept_mandate(*, actor: User, at: datetime.datetime, request: MandateRequest) -> Mandate:
    """Give the mandate as it was asked, from today when the day asked has passed. Accepted again: the same mandate.

    Refuses a request that was refused or taken back (MandateRequestClosed), and as grant_mandate does.
    """
    row = _claimed(request)
    if row.mandate is not None:
        return row.mandate
    _check_open(row)
    if row.affiliate is None:
        raise MandateRequestClosed(state=MandateRequestState.REFUSED.label)
    mandate = grant_mandate(
        actor=actor,
        at=at,
        affiliate=row.affiliate,
        representative=row.representative,
        scopes=[Scope(value) for value in row.scopes],
        starts_on=max(row.starts_on, day_of(at)),
        ends_on=row.ends_on,
    )
    row.state, row.decided_at = MandateRequestState.ACCEPTED.value, at
    row.mandate = mandate
    row.save(update_fields=["state", "decided_at", "mandate"])
    return mandate


@transaction.atomic
def refuse_mandate(
    *, actor: User, at: datetime.datetime, request: MandateRequest
) -> MandateRequest:
    """Refuse a request; who asked is told by mail. Refused again, changes nothing."""
    row = _claimed(request)
    if row.state == MandateRequestState.REFUSED:
        return row
    _check_open(row)
    row = _close(row, MandateRequestState.REFUSED, "mandate.request_refused", actor, at)
    if row.affiliate is not None:
        _write("refused", row, row.asked_by, at, row.affiliate, actor, _MANDATES)
    return row


@transaction.atomic
def withdraw_mandate_request(
    *, actor: User, at: datetime.datetime, request: MandateRequest
) -> MandateRequest:
    """Take one's office's request back; again, changes nothing. Too late is refused (MandateRequestClosed)."""
    row = _claimed(request)
    if row.state == MandateRequestState.WITHDRAWN:
        return row
    _check_open(row)
    return _close(row, MandateRequestState.WITHDRAWN, "mandate.request_withdrawn", actor, at)


def _values(scopes: Iterable[Scope]) -> list[str]:
    wanted = set(scopes) - {Scope.READ}
    if not wanted or not wanted <= set(MANDATE_SCOPES):
        raise MandateEmpty
    return [scope.value for scope in Scope if scope in wanted | {Scope.READ}]


def _check_days_from(
    at: datetime.datetime, starts_on: datetime.date, ends_on: datetime.date | None
) -> None:
    today = day_of(at)
    if starts_on < today:
        raise MandateInThePast(today=f"{today:%d/%m/%Y}")
    check_days(starts_on, ends_on)


def _claimed(request: MandateRequest) -> MandateRequest:
    if request.affiliate is not None:
        locked(request.affiliate)
    return (
        MandateRequest.objects.select_for_update(of=("self",))
        .select_related("affiliate", "representative", "asked_by", "mandate")
        .get(pk=request.pk)
    )


def _check_open(row: MandateRequest) -> None:
    if row.state != MandateRequestState.OPEN:
        raise MandateRequestClosed(state=MandateRequestState(row.state).label)


def _close(
    row: MandateRequest,
    state: MandateRequestState,
    action: str,
    actor: User,
    at: datetime.datetime,
) -> MandateRequest:
    row.state, row.decided_at = state.value, at
    row.save(update_fields=["state", "decided_at"])
    audit.record(
        actor=actor,
        action=action,
        subject=row,
        affiliation_number=row.affiliate.affiliation_number if row.affiliate else "",
        representative=row.representative.name,
    )
    return row


def _tell(event: str, mandate: Mandate, actor: User, at: datetime.datetime) -> None:
    """Tell the people of the office and the owners, but not who acted."""
    owners = owners_of(mandate.affiliate)
    office = User.objects.filter(representatives=mandate.representative).order_by("pk")
    for person in owners:
        if person != actor:
            _write(event, mandate, person, at, mandate.affiliate, actor, _ACCESS)
    for person in office:
        if person != actor and person not in owners:
            _write(event, mandate, person, at, mandate.affiliate, actor, _MANDATES)


def _write(
    event: str,
    subject: Mandate | MandateRequest,
    to: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    actor: User,
    page: str,
) -> None:
    number = {"affiliation_number": affiliate.affiliation_number} if page == _ACCESS else {}
    mail.write(
        key=f"mandate-{event}:{subject.pk}:{to.pk}",
        to=to,
        template=f"affiliates/mail/mandate_{event}.txt",
        facts={
            "firm": affiliate,
            "office": subject.representative,
            "actor": actor.full_name,
            "scopes": [Scope(value) for value in subject.scopes],
            "starts_on": subject.starts_on,
            "ends_on": subject.ends_on,
        },
        at=at,
        path=reverse(page, kwargs=number),
    )
