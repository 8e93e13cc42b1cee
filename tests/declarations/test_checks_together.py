"""Many files checked in one transaction: each keeps its own verdict, findings, draft and trace."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from affiliates.models import Affiliate
from declarations import crowds, tasks, workflows
from declarations.codecs import e_bds
from declarations.enums import DeclarationStatus, FileVerdict
from declarations.models import Declaration, ReceivedFile
from portal.enums import JobState
from portal.models import AuditEntry, User
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, answer, issue, submitted

pytestmark = pytest.mark.django_db


def waiting(actor: User, affiliate: Affiliate, content: bytes) -> ReceivedFile:
    file, _due = workflows.receive_file(
        actor=actor,
        at=AT,
        affiliate=affiliate,
        period=JANUARY,
        name=e_bds.file_name(affiliate.affiliation_number, JANUARY.compact),
        chunks=[content],
    )
    return file


def firm(actor: User, people: int = 1) -> tuple[Affiliate, bytes]:
    """An employer with a prefill, and the file that answers it."""
    affiliate = AffiliateFactory()
    for _ in range(people):
        EmploymentFactory(affiliate=affiliate)
    return affiliate, answer(issue(actor, affiliate))


def test_each_file_of_a_group_has_its_own_outcome() -> None:
    actor = UserFactory()
    right, wrong, empty, filed = (firm(actor, 2) for _ in range(4))
    done = submitted(actor, AffiliateFactory())
    files = [
        waiting(actor, *right),
        waiting(actor, wrong[0], wrong[1].replace(b"0000000850050", b"0000000850051")),
        waiting(actor, empty[0], b""),
        waiting(actor, *filed),
    ]

    workflows.check_files(file_ids=[file.pk for file in files], at=AT)

    verdicts = []
    for file in files:
        file.refresh_from_db()
        verdicts.append((file.state, file.verdict, file.finding_count == file.findings.count()))
    assert verdicts == [
        (JobState.DONE, FileVerdict.ACCEPTED, True),
        (JobState.DONE, FileVerdict.REFUSED, True),
        (JobState.DONE, FileVerdict.REFUSED, True),
        (JobState.DONE, FileVerdict.ACCEPTED, True),
    ]
    drafts = Declaration.objects.exclude(pk=done.pk).order_by("pk")
    assert [(one.received_file_id, one.lines.count()) for one in drafts] == [
        (files[0].pk, 2),
        (files[3].pk, 2),
    ]
    traced = AuditEntry.objects.filter(action="declarations.file.checked")
    assert set(traced.values_list("subject_id", flat=True)) >= {str(file.pk) for file in files}


def test_of_two_files_of_one_month_the_newer_makes_the_draft() -> None:
    actor = UserFactory()
    affiliate, content = firm(actor)
    older = waiting(actor, affiliate, content)
    newer = waiting(actor, affiliate, content.replace(b"\n", b"\r\n"))

    workflows.check_files(file_ids=[newer.pk, older.pk], at=AT)

    status = dict(Declaration.objects.values_list("received_file", "status"))
    assert status == {older.pk: DeclarationStatus.REPLACED, newer.pk: DeclarationStatus.DRAFT}


def test_a_hundred_files_cost_as_many_statements_as_two() -> None:
    actor = UserFactory()
    counts = []
    for size in (2, 30):
        files = [waiting(actor, *firm(actor)) for _ in range(size)]
        with CaptureQueriesContext(connection) as asked:
            workflows.check_files(file_ids=[file.pk for file in files], at=AT)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 40
    assert Declaration.objects.count() == 32


def test_a_worker_takes_the_waiting_ones_along_but_not_with_one_that_failed_before() -> None:
    actor = UserFactory()
    first, second, third = (waiting(actor, *firm(actor)) for _ in range(3))
    ReceivedFile.objects.filter(pk=first.pk).update(attempts=1)

    assert crowds.small_files_waiting(10) == [second.pk, third.pk]
    tasks.check_file.run(first.pk)
    assert crowds.small_files_waiting(10) == [second.pk, third.pk]
    tasks.check_file.run(second.pk)
    assert crowds.small_files_waiting(10) == []
    assert not ReceivedFile.objects.exclude(state=JobState.DONE).exists()
