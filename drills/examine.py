"""What is found afterwards: each thing acknowledged, exactly once; nothing stuck; the accounts and the trace whole."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import OperationalError, connection
from django.db.models import Count, F

from certificates.models import Certificate
from damancom.backups import head_of_trace
from drills.load import Acknowledged
from payments import tasks
from payments.ledger_check import check
from payments.models import BankFile, BankLine, LedgerLine
from payments.workflows.bank_files import LEASE
from portal import audit
from portal.enums import JobState

SETTLE_SECONDS = 90
BUSY = [JobState.WAITING.value, JobState.RUNNING.value]


@dataclass(frozen=True)
class Found:
    """``lost``, ``doubled`` and ``stuck`` name what is wrong; ``ledger`` and ``trace`` are empty when whole."""

    lost: list[str]
    doubled: list[str]
    stuck: list[str]
    ledger: str
    trace: str
    settled_seconds: float

    @property
    def faults(self) -> list[str]:
        return [
            *(f"lost {one}" for one in self.lost),
            *(f"doubled {one}" for one in self.doubled),
            *(f"stuck {one}" for one in self.stuck),
            *filter(None, (self.ledger, self.trace)),
        ]


def examine(told: Acknowledged, *, known_head: str) -> Found:
    """Let the work that was begun finish, then look for what was acknowledged."""
    began = time.monotonic()
    stuck = _settle(SETTLE_SECONDS)
    settled = time.monotonic() - began
    lost, doubled = _compare(
        told.files,
        BankFile.objects.values_list("sha256", "receipt_number"),
    )
    lost_papers, doubled_papers = _compare(
        told.papers, [(str(intent), number) for intent, number in Certificate.objects.values_list("intent", "number")]
    )  # fmt: skip
    unposted = (
        BankLine.objects.filter(bank_file__sha256__in=told.files)
        .annotate(entries=Count("ledger_lines__entry", distinct=True))
        .filter(entries=0)
    )
    lost += [f"line {line.pk}" for line in unposted]
    checked = check()
    position, _colon, digest = known_head.partition(":")
    verified = audit.verify(known_head=(int(position), digest) if digest else None)
    return Found(
        lost + lost_papers,
        doubled + doubled_papers,
        stuck,
        str(checked.breaches[0]) if checked.breaches else "",
        str(verified.fault) if verified.fault else "",
        round(settled, 1),
    )


def head() -> str:
    """The head of the trace, noted before the blow: its tail may not be missing afterwards."""
    audit.seal(everywhere=True)
    return head_of_trace()


def _compare(told: dict[str, str], kept: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Keys that are not there under the number that was told, and keys that are there more than once."""
    found: dict[str, list[str]] = {}
    for key, number in kept:
        found.setdefault(key, []).append(number)
    lost = [key for key, number in told.items() if number not in found.get(key, [])]
    return lost, [key for key in told if len(found.get(key, [])) > 1]


def _settle(seconds: float) -> list[str]:
    """Wait for the rows to be done. A claim whose worker died is aged by its lease: the drill does not wait for it."""
    deadline = time.monotonic() + seconds
    aged = time.monotonic() + 10
    while True:
        try:
            waiting = BankFile.objects.filter(state__in=BUSY)
            if not waiting.exists():
                return []
            if time.monotonic() > aged:
                waiting.filter(state=JobState.RUNNING.value).update(
                    started_at=F("started_at") - LEASE
                )
                tasks.sweep_bank_files()
                aged = time.monotonic() + 10
            if time.monotonic() > deadline:
                return [f"{one.receipt_number} {one.state} {one.attempts}" for one in waiting]
        except OperationalError:
            connection.close()
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def total_posted() -> str:
    """The debits of the ledger so far, in dirhams."""
    return str(sum(LedgerLine.objects.values_list("debit", flat=True)))
