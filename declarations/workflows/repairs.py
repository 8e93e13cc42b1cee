"""Mending a received file: proposed, shown, then received anew as a file of its own."""

import datetime
import hashlib

from django.db import transaction

from declarations import queries
from declarations.errors import NothingToRepair, RepairChanged
from declarations.models import ReceivedFile
from declarations.rules import repair
from declarations.rules.repair import Repair
from declarations.workflows.files import receive_file
from portal import audit
from portal.models import User
from portal.storage import open_stored
from regulation.periods import Period


def proposed_repair(file: ReceivedFile) -> Repair | None:
    """The certain repair of a checked file, judged against the month as it now stands. Reads only."""
    period = Period.from_day(file.period)
    expected = queries.expected_of(
        file.affiliate,
        period,
        prefill=queries.issued_prefill(file.affiliate, period),
        file_name=file.stored.name,
        corrects=file.corrects,
    )
    with open_stored(file.stored) as stream:
        content = stream.read()
    return repair.propose(content, expected)


def digest_of(proposed: Repair) -> str:
    """What tells one proposal from another: the SHA-256 of the mended bytes."""
    return hashlib.sha256(proposed.content).hexdigest()


def repair_file(
    *, actor: User, at: datetime.datetime, file: ReceivedFile, digest: str
) -> tuple[ReceivedFile, bool]:
    """Receive the mended bytes as a new file, to be checked like any other; the original stays.

    `digest` is that of the repair as it was shown. Refuses when there is none any more (NothingToRepair) or
    another one (RepairChanged). Asked again, gives the same new file.
    """
    proposed = proposed_repair(file)
    if proposed is None:
        raise NothingToRepair()
    if digest_of(proposed) != digest:
        raise RepairChanged()
    with transaction.atomic():
        mended, due = receive_file(
            actor=actor,
            at=at,
            affiliate=file.affiliate,
            period=Period.from_day(file.period),
            name=file.stored.name,
            chunks=[proposed.content],
            corrects=file.corrects,
        )
        audit.record(
            actor=actor,
            action="declarations.file.repaired",
            subject=mended,
            affiliation_number=file.affiliate.affiliation_number,
            period=f"{file.period:%Y-%m}",
            original=file.pk,
            original_sha256=file.sha256,
            changes=len(proposed.changes),
        )
    return mended, due
