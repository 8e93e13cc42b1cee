"""Prefills: who is in them, when they are due, issued once."""

import datetime
import io

import pytest
import time_machine

from affiliates.enums import AffiliateState
from declarations import queries, tasks, workflows
from declarations.codecs import e_bds, prefill
from declarations.errors import (
    PeriodNotOpen,
)
from declarations.models import (
    Declaration,
    Prefill,
)
from portal.models import AuditEntry, StoredFile
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, EmployeeFactory, EmploymentFactory
from tests.cast import Cast
from tests.declarations import factories
from tests.declarations.factories import AT, JANUARY, answer, employ, issue, send

pytestmark = pytest.mark.django_db


def test_a_prefill_holds_the_people_of_the_month(cast: Cast) -> None:
    here = EmployeeFactory(
        registration_number="112233441", last_name="El Idrissi", first_name="Zoé"
    )
    EmploymentFactory(affiliate=cast.affiliate, employee=here, children=2)
    EmploymentFactory(affiliate=cast.affiliate, ended=True)
    EmploymentFactory(affiliate=cast.affiliate, started_on=datetime.date(2026, 2, 1))
    EmploymentFactory(affiliate=cast.affiliate, employee=EmployeeFactory(unregistered=True))
    EmploymentFactory(affiliate=cast.strangers_affiliate)

    row = issue(cast.owner, cast.affiliate)

    read = prefill.read(io.BytesIO(bytes(row.content)))
    assert read.is_whole
    assert list(read.lines) == ["112233441"]
    line = read.lines["112233441"]
    assert line.name == "EL IDRISSI".ljust(30) + "ZOE"
    assert line.children == 2
    assert read.header.company_name == "BOULANGERIE AL BARAKA"
    assert read.header.due_on == "20260210"
    assert row.due_on == datetime.date(2026, 2, 10)
    number = cast.affiliate.affiliation_number
    assert row.transfer_id.startswith(f"{number}260101")


def test_a_prefill_follows_the_last_declaration(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    read = prefill.read(io.BytesIO(bytes(row.content)))
    leaver = min(read.lines)
    hire = e_bds.new_hire_line(
        read.header,
        registration_number="190011223",
        name="ECHO".ljust(30) + "ESSAADIA",
        cin="K12345",
        days_declared=26,
        gross_wage=600001,
        capped_wage=600000,
    )

    def leaving(line: prefill.PrefillLine) -> e_bds.PrefilledLine:
        if line.registration_number != leaver:
            return factories.full_month(line)
        return e_bds.prefilled_line(
            line, days_declared=0, gross_wage=0, capped_wage=0, situation="SO"
        )

    file = send(cast.owner, cast.affiliate, answer(row, leaving, (hire,)))
    one = Declaration.objects.get(received_file=file)
    workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)

    following = issue(cast.owner, cast.affiliate, JANUARY.next())
    people = prefill.read(io.BytesIO(bytes(following.content))).lines
    assert set(people) == (set(read.lines) - {leaver}) | {"190011223"}
    assert people["190011223"].name == "ECHO".ljust(30) + "ESSAADIA"


def test_a_prefill_is_issued_once(cast: Cast) -> None:
    first = issue(cast.owner, cast.affiliate)
    employ(cast.affiliate, 1)

    assert issue(cast.owner, cast.affiliate) == first
    assert Prefill.objects.count() == 1
    assert AuditEntry.objects.filter(action="declarations.prefill.issued").count() == 1


@pytest.mark.parametrize("period", [Period(2026, 3), Period(2015, 2), Period(1999, 12)])
def test_a_month_outside_the_open_span_is_refused(cast: Cast, period: Period) -> None:
    with pytest.raises(PeriodNotOpen):
        issue(cast.owner, cast.affiliate, period)
    with pytest.raises(PeriodNotOpen):
        send(cast.owner, cast.affiliate, b"B00", period=period)
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("today", "period"),
    [
        (datetime.date(2026, 1, 26), Period(2025, 12)),
        (datetime.date(2026, 1, 27), Period(2026, 1)),
        (datetime.date(2026, 2, 1), Period(2026, 1)),
    ],
)
def test_prefills_are_due_from_the_27th(today: datetime.date, period: Period) -> None:
    assert queries.period_to_prefill(today) == period


def test_everyone_gets_a_prefill_once(cast: Cast) -> None:
    AffiliateFactory(state=AffiliateState.CLOSED.value)
    AffiliateFactory(affiliated_on=datetime.date(2026, 2, 1))
    employ(cast.affiliate, 2)

    with time_machine.travel(AT):
        tasks.issue_prefills()
        tasks.issue_prefills()

    issued = {row.affiliate: row.employee_count for row in Prefill.objects.all()}
    assert issued == {cast.affiliate: 2, cast.strangers_affiliate: 0}
    assert set(Prefill.objects.values_list("period", flat=True)) == {JANUARY.first_day}
