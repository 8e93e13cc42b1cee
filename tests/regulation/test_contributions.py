import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulation.contributions import (
    Bases,
    ContributionResult,
    WageLine,
    contributions,
    contributions_from_bases,
    format_exact,
    sum_wages,
)
from regulation.enums import Box, Branch, Confidence, ContributionStatus
from regulation.errors import DomainError
from regulation.money import format_amount, from_cents
from regulation.periods import Period

JANUARY = Period(2026, 1)
CEILING = Decimal("6000.00")
CASES = tomllib.loads((Path(__file__).parent / "cases" / "contributions.toml").read_text())["case"]
AB = [WageLine(Decimal("4000.00")), WageLine(Decimal("12345.67"))]

wages = st.integers(0, 10_000_000).map(from_cents)
lines = st.builds(WageLine, wages, st.none(), st.booleans())
statuses = st.sets(st.sampled_from(ContributionStatus))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_worked_examples(case: dict[str, Any]) -> None:
    taken = case.get("takeovers", [])
    result = contributions(
        Period.parse(case["period"]),
        [
            WageLine(Decimal(wage), state_takeover=rank in taken)
            for rank, wage in enumerate(case["wages"])
        ],
        case.get("statuses", ["ORDINARY"]),
    )
    assert str(result.total_employer) == case["employer"]
    assert str(result.total_employee) == case["employee"]
    assert str(result.total_state) == case.get("state", "0.00")
    assert str(result.total) == case["total"]
    if "branches" in case:
        assert {
            line.branch.value: [str(line.employer), str(line.employee)] for line in result.lines
        } == case["branches"]
    if "boxes" in case:
        assert {box.value: str(due) for box, due in result.by_box.items()} == case["boxes"]


def test_every_line_says_how_it_was_found() -> None:
    result = contributions(JANUARY, AB)
    amo = result.line(Branch.AMO)
    assert amo is not None
    assert amo.text == (
        "Assiette : salaires réels du mois, 16 345,67 DH. "
        "Total : 16 345,67 × 4,52 % = 738,824284, arrondi à 738,82 DH. "
        "Part salariale : 16 345,67 × 2,26 % = 369,412142, arrondie à 369,41 DH ; "
        "part patronale : le reste, 369,41 DH. "
        "Texte : Loi 65-00 ; décret n° 2-14-207 du 10 novembre 2014 modifiant le décret "
        "n° 2-05-734, taux en vigueur depuis le 01/01/2016. "
        "Choix de gestion : chaque rubrique du bordereau est arrondie une fois."
    ).replace("16 345", "16\u00a0345").replace(" %", "\u00a0%")
    assert amo.residue == Decimal("0.004284")
    assert [version.name for version in amo.versions] == [
        "rate.amo.employer",
        "rate.amo.employee",
        "policy.rounding.unit",
    ]
    assert amo.versions[-1].confidence is Confidence.POLICY
    lt = result.line(Branch.LT)
    assert lt is not None
    assert "reste de la rubrique" in lt.text
    assert "plafonnés à 6\u00a0000,00 DH par salarié (Décret n° 2-01-2723" in lt.text


def test_an_exempt_affiliate_is_told_what_is_not_due() -> None:
    result = contributions(JANUARY, AB, ["AMO_EXEMPT"])
    assert result.line(Branch.AMO) is None
    assert result.line(Branch.AMO_SOLIDARITY) is not None
    assert [str(note) for note in result.notes] == [
        (
            "Assurance maladie obligatoire : rien n’est dû, l’affilié a le statut "
            "« Exonéré de l’AMO (couverture privée) »."
        )
    ]


def test_a_stored_result_is_read_back() -> None:
    result = contributions(JANUARY, AB, ["TFP_EXEMPT"])
    assert ContributionResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_casual_labour_keeps_its_own_capped_wage() -> None:
    result = contributions(JANUARY, [WageLine(Decimal("20000.00"), Decimal("15000.00"))])
    assert result.bases.capped == Decimal("15000.00")


