"""What both sides look at: the list, one dispute as a whole, the desk of the staff, the figures of outcomes."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Avg,
    Case,
    Count,
    DateField,
    DecimalField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from affiliates.models import Affiliate
from declarations.models import Declaration, DeclarationLine
from disputes import rules
from disputes.enums import DeskFilter, DisputeState, Outcome
from disputes.models import Attachment, Decision, Dispute, DisputedItem, DisputeStep
from disputes.transitions import Clock, read_clock
from payments.enums import SlipState
from payments.models import Allocation, Hold, PaymentSlip, SlipLine, Surcharge
from portal import clock
from portal.models import User
from regulation.money import ZERO
from regulation.text import Sentence

_MONEY = DecimalField(max_digits=17, decimal_places=2)
_LIVE_HOLD = Q(items__hold__isnull=False, items__hold__released_at__isnull=True)

# Slips that an employer may still want to contest; older ones stay reachable from the slip itself.
CONTESTABLE_SLIPS = 12


# ---------------------------------------------------------------- lists


def with_amounts(disputes: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """Adds ``contested``, ``held`` and ``granted`` (DH) to each dispute."""
    return disputes.annotate(
        contested=Coalesce(Sum("items__amount"), Value(ZERO), output_field=_MONEY),
        held=Coalesce(
            Sum("items__hold__amount", filter=_LIVE_HOLD), Value(ZERO), output_field=_MONEY
        ),
        granted=Coalesce(Sum("items__granted"), Value(ZERO), output_field=_MONEY),
    )


def disputes_of(affiliate: Affiliate) -> QuerySet[Dispute]:
    """The disputes of an affiliate, those under way first, each with its amounts."""
    running = Case(When(closed_at__isnull=True, then=Value(0)), default=Value(1))
    return (
        with_amounts(affiliate.disputes.all())
        .select_related("decision")
        .annotate(order=running)
        .order_by("order", "-id")
    )


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two delays of a dispute on one day."""

    first_answer: Clock
    decision: Clock


def clocks_of(dispute: Dispute, today: datetime.date) -> Clocks:
    """Both clocks as they stand on ``today``; they stop at the first answer and at the decision."""
    closed_on = clock.day_of(dispute.closed_at) if dispute.closed_at else None
    answered_on = clock.day_of(dispute.first_answered_at) if dispute.first_answered_at else None
    decided_on = closed_on if dispute.state == DisputeState.DECIDED else None
    return Clocks(
        first_answer=read_clock(
            dispute.first_answer_due_on, stopped_on=answered_on, closed_on=closed_on, today=today
        ),
        decision=read_clock(
            dispute.decision_due_on, stopped_on=decided_on, closed_on=closed_on, today=today
        ),
    )


# ---------------------------------------------------------------- lines to contest


@dataclass(frozen=True, slots=True)
class ContestableLine:
    """A line of a slip with its working and what is left to contest on it (DH)."""

    line: SlipLine
    working: tuple[Sentence, ...]
    remaining: Decimal


def working_of(line: SlipLine) -> tuple[Sentence, ...]:
    """The sentences that explain the amount of a line, as stored when it was computed."""
    stored: Any = line.working
    sentences = stored.get("working", []) if isinstance(stored, dict) else stored
    return tuple(Sentence.from_json(sentence) for sentence in sentences)


def contestable_lines(slip: PaymentSlip) -> list[ContestableLine]:
    """Each line of a slip, with what is left to contest on it."""
    lines = list(slip.lines.order_by("rank"))
    pending: dict[int, list[Decimal]] = {}
    granted: dict[int, list[Decimal]] = {}
    for item in DisputedItem.objects.filter(slip_line__in=lines).select_related("dispute"):
        if item.dispute.closed_at is None:
            pending.setdefault(item.slip_line_id, []).append(item.amount)
        elif item.granted is not None:
            granted.setdefault(item.slip_line_id, []).append(item.granted)
    return [
        ContestableLine(
            line,
            working_of(line),
            rules.contestable(
                line.amount, pending=pending.get(line.pk, []), granted=granted.get(line.pk, [])
            ),
        )
        for line in lines
    ]


def live_slips(affiliate: Affiliate) -> QuerySet[PaymentSlip]:
    """The slips on which something is or was asked: neither replaced nor cancelled, latest first."""
    return affiliate.slips.exclude(
        state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value]
    ).order_by("-period", "-id")


