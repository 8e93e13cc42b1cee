"""Every task of the registry may run twice at the same time, then twice more: what it does is done once.

One world holds work for them; each task is then started by two workers at the same instant, and again one after the
other. A task that is added needs its line here. Messages are lost on the way all along: the rows are the work.
"""

import inspect
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import Task
from django.conf import settings
from django.core import mail as django_mail
from django.db import connection

from affiliates.enums import RegistrationState
from affiliates.models import DataCopy, RegistrationRequest
from certificates import workflows as certifying
from certificates.enums import CertificateKind
from certificates.models import Printing, ReceiptArchive
from certificates.workflows import drawing
from damancom import copying
from damancom.celery import app
from declarations import workflows as declaring
from declarations.codecs import e_bds
from declarations.models import Declaration, Receipt, ReceivedFile
from disputes.models import RiskFact
from payments.ledger_check import check
from payments.models import BankLine, DebitOrder, FilingPenalty, PaymentSlip, Surcharge
from payments.queries import slip_facts
from portal import audit, incidents
from portal.enums import JobState
from portal.models import AuditEntry, AuditSeal, Incident, Mail
from portal.tasks import PortalTask
from regulation.periods import Period
from tests.affiliates.test_registrations import request_of
from tests.cast import Cast
from tests.concurrency.test_exactly_once import at_once
from tests.declarations.factories import answer, issue
from tests.declarations.factories import submitted as filed
from tests.payments.camt_files import details, entry
from tests.payments.debit_world import AFTER_CUT_OFF, released, signed
from tests.payments.factories import file_of, received, slip

pytestmark = pytest.mark.django_db(transaction=True)

NOW = AFTER_CUT_OFF
FEBRUARY = Period(2026, 2)


@dataclass
class World:
    """What waits for a worker, by the task that does it."""

    cast: Cast
    keys: dict[str, int]


