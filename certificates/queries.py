"""The facts to freeze, what is valid now, and what a stranger may compare."""

import datetime
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, F, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from affiliates.enums import AffiliateState
from affiliates.models import Affiliate
from certificates import safe
from certificates.eligibility import Arrear, Standing
from certificates.enums import CertificateKind, CertificateState, ReasonKind
from certificates.facts import AffiliateFacts, CertificateFacts, MonthFacts
from certificates.models import Certificate, PrintedPart, Printing, ShareLink, ShareOpening
from certificates.numbers import MARK_LENGTH, read_token
from certificates.wording import Row, to_compare
from declarations.enums import DeclarationKind, DeclarationStatus
from declarations.models import Declaration, Receipt
from payments.enums import SlipState
from payments.models import PaymentSlip
from regulation.periods import Period

# ---------------------------------------------------------------------------------------- facts to freeze


def affiliate_facts(affiliate: Affiliate) -> AffiliateFacts:
    """The employer as the register knows it now."""
    return AffiliateFacts(
        affiliation_number=affiliate.affiliation_number,
        name=affiliate.name,
        name_ar=affiliate.name_ar,
        activity=affiliate.activity,
        address=affiliate.address,
        postal_code=affiliate.postal_code,
        city=affiliate.city,
        ice=affiliate.ice,
        agency=affiliate.agency.name,
        agency_ar=affiliate.agency.name_ar,
        affiliated_on=affiliate.affiliated_on,
        state=AffiliateState(affiliate.state).label,
    )


def submitted(affiliate: Affiliate) -> QuerySet[Declaration]:
    return Declaration.objects.filter(
        affiliate=affiliate, status=DeclarationStatus.SUBMITTED.value
    ).order_by("period", "supplement_number")


def declared_months(affiliate: Affiliate, first: Period, last: Period) -> tuple[MonthFacts, ...]:
    """The months from ``first`` to ``last`` that have a submitted declaration, main and supplements together."""
    months: dict[Period, list[Declaration]] = defaultdict(list)
    for declaration in submitted(affiliate).filter(period__range=(first.first_day, last.first_day)):
        months[Period.from_day(declaration.period)].append(declaration)
    return tuple(_month(period, months[period]) for period in sorted(months))


def _month(period: Period, declarations: Sequence[Declaration]) -> MonthFacts:
    return MonthFacts(
        period=period,
        employee_count=sum(declaration.employee_count for declaration in declarations),
        days_declared=sum(declaration.days_declared for declaration in declarations),
        wage_bill=sum((declaration.wage_bill for declaration in declarations), Decimal("0.00")),
        capped_wage_bill=sum(
            (declaration.capped_wage_bill for declaration in declarations), Decimal("0.00")
        ),
        receipts=tuple(declaration.receipt_number or "" for declaration in declarations),
    )


def standing(affiliate: Affiliate, on: datetime.date) -> Standing:
    """What eligibility looks at, on the Moroccan day ``on``. Two queries."""
    declared = submitted(affiliate).filter(kind=DeclarationKind.MAIN.value)
    return Standing(
        on=on,
        state=AffiliateState(affiliate.state),
        affiliated_on=affiliate.affiliated_on,
        declared=frozenset(map(Period.from_day, declared.values_list("period", flat=True))),
        arrears=tuple(_arrears(affiliate, on)),
    )


def _arrears(affiliate: Affiliate, on: datetime.date) -> Iterable[Arrear]:
    """Slips past their due day, less what is on hold: a contested amount is not an arrear."""
    held = Sum("holds__amount", filter=Q(holds__released_at__isnull=True))
    overdue = (
        PaymentSlip.objects.filter(
            affiliate=affiliate,
            due_on__lt=on,
            outstanding__gt=0,
            state__in=[SlipState.ISSUED.value, SlipState.PARTLY_PAID.value],
        )
        .annotate(claimed=F("outstanding") - Coalesce(held, Decimal("0.00")))
        .filter(claimed__gt=0)
        .order_by("period")
    )
    for slip in overdue:
        yield Arrear(Period.from_day(slip.period), slip.due_on, slip.claimed)


