"""Long lists, drawn by a worker part by part: a true progress, and nothing lost when the worker is."""

import datetime

from django.db import transaction
from django.db.models import QuerySet

from certificates import documents, papers, printing, safe
from certificates.errors import DocumentNotReady
from certificates.models import Certificate, PrintedPart, Printing
from certificates.wording import PEOPLE_PER_PAGE
from portal import audit, clock, jobs
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.models import User

KEPT = datetime.timedelta(hours=1)
PEOPLE_PER_PART = documents.PAGES_PER_PART * PEOPLE_PER_PAGE


@transaction.atomic
def prepare(*, actor: User | None, certificate: Certificate, at: datetime.datetime) -> Printing:
    """Have the paper of a long list drawn; being drawn or still kept, nothing changes.

    ``actor`` is None for the holder of a share link. What was parked, or erased after an hour, starts again.
    """
    certificate = (
        Certificate.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=certificate.pk)
    )
    row = Printing.objects.select_for_update(of=("self",)).filter(certificate=certificate).first()
    if row is not None and row.state != JobState.PARKED and not _is_over(row, at):
        return row
    row = row or Printing(certificate=certificate)
    row.state, row.attempts, row.started_at = JobState.WAITING.value, 0, None
    row.asked_at, row.ready_at = at, None
    row.people_done, row.people_total = 0, len(certificate.facts["people"])
    row.save()
    row.parts.all().delete()
    _record(actor, "certificate.paper_asked", row)
    return row


def _is_over(row: Printing, at: datetime.datetime) -> bool:
    return row.ready_at is not None and at >= row.ready_at + KEPT


def draw(*, printing_id: int, at: datetime.datetime) -> None:
    """Draw what is missing of a paper, part by part, then bind it. Safe to run twice, at once or after a crash.

    Each part is kept, encrypted, as soon as it is drawn: a worker that dies loses one part, and the next goes on
    after it. A press that does not answer leaves the row to the sweeper; after three attempts it is parked.
    """
    rows = Printing.objects.filter(pk=printing_id).select_related("certificate__affiliate")
    for row in jobs.claim(rows, at=at, on_park=_note_parked):
        failpoint("printing-claimed")
        try:
            _draw(row)
        except DocumentNotReady:
            _mine(row).update(state=JobState.WAITING.value)
        finally:
            # A worker does not hold a press between two long lists.
            printing.close()


def _draw(row: Printing) -> None:
    document = papers.document_of(row.certificate)
    kept = {part.rank: bytes(part.sealed) for part in row.parts.all()}
    parts = []
    for rank in range(len(document.parts) + 1):
        content = safe.open_again(kept[rank]) if rank in kept else None
        if content is None:
            content = documents.draw(document, rank)
            if not _keep(row, rank, content):
                return
            failpoint("printing-part-kept")
        parts.append(content)
    bound = printing.bind(parts)
    failpoint("printing-bound")
    _finish(row, bound)


@transaction.atomic
def _keep(row: Printing, rank: int, content: bytes) -> bool:
    """Keep one part and tell how far the work has come; False once another worker has taken the row over."""
    done = min(rank * PEOPLE_PER_PART, row.people_total)
    if not _mine(row).update(people_done=done, started_at=clock.now()):
        return False
    PrintedPart.objects.update_or_create(
        printing=row, rank=rank, defaults={"sealed": safe.close(content)}
    )
    return True


@transaction.atomic
def _finish(row: Printing, bound: bytes) -> None:
    now = clock.now()
    done = {"people_done": row.people_total, "ready_at": now, "state": JobState.DONE.value}
    if _mine(row).update(**done):
        row.parts.all().delete()
        PrintedPart.objects.create(printing=row, rank=PrintedPart.WHOLE, sealed=safe.close(bound))
        failpoint("printing-before-commit")


def _mine(row: Printing) -> QuerySet[Printing]:
    return Printing.objects.filter(pk=row.pk, attempts=row.attempts, state=JobState.RUNNING.value)


def due(*, at: datetime.datetime) -> list[int]:
    """The papers that wait for a worker, or lost theirs."""
    rows = jobs.due(Printing.objects.order_by("pk"), at=at)
    return list(rows.values_list("pk", flat=True))


def forget(*, at: datetime.datetime) -> int:
    """Erase what was kept of papers ready for more than an hour; returns how many rows went."""
    removed, _by_model = PrintedPart.objects.filter(printing__ready_at__lte=at - KEPT).delete()
    return removed


def _note_parked(row: Printing) -> None:
    _record(None, "certificate.paper_parked", row)


def _record(actor: User | None, action: str, row: Printing) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=row,
        affiliation_number=row.certificate.affiliate.affiliation_number,
        number=row.certificate.number,
        people=row.people_total,
    )