@pytest.fixture
def world(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> World:
    def lost(*_of_the_call: object, **_words: object) -> None:
        """A broker that keeps nothing of what it is given."""

    monkeypatch.setattr(PortalTask, "apply_async", lost)
    with time_machine.travel(NOW, tick=False):
        return made(cast)


def made(cast: Cast) -> World:
    january = filed(cast.owner, cast.affiliate)
    # Sent and not checked.
    prefill = issue(cast.owner, cast.affiliate, FEBRUARY)
    file, _due = declaring.receive_file(
        actor=cast.owner,
        at=NOW,
        affiliate=cast.affiliate,
        period=FEBRUARY,
        name=e_bds.file_name(cast.affiliate.affiliation_number, FEBRUARY.compact),
        chunks=[answer(prefill)],
    )
    # A bank reports more than is owed; another bank is to collect.
    owed = slip(cast.strangers_affiliate)
    paid = entry("150.00", ref="B1", txs=details(ref="B1", rf=slip_facts(owed).creditor_reference))
    bank_file = received(cast.bank, cast.bank_account, file_of(cast, paid), read=False)
    signed(cast, slip(cast.affiliate, Period(2025, 12)))
    run = released(cast)
    copy = copying.ask(actor=cast.owner, at=NOW, affiliate=cast.affiliate)
    request_of(affiliate=cast.affiliate)
    incidents.note(code="", place="old", error=None)
    Incident.objects.update(at=NOW - incidents.KEPT * 2)
    paper = certifying.request(
        actor=cast.owner, affiliate=cast.affiliate, kind=CertificateKind.EMPLOYEES, intent=uuid.uuid4(),
        at=NOW, first=Period(2026, 1), last=Period(2026, 1), about="",
    )  # fmt: skip
    printing = drawing.prepare(actor=cast.owner, certificate=paper, at=NOW)
    receipts = Receipt.objects.filter(declaration=january)
    archive = certifying.ask_for_receipts(
        actor=cast.owner, at=NOW, period=Period(2026, 1), receipts=receipts
    )
    return World(
        cast,
        {
            "declarations.tasks.check_file": file.pk,
            "payments.tasks.import_bank_file": bank_file.pk,
            "payments.tasks.write_debit_run": run.pk,
            "damancom.tasks.make_copy": copy.pk,
            "certificates.tasks.draw_paper": printing.pk,
            "certificates.tasks.draw_receipts": archive.pk,
        },
    )


def by_action(action: str) -> int:
    return AuditEntry.objects.filter(action=action).count()


#: Each task, in an order in which one leaves work for the next, and what is there once it has run.
DONE: dict[str, Callable[[], bool]] = {
    "declarations.tasks.check_file": lambda: (
        Declaration.objects.filter(period=FEBRUARY.first_day).count() == 1
        and ReceivedFile.objects.get(period=FEBRUARY.first_day).attempts == 1
    ),
    "declarations.tasks.sweep_files": lambda: True,
    "payments.tasks.issue_slips": lambda: (
        PaymentSlip.objects.filter(period=Period(2026, 1).first_day).count() == 2
        and by_action("payments.slip_issued") == PaymentSlip.objects.count()
    ),
    "payments.tasks.import_bank_file": lambda: BankLine.objects.count() == 1,
    "payments.tasks.sweep_bank_files": lambda: True,
    "payments.tasks.write_debit_run": lambda: DebitOrder.objects.get().state == "sent",
    "payments.tasks.care_for_debits": lambda: True,
    "payments.tasks.tell_credits": lambda: (
        Mail.objects.filter(key__startswith="credit").count() == 1
    ),
    "payments.tasks.assess_surcharges": lambda: (
        Surcharge.objects.exists()
        and Surcharge.objects.count() == by_action("payments.surcharge_assessed")
    ),
    "payments.tasks.assess_filing_penalties": lambda: (
        FilingPenalty.objects.exists()
        and FilingPenalty.objects.count() == by_action("payments.filing_penalty_assessed")
    ),
    "payments.tasks.watch_graces": lambda: True,
    "damancom.tasks.make_copy": lambda: (
        DataCopy.objects.get().attempts == 1 and DataCopy.objects.get().state == JobState.DONE
    ),
    "damancom.tasks.sweep_copies": lambda: True,
    "damancom.tasks.purge": lambda: (
        not Incident.objects.exists() and by_action("privacy.purged") == 1
    ),
    "certificates.tasks.draw_paper": lambda: Printing.objects.get().attempts == 1,
    "certificates.tasks.sweep_papers": lambda: True,
    "certificates.tasks.draw_receipts": lambda: (
        ReceiptArchive.objects.get().attempts == 1
        and ReceiptArchive.objects.get().state == JobState.DONE
    ),
    "certificates.tasks.sweep_receipts": lambda: True,
    "certificates.tasks.supersede_outdated": lambda: True,
    "certificates.tasks.watch_usage": lambda: True,
    "affiliates.tasks.issue_plain_numbers": lambda: (
        RegistrationRequest.objects.get().state != RegistrationState.SENT
        and by_action("registration.grant") == 1
    ),
    "affiliates.tasks.fill_name_keys": lambda: True,
    "declarations.tasks.issue_prefills": lambda: True,
    "declarations.tasks.send_reminders": lambda: True,
    "declarations.tasks.reattach_lines": lambda: True,
    "declarations.tasks.nudge_silent_affiliates": lambda: True,
    "disputes.tasks.measure_risks": lambda: (
        max(Counter(RiskFact.objects.values_list("affiliate", "indicator")).values(), default=1)
        == 1
    ),
    "disputes.tasks.escalate_late_disputes": lambda: True,
    "portal.tasks.send_mails": lambda: (
        0 < len(django_mail.outbox) == Mail.objects.filter(sent_at__isnull=False).count()
    ),
    "portal.tasks.seal_trace": lambda: AuditSeal.objects.count() == AuditEntry.objects.count(),
    "portal.tasks.keep_audit_head": lambda: True,
}


def ours() -> dict[str, Task]:
    app.loader.import_default_modules()
    return {name: one for name, one in app.tasks.items() if not name.startswith("celery.")}


def content() -> dict[str, Any]:
    """What each table holds."""
    tables = [one for one in connection.introspection.table_names() if one != "django_session"]
    each = (
        f"SELECT '{table}', count(*), sum(hashtext(one::text)::bigint) FROM {table} AS one"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {table: facts for table, *facts in cursor.fetchall()}


def moved(before: dict[str, Any]) -> list[str]:
    return [table for table, facts in content().items() if before[table] != facts]


def test_every_task_has_its_line_and_the_base_of_ours() -> None:
    assert set(ours()) == set(DONE)
    assert [name for name, one in ours().items() if not isinstance(one, PortalTask)] == []


def test_every_task_twice_at_once_and_twice_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "AUDIT_HEADS_FILE", tmp_path / "heads.txt")
    tasks = ours()
    assert {name for name, one in tasks.items() if inspect.signature(one.run).parameters} == set(
        world.keys
    )
    for name, is_done in DONE.items():
        task, keys = tasks[name], [world.keys[name]] if name in world.keys else []
        with time_machine.travel(NOW, tick=False):
            answers = at_once(2, lambda _rank, task=task, keys=keys: task(*keys))
            assert answers == [None, None], name
            assert is_done(), name
            # The purge tells its runs; nothing else of a second time is seen.
            before = content()
            task(*keys)
            task(*keys)
        assert moved(before) == [], name
    assert check().breaches == ()
    assert audit.verify().fault is None
