"""A decided exemption spares the months it names, in what is called and in what is quoted, and replays."""

import datetime
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from payments.errors import ExemptionDaysReversed, ExemptionDiffers, ExemptionUnfounded
from payments.models import PaymentSlip, Surcharge, SurchargeExemption
from payments.workflows.exemptions import grant_exemption
from payments.workflows.penalties import assess_surcharges, surcharge_of
from portal.models import AuditEntry
from regulation.enums import Branch
from regulation.periods import Period
from regulation.replay import replay
from tests.cast import Cast
from tests.desk import say_why
from tests.payments.factories import slip

pytestmark = pytest.mark.django_db

D = Decimal
JANUARY = Period(2026, 1)
AT = datetime.datetime(2026, 2, 20, 9, tzinfo=datetime.UTC)
LATE = datetime.date(2026, 4, 25)


def _grant(affiliate: Affiliate | None, **changes: object) -> SurchargeExemption:
    facts = {
        "first": JANUARY,
        "last": JANUARY,
        "until": datetime.date(2026, 3, 31),
        "reference": "Décision 2026/4",
        "decided_on": datetime.date(2026, 2, 18),
    }
    return grant_exemption(actor=None, at=AT, affiliate=affiliate, **(facts | changes))  # type: ignore[arg-type]


@pytest.fixture
def owed(cast: Cast) -> PaymentSlip:
    """1,000.00 DH of family benefits due on 10 February: 3 % then 0.5 % a month."""
    return slip(cast.affiliate, JANUARY, {Branch.PF: "1000.00"})


def test_the_months_named_bear_nothing_and_the_next_one_does(owed: PaymentSlip) -> None:
    assert surcharge_of(owed, until=LATE).total == D("40.00")
    _grant(owed.affiliate)
    quote = surcharge_of(owed, until=LATE)
    # Months from 11 February and 11 March are spared; the one from 11 April costs 0.5 %.
    assert quote.total == D("5.00")
    assert "mois exonéré (Décision 2026/4)" in quote.groups[0].text
    (called,) = assess_surcharges(actor=None, slip_id=owed.pk, as_of=LATE)
    assert (called.month_number, called.amount) == (3, D("5.00"))
    assert replay(called.working) == []
    # What was called replays even when the decision goes.
    SurchargeExemption.objects.all().delete()
    assert replay(Surcharge.objects.get().working) == []


def test_a_decision_for_all_spares_all_and_one_for_another_spares_nobody_else(
    cast: Cast, owed: PaymentSlip
) -> None:
    _grant(cast.strangers_affiliate)
    _grant(owed.affiliate, first=JANUARY.next(), last=JANUARY.next())
    assert surcharge_of(owed, until=LATE).total == D("40.00")
    _grant(None)
    assert surcharge_of(owed, until=LATE).total == D("5.00")


def test_a_month_called_before_the_decision_counts_against_the_next_ones(owed: PaymentSlip) -> None:
    (first,) = assess_surcharges(actor=None, slip_id=owed.pk, as_of=datetime.date(2026, 2, 20))
    assert first.amount == D("30.00")
    _grant(owed.affiliate)
    assert assess_surcharges(actor=None, slip_id=owed.pk, as_of=LATE) == []


def test_recording_twice_is_once_and_nonsense_is_refused(owed: PaymentSlip) -> None:
    assert _grant(owed.affiliate) == _grant(owed.affiliate)
    assert _grant(None) == _grant(None)
    assert AuditEntry.objects.filter(action="payments.exemption_granted").count() == 2
    with pytest.raises(ExemptionUnfounded):
        _grant(None, reference=" ")
    with pytest.raises(ExemptionDaysReversed, match="10/02/2026"):
        _grant(None, until=datetime.date(2026, 2, 10))
    with pytest.raises(ExemptionDaysReversed):
        _grant(None, last=JANUARY.previous())
    with pytest.raises(ExemptionDiffers, match="31/03/2026"):
        _grant(None, until=datetime.date(2026, 5, 31))
    with pytest.raises(IntegrityError), transaction.atomic():
        SurchargeExemption.objects.create(
            first_period=JANUARY.first_day,
            last_period=JANUARY.first_day,
            until=datetime.date(2026, 1, 1),
            reference="X",
            decided_on=AT.date(),
        )


def _run(*more: str) -> str:
    out = StringIO()
    call_command(
        "exempt", "--first", "2026-01", "--last", "2026-01", "--until", "2026-03-31",
        "--reference", "Décision 2026/4", "--decided-on", "2026-02-18", *more, stdout=out,
    )  # fmt: skip
    return out.getvalue()


def test_the_command_rehearses_then_records(cast: Cast) -> None:
    assert "Répétition" in _run()
    assert not SurchargeExemption.objects.exists()
    assert "tous les affiliés" in _run("--apply")
    assert SurchargeExemption.objects.get().affiliate is None
    assert cast.affiliate.name in _run("--apply", "--affiliate", cast.affiliate.affiliation_number)
    with pytest.raises(CommandError, match="Aucun affilié"):
        _run("--affiliate", "1234567")
    with pytest.raises(CommandError, match="2026-13"):
        _run("--last", "2026-13")


@time_machine.travel(datetime.datetime(2026, 4, 25, 9, tzinfo=datetime.UTC), tick=False)
def test_the_money_desk_exempts_a_slip_and_its_page_says_why(cast: Cast, owed: PaymentSlip) -> None:
    clerk, owner = Client(), Client()
    clerk.force_login(cast.treasurer)
    owner.force_login(cast.owner)
    desk = reverse("admin:payments_paymentslip_changelist")
    asked = {"action": "exempt", "_selected_action": [owed.pk], "reference": "Décision 2026/4"}
    said = say_why(clerk, desk).post(
        desk, asked | {"until": "mars", "decided_on": "2026-02-18"}, follow=True
    )
    assert "« mars »" in said.content.decode()
    owner.post(desk, asked | {"until": "2026-03-31", "decided_on": "2026-02-18"})
    agent = Client()
    agent.force_login(cast.staff)
    assert "Exonérer" not in say_why(agent, desk).get(desk).content.decode()
    refused = agent.post(desk, asked | {"until": "2026-03-31", "decided_on": "2026-02-18"})
    assert refused.status_code == 403
    assert not SurchargeExemption.objects.exists()
    clerk.post(desk, asked | {"until": "2026-03-31", "decided_on": "2026-02-18"})
    row = SurchargeExemption.objects.get()
    assert row.affiliate == cast.affiliate
    assert clerk.get(reverse("admin:payments_surchargeexemption_changelist")).status_code == 200
    card = reverse("admin:payments_surchargeexemption_change", args=[row.pk])
    assert clerk.get(card).status_code == 200
    page = reverse("payments:slip", args=[cast.affiliate.affiliation_number, owed.pk])
    shown = owner.get(page).content.decode()
    assert "Décision 2026/4" in shown
