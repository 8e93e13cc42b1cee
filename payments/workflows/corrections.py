"""What a corrected declaration does to what was called: the slip replaced in time, or the difference afterwards.

Until the due day the corrected declaration gets a slip of its own, the older one falls to nothing and what was
paid follows. After it the older slip stays, with its payments, its disputes and its delay: what the correction
adds is called beside, on a slip of its own due since the same day; what it takes off falls, line by line, and the
surcharges of it with it. Money that followed keeps the day on which it came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet, Sum

from affiliates.models import Affiliate
from declarations.enums import DeclarationStatus
from declarations.models import ContributionLine, Declaration
from payments import posting
from payments.differences import CalledLine, Lowering, Plan, plan
from payments.enums import AccountKind, EntryKind, SlipState
from payments.models import Hold, LedgerLine, PaymentSlip, SlipLine, Surcharge
from payments.posting import Due
from payments.queries.sums import total_of
from payments.workflows import credits
from payments.workflows.debits.claims import give_way
from payments.workflows.ledger import Event, post
from payments.workflows.penalties import exemptions_of, lowered_by_line, surcharge_of
from payments.workflows.slip_codes import references
from payments.workflows.targets import state_of
from portal import audit, clock
from portal.failpoints import failpoint
from portal.models import User
from regulation.contributions import ContributionResult
from regulation.enums import Branch
from regulation.money import ZERO, format_amount
from regulation.parameters import due_day
from regulation.penalties import SurchargeResult, by_group, late_months, surcharge
from regulation.periods import Period
from regulation.text import Sentence, _

_DIFFERENCE = _(
    "Cotisation corrigée {new} DH, moins {old} DH déjà appelés : {difference} DH s’ajoutent."
)
#: How the cause of an entry begins that a decision upon a dispute made.
UPHELD: Final = "upheld:"
_OVER = (SlipState.REPLACED.value, SlipState.CANCELLED.value)


# ---------------------------------------------------------------- which way


def lock_affiliates(declaration_ids: Collection[int]) -> None:
    """Lock the affiliates of the corrections among these declarations, first of all: their credit may move."""
    correcting = Declaration.objects.filter(pk__in=declaration_ids, corrects__isnull=False)
    rows = Affiliate.objects.filter(pk__in=correcting.values("affiliate"))
    list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk"))


def differing(declarations: Sequence[Declaration]) -> list[Declaration]:
    """The corrections filed after their due day whose month has slips that stand: they post a difference."""
    return [
        one
        for one in declarations
        if one.corrects_id is not None
        and one.submitted_at is not None
        and is_after_due_day(one, clock.day_of(one.submitted_at))
        and live_slips(one).exists()
    ]


def is_after_due_day(declaration: Declaration, on: date) -> bool:
    """Whether the due day of a declaration's month has passed."""
    return on > due_day(Period.from_day(declaration.period))


def live_slips(declaration: Declaration) -> QuerySet[PaymentSlip]:
    """The slips that stand for the place of a declaration, the latest first."""
    return (
        PaymentSlip.objects.filter(
            affiliate=declaration.affiliate_id,
            period=declaration.period,
            declaration__kind=declaration.kind,
            declaration__supplement_number=declaration.supplement_number,
        )
        .exclude(state__in=_OVER)
        .select_related("affiliate")
        .order_by("-pk")
    )


def called_lines(slips: Iterable[PaymentSlip]) -> list[CalledLine]:
    """What stands of each line of these slips after earlier corrections, in the order of the slips."""
    found = []
    for slip in slips:
        taken = lowered_by_line(slip, why="corrected")
        for line in slip.lines.order_by("rank"):
            left = line.amount - taken.get(line.pk, ZERO)
            found.append(CalledLine(line.pk, slip.pk, Branch(line.branch), left))
    return found


# ---------------------------------------------------------------- after the due day


