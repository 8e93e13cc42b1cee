"""``/metrics``: what waits, since when, and what went wrong, for the machine that watches the portal.

Shown to whoever brings METRICS_TOKEN and to nobody else, a 404 otherwise; the proxy does not pass it on. It tells how
many and how old, never whose.
"""

import datetime
import hmac
from collections.abc import Iterator
from pathlib import Path

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Min, Model, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from affiliates.models import DataCopy
from certificates.models import Printing, ReceiptArchive
from damancom import backups
from damancom.celery import app
from declarations.models import ReceivedFile
from payments.models import BankFile, DebitRun
from payments.workflows.slips import due_declarations
from portal import clock, health, metrics
from portal.enums import JobState
from portal.metrics import Sample
from portal.models import AuditEntry, Mail

HELP = {
    **metrics.COUNTERS,
    "damancom_up": "Whether each part answers (1) or not (0).",
    "damancom_jobs": "Rows of background work by state.",
    "damancom_jobs_oldest_seconds": "Age of the oldest row that is waiting or in hand.",
    "damancom_queue_messages": "Messages that wait in a queue of the broker.",
    "damancom_trace_unsealed": "Acts that no seal covers yet.",
    "damancom_slips_due": "Submitted declarations that have no slip yet.",
    "damancom_backup_age_seconds": "Time since the last backup; absent when there is none.",
    "damancom_restore_proof_late": "1 when no backup was restored and proved within seven days, 0 otherwise.",
    "damancom_restore_proof_age_seconds": "Time since a backup was last restored and proved; absent when never.",
}
#: Each kind of job: its rows, and since when one waits.
JOBS: tuple[tuple[str, type[Model], str], ...] = (
    ("mail", Mail, "due_at"),
    ("declaration_file", ReceivedFile, "received_at"),
    ("bank_file", BankFile, "received_at"),
    ("debit_run", DebitRun, "released_at"),
    ("data_copy", DataCopy, "asked_at"),
    ("long_list", Printing, "asked_at"),
    ("receipt_archive", ReceiptArchive, "asked_at"),
)
_BUSY = (JobState.WAITING.value, JobState.RUNNING.value)


@login_not_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The samples of this instant, for the bearer of the token."""
    brought = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(
        brought, settings.METRICS_TOKEN.encode()
    ):
        raise Http404
    text = metrics.exposition(samples(at=clock.now()), HELP)
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def samples(*, at: datetime.datetime) -> Iterator[Sample]:
    """Everything that is measured, in a constant number of queries."""
    for name, value in metrics.counted().items():
        yield Sample(name, value)
    parts = health.report()
    for part, answers in parts.items():
        if part != "status":
            yield Sample("damancom_up", float(answers), (("part", part),))
    yield from _queues()
    # A frozen database would be waited for without end: what it holds is then absent, and why is said above.
    if parts["database"] and parts["migrations"]:
        yield from _jobs(at)
        unsealed = AuditEntry.objects.filter(seal__isnull=True).count()
        yield Sample("damancom_trace_unsealed", unsealed)
        yield Sample("damancom_slips_due", due_declarations().count())
    ages = backups.ages(Path(settings.BACKUP_DIR), at=at)
    if ages.backup is not None:
        yield Sample("damancom_backup_age_seconds", ages.backup)
    yield Sample("damancom_restore_proof_late", float(ages.is_proof_late))
    if ages.proof is not None:
        yield Sample("damancom_restore_proof_age_seconds", ages.proof)


def _jobs(at: datetime.datetime) -> Iterator[Sample]:
    for kind, model, since in JOBS:
        parked = JobState.PARKED.value
        found = model._default_manager.filter(state__in=[*_BUSY, parked]).aggregate(
            **{state: Count("pk", filter=Q(state=state)) for state in (*_BUSY, parked)},
            oldest=Min(since, filter=Q(state__in=_BUSY, **{f"{since}__lte": at})),
        )
        for state in (*_BUSY, parked):
            yield Sample("damancom_jobs", found[state], (("kind", kind), ("state", state)))
        age = (at - found["oldest"]).total_seconds() if found["oldest"] else 0
        yield Sample("damancom_jobs_oldest_seconds", age, (("kind", kind),))


def _queues() -> Iterator[Sample]:
    try:
        with redis.Redis.from_url(
            settings.CELERY_BROKER_URL, socket_timeout=1, socket_connect_timeout=1
        ) as broker:
            for queue in app.conf.task_queues:
                yield Sample(
                    "damancom_queue_messages", broker.llen(queue.name), (("queue", queue.name),)
                )
    except redis.RedisError:
        return
