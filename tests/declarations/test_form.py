"""The form: opened from the prefill or from last month, filled, judged as its file, submitted."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affiliates.models import Affiliate
from declarations import queries, workflows
from declarations.codecs import e_bds
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileVerdict,
    FilingMode,
    LineOrigin,
    LineSituation,
)
from declarations.errors import (
    AnotherIsSubmitted,
    DraftChanged,
    FormChanged,
    FormToComplete,
    MoveRefused,
    NoEarlierDeclaration,
    NotAForm,
    PeriodNotOpen,
)
from declarations.form_page import form_page
from declarations.models import Declaration, DeclarationLine
from declarations.rules import Expected
from declarations.rules.form import FormLine, as_file, judge
from portal.models import AuditEntry, User
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, answer, employ, full_month, issue, send
from tests.declarations.samples import ALPHA, HEADER, PREFILLED, examine, person, read_prefill

FEBRUARY = JANUARY.next()
IN_MARCH = AT + datetime.timedelta(days=28)


@pytest.fixture
def baker(db: None) -> User:
    return UserFactory()


@pytest.fixture
def bakery(db: None) -> Affiliate:
    affiliate = AffiliateFactory()
    employ(affiliate, 2)
    return affiliate


def opened(actor: User, affiliate: Affiliate, period: Period = JANUARY) -> Declaration:
    return workflows.open_form(actor=actor, at=IN_MARCH, affiliate=affiliate, period=period)


def as_last_month(actor: User, affiliate: Affiliate, period: Period = FEBRUARY) -> Declaration:
    return workflows.open_form(
        actor=actor, at=IN_MARCH, affiliate=affiliate, period=period, as_last_month=True
    )


def fill(
    actor: User, one: Declaration, days: str = "26", wage: str = "8 500,50", situation: str = ""
) -> Declaration:
    cell = {"days": days, "wage": wage, "situation": situation}
    return workflows.save_form(
        actor=actor,
        declaration=one,
        version=one.version,
        cells=dict.fromkeys(one.lines.values_list("pk", flat=True), cell),
    )


def submit(actor: User, one: Declaration) -> Declaration:
    return workflows.submit(actor=actor, at=IN_MARCH, declaration=one, version=one.version)


def codes_of(one: Declaration) -> list[str]:
    judgement = queries.judge_form(one, list(one.lines.all()))
    return [finding.code for found in judgement.by_line.values() for finding in found]


# -- the same rules as for files -----------------------------------------------------------------

UNREADABLE = st.sampled_from(["27", "99", "300", "abc", "2,5", "?"])
WAGES = st.integers(0, 9_999_999_999)
SITUATIONS = st.sampled_from(["", "SO", "DE", "IT", "IL", "AT", "CS", "MS", "MP", "CO", "XX"])


@st.composite
def form_lines(draw: st.DrawFn) -> list[FormLine]:
    lines = []
    for key, issued in enumerate(PREFILLED):
        gross, situation = draw(WAGES), draw(SITUATIONS)
        known = situation in e_bds.RANKS
        unread = {} if known else {"situation": situation}
        if draw(st.booleans()) and draw(st.booleans()):
            unread["days"] = draw(UNREADABLE)
        lines.append(
            FormLine(
                key=key,
                origin=LineOrigin.PREFILLED,
                registration_number=issued.registration_number,
                full_name=issued.name,
                children=issued.children,
                af_payable=issued.af_payable,
                af_deducted=issued.af_deducted,
                af_net=issued.af_net,
                af_returned=draw(st.sampled_from([0, issued.af_net])),
                days_declared=draw(st.integers(0, 26)),
                gross_wage=gross,
                capped_wage=min(gross, 600_000),
                situation=situation if known else "",
                unread=unread,
            )
        )
    numbers = st.sampled_from(["000000000", "999999999", "190011223", "100000000", "112233441"])
    for key in range(10, 10 + draw(st.integers(0, 2))):
        gross = draw(WAGES)
        lines.append(
            FormLine(
                key=key,
                origin=LineOrigin.NEW_HIRE,
                registration_number=draw(numbers),
                full_name=draw(st.sampled_from(["", person("DELTA", "DRISS")])),
                cin=draw(st.sampled_from(["", "AB123456"])),
                days_declared=draw(st.integers(0, 26)),
                gross_wage=gross,
                capped_wage=min(gross, 600_000),
            )
        )
    return lines


@settings(max_examples=150, deadline=None)
@given(form_lines())
def test_a_form_and_its_file_get_the_same_verdict_and_codes(lines: list[FormLine]) -> None:
    """The file here is put together by hand: the writer of the form is not its own witness."""
    expected = Expected(prefill=read_prefill(), affiliation_number="1234567", period=JANUARY)

    judgement = judge(lines, expected)

    told = [one.code for found in judgement.by_line.values() for one in found]
    told += [one.code for one in judgement.general]
    file = examine(by_hand(lines), expected)
    assert judgement.verdict is file.verdict
    assert sorted(told) == sorted(finding.code for finding in file.findings)


def by_hand(lines: list[FormLine]) -> bytes:
    """The file that a payroll software with the same people and the same faults would write."""
    known, hired = [], []
    for line in sorted(lines, key=lambda one: one.registration_number):
        typed = line.unread.get("days", "")
        days = min(int(typed), 99) if typed.isdecimal() else line.days_declared
        if line.origin is LineOrigin.NEW_HIRE:
            hired.append(
                e_bds.new_hire_line(
                    HEADER,
                    registration_number=line.registration_number,
                    name=line.full_name,
                    cin=line.cin,
                    days_declared=days,
                    gross_wage=line.gross_wage,
                    capped_wage=line.capped_wage,
                )
            )
            continue
        issued = next(p for p in PREFILLED if p.registration_number == line.registration_number)
        known.append(
            e_bds.prefilled_line(
                issued,
                days_declared=days,
                gross_wage=line.gross_wage,
                capped_wage=line.capped_wage,
                situation=line.situation,
                af_returned=line.af_returned,
            )
        )
    written = list(
        e_bds.write(
            transfer_identifier="12345672601017", header=HEADER, lines=known, new_hires=hired
        )
    )
    for rank in range(len(PREFILLED)):
        unread = next(line.unread for line in lines if line.key == rank)
        record = bytearray(written[2 + rank])
        typed = unread.get("days", "")
        if typed and not typed.isdecimal():
            record[111:113] = typed[:2].replace(",", "x").ljust(2, "?").encode()
        if "situation" in unread:
            record[135:137] = unread["situation"].encode()
        written[2 + rank] = bytes(record)
    return b"".join(written)


def test_the_columns_of_the_hand_made_file_are_those_of_the_format() -> None:
    assert e_bds.PREFILLED_LINE.columns("N_Jours_Declares") == (112, 113)
    assert e_bds.PREFILLED_LINE.columns("L_Situation") == (136, 137)


def test_a_finding_stands_beside_the_cell_and_says_what_was_typed() -> None:
    line = FormLine(
        key=7,
        origin=LineOrigin.PREFILLED,
        registration_number=ALPHA.registration_number,
        full_name=ALPHA.name,
        children=2,
        af_payable=60000,
        af_net=60000,
        gross_wage=500_000,
        capped_wage=500_000,
        unread={"days": "trente"},
    )

    found = judge([line], Expected(prefill=read_prefill())).by_line[7]

    assert [(one.code, one.field, one.value) for one in found] == [
        ("R7", "N_Jours_Declares", "trente"),
        ("R20", "N_Num_Assure", ""),  # an unreadable line is nobody's
    ]


def test_the_stored_form_is_the_file_that_the_upload_accepts(baker, bakery) -> None:
    one = fill(baker, opened(baker, bakery))
    lines = [queries.form_line(line, {}) for line in one.lines.all()]
    prefill = queries.issued_prefill(bakery, JANUARY)
    content = as_file(lines, Expected(prefill=prefill))

    file = send(baker, bakery, content, at=IN_MARCH)

    assert file.verdict == FileVerdict.ACCEPTED
    other = Declaration.objects.get(received_file=file)
    for name in ("employee_count", "days_declared", "wage_bill", "capped_wage_bill"):
        assert getattr(other, name) == getattr(one, name)


# -- opening -------------------------------------------------------------------------------------


def test_everybody_of_the_prefill_waits_to_be_filled(baker, bakery) -> None:
    one = opened(baker, bakery)

    assert (one.mode, one.status, one.kind) == (
        FilingMode.FORM,
        DeclarationStatus.DRAFT,
        DeclarationKind.MAIN,
    )
    assert [line.origin for line in one.lines.all()] == [LineOrigin.PREFILLED] * 2
    assert (one.employee_count, one.to_complete) == (2, 2)
    assert set(codes_of(one)) == {"R30"}


def test_opening_twice_is_opening_once(baker, bakery) -> None:
    one = fill(baker, opened(baker, bakery))

    again = opened(baker, bakery)

    assert (again.pk, again.version, again.to_complete) == (one.pk, one.version, 0)
    assert DeclarationLine.objects.count() == 2


def test_a_month_to_come_is_refused(baker, bakery) -> None:
    with pytest.raises(PeriodNotOpen):
        opened(baker, bakery, Period(2026, 9))


def test_last_month_is_taken_over_and_what_was_typed_stays(baker, bakery) -> None:
    submit(baker, fill(baker, opened(baker, bakery)))
    one = opened(baker, bakery, FEBRUARY)
    first = one.lines.first()
    workflows.save_form(
        actor=baker,
        declaration=one,
        version=one.version,
        cells={first.pk: {"situation": "CS"}},
    )

    one = as_last_month(baker, bakery)

    assert one.to_complete == 0
    assert [(line.days_declared, line.situation) for line in one.lines.order_by("rank")] == [
        (0, "CS"),
        (26, ""),
    ]
    assert one.wage_bill == Decimal("8500.50")
    assert one.capped_wage_bill == Decimal("6000.00")
    assert as_last_month(baker, bakery).version == one.version


def test_somebody_who_still_awaits_a_number_comes_again(baker, bakery) -> None:
    one = fill(baker, with_pending(baker, opened(baker, bakery)))
    submit(baker, one)

    again = as_last_month(baker, bakery)

    hired = again.lines.get(origin=LineOrigin.NEW_HIRE.value)
    assert (hired.registration_number, hired.cin, hired.days_declared) == (
        "000000000",
        "AB123456",
        26,
    )
    assert again.to_complete == 0


def test_there_must_be_a_month_to_take_over(baker, bakery) -> None:
    with pytest.raises(NoEarlierDeclaration):
        as_last_month(baker, bakery)
    assert not Declaration.objects.exists()


def test_after_the_submission_the_form_is_a_supplementary_one(baker, bakery) -> None:
    submit(baker, fill(baker, opened(baker, bakery)))

    one = opened(baker, bakery)

    assert (one.kind, one.supplement_number) == (DeclarationKind.SUPPLEMENTARY, 1)
    assert one.to_complete == 1  # R91: nobody in it yet
    one = fill(baker, with_pending(baker, one))
    assert submit(baker, one).status == DeclarationStatus.SUBMITTED
    with pytest.raises(AnotherIsSubmitted):
        as_last_month(baker, bakery, JANUARY)


def test_a_form_takes_the_place_of_a_file_and_the_reverse(baker, bakery) -> None:
    content = answer(issue(baker, bakery))
    from_file = Declaration.objects.get(received_file=send(baker, bakery, content))

    form = opened(baker, bakery)
    from_file.refresh_from_db()
    assert (from_file.status, form.status) == ("replaced", "draft")

    send(baker, bakery, content)
    from_file.refresh_from_db()
    form.refresh_from_db()
    assert (from_file.status, form.status) == ("draft", "replaced")
    with pytest.raises(MoveRefused):
        fill(baker, form)
    with pytest.raises(NotAForm):
        fill(baker, from_file)


# -- filling -------------------------------------------------------------------------------------


def test_amounts_are_typed_the_french_and_the_arabic_way(baker, bakery) -> None:
    one = opened(baker, bakery)
    first, second = one.lines.order_by("rank")

    one = workflows.save_form(
        actor=baker,
        declaration=one,
        version=one.version,
        cells={
            first.pk: {"days": "٢٦", "wage": "٨٥٠٠٫٥٠"},
            second.pk: {"days": "13", "wage": "3 000,5"},
        },
    )

    assert [line.gross_wage for line in one.lines.order_by("rank")] == [
        Decimal("8500.50"),
        Decimal("3000.50"),
    ]
    assert [line.capped_wage for line in one.lines.order_by("rank")] == [
        Decimal("6000.00"),
        Decimal("3000.50"),
    ]
    assert (one.days_declared, one.wage_bill, one.to_complete) == (39, Decimal("11501.00"), 0)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"days": "27", "wage": "5000"}, "R28"),
        ({"days": "x", "wage": "5000"}, "R7"),
        ({"days": "26", "wage": "1_000"}, "R7"),
        ({"days": "26", "wage": "-5"}, "R7"),
        ({"days": "26", "wage": "999999999999"}, "R7"),
        ({"days": "26", "wage": "5000", "situation": "CO"}, "R29"),
        ({"days": "1", "wage": "1", "situation": "MS"}, "R31"),
        ({"days": "26", "wage": ""}, "R30"),
    ],
)
def test_what_a_file_is_refused_for_is_kept_told_and_cannot_be_submitted(
    baker, bakery, typed, code
) -> None:
    one = fill(baker, opened(baker, bakery))
    first = one.lines.order_by("rank")[0]

    one = workflows.save_form(
        actor=baker, declaration=one, version=one.version, cells={first.pk: typed}
    )

    assert one.to_complete == 1
    assert code in codes_of(one)
    row = form_page(one).rows[0]
    told = [note for cell in (row.days, row.wage, row.situation) for note in cell.notes]
    assert code in [note.code for note in told]
    assert "R20" not in [note.code for note in row.notes]
    with pytest.raises(FormToComplete):
        submit(baker, one)
    one.refresh_from_db()
    assert one.status == DeclarationStatus.DRAFT
    one = fill(baker, one)
    assert (one.unread, one.to_complete) == ({}, 0)


def test_a_leaver_gives_the_allowance_back(baker, bakery) -> None:
    one = opened(baker, bakery)
    one.lines.update(af_payable=600, af_net=600)

    one = fill(baker, one, days="", wage="", situation="SO")

    assert [line.af_returned for line in one.lines.all()] == [Decimal("600.00")] * 2


def test_saving_the_same_twice_is_saving_once(baker, bakery) -> None:
    one = opened(baker, bakery)

    saved = fill(baker, one)
    again = fill(baker, one)  # carries the version from before the first save

    assert (again.version, saved.version) == (2, 2)
    assert AuditEntry.objects.filter(action="declarations.form.saved").count() == 1


def test_an_older_version_writes_nothing(baker, bakery) -> None:
    one = opened(baker, bakery)
    fill(baker, one)

    with pytest.raises(FormChanged):
        fill(baker, one, wage="9000")
    assert one.lines.first().gross_wage == Decimal("8500.50")
    with pytest.raises(DraftChanged):
        submit(baker, one)


def test_lines_of_another_declaration_are_left_alone(baker, bakery) -> None:
    other = AffiliateFactory()
    employ(other, 1)
    theirs = opened(baker, other)
    one = opened(baker, bakery)

    workflows.save_form(
        actor=baker,
        declaration=one,
        version=one.version,
        cells={theirs.lines.get().pk: {"days": "5", "wage": "5"}},
    )

    assert theirs.lines.get().days_declared == 0


# -- entrants, a month without work ----------------------------------------------------------------


def with_pending(actor: User, one: Declaration, **said: str) -> Declaration:
    values = {
        "registration_number": "",
        "cin": "AB123456",
        "last_name": "D’Élta",
        "first_name": "Driss",
    }
    return workflows.add_new_hire(
        actor=actor, declaration=one, version=one.version, **{**values, **said}
    )


def test_an_entrant_comes_and_goes(baker, bakery) -> None:
    one = fill(baker, opened(baker, bakery))

    one = with_pending(baker, one)
    assert with_pending(baker, one).version == one.version
    hired = one.lines.get(origin=LineOrigin.NEW_HIRE.value)
    assert (hired.registration_number, hired.cin) == ("000000000", "AB123456")
    assert hired.full_name == person("D ELTA", "DRISS")
    assert (one.employee_count, one.to_complete) == (3, 1)

    for _ in range(2):
        one = workflows.remove_new_hire(
            actor=baker, declaration=one, version=one.version, line=hired.pk
        )
    assert (one.employee_count, one.to_complete) == (2, 0)


def test_people_of_the_prefill_are_not_taken_out(baker, bakery) -> None:
    one = opened(baker, bakery)

    workflows.remove_new_hire(
        actor=baker, declaration=one, version=one.version, line=one.lines.first().pk
    )

    assert one.lines.count() == 2


def test_a_month_without_work(baker, bakery) -> None:
    one = fill(baker, opened(baker, bakery))

    one = workflows.declare_no_work(
        actor=baker, declaration=one, version=one.version, situation=LineSituation.UNPAID_LEAVE
    )

    assert (one.days_declared, one.wage_bill, one.to_complete) == (0, 0, 0)
    assert submit(baker, one).contributions_total == 0


def test_a_month_without_anybody(baker, db) -> None:
    one = opened(baker, AffiliateFactory())

    assert one.to_complete == 0
    assert submit(baker, one).employee_count == 0


def test_a_submitted_form_is_like_any_other(baker, bakery) -> None:
    one = submit(baker, fill(baker, opened(baker, bakery)))

    facts = queries.receipt_facts(one)

    assert (facts.employee_count, facts.wage_bill, facts.file_name) == (2, Decimal("17001.00"), "")
    assert one.contribution_lines.exists()
    with pytest.raises(MoveRefused):
        fill(baker, one)


def test_the_line_builder_of_the_prefill_is_the_one_of_the_form(baker, bakery) -> None:
    """A payroll that answers the prefill and a person who fills the form say the same bytes."""
    row = issue(baker, bakery)
    one = fill(baker, opened(baker, bakery))
    lines = [queries.form_line(line, {}) for line in one.lines.all()]

    assert as_file(lines, Expected(prefill=queries.issued_prefill(bakery, JANUARY))) == answer(
        row, full_month
    )
