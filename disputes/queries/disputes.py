"""What both sides look at: the list, one dispute as a whole, the desk of the staff, the figures of outcomes."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateField,
    DecimalField,
    Exists,
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

from affiliates.enums import StaffRole
from affiliates.models import Affiliate, StaffAssignment
from declarations.models import Declaration, DeclarationLine
from disputes import rules
from disputes.enums import ClockName, DeskFilter, DisputeState, SubjectKind
from disputes.models import (
    AnswerTemplate,
    Attachment,
    Decision,
    Dispute,
    DisputedItem,
    DisputeStep,
    Escalation,
)
from disputes.queries.subjects import working_of, working_of_surcharge
from disputes.transitions import Clock, read_clock
from payments.models import Allocation, FilingPenalty, Hold, PaymentSlip, Surcharge
from payments.queries import sentences_of
from payments.queries.debits import Payable, field_of, held_on
from portal import audit, clock
from portal.models import User
from regulation.money import ZERO
from regulation.text import Sentence

_MONEY = DecimalField(max_digits=17, decimal_places=2)
_LIVE_HOLD = Q(items__hold__isnull=False, items__hold__released_at__isnull=True)
# A clock that ran out and still runs: an answer given since settles the first one.
_LATE_DECISION = Escalation.objects.filter(dispute=OuterRef("pk"), clock=ClockName.DECISION.value)
_LATE_ANSWER = Escalation.objects.filter(
    dispute=OuterRef("pk"), clock=ClockName.FIRST_ANSWER.value, dispute__first_answered_at=None
)
_ESCALATED = Q(Exists(_LATE_DECISION)) | Q(Exists(_LATE_ANSWER))


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


# ---------------------------------------------------------------- one dispute as a whole


@dataclass(frozen=True, slots=True)
class DueShare:
    """A due in a dispute: what remains of it, what is held, what may be paid now (DH)."""

    due: Payable
    held: Decimal
    payable: Decimal

    @property
    def slip(self) -> PaymentSlip | None:
        """The slip, when the due is one."""
        return self.due if isinstance(self.due, PaymentSlip) else None

    @property
    def kind(self) -> SubjectKind:
        """What it is: a slip is named by its lines."""
        if isinstance(self.due, Surcharge):
            return SubjectKind.SURCHARGE
        return SubjectKind.PENALTY if isinstance(self.due, FilingPenalty) else SubjectKind.LINE

    @property
    def period(self) -> datetime.date:
        """The declared month that it is about."""
        return self.due.slip.period if isinstance(self.due, Surcharge) else self.due.period


@dataclass(frozen=True, slots=True)
class Item:
    """Something contested, with its working; ``held`` is what is held for it now (DH)."""

    item: DisputedItem
    working: tuple[Sentence, ...]
    held: Decimal

    @property
    def slip(self) -> PaymentSlip | None:
        """The slip that it is about, if it is about one."""
        if self.item.slip_line is not None:
            return self.item.slip_line.slip
        if self.item.surcharge is not None:
            return self.item.surcharge.slip
        return self.item.payment.slip if self.item.payment is not None else None


@dataclass(frozen=True, slots=True)
class Thread:
    """All that both sides see of a dispute."""

    dispute: Dispute
    items: list[Item]
    dues: list[DueShare]
    steps: list[DisputeStep]
    decision: Decision | None
    clocks: Clocks
    contested: Decimal
    held: Decimal
    granted: Decimal
    escalations: list[Escalation]


def thread_of(dispute: Dispute, today: datetime.date) -> Thread:
    """The dispute with everything said, held and decided; a constant number of queries."""
    rows = list(
        dispute.items.select_related(
            "slip_line__slip",
            "surcharge__slip",
            "filing_penalty",
            "payment__slip",
            "payment__bank_line__bank_file__bank",
            "movement__entry",
            "hold",
        ).order_by("slip_line__slip", "slip_line__rank", "pk")
    )
    items = [Item(row, _working(row), _held(row.hold)) for row in rows]
    pieces = Prefetch("message__attachments", Attachment.objects.select_related("stored"))
    steps = dispute.steps.select_related("author", "message__meeting").prefetch_related(pieces)
    return Thread(
        dispute=dispute,
        items=items,
        dues=_shares(rows),
        steps=audit.with_offices_of_authors(steps, dispute),
        decision=Decision.objects.filter(dispute=dispute)
        .select_related("decided_by", "examined_by")
        .first(),
        clocks=clocks_of(dispute, today),
        contested=sum((row.stake for row in rows), ZERO),
        held=sum((item.held for item in items), ZERO),
        granted=sum((row.granted or ZERO for row in rows), ZERO),
        escalations=list(dispute.escalations.all()),
    )


def _held(hold: Hold | None) -> Decimal:
    return hold.amount if hold is not None and hold.released_at is None else ZERO


def _working(item: DisputedItem) -> tuple[Sentence, ...]:
    if item.slip_line is not None:
        return working_of(item.slip_line)
    if item.surcharge is not None:
        return working_of_surcharge(item.surcharge)
    return sentences_of(item.filing_penalty.working) if item.filing_penalty else ()


def _shares(items: Iterable[DisputedItem]) -> list[DueShare]:
    dues: dict[tuple[str, int], Payable] = {}
    for item in items:
        due = item.slip_line.slip if item.slip_line else item.surcharge or item.filing_penalty
        if due is not None:
            dues[field_of(due), due.pk] = due
    held = held_on(list(dues.values()))
    found = []
    for key, due in dues.items():
        payable = rules.payable_now(due.outstanding, [held.get(key, ZERO)])
        found.append(DueShare(due, held=due.outstanding - payable, payable=payable))
    return found


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
    slips = {row.slip.pk: row.slip for row in thread.items if row.slip is not None}
    for slip in slips.values():
        declaration = Declaration.objects.get(pk=slip.declaration_id)
        payments = list(
            Allocation.objects.filter(slip=slip, undoes__isnull=True, undone_by__isnull=True)
            .select_related("bank_line")
            .order_by("paid_on", "id")
        )
        files.append(
            SlipFile(
                slip=slip,
                declaration=declaration,
                employees=list(declaration.lines.order_by("rank")[:EMPLOYEES_SHOWN]),
                employees_left_out=max(0, declaration.employee_count - EMPLOYEES_SHOWN),
                payments=payments,
                surcharges=list(slip.surcharges.order_by("month_number")),
                paid=sum((payment.amount for payment in payments), ZERO),
            )
        )
    return files


def people_of_the_desk(disputes: QuerySet[Dispute]) -> QuerySet[User]:
    """Whom a file may be given to: the clerks of the agencies concerned, and every supervisor."""
    agencies = disputes.filter(closed_at__isnull=True).order_by().values("affiliate__agency")
    rows = StaffAssignment.objects.filter(
        Q(role=StaffRole.SUPERVISOR.value) | Q(role=StaffRole.CLERK.value, agency__in=agencies)
    )
    return User.objects.filter(pk__in=rows.values("user"), is_active=True, is_staff=True).order_by(
        "full_name"
    )


def templates_for(dispute: Dispute) -> QuerySet[AnswerTemplate]:
    """The words offered for this dispute, those of its ground first."""
    return (
        AnswerTemplate.objects.filter(
            Q(ground="") | Q(ground=dispute.ground), withdrawn_at__isnull=True
        )
        .annotate(is_general=Q(ground=""))
        .order_by("is_general", "title", "pk")
    )


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
    if chosen is DeskFilter.ESCALATED:
        return queue.filter(is_escalated=True)
    if chosen is DeskFilter.APPEALS:
        return queue.filter(appeal_of__isnull=False)
    if chosen is DeskFilter.SECOND_PERSON:
        return queue.filter(contested__gt=limit)
    return queue


def _with_next_due(disputes: QuerySet[Dispute]) -> QuerySet[Any]:
    return disputes.annotate(
        is_escalated=_ESCALATED,
        next_due_on=Case(
            When(first_answered_at__isnull=True, then=F("first_answer_due_on")),
            default=F("decision_due_on"),
            output_field=DateField(),
        ),
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
            escalated=Count("pk", filter=running & Q(is_escalated=True)),
            appeals=Count("pk", filter=running & Q(appeal_of__isnull=False)),
            second_person=Count("pk", filter=running & Q(contested__gt=limit)),
            closed=Count("pk", filter=~running),
        )
    )
    return {chosen: counts[chosen.value] for chosen in DeskFilter}
