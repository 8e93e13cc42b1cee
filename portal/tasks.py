"""Background work: the row is the job, a message only wakes a worker."""

import logging
from typing import Any

from celery import Task, shared_task
from celery.signals import heartbeat_sent, worker_ready
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from portal import audit, clock, health, incidents, mail, walls
from portal.request_code import current_request_id, new_request_code

logger = logging.getLogger(__name__)

#: The header of a message that carries the code of the request it follows from.
_CODE = "request_code"


class PortalTask(Task):
    """The base of every task: ``@shared_task(base=PortalTask)``.

    Tried again only on what passes by itself (a lock, a deadlock, a timeout, a lost connection), three times,
    waiting longer each time. Any other error is a bug: it is logged, and the row stays where the sweeper of its
    room finds it.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The work, under the code of the request that asked for it, or one of its own."""
        carried = str(getattr(self.request, _CODE, None) or "")
        token = current_request_id.set(carried or current_request_id.get() or new_request_code())
        try:
            # Not Celery's own __call__: it would push a second request, which has forgotten how often it was retried.
            with walls.everything():
                return self.run(*args, **kwargs)
        finally:
            current_request_id.reset(token)

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """A bug: its place is kept for whoever looks the code up."""
        incidents.note(
            code=str(getattr(self.request, _CODE, None) or ""), place=str(self.name), error=exc
        )

    autoretry_for = (OperationalError, InterfaceError)
    max_retries = 3
    retry_backoff = 2
    retry_backoff_max = 60
    retry_jitter = True

    def before_start(self, *_of_the_call: Any) -> None:
        audit.forget_doors()


def wake(task: Task, *args: Any) -> None:
    """Send ``task`` once the current transaction is committed.

    A broker that is away is not an error: the row stays due and the task's sweeper sends it again.
    """

    code = current_request_id.get()

    def send() -> None:
        try:
            task.apply_async(args=args, retry=False, headers={_CODE: code})
        except (BrokerAway, RedisError, ConnectionError):
            logger.warning("broker away, %s will be swept", task.name)

    transaction.on_commit(send)


@shared_task(base=PortalTask)
def seal_trace() -> None:
    """Seal the acts committed since the last time. Scheduled; safe to run twice and at once."""
    audit.seal()


@shared_task(base=PortalTask)
def keep_audit_head() -> None:
    """Copy the head of the chain of the trace outside the database. Scheduled daily."""
    audit.keep_head(settings.AUDIT_HEADS_FILE, at=clock.now())


@shared_task(base=PortalTask)
def send_mails() -> None:
    """Send the letters that are due. Scheduled; two at once share them."""
    mail.send_due()


@worker_ready.connect
@heartbeat_sent.connect
def _worker_lives(**_of_the_signal: Any) -> None:
    """The worker's own heart: it beats while the process that takes messages lives."""
    try:
        health.beat()
    except RedisError:
        logger.warning("broker away, heartbeat not written")
