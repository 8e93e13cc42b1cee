"""Asking for a copy of one's data, making it, handing it out for a day. The row is the job.

The archive is written to a file without a name, sealed (damancom.sealed_stream) under the secret of the installation,
and kept in the database until it expires: a copy of the database holds nothing of it that can be read.
"""

import datetime
import tempfile
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from affiliates.enums import CopyOf
from affiliates.models import Affiliate, DataCopy, Employee
from damancom import copies
from damancom.sealed_stream import seal, unseal
from portal import audit, jobs, mail, storage
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.models import User

#: How long it can be fetched.
KEPT: Final = datetime.timedelta(hours=24)
LIMIT: Final = 2 * 1024**3
CONTENT_TYPE: Final = "application/zip"


@transaction.atomic
def ask(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate | None = None,
    employee: Employee | None = None,
    reason: str = "",
) -> DataCopy:
    """Have a copy made: of one's own account, of a firm, or of an insured person (with ``reason``: at the agency).

    One that is being made, or can still be fetched, by the same person and of the same data, is not made again.
    """
    of = CopyOf.FIRM if affiliate else CopyOf.INSURED if employee else CopyOf.ACCOUNT
    User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    same = DataCopy.objects.filter(
        of=of.value, asked_by=actor, affiliate=affiliate, employee=employee
    )
    last = same.exclude(state=JobState.PARKED.value).first()
    if last is not None and (last.expires_at is None or last.is_open_at(at)):
        return last
    row = DataCopy.objects.create(
        of=of.value,
        affiliate=affiliate,
        employee=employee,
        asked_by=actor,
        asked_at=at,
        reason=reason.strip()[:300],
    )
    record(row, actor, "copy.asked", reason=row.reason)
    return row


def record(row: DataCopy, actor: User | None, action: str, **facts: object) -> None:
    """The trace of an act on a copy: of the firm, of the person, or of the account whose data it holds."""
    audit.record(
        actor=actor,
        action=action,
        subject=row.employee or row,
        affiliation_number=row.affiliate.affiliation_number if row.affiliate else "",
        copy=row.pk,
        **facts,
    )


def due(*, at: datetime.datetime) -> list[int]:
    """The copies that wait for a worker, or lost theirs."""
    rows = jobs.due(DataCopy.objects.order_by("pk"), at=at)
    return list(rows.values_list("pk", flat=True))


def make(*, copy_id: int, at: datetime.datetime) -> None:
    """Make one copy. Safe to run twice, at once or after a crash; after three attempts it is parked."""
    rows = DataCopy.objects.filter(pk=copy_id)
    for row in jobs.claim(rows, at=at, on_park=_note_parked):
        failpoint("copy-claimed")
        with tempfile.TemporaryFile() as archive:
            copies.write(archive, row, at=at, alive=jobs.Pulse(row))
            archive.seek(0)
            _finish(row, seal(archive, _key()), at)


def _note_parked(row: DataCopy) -> None:
    record(row, None, "copy.parked")


@transaction.atomic
def _finish(row: DataCopy, sealed: Iterator[bytes], at: datetime.datetime) -> None:
    locked = DataCopy.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not jobs.owns(locked, row):
        return
    locked.stored = storage.store(sealed, name="copie.zip", limit=LIMIT, stored_by=None)
    locked.state = JobState.DONE.value
    locked.ready_at, locked.expires_at = at, at + KEPT
    locked.save(update_fields=["stored", "state", "ready_at", "expires_at"])
    if row.of != CopyOf.INSURED:
        mail.write(
            key=f"copy:{row.pk}",
            to=row.asked_by,
            template="damancom/mail/copy_ready.txt",
            facts={"firm": row.affiliate.name if row.affiliate else "", "until": locked.expires_at},
            at=at,
            path=page_of(row),
        )
    failpoint("copy-before-commit")


def page_of(row: DataCopy) -> str:
    """Where it is fetched."""
    if row.affiliate is not None:
        return reverse("affiliates:data", args=[row.affiliate.affiliation_number])
    return reverse("copies:mine")


def opened(row: DataCopy) -> Iterator[bytes]:
    """The bytes of a copy that can still be fetched, piece by piece."""
    if row.stored is None:
        raise ValueError("an expired copy holds nothing")
    return unseal(storage.open_stored(row.stored), _key())


def forget(*, at: datetime.datetime) -> int:
    """Erase the files of the copies that have expired; returns how many went. Safe to run twice."""
    with transaction.atomic():
        rows: QuerySet[DataCopy] = DataCopy.objects.select_for_update(
            of=("self",), skip_locked=True
        ).filter(expires_at__lte=at, stored__isnull=False)
        files = dict(rows.values_list("pk", "stored"))
        DataCopy.objects.filter(pk__in=files).update(stored=None)
        storage.forget([key for key in files.values() if key is not None])
    return len(files)


def _key() -> bytes:
    return settings.SECRET_KEY.encode() + b"damancom.copying"