# -------------------------------------------------------------------------------------- what is valid now


@dataclass(frozen=True, slots=True)
class Validity:
    """What a certificate is worth now, and why it is not when it is not."""

    state: CertificateState
    reason: ReasonKind | None = None
    ended_at: datetime.datetime | None = None


def validities(certificates: Iterable[Certificate]) -> dict[int, Validity]:
    """What each of these certificates of one affiliate is worth now, by primary key. At most one query.

    A payroll certificate whose declarations are not the submitted ones any more is superseded from that very
    moment, before the task that writes it down has passed.
    """
    certificates = list(certificates)
    outdated = _outdated(certificates)
    return {
        certificate.pk: Validity(CertificateState.SUPERSEDED, ReasonKind.DECLARATION_CORRECTED)
        if certificate.pk in outdated
        else Validity(
            CertificateState(certificate.state),
            ReasonKind(certificate.ended_because) if certificate.ended_because else None,
            certificate.ended_at,
        )
        for certificate in certificates
    }


def validity(certificate: Certificate) -> Validity:
    """What one certificate is worth now."""
    return validities([certificate])[certificate.pk]


def _outdated(certificates: Sequence[Certificate]) -> frozenset[int]:
    relying = [
        certificate
        for certificate in certificates
        if certificate.state == CertificateState.VALID and certificate.first_period is not None
    ]
    if not relying:
        return frozenset()
    live: dict[datetime.date, set[str]] = defaultdict(set)
    for period, receipt in submitted(relying[0].affiliate).values_list("period", "receipt_number"):
        live[period].add(receipt or "")
    return frozenset(
        certificate.pk
        for certificate in relying
        if CertificateFacts.from_json(certificate.facts).receipts
        != {
            receipt
            for period, receipts in live.items()
            if certificate.first_period <= period <= certificate.last_period  # type: ignore[operator]
            for receipt in receipts
        }
    )


def relying_on(declaration: Declaration) -> list[Certificate]:
    """The certificates, valid so far, whose figures rest on this declaration, the latest first; one query."""
    rows = Certificate.objects.filter(
        affiliate=declaration.affiliate_id,
        state=CertificateState.VALID.value,
        first_period__lte=declaration.period,
        last_period__gte=declaration.period,
    )
    return [
        row
        for row in rows
        if declaration.receipt_number in CertificateFacts.from_json(row.facts).receipts
    ]


def perhaps_outdated() -> QuerySet[Certificate]:
    """Valid certificates over a month for which something was submitted after they were issued."""
    return Certificate.objects.filter(
        state=CertificateState.VALID.value,
        affiliate__declarations__status=DeclarationStatus.SUBMITTED.value,
        affiliate__declarations__period__gte=F("first_period"),
        affiliate__declarations__period__lte=F("last_period"),
        affiliate__declarations__submitted_at__gt=F("issued_at"),
    ).distinct()


# -------------------------------------------------------------------------------------------- lists, lookup