@transaction.atomic
def post_difference(*, actor: User | None, declaration: Declaration, at: datetime) -> None:
    """Bring what is called for a place to what its corrected declaration asks, to the centime of each branch.

    The caller holds the affiliate and has claimed the declaration. Afterwards the lines of the slips that stand,
    less what corrections took off, are the contributions of the declaration.
    """
    on = clock.day_of(at)
    slips = list(live_slips(declaration).select_for_update(of=("self",)))
    rows = list(ContributionLine.objects.filter(declaration=declaration).order_by("pk"))
    wanted = {Branch(row.branch): row.employer_share + row.employee_share for row in rows}
    found = plan(called_lines(slips), wanted)
    by_key = {slip.pk: slip for slip in slips}
    for one in found.lowerings:
        _lower(actor, by_key[one.slip], one, declaration, on)
    for key in sorted({one.slip for one in found.lowerings}):
        _fit_holds(actor, by_key[key], at)
        take_back_surcharges(actor, by_key[key], mark=str(declaration.pk), on=on)
    failpoint("correction-lowered")
    if found.raises:
        _complement(actor, declaration, slips, rows, found, on)
    audit.record(
        actor=actor,
        action="payments.correction_posted",
        subject=declaration,
        affiliation_number=declaration.affiliate.affiliation_number,
        period=f"{declaration.period:%Y-%m}",
        raised=found.raised,
        lowered=found.lowered,
    )
    failpoint("correction-before-commit")


def _lower(
    actor: User | None, slip: PaymentSlip, one: Lowering, declaration: Declaration, on: date
) -> None:
    due = Due(slip.affiliate_id, slip.period, slip=slip.pk)
    entry = posting.slip_lowered(due, one.amount, slip.outstanding, credits.given_up_on(due))
    post(Event(entry, f"corrected:{one.line}:{declaration.pk}", on), actor=actor)
    slip.outstanding -= min(one.amount, slip.outstanding)
    slip.state = state_of(slip).value
    if slip.outstanding == 0 and slip.settled_on is None:
        slip.settled_on = on
    give_way([slip])
    slip.save(update_fields=["outstanding", "state", "settled_on"])


def take_back_surcharges(actor: User | None, slip: PaymentSlip, *, mark: str, on: date) -> None:
    """Lower the surcharges of a slip to what the law asks of what is left of it, as if it had always been so.

    `mark` names what brings this (a corrected declaration, a remission undone): its entries are made once.
    """
    rows = Surcharge.objects.filter(slip=slip).order_by("month_number")
    before = ZERO
    for row in rows.select_for_update(of=("self",)):
        if _is_forgiven(row):
            # Left as it was forgiven: the remission may still be undone. The later months fall instead.
            before += row.standing
            continue
        law = surcharge_of(slip, until=_starts_on(slip, row.month_number))
        excess = row.standing - max(ZERO, law.total - before)
        if excess > 0:
            due = Due(slip.affiliate_id, slip.period, surcharge=row.pk)
            entry = posting.surcharge_lowered(
                due, excess, row.outstanding, credits.given_up_on(due)
            )
            cause = f"surcharge_corrected:{row.pk}:{mark}"
            post(Event(entry, cause, on), actor=actor)
            row.outstanding -= min(excess, row.outstanding)
            row.taken_back += excess
            row.working = law.to_json()
            give_way([row])
            row.save(update_fields=["outstanding", "taken_back", "working"])
        before += row.standing


def _is_forgiven(row: Surcharge) -> bool:
    """Whether a part of a surcharge is forgiven by a remission that stands, or was taken off by a decision."""
    sums = LedgerLine.objects.filter(
        surcharge=row, account__kind=AccountKind.REMISSIONS.value
    ).aggregate(total=total_of(F("debit") - F("credit")))
    return bool(sums["total"]) or _upheld_on(row)


def _upheld_on(row: Surcharge) -> bool:
    return LedgerLine.objects.filter(
        surcharge=row,
        account__kind=AccountKind.PENALTIES.value,
        entry__kind=EntryKind.SURCHARGE_LOWERED.value,
        entry__cause__startswith=UPHELD,
    ).exists()


