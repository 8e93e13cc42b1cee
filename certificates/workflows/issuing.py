"""Issuing a certificate and ending it. Each verb is one transaction, audited, and safe to run twice."""

import datetime
import uuid
from dataclasses import dataclass

from django.db import connection, transaction

from affiliates.access import require_post
from affiliates.enums import FILE_ROLES
from affiliates.models import Affiliate
from certificates import freezing, notices, queries
from certificates.eligibility import Standing, decide, standing_range
from certificates.enums import CertificateKind, CertificateState, ReasonKind
from certificates.errors import (
    IntentReused,
    NotEligible,
    NotValidAnyMore,
    PurposeMissing,
    ReasonMissing,
)
from certificates.facts import digest
from certificates.models import Certificate
from certificates.numbers import certificate_number, new_token
from portal import audit
from portal.clock import day_of
from portal.models import User
from regulation.periods import Period

LONGEST_NOTE = 300
LONGEST_ABOUT = 160


@transaction.atomic
def request(
    *,
    actor: User,
    affiliate: Affiliate,
    kind: CertificateKind,
    intent: uuid.UUID,
    at: datetime.datetime,
    first: Period | None = None,
    last: Period | None = None,
    about: str = "",
) -> Certificate:
    """Issue a certificate with the facts of this instant, once per ``intent``, at the request of the affiliate.

    ``first`` and ``last`` are the months of a kind that has a range, except those of good standing, which have
    their own. ``about`` is the call for tenders (160 characters kept) or the employee's registration number.

    The same intent again gives the first certificate. A valid one of the same kind and months is superseded by the
    new one. Refuses with NotEligible (eligibility.decide says why) and IntentReused (same intent, another request).
    """
    return _issue(
        actor=actor,
        affiliate=affiliate,
        asked=_Asked(kind, first, last, " ".join(about.split())[:LONGEST_ABOUT]),
        intent=intent,
        at=at,
    )


@transaction.atomic
def issue_at_the_desk(
    *,
    actor: User,
    affiliate: Affiliate,
    kind: CertificateKind,
    intent: uuid.UUID,
    at: datetime.datetime,
    purpose: str,
    first: Period | None = None,
    last: Period | None = None,
    about: str = "",
) -> Certificate:
    """Issue, as ``request`` does and under the same conditions, what a member of staff asks for an affiliate.

    ``purpose`` (300 characters kept) is why; the affiliate reads it on the certificate's page and in a letter.
    Refuses PurposeMissing too.
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    purpose = " ".join(purpose.split())[:LONGEST_NOTE]
    if not purpose:
        raise PurposeMissing
    return _issue(
        actor=actor,
        affiliate=affiliate,
        asked=_Asked(kind, first, last, " ".join(about.split())[:LONGEST_ABOUT]),
        intent=intent,
        at=at,
        purpose=purpose,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: a kind, and what it needs to know."""

    kind: CertificateKind
    first: Period | None
    last: Period | None
    about: str


def _issue(
    *,
    actor: User,
    affiliate: Affiliate,
    asked: _Asked,
    intent: uuid.UUID,
    at: datetime.datetime,
    purpose: str = "",
) -> Certificate:
    kind, first, last, about = asked.kind, asked.first, asked.last, asked.about
    affiliate = (
        Affiliate.objects.select_for_update(of=("self",))
        .select_related("agency")
        .get(pk=affiliate.pk)
    )
    on = day_of(at)
    standing = queries.standing(affiliate, on)
    earlier = Certificate.objects.filter(intent=intent).first()
    if earlier is not None:
        if not _is_same(earlier, affiliate, asked):
            raise IntentReused
        return earlier
    person = freezing.person_standing(affiliate, about) if kind.is_personal else None
    eligibility = decide(kind, standing, first=first, last=last, about=about, person=person)
    if not eligibility.granted:
        raise NotEligible(reasons=[refusal.reason.value for refusal in eligibility.refusals])
    span = _span(kind, standing, first, last)
    facts = freezing.certificate_facts(affiliate, kind, span, about=about, on=on).to_json()
    certificate = Certificate.objects.create(
        number=certificate_number(day_of(at).year, _next_counter()),
        token=new_token(),
        kind=kind.value,
        affiliate=affiliate,
        first_period=span[0].first_day if span else None,
        last_period=span[1].first_day if span else None,
        about=about,
        facts=facts,
        digest=digest(facts),
        issued_at=at,
        issued_by=actor,
        intent=intent,
        purpose=purpose,
    )
    audit.record(
        actor=actor,
        action="certificate.issued",
        subject=certificate,
        affiliation_number=affiliate.affiliation_number,
        number=certificate.number,
        kind=kind.value,
        first=str(span[0]) if span else None,
        last=str(span[1]) if span else None,
        about=about,
        purpose=purpose,
        digest=certificate.digest,
    )
    if purpose:
        notices.tell_issue(certificate, at=at)
    _supersede_twins(certificate, actor=actor, at=at)
    return certificate


