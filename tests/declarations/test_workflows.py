"""From the prefill to the submitted declaration, on a real database."""

import datetime
import io
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from affiliates.models import Employment, StateTakeover
from affiliates.workflows import end_takeover, grant_takeover
from declarations import queries, workflows
from declarations.codecs import e_bds, prefill
from declarations.codecs.records import AffiliateHeader
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileVerdict,
    LineOrigin,
    LineSituation,
)
from declarations.errors import (
    AnotherIsSubmitted,
    DraftChanged,
    MainMissing,
    MoveRefused,
)
from declarations.models import (
    ContributionLine,
    Declaration,
    DeclarationLine,
    FileFinding,
    Prefill,
    ReceivedFile,
)
from declarations.transitions import MOVES, Act, after
from portal.enums import JobState
from portal.errors import FileTooLargeError, message_of
from portal.models import AuditEntry, StoredChunk, StoredFile
from regulation.replay import replay
from tests.affiliates.factories import AffiliateFactory, EmploymentFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, draft, employ, issue, send, submitted

pytestmark = pytest.mark.django_db


def header_of(row: Prefill) -> AffiliateHeader:
    return prefill.read(io.BytesIO(bytes(row.content))).header


# -- receiving and checking --------------------------------------------------------------------


def test_an_accepted_file_becomes_a_draft(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    hire = e_bds.new_hire_line(
        header_of(row),
        registration_number="000000000",
        name="DELTA".ljust(30) + "DRISS",
        cin="AB123456",
        days_declared=13,
        gross_wage=171136,
        capped_wage=171136,
    )

    file = send(cast.owner, cast.affiliate, answer(row, new_hires=(hire,)))

    assert (file.state, file.verdict) == (JobState.DONE, FileVerdict.ACCEPTED)
    assert file.lines_total == file.lines_done == 8
    declaration = Declaration.objects.get(received_file=file)
    assert declaration.status == DeclarationStatus.DRAFT
    assert declaration.employee_count == 3
    assert declaration.days_declared == 65
    assert declaration.wage_bill == Decimal("18712.36")
    assert declaration.capped_wage_bill == Decimal("13711.36")
    lines = list(declaration.lines.order_by("rank"))
    assert [line.rank for line in lines] == [1, 2, 3]
    assert lines[0].origin == LineOrigin.PREFILLED
    assert lines[0].gross_wage == Decimal("8500.50")
    assert lines[0].capped_wage == Decimal("6000.00")
    assert lines[0].situation == LineSituation.NORMAL
    assert lines[2].origin == LineOrigin.NEW_HIRE
    assert lines[2].cin == "AB123456"
    assert lines[2].full_name == "DELTA".ljust(30) + "DRISS"


def test_a_refused_file_keeps_its_bytes_and_its_findings(cast: Cast) -> None:
    content = b"matricule;nom;salaire\n1;ALPHA\\;8500\n"

    file = send(cast.owner, cast.affiliate, content, name="paie.csv")

    assert file.verdict == FileVerdict.REFUSED
    assert [finding.code for finding in file.findings.all()] == ["D27"]
    assert bytes(StoredChunk.objects.get(file=file.stored).data) == content
    assert not Declaration.objects.exists()


def test_findings_are_kept_with_their_place(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate)
    content = answer(row).replace(b"26000000085005000060000", b"27000000085005000060000")

    file = send(cast.owner, cast.affiliate, content)

    assert file.verdict == FileVerdict.REFUSED  # totals and control sum are wrong as well
    finding = FileFinding.objects.get(received_file=file, code="R28")
    assert (finding.record, finding.line_number, finding.field) == ("B02", 3, "N_Jours_Declares")
    assert (finding.column_start, finding.column_end) == (112, 113)
    assert (finding.value, finding.expected) == ("27", "0 - 26")
    assert file.finding_count == FileFinding.objects.count() > 1


def test_bytes_with_nul_and_backslashes_are_told_and_kept(cast: Cast) -> None:
    employ(cast.affiliate, 3)
    content = bytearray(answer(issue(cast.owner, cast.affiliate)))
    content[4 * 261 + 25 : 4 * 261 + 29] = b"\\\t\x00\x1b"

    file = send(cast.owner, cast.affiliate, bytes(content))

    assert file.verdict == FileVerdict.REFUSED
    assert FileFinding.objects.filter(received_file=file, code="R4").exists()


def test_a_file_that_answers_no_prefill_is_compared_with_the_one_due(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    content = answer(issue(cast.owner, cast.affiliate))
    Prefill.objects.all().delete()
    EmploymentFactory(affiliate=cast.affiliate)  # someone the payroll does not know

    file = send(cast.owner, cast.affiliate, content)

    assert Prefill.objects.get().employee_count == 3
    assert [finding.code for finding in file.findings.all()] == ["R20"]


def test_a_line_fault_blocks_without_refusing_the_file(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    read = prefill.read(io.BytesIO(bytes(row.content)))

    def unpaid(line: prefill.PrefillLine) -> e_bds.PrefilledLine:
        return e_bds.prefilled_line(line, days_declared=0, gross_wage=0, capped_wage=0)

    file = send(cast.owner, cast.affiliate, answer(row, unpaid))

    assert read.lines
    assert file.verdict == FileVerdict.BLOCKED
    assert not Declaration.objects.exists()


def test_the_same_bytes_for_the_same_month_are_one_row(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    first = send(cast.owner, cast.affiliate, content)
    declaration = Declaration.objects.get()

    again, due = workflows.receive_file(
        actor=cast.fiduciaire,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS copie.txt",
        chunks=[content],
    )

    assert (again, due) == (first, False)
    assert StoredFile.objects.count() == 1
    assert Declaration.objects.get() == declaration


def test_an_abandoned_draft_comes_back_with_the_same_file(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    workflows.cancel(actor=cast.owner, declaration=one)
    content = b"".join(bytes(chunk.data) for chunk in StoredChunk.objects.order_by("index"))

    send(cast.owner, cast.affiliate, content)

    back = Declaration.objects.get()
    assert back.status == DeclarationStatus.DRAFT
    assert back.version > one.version
    assert back.lines.count() == 2


def test_a_refused_name_is_forgiven_under_the_right_one(cast: Cast) -> None:
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    refused = send(cast.owner, cast.affiliate, content, name="salaires.txt")
    assert refused.verdict == FileVerdict.REFUSED

    accepted = send(cast.owner, cast.affiliate, content)

    assert accepted.pk == refused.pk
    assert accepted.verdict == FileVerdict.ACCEPTED
    assert not FileFinding.objects.exists()


def test_a_new_file_replaces_the_draft(cast: Cast) -> None:
    first = draft(cast.owner, cast.affiliate)

    def raised(line: prefill.PrefillLine) -> e_bds.PrefilledLine:
        return e_bds.prefilled_line(line, days_declared=26, gross_wage=900_000, capped_wage=600_000)

    send(cast.owner, cast.affiliate, answer(issue(cast.owner, cast.affiliate), raised))

    first.refresh_from_db()
    assert first.status == DeclarationStatus.REPLACED
    live = Declaration.objects.get(status=DeclarationStatus.DRAFT)
    assert live.wage_bill == Decimal("18000.00")


def test_a_file_too_large_keeps_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows.files, "LIMIT", 1000)

    with pytest.raises(FileTooLargeError):
        send(cast.owner, cast.affiliate, b"x" * 1001)

    assert not StoredFile.objects.exists()
    assert not ReceivedFile.objects.exists()


def test_a_second_main_declaration_is_refused(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    row = issue(cast.owner, cast.affiliate)

    def raised(line: prefill.PrefillLine) -> e_bds.PrefilledLine:
        return e_bds.prefilled_line(line, days_declared=26, gross_wage=900_000, capped_wage=600_000)

    file = send(cast.owner, cast.affiliate, answer(row, raised))

    assert file.verdict == FileVerdict.REFUSED
    assert FileFinding.objects.get(received_file=file).code == "F3"


def supplement(row: Prefill, number: int = 1) -> bytes:
    hire = e_bds.new_hire_line(
        header_of(row),
        registration_number="190011223",
        name="ECHO".ljust(30) + "ESSAADIA",
        cin="K12345",
        days_declared=26,
        gross_wage=600001,
        capped_wage=600000,
    )
    return answer(row, new_hires=(hire,), supplement_number=number)


def test_a_supplementary_declaration_follows_the_main_one(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    row = issue(cast.owner, cast.affiliate)
    number = cast.affiliate.affiliation_number

    file = send(cast.owner, cast.affiliate, supplement(row), name=f"DSC1_{number}_202601.txt")
    one = Declaration.objects.get(received_file=file)
    workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)
    again = send(cast.owner, cast.affiliate, supplement(row, 2), name=f"DSC2_{number}_202601.txt")

    one.refresh_from_db()
    assert (one.kind, one.supplement_number) == (DeclarationKind.SUPPLEMENTARY, 1)
    assert one.receipt_number == f"202601-{number}-1-1"
    assert [finding.code for finding in again.findings.all()] == ["R94"]


def test_a_supplementary_file_waits_for_the_main_one(cast: Cast) -> None:
    row = issue(cast.owner, cast.affiliate)
    number = cast.affiliate.affiliation_number

    file = send(cast.owner, cast.affiliate, supplement(row), name=f"DSC1_{number}_202601.txt")

    assert [finding.code for finding in file.findings.all()] == ["R93"]


def test_checking_twice_changes_nothing(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    before = list(DeclarationLine.objects.values())

    workflows.check_file(file_id=one.received_file_id, at=AT)

    assert list(DeclarationLine.objects.values()) == before
    assert Declaration.objects.count() == 1


def claimed(cast: Cast, attempts: int = 1) -> ReceivedFile:
    """A file whose worker was lost half-way."""
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=e_bds.file_name(cast.affiliate.affiliation_number, JANUARY.compact),
        chunks=[content],
    )
    ReceivedFile.objects.filter(pk=file.pk).update(
        state=JobState.RUNNING, attempts=attempts, started_at=AT
    )
    return file


def test_a_running_check_is_left_alone_until_its_lease_ends(cast: Cast) -> None:
    file = claimed(cast)

    assert workflows.check_file(file_id=file.pk, at=AT).state == JobState.RUNNING
    assert workflows.due_files(at=AT) == []
    later = AT + ReceivedFile.LEASE
    assert workflows.due_files(at=later) == [file.pk]
    assert workflows.check_file(file_id=file.pk, at=later).verdict == FileVerdict.ACCEPTED


def test_a_check_lost_three_times_is_parked(cast: Cast) -> None:
    file = claimed(cast, attempts=3)

    later = AT + ReceivedFile.LEASE

    assert workflows.due_files(at=later) == [file.pk]
    workflows.check_file(file_id=file.pk, at=later)
    assert workflows.due_files(at=later + ReceivedFile.LEASE) == []

    file.refresh_from_db()
    assert file.state == JobState.PARKED
    assert AuditEntry.objects.filter(action="declarations.file.parked").count() == 1


def test_the_outcome_of_a_run_that_lost_its_claim_is_dropped(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS.txt",
        chunks=[content],
    )

    def another_run_takes_over(name: str) -> None:
        if name == "check_file.checked":
            ReceivedFile.objects.filter(pk=file.pk).update(attempts=2)

    monkeypatch.setattr(workflows.checks, "failpoint", another_run_takes_over)
    workflows.check_file(file_id=file.pk, at=AT)

    assert not FileFinding.objects.exists()
    assert not Declaration.objects.exists()


# -- submitting --------------------------------------------------------------------------------


def test_submission_computes_once_and_numbers_the_receipt(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate, people=2)
    shown = queries.contributions_of(one)

    done = workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)

    number = cast.affiliate.affiliation_number
    assert done.status == DeclarationStatus.SUBMITTED
    assert done.receipt_number == f"202601-{number}-0-1"
    assert done.submitted_by == cast.owner
    # 17,001.00 DH at 6.40, 1.60, 1.85 and 4.52 %, 12,000.00 DH capped at 13.46 %.
    assert done.contributions_total == Decimal("4058.25")
    assert done.contributions_total == shown.total
    assert queries.stored_contributions(done) == shown
    rows = ContributionLine.objects.filter(declaration=done)
    assert sum(row.employer_share + row.employee_share for row in rows) == shown.total
    entry = AuditEntry.objects.get(action="declarations.declaration.submitted")
    assert entry.facts["contributions"] == "4058.25"


def test_the_state_takes_over_a_hire_at_preview_at_submission_and_in_the_replay(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate, people=2)
    employment = Employment.objects.filter(affiliate=cast.affiliate).earliest("pk")
    grant_takeover(
        actor=cast.staff,
        at=AT,
        employment=employment,
        first=JANUARY,
        last=JANUARY + 23,
        decision_reference="TAHFIZ-2026/17",
    )
    shown = queries.contributions_of(one)
    # 8,500.50 DH at 6.40 and 1.60 %; 6,000.00 DH capped at 0.67 + 0.38 + 7.93 %.
    assert shown.total_state == Decimal("544.03") + Decimal("136.01") + Decimal("538.80")
    assert shown.bases.takeover_gross == Decimal("8500.50")

    done = workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)

    assert queries.stored_contributions(done) == shown
    assert done.contributions_total == Decimal("4058.25") - shown.total_state
    assert replay(done.working or {}) == []
    assert "L’État prend en charge" in shown.lines[0].text

    # What is submitted stays, whatever becomes of the decision.
    end_takeover(actor=cast.staff, at=AT, takeover=StateTakeover.objects.get(), last=JANUARY)
    StateTakeover.objects.all().delete()
    done.refresh_from_db()
    assert replay(done.working or {}) == []
    assert done.contributions_total < queries.contributions_of(done).total


def test_submitting_twice_gives_the_same_receipt(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    first = workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)

    again = workflows.submit(
        actor=cast.fiduciaire,
        at=AT + datetime.timedelta(minutes=1),
        declaration=one,
        version=one.version,
    )

    assert again.receipt_number == first.receipt_number
    assert again.submitted_at == first.submitted_at
    assert AuditEntry.objects.filter(action="declarations.declaration.submitted").count() == 1


def test_a_draft_that_changed_is_not_submitted(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)

    with pytest.raises(DraftChanged):
        workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version - 1)

    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT


def test_an_abandoned_draft_is_not_submitted(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    gone = workflows.cancel(actor=cast.owner, declaration=one)
    assert workflows.cancel(actor=cast.owner, declaration=one) == gone

    with pytest.raises(MoveRefused):
        workflows.submit(actor=cast.owner, at=AT, declaration=one, version=gone.version)


def test_a_submitted_declaration_is_not_abandoned(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)

    with pytest.raises(MoveRefused):
        workflows.cancel(actor=cast.owner, declaration=one)


def test_the_order_of_declarations_of_a_month_is_kept(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    extra = Declaration.objects.create(
        affiliate=cast.affiliate,
        period=one.period,
        kind=DeclarationKind.SUPPLEMENTARY,
        supplement_number=1,
        mode="file",
    )

    with pytest.raises(MainMissing):
        workflows.submit(actor=cast.owner, at=AT, declaration=extra, version=1)
    assert AnotherIsSubmitted.code


def test_the_database_holds_one_live_declaration_of_a_kind(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)

    copy = Declaration.objects.get(pk=one.pk)
    copy.pk, copy.receipt_number, copy.received_file_id = None, "X", None

    with pytest.raises(IntegrityError, match="declaration_submitted_once"), transaction.atomic():
        copy.save(force_insert=True)


def test_the_database_holds_one_draft_of_a_kind(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)

    with pytest.raises(IntegrityError, match="declaration_draft_once"), transaction.atomic():
        Declaration.objects.create(affiliate=cast.affiliate, period=one.period, mode="form")


def test_the_receipt_states_what_was_filed(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)

    facts = queries.receipt_facts(one)

    assert facts.receipt_number == one.receipt_number
    assert facts.affiliate_name == "BOULANGERIE AL BARAKA"
    assert facts.period == JANUARY
    assert facts.is_late is False
    assert facts.employee_count == 2
    assert facts.new_hire_count == 0
    assert facts.submitted_by == "Nadia Benjelloun"
    assert facts.contributions.total == one.contributions_total
    assert len(facts.file_sha256) == 64


def test_a_receipt_after_the_due_day_is_late(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    # 10 February 23:30 UTC is 11 February in Casablanca.
    at = datetime.datetime(2026, 2, 10, 23, 30, tzinfo=datetime.UTC)
    workflows.submit(actor=cast.owner, at=at, declaration=one, version=one.version)

    assert queries.receipt_facts(one).is_late is True


@pytest.mark.parametrize("status", DeclarationStatus)
@pytest.mark.parametrize("act", Act)
def test_only_the_written_moves_are_possible(status: DeclarationStatus, act: Act) -> None:
    if (status, act) in MOVES:
        assert after(status, act) in DeclarationStatus
        return
    with pytest.raises(MoveRefused):
        after(status, act)


# -- months ------------------------------------------------------------------------------------


def test_the_next_step_of_a_month(cast: Cast) -> None:
    today = datetime.date(2026, 2, 3)

    def step() -> str:
        return queries.month(cast.affiliate, JANUARY, today=today).step

    assert step() == "file"
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate)
    send(cast.owner, cast.affiliate, b"PK\x03\x04")
    assert step() == "correct"
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=AT + datetime.timedelta(minutes=1),
        affiliate=cast.affiliate,
        period=JANUARY,
        name="DS.txt",
        chunks=[answer(row) + b"\n"],
    )
    assert step() == "wait"
    workflows.check_file(file_id=file.pk, at=AT)
    send(cast.owner, cast.affiliate, answer(row))
    assert step() == "submit"
    one = Declaration.objects.get(status=DeclarationStatus.DRAFT)
    workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)
    assert step() == "done"


def test_the_list_of_months_ends_at_the_affiliation(cast: Cast) -> None:
    young = AffiliateFactory(affiliated_on=datetime.date(2025, 12, 20))

    rows = queries.months(young, today=datetime.date(2026, 2, 3))

    assert [str(row.period) for row in rows] == ["2026-02", "2026-01", "2025-12"]
    assert [row.is_late for row in rows] == [False, False, True]


def test_a_refused_act_is_named_as_french_says_it() -> None:
    """A verb that begins with a vowel too: no « la abandonner »."""
    with pytest.raises(MoveRefused) as refused:
        after(DeclarationStatus.SUBMITTED, Act.CANCEL)
    assert "l’action « abandonner » n’est pas possible" in message_of(refused.value)
