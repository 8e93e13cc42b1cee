"""Background work of payments. The row is the job: each task may be sent twice or lost, the sweeps find what is due."""

from __future__ import annotations

import logging

from celery import shared_task

from payments.workflows import bank_files, grace, letters, penalties, slips
from payments.workflows.debits import notices, orders, runs
from portal import clock
from portal.tasks import PortalTask, wake
from regulation.errors import DomainError

logger = logging.getLogger(__name__)

#: Slips issued in one transaction, at most.
SLIPS_TOGETHER = 100


@shared_task(base=PortalTask)
def import_bank_file(bank_file_id: int) -> None:
    """Read and settle one bank file."""
    bank_files.import_file(bank_file_id=bank_file_id, at=clock.now())


@shared_task(base=PortalTask)
def sweep_bank_files() -> None:
    """Send again the files whose message was lost or whose worker died."""
    for bank_file_id in bank_files.due_files(at=clock.now()):
        wake(import_bank_file, bank_file_id)


@shared_task(base=PortalTask)
def issue_slips() -> None:
    """Issue the slip of each submitted declaration that has none; a hundred a transaction."""
    due = list(slips.due_declarations().values_list("pk", flat=True)[:500])
    for start in range(0, len(due), SLIPS_TOGETHER):
        group = due[start : start + SLIPS_TOGETHER]
        try:
            slips.issue_slips(actor=None, declaration_ids=group, at=clock.now())
        except DomainError:
            _issue_one_by_one(group)


def _issue_one_by_one(declaration_ids: list[int]) -> None:
    """One declaration that the law's tables cannot date must not keep the others waiting."""
    for declaration_id in declaration_ids:
        try:
            slips.issue_slip(actor=None, declaration_id=declaration_id, at=clock.now())
        except DomainError:
            logger.exception("slip of declaration %s", declaration_id)


@shared_task(base=PortalTask)
def assess_surcharges() -> None:
    """Assess the surcharges of started months, a few days late on purpose (see penalties.GRACE)."""
    as_of = clock.today() - penalties.GRACE
    for slip_id in penalties.late_slips(as_of).values_list("pk", flat=True):
        penalties.assess_surcharges(actor=None, slip_id=slip_id, as_of=as_of)


@shared_task(base=PortalTask)
def assess_filing_penalties() -> None:
    """Call or raise the penalties of months filed late or still missing; one transaction each."""
    as_of = clock.today()
    for affiliate_id, period in penalties.filings_due(as_of):
        try:
            penalties.assess_filing_penalty(
                actor=None, affiliate_id=affiliate_id, period=period, as_of=as_of
            )
        except DomainError:
            # A month that the law's tables cannot date must not keep the others waiting.
            logger.exception("filing penalty of affiliate %s for %s", affiliate_id, period)


@shared_task(base=PortalTask)
def watch_graces() -> None:
    """Close the plans that were kept, undo what was forgiven under those that were broken."""
    today = clock.today()
    for grace_id in grace.running():
        grace.watch(grace_id=grace_id, as_of=today - penalties.GRACE, today=today)


@shared_task(base=PortalTask)
def tell_credits() -> None:
    """Write to the employers whose payment was too much."""
    letters.tell_credits(at=clock.now())


@shared_task(base=PortalTask)
def write_debit_run(run_id: int) -> None:
    """Write the file of a released run and hand its orders over."""
    runs.write_run(run_id=run_id, at=clock.now())


@shared_task(base=PortalTask)
def care_for_debits() -> None:
    """Send again the runs whose worker died, cancel orders whose day came without them, tell what is coming."""
    now = clock.now()
    for run_id in runs.due_runs(at=now):
        wake(write_debit_run, run_id)
    orders.lapse(at=now)
    runs.close_runs(at=now)
    notices.announce(at=now)
    notices.watch(at=now)