def _is_same(earlier: Certificate, affiliate: Affiliate, asked: _Asked) -> bool:
    """Whether a certificate already issued is what is asked for again; a good standing chose its own months."""
    known = (earlier.affiliate_id, earlier.kind, earlier.about)
    if known != (affiliate.pk, asked.kind.value, asked.about):
        return False
    months = (asked.first and asked.first.first_day, asked.last and asked.last.first_day)
    return not asked.kind.months_are_chosen or (earlier.first_period, earlier.last_period) == months


def _span(
    kind: CertificateKind, standing: Standing, first: Period | None, last: Period | None
) -> tuple[Period, Period] | None:
    if kind.has_range and not kind.months_are_chosen:
        return standing_range(standing)
    return (first, last) if kind.has_range and first is not None and last is not None else None


def _next_counter() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('certificate_number')")
        counter: int = cursor.fetchone()[0]
    return counter


def _supersede_twins(certificate: Certificate, *, actor: User, at: datetime.datetime) -> None:
    twins = (
        Certificate.objects.select_for_update(of=("self",))
        .filter(
            affiliate=certificate.affiliate,
            kind=certificate.kind,
            about=certificate.about,
            first_period=certificate.first_period,
            last_period=certificate.last_period,
            state=CertificateState.VALID.value,
        )
        .exclude(pk=certificate.pk)
        .order_by("pk")
    )
    for twin in twins:
        _end(
            twin,
            CertificateState.SUPERSEDED,
            ReasonKind.RENEWED,
            actor=actor,
            at=at,
            successor=certificate,
        )


@transaction.atomic
def revoke(
    *, actor: User, certificate: Certificate, reason: str, at: datetime.datetime
) -> Certificate:
    """Declare a certificate issued in error; ``reason`` (300 characters at most) is shown to the employer.

    Already revoked: nothing changes. Refuses ReasonMissing, and NotValidAnyMore for a superseded one.
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    reason = reason.strip()[:LONGEST_NOTE]
    if not reason:
        raise ReasonMissing
    certificate = _locked(certificate)
    if certificate.state == CertificateState.REVOKED:
        return certificate
    if certificate.state != CertificateState.VALID:
        raise NotValidAnyMore(number=certificate.number)
    _end(
        certificate,
        CertificateState.REVOKED,
        ReasonKind.ISSUED_IN_ERROR,
        actor=actor,
        at=at,
        note=reason,
    )
    return certificate


@transaction.atomic
def supersede(*, actor: User | None, certificate: Certificate, at: datetime.datetime) -> bool:
    """Write down that the declarations under a certificate are not those it relied on any more.

    True when it was still called valid; False, and nothing written, when it rightly is or already ended.
    """
    certificate = _locked(certificate)
    now = queries.validity(certificate)
    if certificate.state != CertificateState.VALID or now.state is CertificateState.VALID:
        return False
    _end(
        certificate,
        CertificateState.SUPERSEDED,
        ReasonKind.DECLARATION_CORRECTED,
        actor=actor,
        at=at,
    )
    return True


def supersede_outdated(*, at: datetime.datetime) -> int:
    """Supersede every certificate that a later declaration contradicts; returns how many. One transaction each."""
    return sum(
        supersede(actor=None, certificate=certificate, at=at)
        for certificate in queries.perhaps_outdated().order_by("pk")
    )


def _locked(certificate: Certificate) -> Certificate:
    return (
        Certificate.objects.select_for_update(of=("self",))
        .select_related("affiliate", "issued_by")
        .get(pk=certificate.pk)
    )


def _end(
    certificate: Certificate,
    state: CertificateState,
    reason: ReasonKind,
    *,
    actor: User | None,
    at: datetime.datetime,
    note: str = "",
    successor: Certificate | None = None,
) -> None:
    certificate.state = state.value
    certificate.ended_because = reason.value
    certificate.ended_at = at
    certificate.end_note = note
    certificate.superseded_by = successor
    certificate.save(
        update_fields=["state", "ended_because", "ended_at", "end_note", "superseded_by"]
    )
    audit.record(
        actor=actor,
        action=f"certificate.{state.value}",
        subject=certificate,
        affiliation_number=certificate.affiliate.affiliation_number,
        number=certificate.number,
        reason=reason.value,
        note=note,
        successor=successor.number if successor else None,
    )
    notices.tell_end(certificate, at=at)
