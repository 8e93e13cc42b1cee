"""Receiving many files at once: each finds its firm and its month by its name, and has its own outcome."""

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from affiliates.access import open_all
from affiliates.enums import Scope
from affiliates.models import Affiliate
from declarations.errors import DepositNameNotRead, DepositNotYours
from declarations.models import Deposit, DepositedFile, ReceivedFile
from declarations.workflows.files import receive_file
from portal import audit
from portal.clock import day_of
from portal.models import User
from regulation.errors import DomainError
from regulation.periods import Period

_NUMBER = re.compile(r"(?<![0-9])([0-9]{7})(?![0-9])")
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})[-_ ]?(0[1-9]|1[0-2])(?![0-9])")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came: its name, and its bytes, or why they could not be read."""

    name: str
    content: bytes = b""
    refused: DomainError | None = None


def place_of_name(name: str) -> tuple[str, Period]:
    """The affiliation number and the month that a name holds: DS_1234567_202610.txt, 1234567-2026-10.xlsx."""
    number = _NUMBER.search(name)
    month = _MONTH.search(name, number.end()) if number else None
    if number is None or month is None:
        raise DepositNameNotRead
    return number[1], Period(int(month[1]), int(month[2]))


def take_deposit(
    *, actor: User, at: datetime.datetime, intent: UUID, files: Iterable[Sent]
) -> tuple[Deposit, list[ReceivedFile]]:
    """Receive each of these files for the firm and the month of its name; says which checks are due.

    One transaction for each file, with its line in the deposit: what is received is acknowledged even when the next
    file is refused or the server stops. The same intent goes on where it stopped; files received then stay as they
    are. A file whose name tells nothing, or names a firm for which the sender may not declare, is refused
    (DepositNameNotRead, DepositNotYours); so is what `receive_file` refuses. Somebody else's intent is another deposit.
    """
    deposit, _created = Deposit.objects.get_or_create(
        intent=intent, sent_by=actor, defaults={"sent_at": at}
    )
    known = set(DepositedFile.objects.filter(deposit=deposit).values_list("rank", flat=True))
    due = []
    for rank, sent in enumerate(files):
        if rank not in known:
            file = _take(actor, at, deposit, rank, sent)
            if file is not None:
                due.append(file)
    return deposit, due


def _take(
    actor: User, at: datetime.datetime, deposit: Deposit, rank: int, sent: Sent
) -> ReceivedFile | None:
    entry = DepositedFile(deposit=deposit, rank=rank, name=sent.name[:255])
    try:
        with transaction.atomic():
            if sent.refused is not None:
                raise sent.refused
            affiliate, period = _place(actor, at, sent.name)
            file, is_due = receive_file(
                actor=actor,
                at=at,
                affiliate=affiliate,
                period=period,
                name=sent.name,
                chunks=_chunks(sent.content),
            )
            entry.file = file
            entry.save(force_insert=True)
            return file if is_due else None
    except DomainError as refusal:
        entry.file = None
        entry.refusal = refusal.message
        entry.facts = {name: str(value) for name, value in refusal.facts.items()}
        with transaction.atomic():
            entry.save(force_insert=True)
            audit.record(actor=actor, action="declarations.deposit.refused", subject=entry)
        return None


def _place(actor: User, at: datetime.datetime, name: str) -> tuple[Affiliate, Period]:
    number, period = place_of_name(name)
    found = open_all(actor, [number], Scope.DECLARE, on=day_of(at))
    if not found:
        raise DepositNotYours(number=number)
    return found[0], period


def _chunks(content: bytes) -> Iterator[bytes]:
    yield content