def slips_to_choose(affiliate: Affiliate) -> list[PaymentSlip]:
    """The latest slips with their lines, to choose what to contest."""
    return list(live_slips(affiliate).prefetch_related("lines")[:CONTESTABLE_SLIPS])


# ---------------------------------------------------------------- one dispute as a whole


@dataclass(frozen=True, slots=True)
class SlipShare:
    """A slip in a dispute: what remains due of it, what is held, what may be paid now (DH)."""

    slip: PaymentSlip
    held: Decimal
    payable: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A contested line with its working; ``held`` is what is held for it now (DH)."""

    item: DisputedItem
    working: tuple[Sentence, ...]
    held: Decimal


@dataclass(frozen=True, slots=True)
class Thread:
    """All that both sides see of a dispute."""

    dispute: Dispute
    items: list[Item]
    slips: list[SlipShare]
    steps: list[DisputeStep]
    decision: Decision | None
    clocks: Clocks
    contested: Decimal
    held: Decimal
    granted: Decimal


def thread_of(dispute: Dispute, today: datetime.date) -> Thread:
    """The dispute with everything said, held and decided; a constant number of queries."""
    rows = list(
        dispute.items.select_related("slip_line__slip", "hold").order_by(
            "slip_line__slip", "slip_line__rank"
        )
    )
    items = [Item(row, working_of(row.slip_line), _held(row.hold)) for row in rows]
    pieces = Prefetch("message__attachments", Attachment.objects.select_related("stored"))
    steps = dispute.steps.select_related("author", "message").prefetch_related(pieces)
    return Thread(
        dispute=dispute,
        items=items,
        slips=_slip_shares({row.slip_line.slip_id: row.slip_line.slip for row in rows}),
        steps=list(steps),
        decision=Decision.objects.filter(dispute=dispute)
        .select_related("decided_by", "examined_by")
        .first(),
        clocks=clocks_of(dispute, today),
        contested=sum((row.amount for row in rows), ZERO),
        held=sum((item.held for item in items), ZERO),
        granted=sum((row.granted or ZERO for row in rows), ZERO),
    )


def _held(hold: Hold | None) -> Decimal:
    return hold.amount if hold is not None and hold.released_at is None else ZERO


def _slip_shares(slips: Mapping[int, PaymentSlip]) -> list[SlipShare]:
    held: dict[int, list[Decimal]] = {}
    for slip_id, amount in Hold.objects.filter(
        slip__in=slips, released_at__isnull=True
    ).values_list("slip_id", "amount"):
        held.setdefault(slip_id, []).append(amount)
    return [_slip_share(slip, held.get(pk, [])) for pk, slip in slips.items()]


def _slip_share(slip: PaymentSlip, held: Iterable[Decimal]) -> SlipShare:
    payable = rules.payable_now(slip.outstanding, held)
    return SlipShare(slip, held=slip.outstanding - payable, payable=payable)


# ---------------------------------------------------------------- the staff desk


@dataclass(frozen=True, slots=True)
class SlipFile:
    """What the fund knows behind a contested slip: what was declared, what was paid, what was added."""

    slip: PaymentSlip
    declaration: Declaration
    employees: list[DeclarationLine]
    employees_left_out: int
    payments: list[Allocation]
    surcharges: list[Surcharge]
    paid: Decimal


# A clerk reads the first employees at a glance; the declaration itself lists them all.
EMPLOYEES_SHOWN = 25


def slip_files(thread: Thread) -> list[SlipFile]:
    """The declared facts, the payments and the surcharges of each slip of a dispute (DH)."""
    files = []
    for share in thread.slips:
        declaration = Declaration.objects.get(pk=share.slip.declaration_id)
        payments = list(
            Allocation.objects.filter(slip=share.slip, undoes__isnull=True, undone_by__isnull=True)
            .select_related("bank_line")
            .order_by("paid_on", "id")
        )
        files.append(
            SlipFile(
                slip=share.slip,
                declaration=declaration,
                employees=list(declaration.lines.order_by("rank")[:EMPLOYEES_SHOWN]),
                employees_left_out=max(0, declaration.employee_count - EMPLOYEES_SHOWN),
                payments=payments,
                surcharges=list(share.slip.surcharges.order_by("month_number")),
                paid=sum((payment.amount for payment in payments), ZERO),
            )
        )
    return files


def desk(
    disputes: QuerySet[Dispute],
    chosen: DeskFilter,
    *,
    user: User,
    today: datetime.date,
    limit: Decimal,
) -> QuerySet[Dispute]:
    """The queue of the staff: the clock that runs out first comes first; closed ones by their end.

    Adds ``contested``, ``held``, ``granted`` (DH) and ``next_due_on``, the day of the clock that runs.
    """
    queue = _with_next_due(with_amounts(disputes)).select_related("affiliate", "assigned_to")
    if chosen is DeskFilter.CLOSED:
        return queue.filter(closed_at__isnull=False).order_by("-closed_at")
    queue = queue.filter(closed_at__isnull=True).order_by("next_due_on", "id")
    if chosen is DeskFilter.MINE:
        return queue.filter(assigned_to=user)
    if chosen is DeskFilter.UNASSIGNED:
        return queue.filter(assigned_to__isnull=True)
    if chosen is DeskFilter.LATE:
        return queue.filter(next_due_on__lt=today)
    if chosen is DeskFilter.SECOND_PERSON:
        return queue.filter(contested__gt=limit)
    return queue


def _with_next_due(disputes: QuerySet[Dispute]) -> QuerySet[Any]:
    return disputes.annotate(
        next_due_on=Case(
            When(first_answered_at__isnull=True, then=F("first_answer_due_on")),
            default=F("decision_due_on"),
            output_field=DateField(),
        )
    )


def desk_counts(
    disputes: QuerySet[Dispute], *, user: User, today: datetime.date, limit: Decimal
) -> dict[DeskFilter, int]:
    """How many disputes each filter of the desk holds, in one query."""
    contested = (
        DisputedItem.objects.filter(dispute=OuterRef("pk"))
        .order_by()
        .values("dispute")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    running = Q(closed_at__isnull=True)
    counts = (
        _with_next_due(disputes)
        .annotate(contested=Subquery(contested, output_field=_MONEY))
        .aggregate(
            running=Count("pk", filter=running),
            mine=Count("pk", filter=running & Q(assigned_to=user)),
            unassigned=Count("pk", filter=running & Q(assigned_to__isnull=True)),
            late=Count("pk", filter=running & Q(next_due_on__lt=today)),
            second_person=Count("pk", filter=running & Q(contested__gt=limit)),
            closed=Count("pk", filter=~running),
        )
    )
    return {chosen: counts[chosen.value] for chosen in DeskFilter}


# ---------------------------------------------------------------- outcome figures


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the disputes opened in a span of days. Shares are whole percents; delays in days."""

    opened: int
    running: int
    withdrawn: int
    decided: int
    by_outcome: dict[Outcome, int]
    answered_in_time: int | None
    decided_in_time: int | None
    mean_days_to_decide: int | None


