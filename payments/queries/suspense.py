"""The suspense desk: money that waits, since when, with what was seen; likely double payments; acts to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from affiliates.models import Affiliate
from payments.enums import AccountKind, ActState, GraceState, LineVerdict
from payments.models import BankLine, ClerkAct, GraceRequest, LedgerLine
from payments.queries.sums import MONEY
from regulation.money import ZERO
from regulation.parameters import value_at

AGES = (5, 15, 30)
"""Days after which waiting money is reported (docs/formats/matching.md)."""


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Waiting money of one age: from `after` days on (below the next band), how many lines, how much (dirhams)."""

    after: int
    count: int
    amount: Decimal


def waiting_lines() -> QuerySet[BankLine]:
    """The suspense desk: lines that wait for a clerk, oldest booking first, with what of them waits (`left`).

    A debit that undoes nothing we know waits too; nothing of it is in suspense.
    """
    left = (
        LedgerLine.objects.filter(
            bank_line=OuterRef("pk"), account__kind=AccountKind.SUSPENSE.value
        )
        .order_by()
        .values("bank_line")
        .annotate(total=Sum(F("credit") - F("debit")))
        .values("total")
    )
    return (
        BankLine.objects.filter(verdict=LineVerdict.WAITING.value)
        .select_related("bank_file__bank", "account")
        .annotate(left=Coalesce(Subquery(left), Value(ZERO), output_field=MONEY))
        .order_by("booking_day", "pk")
    )


def suspense_ageing(on: date) -> list[AgeBand]:
    """Waiting money by age on a day: fresh, then from each age of AGES on. One query."""
    starts = (0, *AGES)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT width_bucket(%s - b.booking_day, %s::integer[]) AS band, count(*), sum(s.waiting)
            FROM payments_bankline b
            JOIN LATERAL (
                SELECT sum(l.credit - l.debit) AS waiting FROM payments_ledgerline l
                JOIN payments_ledgeraccount a ON a.id = l.account_id AND a.kind = 'suspense'
                WHERE l.bank_line_id = b.id
            ) s ON s.waiting > 0
            WHERE b.verdict = 'ATT'
            GROUP BY band
            """,
            [on, list(starts)],
        )
        found = {band: (count, amount) for band, count, amount in cursor.fetchall()}
    bands = []
    for place, after in enumerate(starts, start=1):
        count, amount = found.get(place, (0, ZERO))
        bands.append(AgeBand(after, count, amount))
    return bands


@dataclass(frozen=True, slots=True)
class DoublePayment:
    """Two credits of one affiliate that look like one payment made twice; the later one sits in its credit."""

    first: BankLine
    second: BankLine
    affiliate: Affiliate
    code: str


_DOUBLES = """
    SELECT DISTINCT ON (later.id) earlier.id, later.id, kept.affiliate_id,
        coalesce(s.payment_reference, u.payment_reference, f.payment_reference)
    FROM payments_allocation kept
    JOIN payments_bankline later ON later.id = kept.bank_line_id
    JOIN payments_allocation paid ON paid.affiliate_id = kept.affiliate_id
        AND (paid.slip_id IS NOT NULL OR paid.surcharge_id IS NOT NULL OR paid.filing_penalty_id IS NOT NULL)
    JOIN payments_bankline earlier ON earlier.id = paid.bank_line_id
    LEFT JOIN payments_paymentslip s ON s.id = paid.slip_id
    LEFT JOIN payments_surcharge u ON u.id = paid.surcharge_id
    LEFT JOIN payments_filingpenalty f ON f.id = paid.filing_penalty_id
    WHERE kept.slip_id IS NULL AND kept.surcharge_id IS NULL AND kept.filing_penalty_id IS NULL
        AND kept.undoes_id IS NULL AND paid.undoes_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM payments_allocation x WHERE x.undoes_id IN (kept.id, paid.id))
        AND earlier.id <> later.id AND earlier.amount = later.amount AND kept.amount = later.amount
        AND later.booking_day BETWEEN earlier.booking_day AND earlier.booking_day + %(days)s
        AND (later.creditor_ref = earlier.creditor_ref AND later.creditor_ref <> ''
            OR later.verdict_facts ->> 'ref' = coalesce(s.payment_reference, u.payment_reference, f.payment_reference)
            OR later.payer_rib = earlier.payer_rib AND later.payer_rib <> '')
        AND later.booking_day >= %(since)s
        AND (%(affiliate)s::bigint IS NULL OR kept.affiliate_id = %(affiliate)s)
    ORDER BY later.id, earlier.id
"""


def double_payments(on: date, *, affiliate: Affiliate | None = None) -> list[DoublePayment]:
    """Credits of the last year that repeat a payment already made: same affiliate, amount, and payer or reference.

    They are never swallowed: the second stays in the affiliate's credit, and is shown to both sides.
    """
    days = int(value_at("suspense.double_payment_days", on).value)
    facts: dict[str, int | date | None] = {
        "days": days,
        "since": on - timedelta(days=365),
        "affiliate": affiliate.pk if affiliate else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DOUBLES, facts)
        rows = cursor.fetchall()
    lines = _by_key(
        BankLine.objects.filter(pk__in=[key for row in rows for key in row[:2]]).select_related(
            "bank_file__bank"
        )
    )
    owners = _owners({row[2] for row in rows})
    return [
        DoublePayment(lines[first], lines[second], owners[owner], code)
        for first, second, owner, code in rows
    ]


def _by_key(rows: Iterable[BankLine]) -> dict[int, BankLine]:
    return {row.pk: row for row in rows}


def _owners(keys: set[int]) -> dict[int, Affiliate]:
    return {row.pk: row for row in Affiliate.objects.filter(pk__in=keys)}


def acts_for(affiliates: QuerySet[Affiliate]) -> QuerySet[ClerkAct]:
    """Acts of two persons that a member of staff may see: about these affiliates, or about nobody yet."""
    rows = ClerkAct.objects.filter(affiliate=None) | ClerkAct.objects.filter(
        affiliate__in=affiliates
    )
    return rows.select_related(
        "affiliate",
        "bank_line__bank_file__bank",
        "slip",
        "surcharge",
        "filing_penalty",
        "requested_by",
        "proposed_by",
        "decided_by",
    )


def open_acts(affiliates: QuerySet[Affiliate]) -> QuerySet[ClerkAct]:
    """Those that wait for somebody, oldest first."""
    waiting = [ActState.REQUESTED.value, ActState.PROPOSED.value]
    return acts_for(affiliates).filter(state__in=waiting).order_by("pk")


def open_graces(affiliates: QuerySet[Affiliate]) -> QuerySet[GraceRequest]:
    """Requests of remission or of a plan that somebody has to decide."""
    waiting = [GraceState.REQUESTED.value, GraceState.PROPOSED.value]
    return GraceRequest.objects.filter(affiliate__in=affiliates, state__in=waiting)
