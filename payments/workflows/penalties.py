"""What lateness costs, from the dated tables of the law: surcharges on what is paid late, penalties for late filing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from affiliates.enums import AffiliateState
from affiliates.models import Affiliate
from declarations.enums import DeclarationKind
from declarations.models import Declaration
from payments import posting
from payments.enums import AccountKind, EntryKind, SlipState
from payments.models import (
    Allocation,
    FilingPenalty,
    Hold,
    LedgerLine,
    PaymentSlip,
    SlipLine,
    Surcharge,
    SurchargeExemption,
)
from payments.posting import Due
from payments.workflows.credits import credit_used_on
from payments.workflows.ledger import Event, post
from portal import audit, clock
from portal.models import User
from regulation.enums import Branch, PaymentNature, SurchargeGroup
from regulation.identifiers import payment_code
from regulation.money import ZERO
from regulation.parameters import due_day, first_known_day, value_at
from regulation.penalties import (
    GROUP_OF,
    Exemption,
    FilingPenaltyResult,
    HeldAmount,
    Payment,
    SurchargeResult,
    by_group,
    filing_penalty,
    late_months,
    surcharge,
)
from regulation.periods import Period

GRACE = timedelta(days=5)
"""The run looks this far back: bank files bring payments a few days after their value day."""


def late_slips(as_of: date) -> QuerySet[PaymentSlip]:
    """Slips whose due day has passed and that may still owe a surcharge on that day."""
    return (
        PaymentSlip.objects.filter(due_on__lt=as_of)
        .exclude(state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value])
        .exclude(state=SlipState.PAID.value, settled_on__lt=as_of - timedelta(days=62))
        .order_by("pk")
    )


@transaction.atomic
def assess_surcharges(*, actor: User | None, slip_id: int, as_of: date) -> list[Surcharge]:
    """Assess the months of delay started on `as_of` that are not assessed yet; returns the new surcharges.

    Idempotent: one surcharge per slip and month. Each month claims what the whole delay costs up to it, less what
    earlier months claimed, so that the sum is the law's figure to the centime.
    """
    slip = (
        PaymentSlip.objects.select_related("affiliate")
        .select_for_update(of=("self",))
        .get(pk=slip_id)
    )
    if slip.state in (SlipState.REPLACED.value, SlipState.CANCELLED.value):
        return []
    done = {one.month_number: one.standing for one in Surcharge.objects.filter(slip=slip)}
    created = []
    for month in late_months(slip.due_on, as_of):
        if month.rank in done:
            continue
        result = surcharge_of(slip, until=month.starts_on)
        amount = result.total - sum(done.values(), ZERO)
        if amount <= 0:
            continue
        created.append(_assess(actor, slip, month.rank, amount, result, as_of))
        done[month.rank] = amount
    return created


def _assess(
    actor: User | None,
    slip: PaymentSlip,
    rank: int,
    amount: Decimal,
    result: SurchargeResult,
    as_of: date,
) -> Surcharge:
    number, period = slip.affiliate.affiliation_number, Period.from_day(slip.period)
    one = Surcharge.objects.create(
        slip=slip,
        month_number=rank,
        assessed_on=as_of,
        payment_reference=_free_code(number, period),
        amount=amount,
        outstanding=amount,
        working=result.to_json(),
    )
    due = Due(slip.affiliate_id, slip.period, surcharge=one.pk)
    post(Event(posting.surcharge_assessed(due, amount), f"surcharge:{one.pk}", as_of), actor=actor)
    audit.record(
        actor=actor,
        action="payments.surcharge_assessed",
        subject=one,
        affiliation_number=number,
        period=str(period),
        month=rank,
        amount=amount,
    )
    return one


def _free_code(number: str, period: Period) -> str:
    """The next unused 18-digit code of nature 7, which surcharges and penalties of a month share."""
    used = set(
        Surcharge.objects.filter(
            slip__affiliate__affiliation_number=number, slip__period=period.first_day
        ).values_list("payment_reference", flat=True)
    )
    used |= set(
        FilingPenalty.objects.filter(
            affiliate__affiliation_number=number, period=period.first_day
        ).values_list("payment_reference", flat=True)
    )
    rank = len(used) + 1
    while (code := payment_code(number, period, nature=PaymentNature.SURCHARGE, rank=rank)) in used:
        rank += 1
    return code


def surcharge_of(
    slip: PaymentSlip,
    *,
    until: date,
    also_paid: Iterable[tuple[date, Decimal]] = (),
    less: Mapping[int, Decimal] | None = None,
) -> SurchargeResult:
    """What the delay of a slip costs if the rest is paid on `until`: the pure rule, fed from the books.

    What disputes and corrections took off a line was never due; payments fill the lines of the slip in their
    order; a hold follows its line. `also_paid` adds payments that have not come yet, to see what a plan would
    change; `less` supposes that lines, by key, fall by so many dirhams more.
    """
    lines = list(SlipLine.objects.filter(slip=slip).order_by("rank"))
    principal: dict[Branch, Decimal] = {}
    for line in lines:
        branch = Branch(line.branch)
        principal[branch] = principal.get(branch, ZERO) + line.amount
    groups = by_group(principal)
    branches = {line.pk: Branch(line.branch) for line in lines}
    taken = lowered_by_line(slip)
    for line_id, amount in (less or {}).items():
        taken[line_id] = taken.get(line_id, ZERO) + amount
    for line_id, amount in taken.items():
        groups[GROUP_OF[branches[line_id]]] -= amount
    paid = [
        (one.paid_on, one.amount)
        for one in Allocation.objects.filter(
            slip=slip, undoes__isnull=True, undone_by__isnull=True
        ).order_by("paid_on", "pk")
    ]
    paid += credit_used_on([slip], also=(EntryKind.WRITTEN_OFF.value,))
    payments = [payment for _, payment in _fill(groups, sorted([*paid, *also_paid]))]
    return surcharge(
        groups,
        due_on=slip.due_on,
        until=until,
        payments=payments,
        holds=_holds(slip, lines),
        exemptions=exemptions_of(slip.affiliate_id, slip.period, slip.due_on),
    )


def exemptions_of(affiliate_id: int, period: date, due_on: date) -> list[Exemption]:
    """Decisions that spare the delay of a month, the affiliate's own and those for all."""
    rows = SurchargeExemption.objects.filter(
        Q(affiliate=None) | Q(affiliate=affiliate_id),
        withdrawn_on__isnull=True,
        first_period__lte=period,
        last_period__gte=period,
    ).order_by("decided_on", "pk")
    return [Exemption(row.since or due_on, row.until, row.reference) for row in rows]


