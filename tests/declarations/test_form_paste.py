"""Pasting from a spreadsheet into the form, and narrowing its list."""

import datetime
from decimal import Decimal

import pytest

from affiliates.models import Affiliate
from declarations import workflows
from declarations.enums import FormColumn
from declarations.form_page import Shown, form_page, lines_shown
from declarations.models import Declaration
from portal.models import User
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, UserFactory
from tests.declarations.factories import AT, JANUARY, employ

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


def test_a_pasted_column_runs_down_from_the_line_it_was_put_on(baker, bakery) -> None:
    employ(bakery, 60)
    one = opened(baker, bakery)
    keys = list(one.lines.order_by("rank").values_list("pk", flat=True))

    one = workflows.paste_block(
        actor=baker,
        declaration=one,
        version=one.version,
        column=FormColumn.WAGE,
        lines=keys[2:],
        rows=[[f"{rank} 000,00"] for rank in range(1, 80)],
    )

    wages = list(one.lines.order_by("rank").values_list("gross_wage", flat=True))
    assert wages[:4] == [0, 0, Decimal("1000.00"), Decimal("2000.00")]
    assert wages[-1] == Decimal("60000.00")


def test_a_pasted_block_fills_the_columns_to_the_right(baker, bakery) -> None:
    employ(bakery, 2)
    one = opened(baker, bakery)

    one = workflows.paste_block(
        actor=baker,
        declaration=one,
        version=one.version,
        column=FormColumn.DAYS,
        lines=list(one.lines.order_by("rank").values_list("pk", flat=True)),
        rows=[
            ["26", "8 500,50", "", "une colonne de trop"],
            ["0", "0", "CS"],
            ["", "", "congé sans solde"],
            ["12", "2000", "peut-être"],
        ],
    )

    said = list(one.lines.order_by("rank").values_list("days_declared", "gross_wage", "situation"))
    assert said == [
        (26, Decimal("8500.50"), ""),
        (0, Decimal("0.00"), "CS"),
        (0, Decimal("0.00"), "CS"),
        (12, Decimal("2000.00"), ""),
    ]
    assert one.to_complete == 1
    assert list(one.unread.values()) == [{"situation": "peut-être"}]


def test_the_list_is_narrowed_to_what_is_left_and_to_a_name(baker, bakery) -> None:
    employ(bakery, 118)
    one = opened(baker, bakery)
    lines = list(one.lines.order_by("rank"))
    done = {line.pk: {"days": "26", "wage": "4000"} for line in lines[:60]}
    one = workflows.save_form(actor=baker, declaration=one, version=one.version, cells=done)

    left = form_page(one, shown=Shown(to_complete=True, page=2))
    assert [row.line.rank for row in left.rows] == list(range(111, 121))
    assert lines_shown(one, Shown(to_complete=True)) == [line.pk for line in lines[60:]]
    # What was completed on the screen stays there, and the next page begins after it.
    kept = form_page(one, shown=Shown(to_complete=True), keep={lines[0].pk})
    assert [row.line.rank for row in kept.rows][:2] == [1, 61]
    assert left.page_after(60) == 1
    assert left.page_after(110) == 2
    assert left.page_before(111) == 1

    somebody = lines[99]
    for search in (somebody.registration_number, somebody.full_name.lower()):
        found = form_page(one, shown=Shown(search=search)).rows
        assert somebody.pk in {row.line.pk for row in found}
    assert form_page(one, shown=Shown(search="personne de ce nom")).rows == []
