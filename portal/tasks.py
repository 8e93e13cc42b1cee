"""Background work: the row is the job, a message only wakes a worker."""

import logging
from typing import Any

from celery import Task, shared_task
from celery.signals import heartbeat_sent, worker_ready
from django.db import InterfaceError, OperationalError, transaction
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from portal import audit, clock, health, limits, mail

logger = logging.getLogger(__name__)


class PortalTask(Task):
    """The base of every task: ``@shared_task(base=PortalTask)``.

    Tried again only on what passes by itself (a lock, a deadlock, a timeout, a lost connection), three times,
    waiting longer each time. Any other error is a bug: it is logged, and the row stays where the sweeper of its
    room finds it.
    """

    abstract = True
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

    def send() -> None:
        try:
            task.apply_async(args=args, retry=False)
        except (BrokerAway, RedisError, ConnectionError):
            logger.warning("broker away, %s will be swept", task.name)

    transaction.on_commit(send)


@shared_task(base=PortalTask)
def seal_trace() -> None:
    """Seal the acts committed since the last time. Scheduled; safe to run twice and at once."""
    audit.seal()


@shared_task(base=PortalTask)
def purge_attempts() -> None:
    """Remove old counters of attempts. Scheduled daily."""
    limits.purge()


@shared_task(base=PortalTask)
def send_mails() -> None:
    """Send the letters that are due. Scheduled; two at once share them."""
    mail.send_due()


@shared_task(base=PortalTask)
def forget_mails() -> None:
    """Erase the text of letters that left long ago. Scheduled daily."""
    mail.forget_old(at=clock.now())


@worker_ready.connect
@heartbeat_sent.connect
def _worker_lives(**_of_the_signal: Any) -> None:
    """The worker's own heart: it beats while the process that takes messages lives."""
    try:
        health.beat()
    except RedisError:
        logger.warning("broker away, heartbeat not written")
