"""Correcting a submitted declaration: as often as wanted, by form and by file, once each, nothing lost."""

import datetime
import io
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from declarations import queries, versions, workflows
from declarations.codecs import e_bds, prefill, receipt
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileVerdict,
    FilingMode,
    StopReason,
)
from declarations.errors import (
    CorrectedMeanwhile,
    CorrectionStopped,
    CorrectionTooLate,
    DraftChanged,
    MoveRefused,
    NoMoreSupplements,
    NothingCorrected,
    ReopeningReasonMissing,
)
from declarations.models import Declaration, FileFinding, Receipt, ReceivedFile
from portal.models import AuditEntry
from regulation.periods import Period
from tests.cast import Cast
from tests.declarations.factories import (
    AT,
    JANUARY,
    answer,
    draft,
    full_month,
    issue,
    send,
    submitted,
)

pytestmark = pytest.mark.django_db
D = Decimal
LATER = AT + datetime.timedelta(days=60)


def raised(line: prefill.PrefillLine) -> e_bds.PrefilledLine:
    return e_bds.prefilled_line(line, days_declared=26, gross_wage=900_000, capped_wage=600_000)


def corrected(
    cast: Cast, one: Declaration, wage: str, at: datetime.datetime = LATER
) -> Declaration:
    """The first person of a declaration earns `wage`, by the form, submitted."""
    row = workflows.open_correction(actor=cast.owner, at=at, declaration=one)
    line = row.lines.order_by("rank")[0]
    row = workflows.save_form(
        actor=cast.owner,
        declaration=row,
        version=row.version,
        cells={line.pk: {"wage": wage, "days": "26", "situation": ""}},
    )
    return workflows.submit(actor=cast.owner, at=at, declaration=row, version=row.version)


def test_the_correction_starts_from_what_was_filed(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)

    row = workflows.open_correction(actor=cast.owner, at=LATER, declaration=one)

    assert (row.corrects, row.status, row.mode, row.to_complete) == (one, "draft", "form", 0)
    assert list(row.lines.order_by("rank").values_list(*versions.TOLD)) == list(
        one.lines.order_by("rank").values_list(*versions.TOLD)
    )
    one.refresh_from_db()
    assert one.status == DeclarationStatus.SUBMITTED
    assert workflows.open_correction(actor=cast.fiduciaire, at=LATER, declaration=one) == row


