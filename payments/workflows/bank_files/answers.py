"""A pain.002 followed to the orders it answers. A status applies downward; what it does not name stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Final

from django.db import transaction

from payments.codecs import pain_status
from payments.codecs.faults import Fault, Faults, fault, quoted
from payments.codecs.pain_status import MIXED, Status
from payments.codecs.reasons import iso_of
from payments.models import BankFile, DebitOrder, DebitRun
from payments.workflows.debits.answers import Answer, answer_order
from portal import jobs
from portal.clock import CASABLANCA
from regulation.text import _

_RENEWED_EVERY: Final = 1_000
"""Answers, one transaction each, after which the worker says again that it is alive."""

_UNKNOWN = _("aucune de nos remises à cette banque")


def run_of(bank_file: BankFile, message_id: str) -> DebitRun | None:
    """Our file of orders with this identifier, sent to this very bank: another bank answers for none of its orders."""
    return DebitRun.objects.filter(
        message_id=message_id, bank_account__bank=bank_file.bank_id, sent_at__isnull=False
    ).first()


def check_run(bank_file: BankFile, stream: IO[bytes], faults: Faults) -> None:
    """What only our books know of an answer: which file it speaks of, and its count and sum (E-F14)."""
    report = pain_status.inspect(stream)
    run = run_of(bank_file, report.original_message_id)
    if run is None:
        faults.add(
            "E-F09",
            schema="pain.002",
            element="OrgnlMsgId",
            valeur=quoted(report.original_message_id),
            ligne="–",
            detail=_UNKNOWN,
        )
        return
    count = run.order_count if report.original_count is None else report.original_count
    total = run.total if report.original_sum is None else report.original_sum
    if (count, total) != (run.order_count, run.total):
        faults.add(
            "E-F14", n1=count, s1=total, n2=run.order_count, s2=run.total, ecart=run.total - total
        )


@dataclass(slots=True)
class _Said:
    """The statuses of one message by what they speak of."""

    file: Status | None = None
    blocks: dict[str, Status] = field(default_factory=dict)
    orders: dict[str, Status] = field(default_factory=dict)

    def of(self, order: DebitOrder) -> Status | None:
        """What was said of this order, at the lowest level that says something; None: it stays unknown."""
        own = self.orders.get(order.reference)
        if own is not None:
            return own
        for above in (*self.blocks.values(), self.file):
            if above is not None and above.code and above.code != MIXED:
                return above
        return None


def apply_answers(bank_file: BankFile, stream: IO[bytes], at: datetime) -> None:
    """Tell each order what the bank said of it, one transaction an order; safe to run twice and to stop anywhere.

    An answer that the state of its order does not allow is kept with the order and told to the bank (L23), an order
    that is not of this file too (L22).
    """
    report = pain_status.inspect(stream)
    run = run_of(bank_file, report.original_message_id)
    if run is None or report.created_at is None:
        return
    said = _Said()
    for status in pain_status.read(stream):
        if status.level == "order":
            said.orders[status.end_to_end] = status
        elif status.level == "block":
            said.blocks[status.block] = status
        else:
            said.file = status
    said_at = report.created_at
    if said_at.tzinfo is None:
        said_at = said_at.replace(tzinfo=CASABLANCA)
    told: list[Fault] = []
    agreed = bank_file.profile.reading.reasons if bank_file.profile else {}
    known: set[str] = set()
    for rank, order in enumerate(run.orders.order_by("pk"), start=1):
        known.add(order.reference)
        about = said.of(order)
        if about is None or not about.code:
            continue
        iso, is_known = iso_of(about.reason, agreed) if about.reason else ("", True)
        if not is_known:
            told.append(fault("L21", rang=rank, code=quoted(iso)))
        if rank % _RENEWED_EVERY == 0:
            jobs.renew(bank_file)
        outcome = answer_order(order_id=order.pk, answer=_answer(about, iso, said_at), at=at)
        if not outcome.possible:
            told.append(
                fault(
                    "L23",
                    rang=rank,
                    ref=order.reference,
                    etat=outcome.was.label,
                    evenement=about.code,
                )
            )
    told += _strangers(said.orders, known)
    _tell(bank_file, told)


def _answer(status: Status, reason: str, said_at: datetime) -> Answer:
    return Answer(
        status=status.code,
        said_at=said_at,
        reason=reason[:35],
        reason_text=status.reason_text,
        bank_ref=status.bank_ref,
    )


def _strangers(orders: Mapping[str, Status], known: set[str]) -> list[Fault]:
    return [
        fault("L22", rang=rank, ref=quoted(reference) or "–")
        for rank, reference in enumerate(orders, start=1)
        if reference not in known
    ][:100]


@transaction.atomic
def _tell(bank_file: BankFile, told: list[Fault]) -> None:
    """Keep what is told of single orders with the file; the same again is not added."""
    locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
    new = [{"code": one.code, "facts": dict(one.facts)} for one in told]
    locked.faults = [*locked.faults, *(one for one in new if one not in locked.faults)]
    locked.save(update_fields=["faults"])