@pytest.mark.parametrize(
    ("period", "line", "held", "code", "named"),
    [
        (JANUARY, WageLine(Decimal("1.001")), [], "amount.decimals", "1.001"),
        (JANUARY, WageLine(Decimal("-4000.00")), [], "amount.negative", "-4000.00"),
        (JANUARY, WageLine(Decimal("NaN")), [], "amount.unreadable", "NaN"),
        (
            JANUARY,
            WageLine(Decimal("10.00"), Decimal("11.00")),
            [],
            "contributions.capped_above_gross",
            "11,00",
        ),
        (
            JANUARY,
            WageLine(Decimal("10.00"), Decimal("1.005")),
            [],
            "amount.decimals",
            "1.005",
        ),
        (
            JANUARY,
            WageLine(Decimal("10.00")),
            ["FOREIGN"],
            "contributions.unknown_status",
            "FOREIGN",
        ),
        (
            Period(2002, 3),
            WageLine(Decimal("10.00")),
            [],
            "parameter.too_early",
            "à partir du 01/04/2002",
        ),
        (
            Period(2010, 6),
            WageLine(Decimal("10.00")),
            [],
            "parameter.not_established",
            "01/06/2010",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    period: Period, line: WageLine, held: list[str], code: str, named: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        contributions(period, [WageLine(Decimal("1.00")), line], held)
    assert refusal.value.code == code
    assert named in str(refusal.value)
    assert ":" in str(refusal.value)


def test_sums_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(DomainError):
        contributions_from_bases(JANUARY, Bases(Decimal("1.00"), Decimal("2.00")))
    with pytest.raises(DomainError):
        contributions_from_bases(JANUARY, Bases(Decimal("9.00"), Decimal("9.00"), Decimal("10.00")))


@given(st.lists(lines), statuses, st.randoms())
def test_order_of_lines_changes_nothing(
    some: list[WageLine], held: set[ContributionStatus], random: Any
) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)
    assert contributions(JANUARY, some, held) == contributions(JANUARY, iter(shuffled), held)


@given(st.lists(lines), statuses)
def test_sums_made_elsewhere_give_the_same_result(
    some: list[WageLine], held: set[ContributionStatus]
) -> None:
    taken = [line.gross_wage for line in some if line.state_takeover]
    every = [line.gross_wage for line in some]
    zero = Decimal("0.00")
    bases = Bases(
        sum(every, zero),
        sum((min(wage, CEILING) for wage in every), zero),
        sum(taken, zero),
        sum((min(wage, CEILING) for wage in taken), zero),
    )
    direct = contributions(JANUARY, some, held)
    assert contributions_from_bases(JANUARY, bases, held) == direct
    assert direct.bases.capped <= CEILING * len(some)
    assert direct.bases.capped <= direct.bases.gross


@given(st.lists(lines), st.integers(0, 20), statuses)
def test_splitting_the_lines_changes_nothing(
    some: list[WageLine], cut: int, held: set[ContributionStatus]
) -> None:
    parts = [sum_wages(some[:cut], CEILING), sum_wages(some[cut:], CEILING)]
    together = Bases(
        *(
            sum((getattr(part, name) for part in parts), Decimal("0.00"))
            for name in ("gross", "capped", "takeover_gross", "takeover_capped")
        )
    )
    assert contributions_from_bases(JANUARY, together, held) == contributions(JANUARY, some, held)


@given(st.lists(lines, max_size=5), lines, wages)
def test_more_wage_never_means_less_contribution(
    some: list[WageLine], line: WageLine, more: Decimal
) -> None:
    raised = WageLine(line.gross_wage + more, None, line.state_takeover)
    before = contributions(JANUARY, [*some, line])
    after = contributions(JANUARY, [*some, raised])
    assert before.total + before.total_state <= after.total + after.total_state
    if not any(one.state_takeover for one in (*some, line)):
        assert all(before.by_box[box] <= after.by_box[box] for box in before.by_box)


@given(st.lists(lines), statuses)
def test_nothing_is_lost_between_branches_boxes_and_shares(
    some: list[WageLine], held: set[ContributionStatus]
) -> None:
    result = contributions(JANUARY, some, held)
    half = Decimal("0.005")
    for line in result.lines:
        assert line.employer >= 0
        assert line.employee >= 0
        assert line.state >= 0
        exact = line.base * line.rate / 100
        assert line.total + line.state + line.residue == exact
        shown = [one.facts["total"] for one in line.working if "total" in one.facts]
        assert shown == [format_amount(line.total + line.state)]
    for box in Box:
        inside = [line for line in result.lines if line.box is box]
        residue = sum((line.residue for line in inside), Decimal(0))
        assert -half <= residue <= half
    assert sum(result.by_box.values()) == result.total


@given(st.lists(st.builds(WageLine, wages), min_size=1))
def test_a_declaration_differs_from_its_payslips_by_rounding_only(some: list[WageLine]) -> None:
    together = contributions(JANUARY, some).total
    apart = sum((contributions(JANUARY, [line]).total for line in some), Decimal(0))
    boxes = 5
    assert abs(together - apart) <= Decimal("0.005") * boxes * (len(some) + 1)


def test_exact_amounts_show_every_decimal() -> None:
    assert format_exact(Decimal("1046.12288")) == "1\u00a0046,12288"
    assert format_exact(Decimal(100)) == "100,00"


def test_when_the_state_takes_every_wage_no_centime_of_rounding_is_left() -> None:
    # 0.04 DH: long-term benefits take the rest of their box, 0.01, though 7.93 % rounds to nothing.
    result = contributions(JANUARY, [WageLine(Decimal("0.04"), state_takeover=True)])
    line = result.line(Branch.LT)
    assert line is not None
    assert (line.state, line.employer) == (Decimal("0.01"), Decimal("0.00"))
