"""What an affiliate may contest: each thing found among its own, in words, with what is left to contest of it."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q

from affiliates.enums import RegistrationState
from affiliates.models import Affiliate, RegistrationRequest
from declarations.finding_texts import TEXTS
from declarations.models import FileFinding
from disputes import rules
from disputes.enums import DisputeState, RefusedPaper, SubjectKind
from disputes.models import DisputedItem
from disputes.rules import Subject
from payments.enums import ActKind, ActState, EntryKind, GraceState, SlipState
from payments.models import (
    Allocation,
    ClerkAct,
    FilingPenalty,
    GraceRequest,
    LedgerLine,
    PaymentSlip,
    SlipLine,
    Surcharge,
)
from payments.queries import receipts_for, sentences_of
from payments.queries.debits import left_called
from portal.clock import day_of
from regulation.enums import Branch
from regulation.money import ZERO, format_amount
from regulation.text import Sentence, _

# What an employer may still want to contest at a glance; the rest stays reachable from its own page.
CONTESTABLE_SLIPS = 12
RECENT = 12

_SURCHARGE = _("Majoration de retard, mois n° {month}, code {code}")
_PENALTY = _("Astreinte pour déclaration tardive, code {code}")
_PAYMENT = _("Paiement de {amount} DH du {day}, opération {reference}")
_MOVEMENT = _("Mouvement du {day} : {kind}, {amount} DH")
_REFUSED_REGISTRATION = _("Refus de la demande d’immatriculation {number}")
_REFUSED_GRACE = _("Refus de la remise ou de l’échelonnement demandé le {day}")
_REFUSED_REFUND = _("Refus du remboursement de {amount} DH demandé le {day}")
_REFUSED_PAPER = _("Refus d’un document : {paper}")
_FINDING = _("Anomalie {code}, ligne {line} du fichier reçu le {day} : {title}")
_FINDING_OF_FILE = _("Anomalie {code} du fichier reçu le {day} : {title}")


@dataclass(frozen=True, slots=True)
class Contestable:
    """One thing with its working and what is left to contest of it (DH); no amount when none is at stake.

    ``row`` is what the item will name; ``due`` is what would be held.
    """

    subject: Subject
    label: Sentence
    period: datetime.date | None
    amount: Decimal | None
    remaining: Decimal
    working: tuple[Sentence, ...] = ()
    row: Any = None
    slip: PaymentSlip | None = None

    @property
    def line(self) -> SlipLine | None:
        """The line of a slip that it is, if it is one."""
        return self.row if isinstance(self.row, SlipLine) else None

    @property
    def is_open(self) -> bool:
        """Whether something of it is still to contest: an amount, or the thing as a whole."""
        return self.amount is None or self.remaining > ZERO


def found(affiliate: Affiliate, subjects: Iterable[Subject]) -> list[Contestable]:
    """What these subjects are among the affiliate's own, in their order; those that are not there are left out.

    A movement that called a due stands for that due: the lines of its slip, its surcharge or its penalty.
    """
    wanted = list(dict.fromkeys(_behind(affiliate, subjects)))
    by_kind: dict[SubjectKind, list[Subject]] = defaultdict(list)
    for subject in wanted:
        by_kind[subject.kind].append(subject)
    known: dict[Subject, Contestable] = {}
    for kind, asked in by_kind.items():
        known |= {each.subject: each for each in _FINDERS[kind](affiliate, asked)}
    return [known[subject] for subject in wanted if subject in known]


def _rows(subjects: Iterable[Subject]) -> list[int]:
    return [subject.row for subject in subjects if subject.row is not None]


def _behind(affiliate: Affiliate, subjects: Iterable[Subject]) -> Iterator[Subject]:
    subjects = list(subjects)
    movements = _rows(each for each in subjects if each.kind is SubjectKind.MOVEMENT)
    rows = LedgerLine.objects.filter(pk__in=movements, account__affiliate=affiliate).select_related(
        "entry"
    )
    dues = {row.pk: row for row in rows}
    for subject in subjects:
        row = dues.get(subject.row or 0) if subject.kind is SubjectKind.MOVEMENT else None
        kind = row.entry.kind if row else ""
        if row and kind == EntryKind.SLIP_ISSUED:
            lines = SlipLine.objects.filter(slip=row.slip_id).order_by("rank")
            for pk in lines.values_list("pk", flat=True):
                yield Subject.of(SubjectKind.LINE, pk)
        elif row and kind == EntryKind.SURCHARGE_ASSESSED:
            yield Subject.of(SubjectKind.SURCHARGE, row.surcharge_id)
        elif row and kind == EntryKind.PENALTY_ASSESSED:
            yield Subject.of(SubjectKind.PENALTY, row.filing_penalty_id)
        else:
            yield subject


# ---------------------------------------------------------------- what asks for money


def live_slips(affiliate: Affiliate) -> Any:
    """The slips on which something is or was asked: neither replaced nor cancelled, latest first."""
    return affiliate.slips.exclude(
        state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value]
    ).order_by("-period", "-id")


def working_of(line: SlipLine) -> tuple[Sentence, ...]:
    """The sentences that explain the amount of a line, as stored when it was computed."""
    return sentences_of(line.working)


def working_of_surcharge(row: Surcharge) -> tuple[Sentence, ...]:
    """The sentences of each group of a surcharge, as stored when it was assessed."""
    groups = row.working.get("groups", ())
    return tuple(Sentence.from_json(said) for group in groups for said in group.get("working", ()))


def _lines(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    rows = SlipLine.objects.filter(pk__in=_rows(subjects), slip__affiliate=affiliate)
    yield from of_lines(list(rows.select_related("slip")))


def of_lines(lines: Collection[SlipLine]) -> list[Contestable]:
    """Each of these lines, with what is left to contest on it; their slips are loaded."""
    pending: dict[int, list[Decimal]] = defaultdict(list)
    granted: dict[int, list[Decimal]] = defaultdict(list)
    for item in DisputedItem.objects.filter(slip_line__in=lines).select_related("dispute"):
        key = item.slip_line_id or 0
        if item.dispute.closed_at is None:
            pending[key].append(item.stake)
        elif item.granted is not None:
            granted[key].append(item.granted)
    return [
        Contestable(
            Subject.of(SubjectKind.LINE, line.pk),
            Sentence(Branch(line.branch).label),
            line.slip.period,
            line.amount,
            rules.contestable(line.amount, pending=pending[line.pk], granted=granted[line.pk]),
            working_of(line),
            line,
            line.slip,
        )
        for line in lines
    ]


def _surcharges(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    rows = Surcharge.objects.filter(pk__in=_rows(subjects), slip__affiliate=affiliate)
    yield from of_surcharges(list(rows.select_related("slip")))


def of_surcharges(rows: Collection[Surcharge]) -> list[Contestable]:
    """Each of these surcharges, their slips loaded."""
    pending = _pending("surcharge", rows)
    return [
        Contestable(
            Subject.of(SubjectKind.SURCHARGE, row.pk),
            Sentence(_SURCHARGE, {"month": str(row.month_number), "code": row.payment_reference}),
            row.slip.period,
            row.standing,
            rules.contestable(left_called(row), pending=pending[row.pk], granted=()),
            working_of_surcharge(row),
            row,
            row.slip,
        )
        for row in rows
    ]


def _penalties(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    yield from of_penalties(
        list(FilingPenalty.objects.filter(pk__in=_rows(subjects), affiliate=affiliate))
    )


def of_penalties(rows: Collection[FilingPenalty]) -> list[Contestable]:
    """Each of these filing penalties."""
    pending = _pending("filing_penalty", rows)
    return [
        Contestable(
            Subject.of(SubjectKind.PENALTY, row.pk),
            Sentence(_PENALTY, {"code": row.payment_reference}),
            row.period,
            row.amount,
            rules.contestable(left_called(row), pending=pending[row.pk], granted=()),
            sentences_of(row.working),
            row,
        )
        for row in rows
    ]


def _pending(column: str, rows: Collection[Any]) -> Mapping[int, list[Decimal]]:
    found: dict[int, list[Decimal]] = defaultdict(list)
    items = DisputedItem.objects.filter(**{f"{column}__in": rows}, dispute__closed_at__isnull=True)
    for key, amount in items.values_list(f"{column}_id", "amount"):
        found[key].append(amount)
    return found


# ---------------------------------------------------------------- what is contested as a whole


def _payments(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    yield from map(of_payment, receipts_for(affiliate).filter(pk__in=_rows(subjects)))


def of_payment(row: Allocation) -> Contestable:
    """A payment received, with its bank line loaded."""
    facts = {
        "amount": format_amount(row.amount),
        "day": _numeric(row.paid_on),
        "reference": row.bank_line.bank_ref or str(row.bank_line.rank),
    }
    due = row.slip or (row.surcharge.slip if row.surcharge else row.filing_penalty)
    return Contestable(
        Subject.of(SubjectKind.PAYMENT, row.pk),
        Sentence(_PAYMENT, facts),
        due.period if due else None,
        None,
        ZERO,
        row=row,
        slip=row.slip,
    )


def _movements(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    rows = LedgerLine.objects.filter(pk__in=_rows(subjects), account__affiliate=affiliate)
    for row in rows.select_related("entry"):
        facts = {
            "day": _numeric(row.entry.booked_on),
            "kind": EntryKind(row.entry.kind).label,
            "amount": format_amount(row.debit or row.credit),
        }
        label = Sentence(_MOVEMENT, facts, ("kind",))
        subject = Subject.of(SubjectKind.MOVEMENT, row.pk)
        yield Contestable(subject, label, row.period, None, ZERO, row=row)


def _findings(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    rows = FileFinding.objects.filter(
        pk__in=_rows(subjects), received_file__affiliate=affiliate
    ).select_related("received_file")
    for row in rows:
        # Neither the value read nor the name of anybody: what is found, and where.
        facts = {
            "code": row.code,
            "day": _numeric(day_of(row.received_file.received_at)),
            "title": TEXTS[row.code].title,
        }
        message = _FINDING_OF_FILE
        if row.line_number:
            message, facts["line"] = _FINDING, str(row.line_number)
        subject = Subject.of(SubjectKind.FINDING, row.pk)
        label = Sentence(message, facts, ("title",))
        yield Contestable(subject, label, row.received_file.period, None, ZERO)


def _refusals(affiliate: Affiliate, subjects: Sequence[Subject]) -> Iterator[Contestable]:
    for subject in subjects:
        label = refusal_of(affiliate, subject.key)
        if label is not None:
            yield Contestable(subject, label, None, None, ZERO)


def refusal_of(affiliate: Affiliate, key: str) -> Sentence | None:
    """The refusal that a key names (« grace.12 », « registration.5 », « refund.3 », « paper.standing »), in words."""
    what, _point, which = key.partition(".")
    if what == "paper":
        papers = {paper.value: paper for paper in RefusedPaper}
        if which not in papers:
            return None
        return Sentence(_REFUSED_PAPER, {"paper": papers[which].label}, ("paper",))
    if not (which.isascii() and which.isdigit() and len(which) < 16):
        return None
    if what == "registration":
        request = RegistrationRequest.objects.filter(
            affiliate=affiliate, pk=which, state=RegistrationState.REFUSED.value
        ).first()
        return Sentence(_REFUSED_REGISTRATION, {"number": request.number}) if request else None
    if what == "grace":
        grace = GraceRequest.objects.filter(
            affiliate=affiliate, pk=which, state=GraceState.REFUSED.value
        ).first()
        asked = _numeric(day_of(grace.requested_at)) if grace else ""
        return Sentence(_REFUSED_GRACE, {"day": asked}) if grace else None
    act = ClerkAct.objects.filter(
        Q(requested_by__isnull=False),
        affiliate=affiliate,
        pk=which,
        kind=ActKind.REFUND.value,
        state=ActState.REFUSED.value,
    ).first()
    if what != "refund" or act is None:
        return None
    facts = {"amount": format_amount(act.amount), "day": _numeric(day_of(act.requested_at))}
    return Sentence(_REFUSED_REFUND, facts)


def _numeric(day: datetime.date) -> str:
    """A day that reads the same in both languages."""
    return f"{day:%d/%m/%Y}"


_FINDERS = {
    SubjectKind.LINE: _lines,
    SubjectKind.SURCHARGE: _surcharges,
    SubjectKind.PENALTY: _penalties,
    SubjectKind.PAYMENT: _payments,
    SubjectKind.MOVEMENT: _movements,
    SubjectKind.REFUSAL: _refusals,
    SubjectKind.FINDING: _findings,
}


# ---------------------------------------------------------------- choosing


@dataclass(frozen=True, slots=True)
class Choices:
    """What is offered first: the latest slips, each with what was called about it, the other sums, the payments."""

    slips: list[tuple[PaymentSlip, list[Contestable]]]
    penalties: list[Contestable]
    payments: list[Contestable]
    refusals: list[Contestable]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to contest yet."""
        return not (self.slips or self.penalties or self.payments or self.refusals)


