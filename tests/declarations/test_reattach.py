"""Declared without a number, then told one: the line receives it, what was sent stays as it was."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse

from affiliates import workflows as register
from affiliates.enums import AbsenceKind, LeaveReason
from affiliates.models import Affiliate, Employment
from affiliates.queries import expected_situations
from declarations import workflows
from declarations.codecs import receipt as codec
from declarations.models import Declaration, LineReattachment
from declarations.workflows.prefills import expected_people
from portal import clock
from portal.models import AuditEntry
from regulation.periods import Period
from tests.affiliates.factories import (
    AffiliateFactory,
    EmploymentFactory,
    MembershipFactory,
    UserFactory,
)
from tests.affiliates.test_registration_races import together
from tests.affiliates.test_registrations import grant, request_of

pytestmark = pytest.mark.django_db

MARCH = Period(2026, 3)
AT = datetime.datetime(2026, 4, 3, 9, 0, tzinfo=datetime.UTC)


def declared(affiliate: Affiliate, *, submit: bool = True, period: Period = MARCH) -> Declaration:
    """One known person, and a new hire without number whose card is BK204518."""
    actor = UserFactory()
    one = workflows.open_form(actor=actor, at=AT, affiliate=affiliate, period=period)
    one = workflows.add_new_hire(
        actor=actor,
        declaration=one,
        version=one.version,
        registration_number="",
        cin="BK204518",
        last_name="EL FASSI",
        first_name="MOHAMED",
    )
    cell = {"days": "26", "wage": "4 200,00"}
    one = workflows.save_form(
        actor=actor,
        declaration=one,
        version=one.version,
        cells=dict.fromkeys(one.lines.values_list("pk", flat=True), cell),
    )
    return (
        workflows.submit(actor=actor, at=AT, declaration=one, version=one.version)
        if submit
        else one
    )


@pytest.fixture
def affiliate() -> Affiliate:
    one = AffiliateFactory()
    EmploymentFactory(affiliate=one)
    return one


def reattach() -> int:
    return sum(
        workflows.reattach(at=AT, affiliate=one) for one in workflows.affiliates_to_reattach()
    )


def test_a_submitted_line_receives_the_number_and_keeps_what_stood_there(affiliate) -> None:
    one = declared(affiliate)
    receipt, total = one.receipt.content, one.contributions_total
    request = request_of(affiliate)
    assert reattach() == 0, "nothing is told yet"
    number = grant(request).employee.registration_number
    assert reattach() == 1
    assert reattach() == 0, "once"
    line = one.lines.get(cin="BK204518")
    assert line.registration_number == number
    told = LineReattachment.objects.get()
    assert (told.line, told.former_number, told.number, told.request_number) == (
        line,
        "000000000",
        number,
        request.number,
    )
    one.refresh_from_db()
    assert (one.receipt.content, one.contributions_total) == (receipt, total)
    sealed = codec.read(codec.document(one.receipt.content, one.receipt.digest), source="r")
    assert codec.verify(sealed) == []
    assert AuditEntry.objects.filter(action="declarations.line.reattached").count() == 1


def test_the_next_prefill_expects_the_person(affiliate) -> None:
    declared(affiliate)
    number = grant(request_of(affiliate)).employee.registration_number
    assert number in {line.registration_number for line in expected_people(affiliate, MARCH.next())}


def test_a_form_in_progress_receives_it_too_and_says_so_to_who_has_it_open(affiliate) -> None:
    one = declared(affiliate, submit=False)
    number = grant(request_of(affiliate)).employee.registration_number
    assert reattach() == 1
    seen = one.version
    one.refresh_from_db()
    assert one.version == seen + 1
    assert one.lines.get(cin="BK204518").registration_number == number
    assert not LineReattachment.objects.exists(), "nothing was submitted"


def test_a_month_filed_after_the_number_is_mended_as_well(affiliate) -> None:
    workflows.issue_prefill(actor=None, at=AT, affiliate=affiliate, period=MARCH)
    grant(request_of(affiliate))
    declared(affiliate)
    assert reattach() == 1


def test_another_firms_answer_gives_nothing_to_this_one(affiliate) -> None:
    declared(affiliate)
    grant(request_of())
    assert reattach() == 0


def test_a_number_that_already_stands_in_the_declaration_is_not_written_twice(affiliate) -> None:
    one = declared(affiliate)
    known = one.lines.exclude(cin="BK204518").get()
    person = Employment.objects.get(affiliate=affiliate).employee
    person.cin = "BK204518"
    person.save()
    request = request_of(AffiliateFactory())
    request.affiliate = affiliate
    request.save()
    grant(request, person)
    assert reattach() == 0
    assert one.lines.get(cin="BK204518").registration_number == "000000000"
    assert known.registration_number == person.registration_number


@pytest.mark.django_db(transaction=True)
def test_ten_runs_at_once_write_the_number_once() -> None:
    affiliate = AffiliateFactory()
    EmploymentFactory(affiliate=affiliate)
    declared(affiliate)
    grant(request_of(affiliate))
    answers = together([lambda: workflows.reattach(at=AT, affiliate=affiliate)] * 10)
    assert sorted(answers) == [0] * 9 + [1]
    assert LineReattachment.objects.count() == 1


def test_the_history_is_readable(affiliate) -> None:
    one = declared(affiliate)
    grant(request_of(affiliate))
    reattach()
    client = Client()
    client.force_login(MembershipFactory(affiliate=affiliate).user)
    page = client.get(
        reverse("declarations:lines", args=[affiliate.affiliation_number, one.pk])
    ).content.decode()
    assert "déclaré 000000000" in page


# ---------------------------------------------------------------- departures and absences


def _away(employment: Employment, kind: AbsenceKind, first: int, last: int | None) -> None:
    register.record_absence(
        actor=UserFactory(),
        at=AT,
        employment=employment,
        kind=kind,
        starts_on=datetime.date(2026, 3, first),
        ends_on=datetime.date(2026, 3, last) if last else None,
    )


@pytest.mark.parametrize(
    ("kind", "first", "last", "expected"),
    [
        (AbsenceKind.MATERNITY, 10, None, "IT"),
        (AbsenceKind.ILLNESS, 30, 31, "IL"),
        (AbsenceKind.UNPAID_LEAVE, 1, 31, "CS"),
        (AbsenceKind.UNPAID_LEAVE, 1, 30, None),
        (AbsenceKind.KEPT_UNPAID, 2, None, None),
    ],
)
def test_an_absence_fills_the_situation_of_the_month(
    affiliate, kind, first, last, expected
) -> None:
    employment = Employment.objects.get(affiliate=affiliate)
    _away(employment, kind, first, last)
    number = employment.employee.registration_number
    found = expected_situations(affiliate, MARCH.first_day, MARCH.last_day)
    assert found.get(number) == expected
    one = workflows.open_form(actor=UserFactory(), at=AT, affiliate=affiliate, period=MARCH)
    assert one.lines.get().situation == (expected or "")


@pytest.mark.parametrize(
    ("reason", "situation"), [(LeaveReason.RESIGNATION, "SO"), (LeaveReason.DEATH, "DE")]
)
def test_who_leaves_is_out_of_the_next_prefill(affiliate, reason, situation) -> None:
    employment = Employment.objects.get(affiliate=affiliate)
    register.end_employment(
        actor=UserFactory(),
        at=AT,
        employment=employment,
        ended_on=datetime.date(2026, 3, 20),
        reason=reason,
    )
    one = workflows.open_form(actor=UserFactory(), at=AT, affiliate=affiliate, period=MARCH)
    assert one.lines.get().situation == situation
    assert expected_people(affiliate, MARCH.next()) == []


def test_an_end_cuts_the_absences_that_would_outlast_it(affiliate) -> None:
    employment = Employment.objects.get(affiliate=affiliate)
    _away(employment, AbsenceKind.ILLNESS, 10, None)
    register.end_employment(
        actor=UserFactory(), at=AT, employment=employment, ended_on=datetime.date(2026, 3, 20)
    )
    assert employment.absences.get().ends_on == datetime.date(2026, 3, 20)
    assert clock.day_of(AT) > datetime.date(2026, 3, 20)
