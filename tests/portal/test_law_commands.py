import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from regulation.series import SERIES


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_law_prints_a_value_with_its_text() -> None:
    said = run("law", "surcharge.general.next_months", "--on", "2026-04-25")
    assert "0.50 %" in said
    assert "Loi 02-24" in said
    assert "14/03/2025" in said
    assert "1.00  (Dahir n° 1-72-184, art. 26)" in said


def test_law_says_that_a_choice_is_a_choice() -> None:
    said = run("law", "policy.surcharge.months", "--on", "2026-04-25")
    assert "Choix de gestion" in said


def test_law_lists_every_name() -> None:
    lines = run("law", "--on", "2010-06-01").splitlines()
    assert [line.split()[0] for line in lines] == sorted(SERIES)
    assert next(line for line in lines if line.startswith("rate.pf.employer ")).split()[1] == "—"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["law", "rate.pf.employer", "--on", "2010-06-01"], "complétez la table"),
        (["law", "rate.nothing"], "choisissez un nom de la liste"),
        (["law", "--on", "31/01/2026"], "écrivez-le comme 2026-01-31"),
        (["simulate", "--period", "2026-13", "--wage", "1"], "2026-01"),
        (["simulate", "--period", "2026-01"], "au moins un salaire"),
        (["simulate", "--period", "2026-01", "--takeover-wage=-5"], "négatif"),
        (["simulate", "--period", "2010-01", "--wage", "4000"], "choisissez une autre date"),
        (["simulate", "--period", "2026-01", "--wage", "4000.123"], "plus de deux décimales"),
        (["simulate", "--period", "2026-01", "--wage", "1_000"], "n’est pas lisible"),
        (["simulate", "--period", "2026-01", "--wage=-4000"], "négatif"),
        (["simulate", "--period", "2002-03", "--wage", "4000"], "à partir du 01/04/2002"),
        (["simulate", "--period", "2026-01", "--wage", "1", "--status", "X"], "AMO_EXEMPT"),
    ],
)
def test_refusals_are_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as refusal:
        run(*arguments)
    assert "\n" not in str(refusal.value)


def test_simulate_answers_in_the_published_shape() -> None:
    said = run(
        "simulate", "--period", "2026-01", "--wage", "4000", "--wage", "12345.67",
        "--paid-on", "2026-04-25", "--json",
    )  # fmt: skip
    answer = json.loads(said)
    assert answer["total"] == "3694.86"
    assert [penalty["amount"] for penalty in answer["penalties"]] == ["95.68", "31.24", "10.46"]
    exempt = json.loads(
        run("simulate", "--period", "2026-01", "--wage", "4000", "--amo-exempt", "--json")
    )
    assert "AMO" not in {line["branch"] for line in exempt["branches"]}


def test_simulate_lets_the_state_take_over_a_wage() -> None:
    said = run(
        "simulate", "--period", "2026-01", "--wage", "12345.67", "--takeover-wage", "4000", "--json"
    )
    # 4,000.00 DH at 6.40, 0.67, 0.38, 7.93 and 1.60 % are the State's: 679.20 of the 843.60 DH.
    answer = json.loads(said)
    assert answer["total"] == "3015.66"
    assert answer["state"] == {
        "total": "679.20",
        "branches": {
            "PF": "256.00", "CT": "26.80", "IPE": "15.20", "LT": "317.20", "TFP": "64.00",
        },
    }  # fmt: skip
    words = run("simulate", "--period", "2026-01", "--takeover-wage", "4000")
    assert "Pris en charge par l’État : 679,20 DH" in words.replace("\u00a0", " ")


def test_simulate_speaks_to_people_too() -> None:
    said = run(
        "simulate", "--period", "2026-01", "--wage", "4000", "--tfp-exempt",
        "--paid-on", "2026-04-25", "--filed-on", "2026-04-25",
    )  # fmt: skip
    assert "Part patronale : 779,60 DH" in said
    assert "rien n’est dû" in said
    assert "Mois 3" in said
    assert "mois commencés" in said
