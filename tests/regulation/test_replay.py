import json
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest

from regulation import parameters
from regulation.contributions import WageLine, contributions
from regulation.enums import SurchargeGroup
from regulation.penalties import Exemption, HeldAmount, Payment, filing_penalty, surcharge
from regulation.periods import Period
from regulation.replay import replay

DUE, LATE = date(2026, 2, 10), date(2026, 4, 25)
LINES = [WageLine(Decimal("4000.00")), WageLine(Decimal("12345.67"), state_takeover=True)]


def stored() -> list[dict[str, Any]]:
    results = [
        contributions(Period(2026, 1), LINES, ["TFP_EXEMPT"]),
        contributions(Period(2003, 5), LINES[:1]),
        surcharge(
            {SurchargeGroup.GENERAL: Decimal("2392.12"), SurchargeGroup.AMO: Decimal("10.00")},
            due_on=DUE,
            until=LATE,
            payments=[Payment(SurchargeGroup.AMO, LATE, Decimal("5.00"))],
            holds=[HeldAmount(SurchargeGroup.GENERAL, Decimal("7.00"), DUE)],
            exemptions=[Exemption(DUE, date(2026, 2, 20), "décision", SurchargeGroup.AMO)],
        ),
        filing_penalty(employees=2, due_on=DUE, filed_on=LATE),
    ]
    return [json.loads(json.dumps(result.to_json())) for result in results]


def tables_with(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Read the tables again, with one text changed in the file `name`."""
    folder = resources.files("regulation") / "parameters"
    texts = []
    for item in folder.iterdir():
        if not item.name.endswith(".toml"):
            continue
        text = item.read_text(encoding="utf-8")
        if item.name == name:
            assert old in text
            text = text.replace(old, new)
        texts.append(text)
    changed = parameters.read_tables(texts)
    monkeypatch.setattr(parameters, "tables", lambda: changed)


def test_stored_statements_replay_to_the_centime() -> None:
    for statement in stored():
        assert replay(statement) == []


def test_a_figure_that_changed_is_named() -> None:
    statement = stored()[0]
    statement["lines"][0]["employer"] = "0.01"
    (difference,) = replay(statement)
    assert difference.where == "lines.PF.employer"
    assert difference.stored == "0.01"


def test_a_new_rate_changes_no_closed_period(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored()
    tables_with(
        monkeypatch,
        "contributions.toml",
        'name = "rate.tfp.employer"\n',
        'name = "rate.tfp.employer"\n'
        + "".join(
            f"\n[[series.values]]\neffective_from = {day}\nvalue = {rate}\n"
            'reference = "Loi"\nconfidence = "high"\nreviewed_on = 2026-11-21\n'
            for day, rate in (("2002-04-01", "1.60"), ("2026-02-01", "9.99"))
        )
        + '\n[[series]]\nname = "rate.tfp.former"\n',
    )
    after = contributions(Period(2026, 2), LINES).by_box
    assert after != contributions(Period(2026, 1), LINES).by_box
    for statement in before:
        assert replay(statement) == []


def test_a_table_corrected_by_mistake_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored()
    tables_with(monkeypatch, "contributions.toml", "value = 6.40", "value = 6.50")
    changed = {difference.where for difference in replay(before[0])}
    assert {"lines.PF.rate_employer", "lines.PF.employer", "total"} <= changed
    assert replay(before[1]) == []


def test_a_table_that_no_longer_answers_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored()[0]
    tables_with(
        monkeypatch,
        "contributions.toml",
        "effective_from = 2002-04-01\nvalue = 6000.00",
        "effective_from = 2026-02-01\nvalue = 6000.00",
    )
    (difference,) = replay(before)
    assert "Plafond mensuel" in difference.replayed