def of_affiliate(affiliate: Affiliate) -> QuerySet[Certificate]:
    """The certificates of an affiliate, the latest first."""
    return Certificate.objects.filter(affiliate=affiliate).select_related("affiliate", "issued_by")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the public page shows so that a reader can compare the paper with the record; nothing more."""

    number: str
    kind: CertificateKind
    issued_at: datetime.datetime
    validity: Validity
    name: str
    affiliation_number: str
    first: Period | None
    last: Period | None
    wage_bill: Decimal | None
    facts: CertificateFacts
    digest: str

    @property
    def rows(self) -> list[Row]:
        """What its kind adds to compare."""
        return to_compare(self.facts)


def verification(token: str) -> Comparison | None:
    """What the public page says of this token; None when no certificate has it."""
    read = read_token(token)
    if read is None:
        return None
    certificate = Certificate.objects.filter(token=read).select_related("affiliate").first()
    if certificate is None:
        return None
    facts = CertificateFacts.from_json(certificate.facts)
    return Comparison(
        number=certificate.number,
        kind=CertificateKind(certificate.kind),
        issued_at=certificate.issued_at,
        validity=validity(certificate),
        name=facts.affiliate.name,
        affiliation_number=facts.affiliate.affiliation_number,
        first=Period.from_day(certificate.first_period) if certificate.first_period else None,
        last=Period.from_day(certificate.last_period) if certificate.last_period else None,
        wage_bill=facts.wage_bill if facts.months else None,
        facts=facts,
        digest=certificate.digest,
    )


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """What the public page says of a receipt, as it was given: its facts stand in the text that its digest covers."""

    number: str
    name: str
    affiliation_number: str
    period: Period
    submitted_at: datetime.datetime
    employee_count: int
    wage_bill: Decimal
    contributions: Decimal
    file_sha256: str
    digest: str
    is_corrected: bool


def checked_receipt(number: str, mark: str) -> CheckedReceipt | None:
    """The receipt of this number whose digest begins so; None when there is none, or it begins otherwise."""
    if len(mark) != MARK_LENGTH:
        return None
    row = (
        Receipt.objects.filter(declaration__receipt_number=number[:40])
        .select_related("declaration")
        .first()
    )
    if row is None or not hmac.compare_digest(row.digest[:MARK_LENGTH].encode(), mark.encode()):
        return None
    facts = json.loads(row.content)
    return CheckedReceipt(
        number=facts["receipt_number"],
        name=facts["affiliate_name"],
        affiliation_number=facts["affiliation_number"],
        period=Period.parse(facts["period"]),
        submitted_at=datetime.datetime.fromisoformat(facts["submitted_at"]),
        employee_count=facts["employees"],
        wage_bill=Decimal(facts["wage_bill"]),
        contributions=Decimal(facts["contributions"]),
        file_sha256=facts["file_sha256"],
        digest=row.digest,
        is_corrected=row.declaration.status == DeclarationStatus.REPLACED,
    )


# ---------------------------------------------------------------------------------------------- share links

OPENINGS_SHOWN = 20


def digest_of_token(token: str) -> str:
    """The SHA-256 of a token, all that the database keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_links(certificate: Certificate, *, at: datetime.datetime) -> QuerySet[ShareLink]:
    """The links that open this certificate at that instant."""
    return ShareLink.objects.filter(
        certificate=certificate, withdrawn_at__isnull=True, expires_at__gt=at
    )


def links_of(certificate: Certificate) -> QuerySet[ShareLink]:
    """Its links, the latest first, each with how often it was used and its last uses."""
    last = ShareOpening.objects.order_by("-id")[:OPENINGS_SHOWN]
    return (
        ShareLink.objects.filter(certificate=certificate)
        .select_related("made_by")
        .annotate(times=Count("openings"))
        .prefetch_related(Prefetch("openings", last, to_attr="last_openings"))
    )


def link_of_token(token: str) -> ShareLink | None:
    """The link that this secret opens, expired or withdrawn or not."""
    read = read_token(token)
    if read is None:
        return None
    return (
        ShareLink.objects.filter(token_digest=digest_of_token(read))
        .select_related("certificate__affiliate")
        .first()
    )


# ------------------------------------------------------------------------------------------------ long lists


def printing_of(certificate: Certificate) -> Printing | None:
    """The drawing of a long list: asked for, under way, parked, or still kept; None otherwise."""
    row = Printing.objects.filter(certificate=certificate).first()
    if row is not None and row.ready_at is not None and not row.parts.exists():
        return None
    return row


def drawn_paper(certificate: Certificate) -> bytes | None:
    """The PDF that a worker drew, not sealed yet; None when there is none or it was erased since."""
    part = PrintedPart.objects.filter(
        printing__certificate=certificate, rank=PrintedPart.WHOLE
    ).first()
    return safe.open_again(bytes(part.sealed)) if part is not None else None
