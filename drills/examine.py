"""What is found afterwards: each thing acknowledged, exactly once; nothing stuck; the accounts and the trace whole."""

import datetime
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db import OperationalError, connection
from django.db.models import Count, F
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from certificates.models import Certificate
from damancom.backups import head_of_trace
from damancom.celery import app
from damancom.metrics import JOBS
from drills.load import Acknowledged
from drills.watch import Watch
from payments.ledger_check import check
from payments.models import BankFile, BankLine
from portal import audit, clock
from portal.enums import JobState
from portal.models import Job

#: What the clock would send later is sent as often as this while the drill waits and nothing more gets done: each time
#: wakes a worker for every row that waits.
HURRY_EVERY = 3.0
#: A claim older than this, after the blow, is aged by its lease instead of being waited for; once for each claim.
SURELY_LOST = datetime.timedelta(seconds=4)


#: Which task of the schedule looks for each kind of work; any other is left to the portal's own clock.
SWEEPS = {
    "bank_file": "payments.tasks.sweep_bank_files",
    "declaration_file": "declarations.tasks.sweep_files",
    "debit_run": "payments.tasks.care_for_debits",
    "long_list": "certificates.tasks.sweep_papers",
    "data_copy": "damancom.tasks.sweep_copies",
    "mail": "portal.tasks.send_mails",
}


@dataclass(frozen=True)
class Found:
    """``lost``, ``doubled`` and ``stuck`` name what is wrong; ``ledger`` and ``trace`` are empty when whole."""

    lost: list[str]
    doubled: list[str]
    stuck: list[str]
    ledger: str
    trace: str
    #: How many of the acknowledged are there, once.
    sound: int

    @property
    def faults(self) -> list[str]:
        return [
            *(f"lost {one}" for one in self.lost),
            *(f"doubled {one}" for one in self.doubled),
            *(f"stuck {one}" for one in self.stuck),
            *filter(None, (self.ledger, self.trace)),
        ]


def examine(told: Acknowledged, *, known_head: str, watch: Watch) -> Found:
    """Let the work that was begun finish, then look for what was acknowledged."""
    watch.step("waiting for the work that was begun")
    stuck = _settle(watch)
    watch.step("looking for what was acknowledged")
    files = _compare(told.files, BankFile.objects.values_list("sha256", "receipt_number"))
    papers = _compare(
        told.papers, [(str(intent), number) for intent, number in Certificate.objects.values_list("intent", "number")]
    )  # fmt: skip
    lines = BankLine.objects.filter(bank_file__sha256__in=told.files).annotate(
        entries=Count("ledger_lines__entry", distinct=True)
    )
    unread = BankFile.objects.filter(sha256__in=told.files).exclude(state=JobState.DONE.value)
    stuck += [f"{one.receipt_number} {one.state}" for one in unread]
    checked = check()
    position, _colon, digest = known_head.partition(":")
    verified = audit.verify(known_head=(int(position), digest) if digest else None)
    astray = {*files.lost, *papers.lost, *files.doubled, *papers.doubled}
    return Found(
        files.lost + papers.lost + [f"line {line.pk}" for line in lines if not line.entries],
        files.doubled + papers.doubled + [f"line {line.pk}" for line in lines if line.entries > 1],
        stuck,
        f"accounts: {checked.breaches[0]}" if checked.breaches else "",
        f"trace: {verified.fault}" if verified.fault else "",
        told.count - len(astray),
    )


def head() -> str:
    """The head of the trace, noted before the blow: its tail may not be missing afterwards."""
    audit.seal(everywhere=True)
    return head_of_trace()


@dataclass(frozen=True)
class Compared:
    """What was told and is not there, and what is there more than once."""

    lost: list[str]
    doubled: list[str]


def _compare(told: dict[str, str], kept: Iterable[tuple[str, str]]) -> Compared:
    found: dict[str, list[str]] = {}
    for key, number in kept:
        found.setdefault(key, []).append(number)
    return Compared(
        [key for key, number in told.items() if number not in found.get(key, [])],
        [key for key in told if len(found.get(key, [])) > 1],
    )


def _settle(watch: Watch) -> list[str]:
    """Wait until no row of any kind waits or is in hand; what still does when the scene is nearly over is stuck.

    The clock is hurried and the claims of dead workers are aged, so that the drill does not wait five minutes for what
    the portal's own clock finds within them (tests/house/test_leases.py).
    """
    give_up = time.monotonic() + watch.left * 0.7
    next_hurry = time.monotonic()
    aged: set[tuple[str, int, int]] = set()
    fewest = sys.maxsize
    while True:
        try:
            waiting = _unfinished()
            if not waiting:
                return []
            if time.monotonic() > give_up:
                return [f"{kind} {key}" for kind, keys in waiting.items() for key in keys]
            left = sum(map(len, waiting.values()))
            if left < fewest and fewest < sys.maxsize:
                next_hurry = time.monotonic() + HURRY_EVERY
            fewest = min(fewest, left)
            if time.monotonic() >= next_hurry:
                _age(aged)
                _hurry(waiting)
                next_hurry = time.monotonic() + HURRY_EVERY
        except OperationalError:
            connection.close()
            if time.monotonic() > give_up:
                raise
        time.sleep(0.2)


def _unfinished() -> dict[str, list[int]]:
    """What somebody must still do, whoever has it in hand: every kind of work that is measured."""
    busy, now = [JobState.WAITING.value, JobState.RUNNING.value], clock.now()
    found = {
        kind: list(
            model._default_manager.filter(state__in=busy, **{f"{since}__lte": now}).values_list(
                "pk", flat=True
            )
        )
        for kind, model, since in JOBS
    }
    return {kind: keys for kind, keys in found.items() if keys}


def _age(aged: set[tuple[str, int, int]]) -> None:
    """Age the claims of which nothing was heard for seconds, each once."""
    silent_since = clock.now() - SURELY_LOST
    for kind in apps.get_models():
        if not issubclass(kind, Job):
            continue
        rows = kind._default_manager.filter(state=JobState.RUNNING.value)
        for pk, attempts in rows.filter(started_at__lte=silent_since).values_list("pk", "attempts"):
            claim = (kind._meta.label, pk, attempts)
            if claim not in aged:
                aged.add(claim)
                rows.filter(pk=pk, attempts=attempts).update(
                    started_at=F("started_at") - kind.LEASE
                )


def _hurry(waiting: Iterable[str]) -> None:
    """Send at once what the clock would send for these kinds of work."""
    for kind in SWEEPS.keys() & set(waiting):
        try:
            app.send_task(SWEEPS[kind], retry=False)
        except (BrokerAway, RedisError, ConnectionError):
            return
