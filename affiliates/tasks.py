"""What the register does by itself: plain numbers at fixed hours, keys of names that reached the table without one."""

import logging

from celery import shared_task

from affiliates import workflows
from affiliates.queries.registrations import waiting_for_portal
from portal import clock
from portal.tasks import PortalTask
from regulation.errors import DomainError

logger = logging.getLogger(__name__)

#: One run looks at so many requests; the next hour takes what is left.
A_RUN = 2_000


@shared_task(base=PortalTask)
def issue_plain_numbers() -> None:
    """Give a number to each waiting request that asks nothing of a clerk; one transaction each.

    Runs at fixed hours, never at once: how long an answer takes must not tell whether someone looks like the
    person (docs/decisions/one-person-one-number.md).
    """
    at = clock.now()
    for request in waiting_for_portal()[:A_RUN]:
        try:
            workflows.issue_automatically(at=at, request=request)
        except DomainError:
            # One request that a clerk must see does not keep the others waiting.
            logger.exception("registration request %s", request.pk)


@shared_task(base=PortalTask)
def fill_name_keys() -> None:
    """Work out the keys of names of people loaded around the workflows. Safe to run twice and at once."""
    workflows.fill_name_keys()
