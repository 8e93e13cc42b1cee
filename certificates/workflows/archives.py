"""The receipts of many firms for one person: drawn by a worker one by one, handed out for a day. The row is the job.

The right to each firm is looked at when the archive is asked for (by the doorway), again before its receipt is drawn,
and again when it is fetched: what was taken back meanwhile is not in it.
"""

import datetime
from collections.abc import Collection, Iterator

from django.db import transaction
from django.db.models import Count, QuerySet

from affiliates.access import for_actor
from affiliates.models import Affiliate
from certificates import documents, papers, printing, safe
from certificates.errors import DocumentNotReady
from certificates.models import ArchivedReceipt, ReceiptArchive
from declarations.models import Receipt
from declarations.queries import receipt_facts_of
from portal import audit, clock, jobs
from portal.audit import Act
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.models import User
from regulation.periods import Period

#: How long it can be fetched.
KEPT = datetime.timedelta(hours=24)
#: Receipts held in memory at once.
PIECE = 20


@transaction.atomic
def ask_for_receipts(
    *, actor: User, at: datetime.datetime, period: Period, receipts: Collection[Receipt]
) -> ReceiptArchive:
    """Have these receipts, of one month and of firms that ``actor`` may look at, drawn into one archive.

    The same ones, being drawn or still kept, are not drawn again. Each firm's trace says who asked.
    """
    User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    last = ReceiptArchive.objects.filter(asked_by=actor, period=period.first_day).first()
    if last is not None and _is_same(last, receipts, at):
        return last
    row = ReceiptArchive.objects.create(asked_by=actor, period=period.first_day, asked_at=at)
    ArchivedReceipt.objects.bulk_create(
        ArchivedReceipt(archive=row, receipt=receipt) for receipt in receipts
    )
    audit.record_all(
        actor=actor,
        action="receipt.archive_asked",
        acts=(_act(row, receipt, receipt.affiliate) for receipt in receipts),
    )
    return row


def _is_same(row: ReceiptArchive, receipts: Collection[Receipt], at: datetime.datetime) -> bool:
    usable = row.state != JobState.PARKED and (row.expires_at is None or row.is_open_at(at))
    return usable and set(row.entries.values_list("receipt", flat=True)) == {
        receipt.pk for receipt in receipts
    }


def _act(row: ReceiptArchive, receipt: Receipt, affiliate: Affiliate) -> Act:
    facts = {"archive": row.pk, "period": str(Period.from_day(row.period))}
    return Act(receipt, affiliate.affiliation_number, facts)


def acts_of_reading(row: ReceiptArchive, given: Collection[ArchivedReceipt]) -> Iterator[Act]:
    """What the trace of each firm says when its receipt leaves in an archive."""
    return (_act(row, entry.receipt, entry.receipt.affiliate) for entry in given)


def draw_receipts(*, archive_id: int, at: datetime.datetime) -> None:
    """Draw what is missing of an archive, receipt by receipt. Safe to run twice, at once or after a crash.

    Each is kept as soon as it is drawn: a worker that dies loses one, and the next goes on after it. A press that does
    not answer leaves the row to the sweeper; after three attempts it is parked.
    """
    rows = ReceiptArchive.objects.filter(pk=archive_id).select_related("asked_by")
    for row in jobs.claim(rows, at=at, on_park=_note_parked):
        failpoint("receipts-claimed")
        try:
            _draw(row)
        except DocumentNotReady:
            _mine(row).update(state=JobState.WAITING.value)
        finally:
            # A worker does not hold a press between two archives.
            printing.close()


def _draw(row: ReceiptArchive) -> None:
    missing = row.entries.filter(sealed__isnull=True).order_by("pk")
    last = 0
    while piece := list(
        missing.filter(pk__gt=last)
        .defer("sealed")
        .select_related("receipt__declaration", "receipt__affiliate__agency")[:PIECE]
    ):
        last = piece[-1].pk
        facts = receipt_facts_of([entry.receipt.declaration for entry in piece])
        for entry in piece:
            affiliate = entry.receipt.affiliate
            if not _may(row, affiliate):
                continue
            document = papers.filing_receipt(affiliate, facts[entry.receipt.declaration_id])
            if not _keep(row, entry, documents.pdf(document)):
                return
            failpoint("receipts-one-kept")
    _finish(row)


def _may(row: ReceiptArchive, affiliate: Affiliate) -> bool:
    """Whether who asked may still look at this firm, now and not when they asked."""
    person = User.objects.get(pk=row.asked_by_id)
    return for_actor(person, on=clock.today()).filter(pk=affiliate.pk).exists()


@transaction.atomic
def _keep(row: ReceiptArchive, entry: ArchivedReceipt, content: bytes) -> bool:
    """Keep one receipt and start the lease again; False once another worker has taken the row over."""
    if not _mine(row).update(started_at=clock.now()):
        return False
    row.entries.filter(pk=entry.pk).update(sealed=safe.close(content))
    return True


@transaction.atomic
def _finish(row: ReceiptArchive) -> None:
    now = clock.now()
    _mine(row).update(state=JobState.DONE.value, ready_at=now, expires_at=now + KEPT)
    failpoint("receipts-before-commit")


def _mine(row: ReceiptArchive) -> QuerySet[ReceiptArchive]:
    return ReceiptArchive.objects.filter(
        pk=row.pk, attempts=row.attempts, state=JobState.RUNNING.value
    )


def _note_parked(row: ReceiptArchive) -> None:
    audit.record(
        actor=None,
        action="receipt.archive_parked",
        subject=row,
        receipts=row.entries.aggregate(count=Count("pk"))["count"],
    )


def archives_due(*, at: datetime.datetime) -> list[int]:
    """The archives that wait for a worker, or lost theirs."""
    rows = jobs.due(ReceiptArchive.objects.order_by("pk"), at=at)
    return list(rows.values_list("pk", flat=True))


def forget_receipts(*, at: datetime.datetime) -> int:
    """Erase the receipts of the archives that have expired, and those drawn for one that never will be.

    Returns how many PDFs went. Safe to run twice.
    """
    over = ArchivedReceipt.objects.filter(sealed__isnull=False)
    return (
        over.filter(archive__expires_at__lte=at)
        | over.filter(archive__state=JobState.PARKED.value, archive__asked_at__lte=at - KEPT)
    ).update(sealed=None)
