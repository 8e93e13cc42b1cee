import datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from declarations.models import Declaration
from payments.models import FilingPenalty, SlipLine, Surcharge
from payments.workflows.penalties import assess_surcharges
from payments.workflows.slips import issue_slip
from regulation import parameters
from regulation.contributions import WageLine, contributions
from regulation.penalties import filing_penalty
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory
from tests.payments.factories import submitted

pytestmark = pytest.mark.django_db

JANUARY = Period(2026, 1)
AT = datetime.datetime(2026, 2, 5, 9, tzinfo=datetime.UTC)
DUE, LATE = datetime.date(2026, 2, 10), datetime.date(2026, 4, 25)


def run(*arguments: str) -> str:
    out = StringIO()
    try:
        call_command("replay", *arguments, stdout=out)
    except CommandError as failure:
        return f"{out.getvalue()}FAILED {failure}"
    return out.getvalue()


@pytest.fixture
def declaration() -> Declaration:
    """The declaration of 4,000.00 and 12,345.67 DH, its slip, its surcharges and a filing penalty."""
    result = contributions(JANUARY, [WageLine(Decimal(wage)) for wage in ("4000.00", "12345.67")])
    affiliate = AffiliateFactory()
    row = submitted(
        affiliate,
        JANUARY,
        {line.branch: str(line.total) for line in result.lines},
        capped_wage_bill=result.bases.capped,
        working=result.to_json(),
    )
    Declaration.objects.filter(pk=row.pk).update(wage_bill=result.bases.gross)
    for line in result.lines:
        row.contribution_lines.filter(branch=line.branch.value).update(
            base=line.base, employer_share=line.employer, employee_share=line.employee
        )
    slip = issue_slip(actor=None, declaration_id=row.pk, at=AT)
    assess_surcharges(actor=None, slip_id=slip.pk, as_of=LATE)
    penalty = filing_penalty(employees=2, due_on=DUE, filed_on=LATE)
    FilingPenalty.objects.create(
        affiliate=affiliate,
        period=JANUARY.first_day,
        assessed_on=LATE,
        payment_reference="1",
        amount=penalty.amount,
        outstanding=penalty.amount,
        working=penalty.to_json(),
    )
    return row


def test_everything_stored_replays(declaration: Declaration) -> None:
    assert Surcharge.objects.count() == 3
    assert run() == "5 décomptes recalculés, 0 différents.\n"
    assert run("--period", "2026-01").startswith("5 ")
    assert run("--period", "2025-12").startswith("0 ")


def test_a_wrong_figure_fails_and_is_named(declaration: Declaration) -> None:
    working = dict(declaration.working or {})
    working["lines"][0]["employer"] = "1046.13"
    Declaration.objects.filter(pk=declaration.pk).update(working=working)
    said = run()
    assert "lines.PF.employer : 1046.13 → 1046.12" in said
    assert "FAILED 5 décomptes recalculés, 1 différents." in said


def test_a_column_that_left_its_working_fails(declaration: Declaration) -> None:
    Declaration.objects.filter(pk=declaration.pk).update(contributions_total=Decimal("1.00"))
    assert "total : 1.00 → 3694.86" in run()
    FilingPenalty.objects.update(amount=Decimal("301.00"))
    assert "amount : 301.00 → 300.00" in run()


def test_a_line_that_left_its_working_fails(declaration: Declaration) -> None:
    """What is shown, asked and accounted are the lines: a centime moved in one of them is named."""
    pf = declaration.contribution_lines.get(branch="PF")
    declaration.contribution_lines.filter(pk=pf.pk).update(
        employer_share=pf.employer_share + Decimal("0.01")
    )
    assert "contributionline.PF.employer_share : 1046.13 → 1046.12" in run()
    declaration.contribution_lines.filter(pk=pf.pk).update(employer_share=pf.employer_share)
    SlipLine.objects.filter(branch="PF").update(
        employer_share=F("employer_share") + Decimal("0.01"), amount=F("amount") + Decimal("0.01")
    )
    said = run()
    assert "slipline.PF.employer_share : 1046.13 → 1046.12" in said
    assert "FAILED 5 décomptes recalculés, 1 différents." in said


def test_a_surcharge_that_left_its_working_fails(declaration: Declaration) -> None:
    last = Surcharge.objects.latest("pk")
    Surcharge.objects.filter(pk=last.pk).update(amount=last.amount + Decimal("0.01"))
    assert f"{last.payment_reference} amount : 137.39 → 137.38" in run()


def test_a_rate_corrected_by_mistake_fails(
    declaration: Declaration, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = parameters.resources.files("regulation") / "parameters"
    texts = [
        item.read_text(encoding="utf-8").replace("value = 6.40", "value = 6.50")
        for item in folder.iterdir()
        if item.name.endswith(".toml")
    ]
    changed = parameters.read_tables(texts)
    monkeypatch.setattr(parameters, "tables", lambda: changed)
    assert "lines.PF.rate_employer : 6.40 → 6.50" in run()


def test_an_impossible_period_is_refused() -> None:
    assert "2026-13" in run("--period", "2026-13")