def figures(disputes: QuerySet[Dispute], since: datetime.datetime) -> Figures:
    """The outcome of the disputes opened at ``since`` or later; None where there is nothing to measure yet."""
    opened = disputes.filter(opened_at__gte=since)
    took = ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField())
    decided = Q(state=DisputeState.DECIDED.value)
    counts = opened.aggregate(
        opened=Count("pk"),
        running=Count("pk", filter=Q(closed_at__isnull=True)),
        withdrawn=Count("pk", filter=Q(state=DisputeState.WITHDRAWN.value)),
        decided=Count("pk", filter=decided),
        answered=Count("pk", filter=Q(first_answered_at__isnull=False)),
        answered_in_time=Count(
            "pk", filter=Q(first_answered_at__date__lte=F("first_answer_due_on"))
        ),
        decided_in_time=Count("pk", filter=decided & Q(closed_at__date__lte=F("decision_due_on"))),
        mean=Avg(took, filter=decided),
        **{
            outcome.name: Count("pk", filter=Q(decision__outcome=outcome.value))
            for outcome in Outcome
        },
    )
    return Figures(
        opened=counts["opened"],
        running=counts["running"],
        withdrawn=counts["withdrawn"],
        decided=counts["decided"],
        by_outcome={outcome: counts[outcome.name] for outcome in Outcome},
        answered_in_time=_percent(counts["answered_in_time"], counts["answered"]),
        decided_in_time=_percent(counts["decided_in_time"], counts["decided"]),
        mean_days_to_decide=counts["mean"].days if counts["mean"] else None,
    )


def _percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