def choices(affiliate: Affiliate) -> Choices:
    """What the affiliate may choose to contest; the number of queries does not grow with it."""
    slips = list(live_slips(affiliate).prefetch_related("lines", "surcharges")[:CONTESTABLE_SLIPS])
    penalties = affiliate.filing_penalties.order_by("-period")[:RECENT]
    return Choices(
        [
            (
                slip,
                [
                    *map(_line_choice, slip.lines.all()),
                    *map(_surcharge_choice, slip.surcharges.all()),
                ],
            )
            for slip in slips
        ],
        [_penalty_choice(row) for row in penalties],
        [
            of_payment(row)
            for row in receipts_for(affiliate).filter(undone_by__isnull=True)[:RECENT]
        ],
        [*found(affiliate, _refused(affiliate))],
    )


def _line_choice(line: SlipLine) -> Contestable:
    label = Sentence(Branch(line.branch).label)
    subject = Subject.of(SubjectKind.LINE, line.pk)
    return Contestable(subject, label, None, line.amount, line.amount)


def _surcharge_choice(row: Surcharge) -> Contestable:
    facts = {"month": str(row.month_number), "code": row.payment_reference}
    subject = Subject.of(SubjectKind.SURCHARGE, row.pk)
    return Contestable(subject, Sentence(_SURCHARGE, facts), None, row.standing, row.standing)


