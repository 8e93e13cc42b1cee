"""Remission and plans: simulated, granted by two, kept or undone; nothing is lost on the way."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from affiliates.enums import StaffRole
from payments.enums import GraceState
from payments.errors import (
    ActClosed,
    GraceEmpty,
    GraceOpen,
    GraceTooLarge,
    GraceTooLate,
    ReasonNeeded,
    SecondPersonNeeded,
)
from payments.ledger_check import check
from payments.models import GraceRequest, LedgerEntry, PaymentSlip, Surcharge
from payments.queries import slip_facts, statement_by_period
from payments.workflows import grace, penalties
from payments.workflows.grace import Terms
from payments.workflows.holds import place_hold
from portal import clock
from portal.models import User
from regulation import grace as rule
from regulation.enums import Branch, Confidence
from regulation.grace import NothingOverdue, TooManyInstalments, instalments
from regulation.parameters import Campaign, CampaignRate, tables
from regulation.periods import Period
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, received, slip

pytestmark = pytest.mark.django_db
D = Decimal
TODAY = date(2026, 6, 20)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-06-20 12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def second(cast: Cast) -> User:
    person = UserFactory(email="seconde@exemple.ma", full_name="Salma Berrada", is_staff=True)
    StaffAssignmentFactory(user=person, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR)
    return person


@pytest.fixture
def late(cast: Cast) -> PaymentSlip:
    """10,000.00 DH of January 2026 unpaid on 20 June: five months of delay called, 3 % then 0.5 %."""
    owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})
    penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=TODAY)
    return owed


def asked(cast: Cast, remitted: str = "500.00", count: int = 3) -> GraceRequest:
    return grace.request_grace(
        actor=cast.owner,
        affiliate=cast.affiliate,
        terms=Terms(D(remitted), count, date(2026, 7, 15)),
        reason="Chantier arrêté deux mois",
        at=clock.now(),
    )


def granted(cast: Cast, second: User, remitted: str = "500.00", count: int = 3) -> GraceRequest:
    made = asked(cast, remitted, count)
    grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="Favorable", at=clock.now())
    return grace.grant(actor=second, grace_id=made.pk, at=clock.now())


def left() -> Decimal:
    return sum((one.outstanding for one in Surcharge.objects.all()), D("0.00"))


def watched(made: GraceRequest, day: date) -> GraceState:
    return grace.watch(grace_id=made.pk, as_of=day, today=day)


def test_the_pure_schedule() -> None:
    plan = instalments(D("10000.00"), 3, date(2026, 1, 31))
    assert [(one.due_on, one.amount) for one in plan] == [
        (date(2026, 1, 31), D("3333.34")),
        (date(2026, 2, 28), D("3333.33")),
        (date(2026, 3, 31), D("3333.33")),
    ]
    with pytest.raises(TooManyInstalments, match="3"):
        instalments(D("10000.00"), 4, date(2026, 1, 31))
    assert [one.amount for one in instalments(D("10.00"), 1, TODAY)] == [D("10.00")]
    assert instalments(D("0.00"), 1, TODAY) == ()


def test_campaigns_are_dated_data() -> None:
    """None is open in 2026; the last one was, on its days and for its months only."""
    assert rule.open_campaign(Period(2024, 12), date(2026, 6, 20)) is None
    last = rule.open_campaign(Period(2024, 12), date(2025, 1, 15))
    assert last is not None
    assert last.name == "debts_to_2024"
    assert rule.open_campaign(Period(2025, 1), date(2025, 1, 15)) is None
    assert rule.open_campaign(Period(2024, 12), date(2025, 1, 16)) is None
    rates = [rule.rate_for(last, count) for count in (1, 2, 24, 25)]
    assert [rate.surcharges for rate in rates if rate] == [D("60"), D("50"), D("50"), D("40")]


def test_an_open_campaign_shows_what_it_forgives(cast: Cast, late: PaymentSlip) -> None:
    invented = Campaign(
        name="debts_to_2024", debts_until=Period(2026, 3), opens_on=date(2026, 6, 1),
        closes_on=date(2026, 12, 31), reference="Campagne inventée", confidence=Confidence.LOW,
        reviewed_on=TODAY, rates=(CampaignRate("plan_up_to_24_months", D("50.00"), D("80.00")),),
    )  # fmt: skip
    known = tables()
    object.__setattr__(known, "campaigns", (*known.campaigns, invented))
    try:
        seen = grace.quote(cast.affiliate, Terms(D("10.00"), 3, date(2026, 7, 15)), on=TODAY)
    finally:
        object.__setattr__(known, "campaigns", known.campaigns[:-1])
    assert seen.campaign is invented
    assert seen.campaign_limit == D("250.00")


def test_what_the_simulation_says(cast: Cast, late: PaymentSlip) -> None:
    seen = grace.quote(cast.affiliate, Terms(D("500.00"), 3, date(2026, 7, 15)), on=TODAY)
    assert (seen.principal, seen.extras, seen.to_pay) == (D("10000.00"), D("500.00"), D("10000.00"))
    # Months of delay start on the 11th: July on all (50.00), August and September on what the plan leaves
    # (0.5 % of 6 666.66, then of 3 333.33).
    assert seen.spared == D("50.00") + D("33.33") + D("16.67")
    assert seen.if_broken == D("600.00")
    assert seen.most == 3
    assert GraceRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (Terms(D("500.01"), 2, date(2026, 7, 15)), GraceTooLarge),
        (Terms(D("0.00"), 1, date(2026, 7, 15)), GraceEmpty),
        (Terms(D("0.00"), 4, date(2026, 7, 15)), TooManyInstalments),
        (Terms(D("10.00"), 2, date(2026, 6, 20)), GraceTooLate),
        (Terms(D("10.00"), 2, date(2026, 8, 5)), GraceTooLate),
    ],
)
def test_what_is_refused(
    cast: Cast, late: PaymentSlip, terms: Terms, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        grace.quote(cast.affiliate, terms, on=TODAY)


def test_nothing_overdue_nothing_to_ask(cast: Cast) -> None:
    with pytest.raises(NothingOverdue):
        asked(cast)


def test_what_is_contested_is_left_out(cast: Cast, late: PaymentSlip) -> None:
    line = late.lines.get()
    place_hold(
        actor=cast.treasurer,
        slip_line_id=line.pk,
        amount=D("4000.00"),
        reference="R1",
        at=clock.now(),
    )
    assert next(one.amount for one in grace.overdue(cast.affiliate, TODAY)) == D("6000.00")


def test_two_persons_grant(cast: Cast, late: PaymentSlip, second: User) -> None:
    made = asked(cast)
    with pytest.raises(GraceOpen):
        asked(cast)
    with pytest.raises(ActClosed):
        grace.grant(actor=second, grace_id=made.pk, at=clock.now())
    with pytest.raises(ReasonNeeded):
        grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion=" ", at=clock.now())
    grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="Favorable", at=clock.now())
    with pytest.raises(SecondPersonNeeded):
        grace.grant(actor=cast.treasurer, grace_id=made.pk, at=clock.now())
    assert left() == D("500.00")
    for _ in range(2):
        grace.grant(actor=second, grace_id=made.pk, at=clock.now())
    assert left() == 0
    row = statement_by_period(cast.affiliate)[0]
    assert (row.due, row.credited, row.paid, row.outstanding) == (
        D("10500.00"), D("500.00"), 0, D("10000.00"),
    )  # fmt: skip
    assert check().breaches == ()


def test_the_database_knows_two_persons(cast: Cast) -> None:
    for name, facts in {
        "grace_two_persons": {
            "proposed_by": cast.treasurer,
            "decided_by": cast.treasurer,
            "state": "refused",
        },
        "grace_granted_by_two": {"decided_by": cast.treasurer, "state": "granted"},
    }.items():
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            GraceRequest.objects.create(
                affiliate=cast.affiliate, remitted=0, reason="x", requested_by=cast.owner, **facts
            )


def test_no_surcharge_runs_while_the_plan_is_honoured(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    made = granted(cast, second)
    with time_machine.travel("2026-07-16 12:00:00+00:00", tick=False):
        pay_on(cast, late, "3333.34", "B1", "M1", "2026-07-14")
        assert watched(made, date(2026, 7, 16)) is GraceState.GRANTED
        assert (
            penalties.assess_surcharges(actor=None, slip_id=late.pk, as_of=date(2026, 7, 16)) == []
        )
    with time_machine.travel("2026-08-20 12:00:00+00:00", tick=False):
        pay_on(cast, late, "6666.66", "B2", "M2", "2026-08-13")
        assert watched(made, date(2026, 8, 16)) is GraceState.KEPT
        assert watched(made, date(2026, 9, 30)) is GraceState.KEPT
    assert left() == 0
    assert check().breaches == ()


def pay_on(cast: Cast, owed: PaymentSlip, amount: str, ref: str, message: str, day: str) -> None:
    rf = slip_facts(owed).creditor_reference
    line = entry(amount, ref=ref, day=day, value=day, txs=details(ref=ref, rf=rf))
    received(cast.bank, cast.bank_account, file_of(cast, line, message_id=message))


def test_a_missed_instalment_brings_everything_back(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    made = granted(cast, second)
    assert watched(made, date(2026, 7, 15)) is GraceState.GRANTED
    for _ in range(2):
        assert watched(made, date(2026, 7, 16)) is GraceState.BROKEN
    made.refresh_from_db()
    assert made.breach == {"remaining": "10000.00", "allowed": "6666.66", "current": "0.00"}
    # The 500.00 forgiven, and July's 50.00 that had not run.
    assert left() == D("550.00")
    undone = LedgerEntry.objects.filter(kind="remission_undone")
    assert undone.count() == Surcharge.objects.filter(month_number__lte=5).count()
    assert not undone.filter(reversal_of=None).exists()
    assert check().breaches == ()


def test_an_unpaid_current_contribution_breaks_the_plan(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    made = granted(cast, second)
    slip(cast.affiliate, Period(2026, 6), {Branch.PF: "100.00"})
    pay_first = grace.standing(made, as_of=date(2026, 7, 10))
    assert pay_first.current == 0
    assert watched(made, date(2026, 7, 12)) is GraceState.BROKEN


# ---------------------------------------------------------------- doors


def at_desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_employer_simulates_then_asks(cast: Cast, late: PaymentSlip) -> None:
    number = cast.affiliate.affiliation_number
    listing, ask = (
        reverse("payments:graces", args=[number]),
        reverse("payments:ask_grace", args=[number]),
    )
    typed = {"remise": "500", "echeances": "3", "premiere": "2026-07-15"}
    for user in (cast.owner, cast.fiduciaire):
        client = at_desk(user)
        assert client.get(listing).status_code == 200
        assert client.get(ask).status_code == 200
        page = client.get(ask, typed).content.decode()
        assert "3 333,34" in page.replace("\u202f", " ").replace("\xa0", " ")
    assert GraceRequest.objects.count() == 0
    for user in cast.outsiders:
        assert at_desk(user).get(listing).status_code == 404
        assert at_desk(user).post(ask, typed).status_code == 404
    owner = at_desk(cast.owner)
    shown = owner.post(ask, {**typed, "motif": ""})
    assert "motif" in shown.context["form"].errors
    # A reason is asked of whoever sends: its field does not say that it may stay empty.
    assert shown.content.decode().count("facultatif") == 1
    for wrong in (
        {**typed, "motif": ""},
        {**typed, "echeances": "4", "motif": "x"},
        {**typed, "remise": "1e2", "motif": "x"},
    ):
        assert owner.post(ask, wrong).status_code == 422
    assert owner.post(ask, {**typed, "motif": "Chantier arrêté"}).status_code == 302
    made = GraceRequest.objects.get()
    page = reverse("payments:grace", args=[number, made.pk])
    back = reverse("payments:withdraw_grace", args=[number, made.pk])
    assert owner.get(page).status_code == 200
    assert at_desk(cast.stranger).get(page).status_code == 404
    assert at_desk(cast.stranger).post(back).status_code == 404
    assert owner.get(back).status_code == 405
    assert owner.post(back).status_code == 302
    made.refresh_from_db()
    assert made.state == GraceState.WITHDRAWN.value


def test_the_clerk_and_a_second_person(cast: Cast, late: PaymentSlip, second: User) -> None:
    made = asked(cast)
    page = reverse("admin:payments_gracerequest_change", args=[made.pk])
    verb: Callable[[str], str] = lambda name: reverse(  # noqa: E731
        "admin:payments_gracerequest_decide", args=[made.pk, name]
    )
    mine, theirs = at_desk(cast.treasurer), at_desk(second)
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        assert at_desk(user).get(page).status_code in (302, 403, 404)
    assert mine.get(page).status_code == 200
    assert mine.get(verb("proposer")).status_code == 405
    assert mine.post(verb("proposer")).status_code == 422
    assert mine.post(verb("proposer"), {"reason": "Favorable"}).status_code == 302
    assert mine.post(verb("accorder")).status_code == 422
    assert theirs.post(verb("accorder")).status_code == 302
    for name in ("demandes", "valider", "cours", "rompues", "closes"):
        listing = reverse("admin:payments_gracerequest_changelist") + f"?file={name}"
        assert theirs.get(listing).status_code == 200
    assert (
        at_desk(cast.owner)
        .get(reverse("payments:grace", args=[cast.affiliate.affiliation_number, made.pk]))
        .status_code
        == 200
    )
    assert left() == 0