def test_the_last_one_counts_and_every_version_stays(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    two = corrected(cast, one, "9000")
    three = corrected(cast, two, "5000")

    assert list(Declaration.objects.order_by("pk").values_list("status", flat=True)) == [
        "replaced",
        "replaced",
        "submitted",
    ]
    assert [row.receipt_number for row in versions.history(three)] == [
        f"202601-{cast.affiliate.affiliation_number}-0-{rank}" for rank in (3, 2, 1)
    ]
    assert (one.wage_bill, two.wage_bill, three.wage_bill) == (
        D("17001.00"),
        D("17500.50"),
        D("13500.50"),
    )
    assert list(queries.declared_lines(cast.affiliate, JANUARY)) == list(three.lines.all())
    month = queries.month(cast.affiliate, JANUARY, today=LATER.date())
    assert (month.main, month.correction, month.step) == (three, None, "done")


def test_the_receipts_of_all_versions_make_one_chain(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    two = corrected(cast, one, "9000")

    kept = [
        receipt.read(receipt.document(row.content, row.digest), source=str(row.rank))[0]
        for row in Receipt.objects.order_by("rank")
    ]
    assert receipt.verify(kept) == []
    assert receipt.gaps(kept) == []
    assert kept[1].facts["format"] == "recepisse-declaration-2"
    assert kept[1].facts["replaces"] == one.receipt_number
    assert kept[1].facts["first_submitted_at"] == "2026-02-03T09:00:00.000000+00:00"
    assert kept[1].facts["receipt_number"] == two.receipt_number
    forged = receipt.SealedReceipt(
        "x", {**kept[1].facts, "format": "recepisse-declaration-1"}, kept[1].digest
    )
    assert [fault.code for fault in receipt.verify([forged])] == ["shape"]


def test_the_first_arrival_says_whether_the_month_was_late(cast: Cast) -> None:
    in_time = submitted(cast.owner, cast.affiliate)
    assert queries.receipt_facts(corrected(cast, in_time, "9000")).is_late is False


def test_a_month_filed_late_stays_late_once_corrected(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    late = workflows.submit(
        actor=cast.owner,
        at=AT + datetime.timedelta(days=10),
        declaration=one,
        version=one.version,
    )
    assert queries.receipt_facts(corrected(cast, late, "9000")).is_late is True


def test_a_file_corrects_what_was_filed_by_file_or_form(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    content = answer(issue(cast.owner, cast.affiliate), raised)

    file = send(cast.owner, cast.affiliate, content, corrects=one)

    assert file.verdict == FileVerdict.ACCEPTED
    two = Declaration.objects.get(received_file=file)
    assert (two.corrects, two.mode) == (one, FilingMode.FILE)
    two = workflows.submit(actor=cast.owner, at=AT, declaration=two, version=two.version)
    three = corrected(cast, two, "1")
    # Back to what was said first: the same bytes, for another version, are another row.
    again = send(
        cast.owner, cast.affiliate, answer(issue(cast.owner, cast.affiliate)), corrects=three
    )
    four = Declaration.objects.get(received_file=again)
    workflows.submit(actor=cast.owner, at=AT, declaration=four, version=four.version)
    assert versions.says_something_else(one, four) is False
    assert ReceivedFile.objects.count() == 3


def test_the_file_draft_and_the_form_draft_of_a_correction_give_way_to_one_another(
    cast: Cast,
) -> None:
    one = submitted(cast.owner, cast.affiliate)
    by_form = workflows.open_correction(actor=cast.owner, at=AT, declaration=one)
    content = answer(issue(cast.owner, cast.affiliate), raised)

    by_file = Declaration.objects.get(
        received_file=send(cast.owner, cast.affiliate, content, corrects=one)
    )
    by_form.refresh_from_db()
    assert (by_form.status, by_file.status) == ("replaced", "draft")

    other = workflows.open_correction(actor=cast.owner, at=AT, declaration=one)
    by_file.refresh_from_db()
    assert (by_file.status, other.mode) == ("replaced", "form")
    with pytest.raises(MoveRefused):
        workflows.submit(actor=cast.owner, at=AT, declaration=by_form, version=by_form.version)


def test_a_file_of_another_place_does_not_correct(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    row = issue(cast.owner, cast.affiliate)
    extra = answer(row, new_hires=(hire(row, "190011223"),), supplement_number=1)
    name = e_bds.file_name(cast.affiliate.affiliation_number, JANUARY.compact, supplement_number=1)

    file = send(cast.owner, cast.affiliate, extra, name=name, corrects=one)

    assert file.verdict == FileVerdict.REFUSED
    assert [row.code for row in FileFinding.objects.filter(received_file=file)] == ["F4"]


def hire(row: object, number: str, wage: int = 400_000) -> e_bds.NewHireLine:
    read = prefill.read(io.BytesIO(bytes(row.content)))  # type: ignore[attr-defined]
    return e_bds.new_hire_line(
        read.header,
        registration_number=number,
        name="ECHO".ljust(30) + "ESSAADIA",
        cin="AB123456",
        days_declared=26,
        gross_wage=wage,
        capped_wage=min(wage, 600_000),
    )


def supplement(cast: Cast, number: int, registration_number: str, **more: object) -> ReceivedFile:
    row = issue(cast.owner, cast.affiliate)
    content = answer(row, new_hires=(hire(row, registration_number),), supplement_number=number)
    name = e_bds.file_name(
        cast.affiliate.affiliation_number, JANUARY.compact, supplement_number=number
    )
    return send(cast.owner, cast.affiliate, content, name=name, **more)  # type: ignore[arg-type]


def test_the_main_declaration_takes_in_nobody_of_a_supplement(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    extra = Declaration.objects.get(received_file=supplement(cast, 1, "190011223"))
    workflows.submit(actor=cast.owner, at=AT, declaration=extra, version=extra.version)
    row = issue(cast.owner, cast.affiliate)

    file = send(
        cast.owner,
        cast.affiliate,
        answer(row, full_month, new_hires=(hire(row, "190011223"),)),
        corrects=one,
    )

    assert file.verdict == FileVerdict.BLOCKED
    assert [row.code for row in FileFinding.objects.filter(received_file=file)] == ["R94"]


def test_a_supplement_is_corrected_in_its_place(cast: Cast) -> None:
    main = submitted(cast.owner, cast.affiliate)
    extra = Declaration.objects.get(received_file=supplement(cast, 1, "190011223"))
    extra = workflows.submit(actor=cast.owner, at=AT, declaration=extra, version=extra.version)

    fixed = corrected(cast, extra, "4100")

    assert (fixed.kind, fixed.supplement_number) == (DeclarationKind.SUPPLEMENTARY, 1)
    assert fixed.wage_bill == D("4100.00")
    assert fixed.receipt_number == f"202601-{cast.affiliate.affiliation_number}-1-2"
    main.refresh_from_db()
    assert main.status == DeclarationStatus.SUBMITTED
    # By file too: its own number is not "used", its own people are not "declared".
    row = issue(cast.owner, cast.affiliate)
    content = answer(row, new_hires=(hire(row, "190011223", 420_000),), supplement_number=1)
    name = e_bds.file_name(cast.affiliate.affiliation_number, JANUARY.compact, supplement_number=1)
    file = send(cast.owner, cast.affiliate, content, name=name, corrects=fixed)
    assert (file.verdict, file.finding_count) == (FileVerdict.ACCEPTED, 0)


NINE = (
    "190011223", "190011231", "190011249", "190011256", "190011264", "190011272", "190011280",
    "190011298", "190011306",
)  # fmt: skip


def test_nine_supplements_then_no_more(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    for number, person in enumerate(NINE, 1):
        file = supplement(cast, number, person)
        assert file.verdict == FileVerdict.ACCEPTED, list(file.findings.values_list("code"))
        extra = Declaration.objects.get(received_file=file)
        workflows.submit(actor=cast.owner, at=AT, declaration=extra, version=extra.version)

    with pytest.raises(NoMoreSupplements):
        workflows.open_form(actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY)

    assert supplement(cast, 9, "190011314").verdict == FileVerdict.REFUSED


def test_a_correction_made_upon_an_older_version_is_refused_and_says_who(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    content = answer(issue(cast.owner, cast.affiliate), raised)
    file = send(cast.owner, cast.affiliate, content, corrects=one)
    mine = Declaration.objects.get(received_file=file)
    Declaration.objects.filter(pk=mine.pk).update(status="cancelled")
    corrected(cast, one, "5000")
    Declaration.objects.filter(pk=mine.pk).update(status="draft")

    with pytest.raises(CorrectedMeanwhile) as refusal:
        workflows.submit(actor=cast.fiduciaire, at=LATER, declaration=mine, version=mine.version)

    assert refusal.value.facts["by"] == cast.owner.full_name
    with pytest.raises(CorrectedMeanwhile):
        workflows.open_correction(actor=cast.fiduciaire, at=LATER, declaration=one)
    one.refresh_from_db()
    with pytest.raises(CorrectedMeanwhile):
        send(cast.fiduciaire, cast.affiliate, content + b" ", corrects=one)


def test_what_changes_nothing_is_not_filed_again(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    row = workflows.open_correction(actor=cast.owner, at=LATER, declaration=one)

    with pytest.raises(NothingCorrected):
        workflows.submit(actor=cast.owner, at=LATER, declaration=row, version=row.version)

    one.refresh_from_db()
    assert one.status == DeclarationStatus.SUBMITTED


def test_a_correction_seen_before_a_colleague_changed_it_is_refused(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    row = workflows.open_correction(actor=cast.owner, at=LATER, declaration=one)
    line = row.lines.order_by("rank")[0]
    workflows.save_form(
        actor=cast.fiduciaire, declaration=row, version=1, cells={line.pk: {"wage": "1"}}
    )

    with pytest.raises(DraftChanged):
        workflows.submit(actor=cast.owner, at=LATER, declaration=row, version=1)


def test_a_draft_is_not_corrected(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    with pytest.raises(MoveRefused):
        workflows.open_correction(actor=cast.owner, at=AT, declaration=one)


def test_a_prescribed_month_is_not_corrected(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    january_2030 = datetime.datetime(2030, 1, 31, 9, tzinfo=datetime.UTC)
    versions.check_correctable(one, january_2030.date())
    with pytest.raises(CorrectionTooLate) as refusal:
        workflows.open_correction(
            actor=cast.owner, at=january_2030 + datetime.timedelta(days=2), declaration=one
        )
    assert refusal.value.facts == {"period": JANUARY, "first": Period(2026, 2)}


def test_a_month_that_the_fund_closed_is_not_corrected_until_it_opens_it(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    row = workflows.open_correction(actor=cast.owner, at=LATER, declaration=one)
    line = row.lines.order_by("rank")[0]
    row = workflows.save_form(
        actor=cast.owner, declaration=row, version=1, cells={line.pk: {"wage": "5000"}}
    )
    stops = [
        workflows.stop_corrections(
            actor=cast.staff,
            at=LATER,
            affiliate=cast.affiliate,
            period=JANUARY,
            reason=StopReason.DECISION,
            reference="R-7",
        )
        for _ in range(2)
    ]

    # Also when it was closed after the draft was opened.
    with pytest.raises(CorrectionStopped, match="R-7"):
        workflows.submit(actor=cast.owner, at=LATER, declaration=row, version=row.version)

    assert stops[0] == stops[1]
    with pytest.raises(ReopeningReasonMissing):
        workflows.allow_corrections(actor=cast.staff, at=LATER, stop=stops[0], reason=" \n ")
    for _ in range(2):
        workflows.allow_corrections(actor=cast.staff, at=LATER, stop=stops[0], reason="Demandé.")
    assert AuditEntry.objects.filter(action="declarations.corrections.allowed").count() == 1
    workflows.submit(actor=cast.owner, at=LATER, declaration=row, version=row.version)
    assert AuditEntry.objects.filter(action="declarations.corrections.stopped").count() == 1


def test_the_database_keeps_one_correction_of_each_version(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    corrected(cast, one, "9000")
    elsewhere = draft(cast.stranger, cast.strangers_affiliate)

    with (
        pytest.raises(IntegrityError, match="declaration_corrected_once"),
        transaction.atomic(),
    ):
        Declaration.objects.filter(pk=elsewhere.pk).update(corrects=one, submitted_at=AT)


def test_what_a_version_changed_is_told_person_by_person(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    row = workflows.open_correction(actor=cast.owner, at=LATER, declaration=one)
    line = row.lines.order_by("rank")[0]
    row = workflows.save_form(
        actor=cast.owner, declaration=row, version=1, cells={line.pk: {"wage": "5000"}}
    )
    row = workflows.add_new_hire(
        actor=cast.owner,
        declaration=row,
        version=row.version,
        registration_number="190011223",
        cin="",
        last_name="Echo",
        first_name="Essaadia",
    )
    found = versions.difference(one, row)

    told = {person.line.registration_number: person for person in found.people}
    assert told.keys() == {line.registration_number, "190011223"}
    changed, added = told[line.registration_number], told["190011223"]
    assert (changed.is_added, changed.wage_difference) == (False, D("-3500.50"))
    assert (added.is_added, added.wage_difference) == (True, D("0.00"))
    assert found.wage_bill == D("-3500.50")
    assert found.employees == 1
    branches = {row.branch.value: row.difference for row in found.branches}
    # 864.03 less 1,088.06: each is the figure of the law, rounded once.
    assert branches["PF"] == D("-224.03")
    assert found.total == sum(branches.values())