def lowered_by_line(slip: PaymentSlip, *, why: str = "") -> dict[int, Decimal]:
    """By key of the line, what disputes (`why` "upheld") and corrections ("corrected") took off, in dirhams."""
    taken: dict[int, Decimal] = {}
    rows = LedgerLine.objects.filter(
        slip=slip,
        account__kind=AccountKind.CONTRIBUTIONS.value,
        entry__kind=EntryKind.SLIP_LOWERED.value,
    ).values_list("entry__cause", "debit")
    for cause, amount in rows:
        kind, _colon, rest = cause.partition(":")
        # A slip that was replaced fell as a whole: no line of it is asked for any more.
        if kind in ("upheld", "corrected") and why in ("", kind):
            line = int(rest.partition(":")[0])
            taken[line] = taken.get(line, ZERO) + amount
    return taken


def _fill(
    groups: dict[SurchargeGroup, Decimal], paid: Iterable[tuple[date, Decimal]]
) -> list[tuple[SurchargeGroup, Payment]]:
    """Spread amounts over the groups in order, none beyond what it owes; what exceeds all of them is left out."""
    left = dict(groups)
    found = []
    for day, amount in paid:
        for group in left:
            part = min(amount, left[group])
            if part > 0:
                left[group] -= part
                amount -= part
                found.append((group, Payment(group, day, part)))
    return found


def _holds(slip: PaymentSlip, lines: list[SlipLine]) -> list[HeldAmount]:
    groups = {line.pk: GROUP_OF[Branch(line.branch)] for line in lines}
    default = groups[lines[0].pk] if lines else SurchargeGroup.GENERAL
    return [
        HeldAmount(
            group=groups.get(hold.slip_line_id or 0, default),
            amount=hold.amount,
            since=clock.day_of(hold.placed_at),
            until=clock.day_of(hold.released_at) if hold.released_at else None,
        )
        for hold in Hold.objects.filter(slip=slip)
    ]


# ---------------------------------------------------------------- filed late, or not at all


