"""Background work: the row is the job, a message only wakes a worker."""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def wake(task: Task, *args: Any) -> None:
    """Send ``task`` once the current transaction is committed.

    A broker that is away is not an error: the row stays due and the task's sweeper sends it again.
    """

    def send() -> None:
        try:
            task.apply_async(args=args, retry=False)
        except (OperationalError, RedisError, ConnectionError):
            logger.warning("broker away, %s will be swept", task.name)

    transaction.on_commit(send)