def _penalty_choice(row: FilingPenalty) -> Contestable:
    label = Sentence(_PENALTY, {"code": row.payment_reference})
    subject = Subject.of(SubjectKind.PENALTY, row.pk)
    return Contestable(subject, label, row.period, row.amount, row.amount)


def _refused(affiliate: Affiliate) -> Iterator[Subject]:
    graces = affiliate.graces.filter(state=GraceState.REFUSED.value).order_by("-pk")
    refunds = affiliate.clerk_acts.filter(
        kind=ActKind.REFUND.value, state=ActState.REFUSED.value, requested_by__isnull=False
    ).order_by("-pk")
    people = affiliate.registration_requests.filter(state=RegistrationState.REFUSED.value).order_by(
        "-pk"
    )
    for name, rows in (("grace", graces), ("refund", refunds), ("registration", people)):
        for pk in rows.values_list("pk", flat=True)[:3]:
            yield Subject.of(SubjectKind.REFUSAL, f"{name}.{pk}")


def already_contested(affiliate: Affiliate, wanted: Contestable) -> str:
    """The number of the running dispute about something that has no amount; empty when there is none."""
    columns = {SubjectKind.PAYMENT: "payment", SubjectKind.MOVEMENT: "movement"}
    kind = wanted.subject.kind
    about: dict[str, Any] = (
        {columns[kind]: wanted.row} if kind in columns else {"key": wanted.subject.key}
    )
    running = DisputedItem.objects.filter(
        dispute__affiliate=affiliate, kind=kind.value, **about
    ).exclude(dispute__state__in=[DisputeState.WITHDRAWN.value, DisputeState.DECIDED.value])
    return running.values_list("dispute__number", flat=True).first() or ""