def filings_due(as_of: date) -> Iterator[tuple[int, Period]]:
    """Affiliates and months filed late, or still missing, whose penalty may have to be assessed or raised.

    A month counts once its due day has passed, from the first one that the affiliate declared: what was never
    declared at all is for a control to establish. No further back than the prescription (art. 76).
    """
    years = int(value_at("recovery.prescription_years", as_of).value)
    oldest = max(
        Period.from_day(as_of) - 12 * years,
        Period.from_day(first_known_day("filing_penalty.per_employee")),
    )
    months = [oldest + rank for rank in range(oldest.months_until(Period.from_day(as_of)))]
    past = [(period, due_on) for period in months if (due_on := due_day(period)) < as_of]
    begun = (
        _main_declarations()
        .filter(affiliate__state=AffiliateState.ACTIVE.value)
        .order_by("affiliate")
        .values_list("affiliate")
        .annotate(first=Min("period"))
    )
    for affiliate_id, first in begun.iterator(chunk_size=1000):
        filed = dict(
            _main_declarations()
            .filter(affiliate=affiliate_id, period__gte=oldest.first_day)
            .order_by("period")
            .values_list("period")
            .annotate(
                day=Min(Coalesce("filed_on", TruncDate("submitted_at", tzinfo=clock.CASABLANCA)))
            )
        )
        settled = set(
            FilingPenalty.objects.filter(affiliate=affiliate_id, filed=True).values_list(
                "period", flat=True
            )
        )
        for period, due_on in past:
            day = period.first_day
            if day < first or day in settled:
                continue
            if day not in filed or filed[day] > due_on:
                yield affiliate_id, period


def _main_declarations() -> QuerySet[Declaration]:
    """Main declarations ever submitted, corrected since or not."""
    return Declaration.objects.filter(
        kind=DeclarationKind.MAIN.value, submitted_at__isnull=False
    ).order_by()


def filing_penalty_of(
    affiliate: Affiliate, period: Period, *, as_of: date
) -> tuple[FilingPenaltyResult, bool] | None:
    """The penalty of a month filed late or still missing on `as_of`, and whether it is filed; None without one.

    The employees are those of the declaration filed; while it is missing, those of the last one before
    (`policy.filing_penalty.employees`). Refuses a month outside the tables (NotYetKnown).
    """
    mine = _main_declarations().filter(affiliate=affiliate)
    own = mine.filter(period=period.first_day).order_by("submitted_at").first()
    filed = own is not None and _filed_on(own) <= as_of
    counted = own if filed else mine.filter(period__lt=period.first_day).order_by("period").last()
    due_on = due_day(period)
    until = _filed_on(own) if own is not None and filed else as_of
    if counted is None or until <= due_on:
        return None
    result = filing_penalty(employees=counted.employee_count, due_on=due_on, filed_on=until)
    return result, filed


def _filed_on(declaration: Declaration) -> date:
    """The day that counts, which is not that of the submission when the portal stood in the way."""
    if declaration.filed_on is not None:
        return declaration.filed_on
    if declaration.submitted_at is None:
        raise Declaration.DoesNotExist("never submitted")
    return clock.day_of(declaration.submitted_at)


@transaction.atomic
def assess_filing_penalty(
    *, actor: User | None, affiliate_id: int, period: Period, as_of: date
) -> FilingPenalty | None:
    """Call the penalty of a month filed late or missing, or raise it by the months started since (art. 26).

    One per affiliate and month, with one payment code. Idempotent: what is called already is not called again,
    and what was called is never lowered here. Nothing without lateness or employees.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate_id)
    found = filing_penalty_of(affiliate, period, as_of=as_of)
    if found is None:
        return None
    result, filed = found
    row = (
        FilingPenalty.objects.select_for_update(of=("self",))
        .filter(affiliate=affiliate, period=period.first_day)
        .first()
    )
    more = result.amount - (row.amount if row else ZERO)
    if row is None:
        if more <= 0:
            return None
        row = FilingPenalty(
            affiliate=affiliate,
            period=period.first_day,
            payment_reference=_free_code(affiliate.affiliation_number, period),
            amount=ZERO,
            outstanding=ZERO,
        )
    elif more <= 0:
        if filed and not row.filed:
            row.filed = True
            row.save(update_fields=["filed"])
        return row
    row.amount, row.outstanding = result.amount, row.outstanding + more
    row.assessed_on, row.filed, row.working = as_of, filed, result.to_json()
    row.save()
    due = Due(affiliate.pk, row.period, filing_penalty=row.pk)
    cause = f"penalty:{row.pk}:{result.amount}"
    post(Event(posting.penalty_assessed(due, more), cause, as_of), actor=actor)
    audit.record(
        actor=actor,
        action="payments.filing_penalty_assessed",
        subject=row,
        affiliation_number=affiliate.affiliation_number,
        period=str(period),
        months=result.months,
        employees=result.employees,
        amount=more,
    )
    return row