def _starts_on(slip: PaymentSlip, month_number: int) -> date:
    """The first day of a month of delay of a slip."""
    far = date(slip.due_on.year + (slip.due_on.month + month_number) // 12 + 1, 12, 31)
    return late_months(slip.due_on, far)[month_number - 1].starts_on


def _complement(
    actor: User | None,
    declaration: Declaration,
    slips: Sequence[PaymentSlip],
    rows: Sequence[ContributionLine],
    found: Plan,
    on: date,
) -> PaymentSlip:
    """Call beside what the correction adds, due since the due day of the month."""
    slip = PaymentSlip.objects.create(
        affiliate=declaration.affiliate,
        declaration=declaration,
        period=declaration.period,
        payment_reference=references([declaration])[declaration.pk],
        issued_on=on,
        due_on=due_day(Period.from_day(declaration.period)),
        total=found.raised,
        outstanding=found.raised,
        complements=slips[-1],
    )
    raised = [row for row in rows if Branch(row.branch) in found.raises]
    SlipLine.objects.bulk_create(
        _added(slip, rank, row, found.raises[Branch(row.branch)], slips)
        for rank, row in enumerate(raised, start=1)
    )
    due = Due(slip.affiliate_id, slip.period, slip=slip.pk)
    post(Event(posting.slip_issued(due, slip.total), f"slip:{slip.pk}", on), actor=actor)
    audit.record(
        actor=actor,
        action="payments.slip_issued",
        subject=slip,
        affiliation_number=declaration.affiliate.affiliation_number,
        period=f"{slip.period:%Y-%m}",
        total=slip.total,
        reference=slip.payment_reference,
        complements=slips[-1].payment_reference,
    )
    credits.carry(
        actor,
        to=slip,
        paid=credits.payments_of(slips),
        freed=credits.freed_by_corrections(slips),
        cause=f"{credits.BACK}{slip.pk}",
        on=on,
    )
    return slip


def _added(
    slip: PaymentSlip,
    rank: int,
    row: ContributionLine,
    amount: Decimal,
    slips: Sequence[PaymentSlip],
) -> SlipLine:
    """One branch of a complement: what it adds, each share as it changed."""
    called = SlipLine.objects.filter(slip__in=slips, branch=row.branch).aggregate(
        base=Sum("base"), employee=Sum("employee_share")
    )
    old = row.employer_share + row.employee_share - amount
    employee = min(amount, max(ZERO, row.employee_share - (called["employee"] or ZERO)))
    said = {
        "new": format_amount(old + amount),
        "old": format_amount(old),
        "difference": format_amount(amount),
    }
    return SlipLine(
        slip=slip,
        rank=rank,
        branch=row.branch,
        base=max(ZERO, row.base - (called["base"] or ZERO)),
        employer_share=amount - employee,
        employee_share=employee,
        amount=amount,
        working=[Sentence(_DIFFERENCE, said).to_json()],
    )


# ---------------------------------------------------------------- until the due day


def replace_older(*, actor: User | None, slip: PaymentSlip, at: datetime) -> None:
    """A slip takes the place of the older ones of its place: they fall to nothing, what was paid and held follows."""
    declaration = slip.declaration
    older = (
        live_slips(declaration)
        .filter(declaration__status=DeclarationStatus.REPLACED.value)
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    for old in older:
        remaining = old.total - sum(lowered_by_line(old).values(), ZERO)
        due = Due(old.affiliate_id, old.period, slip=old.pk)
        lost = credits.given_up_on(due)
        paid = remaining - old.outstanding - lost
        payments = credits.payments_of([old])
        if remaining:
            entry = posting.slip_lowered(due, remaining, old.outstanding, lost)
            post(Event(entry, f"slip_replaced:{old.pk}", slip.issued_on), actor=actor)
        old.outstanding, old.state, old.replaced_by = ZERO, SlipState.REPLACED.value, slip
        give_way([old])
        old.save(update_fields=["outstanding", "state", "replaced_by"])
        cause = f"slip_carried:{old.pk}"
        credits.carry(actor, to=slip, paid=payments, freed=paid, cause=cause, on=slip.issued_on)
        _move_holds(actor, old, slip, at)


def standing_line(line: SlipLine) -> SlipLine:
    """The line of the same branch on the slip that took the place of this one's; the line itself otherwise."""
    while line.slip.replaced_by_id is not None:
        found = (
            SlipLine.objects.select_related("slip__affiliate")
            .filter(slip=line.slip.replaced_by_id, branch=line.branch)
            .first()
        )
        if found is None:
            return line
        line = found
    return line


# ---------------------------------------------------------------- what is held


def _move_holds(actor: User | None, old: PaymentSlip, slip: PaymentSlip, at: datetime) -> None:
    """What was held on a replaced slip is held on the same branch of its successor, as far as it goes."""
    for hold in Hold.objects.filter(slip=old, released_at__isnull=True).select_related("slip_line"):
        branch = hold.slip_line.branch if hold.slip_line else None
        hold.slip = slip
        if branch is not None:
            hold.slip_line = slip.lines.filter(branch=branch).first()
        if branch is not None and hold.slip_line is None:
            hold.slip, hold.released_at = old, at
            hold.slip_line = old.lines.get(branch=branch)
        hold.save(update_fields=["slip", "slip_line", "released_at"])
    _fit_holds(actor, slip, at)


def _fit_holds(actor: User | None, slip: PaymentSlip, at: datetime) -> None:
    """No more is held of a line than what is left of it; a hold of nothing is released."""
    taken = lowered_by_line(slip)
    left = {line.pk: line.amount - taken.get(line.pk, ZERO) for line in slip.lines.order_by("rank")}
    holds = Hold.objects.filter(slip=slip, released_at__isnull=True, slip_line__isnull=False)
    for hold in holds.order_by("pk"):
        key = hold.slip_line_id or 0
        kept = min(hold.amount, left[key])
        left[key] -= kept
        if kept == hold.amount:
            continue
        if kept:
            hold.amount = kept
        else:
            hold.released_at = at
        hold.save(update_fields=["amount", "released_at"])
        audit.record(
            actor=actor,
            action="payments.hold_fitted",
            subject=slip,
            affiliation_number=slip.affiliate.affiliation_number,
            reference=hold.reference,
            amount=kept,
        )


# ---------------------------------------------------------------- shown before it is signed


@dataclass(frozen=True, slots=True)
class Effect:
    """What a correction would do to the account on a day. Amounts in dirhams.

    `raised` is called beside, of which `back` is paid by credit that earlier corrections freed; `lowered` falls:
    `unpaid` of it was still to pay, `credit` becomes the affiliate's. `surcharge` is what the delay of the raise
    costs so far, by the law; `taken_back` what falls away of the surcharges called already.
    """

    on: date
    due_on: date
    is_late: bool
    raised: Decimal
    back: Decimal
    lowered: Decimal
    unpaid: Decimal
    credit: Decimal
    surcharge: SurchargeResult | None
    taken_back: Decimal

    @property
    def to_pay(self) -> Decimal:
        """What the signature adds to what is to be paid, surcharges aside."""
        return self.raised - self.back

    @property
    def surcharged(self) -> Decimal:
        """The surcharges that the raise brings so far."""
        return self.surcharge.total if self.surcharge else ZERO


def effect_of(declaration: Declaration, result: ContributionResult, *, on: date) -> Effect:
    """What the draft of a correction would do if it were submitted on `on`; reads only.

    `result` are the contributions of the draft. Refuses a month whose surcharges the law's tables do not give.
    """
    slips = list(live_slips(declaration))
    wanted = {line.branch: line.employer + line.employee for line in result.lines}
    found = plan(called_lines(slips), wanted)
    due_on = due_day(Period.from_day(declaration.period))
    late = on > due_on
    by_slip: dict[int, dict[int, Decimal]] = {}
    for one in found.lowerings:
        by_slip.setdefault(one.slip, {})[one.line] = one.amount
    unpaid = taken_back = lost = ZERO
    for slip in slips:
        less = by_slip.get(slip.pk, {})
        falls = sum(less.values(), ZERO)
        unpaid += min(falls, slip.outstanding)
        due = Due(slip.affiliate_id, slip.period, slip=slip.pk)
        lost += min(falls - min(falls, slip.outstanding), credits.given_up_on(due))
        taken_back += _would_fall_away(slip, less) if less else ZERO
    credit = found.lowered - unpaid - lost
    freed = credit + (credits.freed_by_corrections(slips) if slips else ZERO)
    back = min(freed, found.raised, credits.free_credit(declaration.affiliate) + credit)
    grown = None
    if late and found.raised > back:
        grown = surcharge(
            by_group(_less(found.raises, back)),
            due_on=due_on,
            until=on,
            exemptions=exemptions_of(declaration.affiliate_id, declaration.period, due_on),
        )
    return Effect(
        on, due_on, late, found.raised, back, found.lowered, unpaid, max(credit - back, ZERO),
        grown, taken_back,
    )  # fmt: skip


def _would_fall_away(slip: PaymentSlip, less: Mapping[int, Decimal]) -> Decimal:
    before = fallen = ZERO
    for row in Surcharge.objects.filter(slip=slip).order_by("month_number"):
        if _is_forgiven(row):
            before += row.standing
            continue
        law = surcharge_of(slip, until=_starts_on(slip, row.month_number), less=less)
        standing = min(row.standing, max(ZERO, law.total - before))
        fallen += row.standing - standing
        before += standing
    return fallen


def _less(raises: Mapping[Branch, Decimal], paid: Decimal) -> dict[Branch, Decimal]:
    """The raises once `paid` dirhams have filled them in their order."""
    left = {}
    for branch, amount in raises.items():
        part = min(amount, paid)
        paid -= part
        left[branch] = amount - part
    return left
