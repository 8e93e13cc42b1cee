"""Acts of two persons: proposed by one, approved by another, through every door; money moves only then."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import StaffRole
from payments.enums import ActKind, ActState
from payments.errors import (
    ActClosed,
    ActOpen,
    NothingToRefund,
    ProposalNeeded,
    ReasonNeeded,
    SecondPersonNeeded,
    SenderMayNotDecide,
    WriteOffTooLarge,
)
from payments.ledger_check import check
from payments.models import Allocation, BankLine, ClerkAct, LedgerLine
from payments.queries import (
    credit_of,
    double_payments,
    slip_facts,
    statement_by_period,
    suspense_ageing,
    suspense_of,
)
from payments.workflows import acts
from payments.workflows.allocations import Part, assign
from portal import clock
from portal.models import AuditEntry, User
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, pay, received, slip

pytestmark = pytest.mark.django_db
D = Decimal
RIB = "230780123456789012000038"


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def second(cast: Cast) -> User:
    person = UserFactory(email="seconde@exemple.ma", full_name="Salma Berrada", is_staff=True)
    StaffAssignmentFactory(user=person, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR)
    return person


@pytest.fixture
def large(cast: Cast) -> BankLine:
    """More than one person may place, and nobody can name it."""
    data = file_of(cast, entry("20000.00", ref="B1", txs=details(ref="B1", text=("merci",))))
    return received(cast.bank, cast.bank_account, data).lines.get()


def at_desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def assign_large(cast: Cast, line: BankLine, reason: str = "Appel du client") -> ClerkAct | None:
    parts = [Part(D("20000.00"), affiliate=cast.affiliate)]
    return acts.assign_or_propose(
        actor=cast.treasurer, line_id=line.pk, parts=parts, reason=reason, at=clock.now()
    )


def test_a_large_sum_takes_two_persons(cast: Cast, large: BankLine, second: User) -> None:
    parts = [Part(D("20000.00"), affiliate=cast.affiliate)]
    with pytest.raises(ProposalNeeded):
        assign(actor=cast.treasurer, line_id=large.pk, parts=parts, at=clock.now())
    with pytest.raises(ReasonNeeded):
        assign_large(cast, large, "  ")
    act = assign_large(cast, large)
    assert act is not None
    assert (suspense_of(large.pk), credit_of(cast.affiliate)) == (D("20000.00"), 0)
    with pytest.raises(ActOpen):
        assign_large(cast, large)
    with pytest.raises(SecondPersonNeeded):
        acts.approve(actor=cast.treasurer, act_id=act.pk, at=clock.now())
    assert suspense_of(large.pk) == D("20000.00")
    for _ in range(2):
        acts.approve(actor=second, act_id=act.pk, at=clock.now())
    assert (suspense_of(large.pk), credit_of(cast.affiliate)) == (0, D("20000.00"))
    assert Allocation.objects.count() == 1
    assert check().breaches == ()


def test_another_affiliate_than_proposed_takes_two_persons(cast: Cast) -> None:
    slip(cast.affiliate)
    text = f"affilie {cast.affiliate.affiliation_number} 01/2026"
    line = received(
        cast.bank,
        cast.bank_account,
        file_of(cast, entry("100.00", ref="B1", txs=details(ref="B1", text=(text,)))),
    ).lines.get()
    with pytest.raises(ProposalNeeded):
        assign(
            actor=cast.treasurer,
            line_id=line.pk,
            parts=[Part(D("100.00"), affiliate=cast.strangers_affiliate)],
            at=clock.now(),
        )
    assign(
        actor=cast.treasurer,
        line_id=line.pk,
        parts=[Part(D("100.00"), affiliate=cast.affiliate)],
        at=clock.now(),
    )
    assert credit_of(cast.affiliate) == D("100.00")


def test_whoever_sent_the_file_may_not_place_its_money(cast: Cast, large: BankLine) -> None:
    # Even with a post at the money desk.
    User.objects.filter(pk=cast.bank.pk).update(is_staff=True)
    StaffAssignmentFactory(user=cast.bank, role=StaffRole.TREASURER)
    with pytest.raises(SenderMayNotDecide):
        acts.assign_or_propose(
            actor=cast.bank,
            line_id=large.pk,
            parts=[Part(D("20000.00"), affiliate=cast.affiliate)],
            reason="x",
            at=clock.now(),
        )


@pytest.mark.parametrize("state", [ActState.DONE, ActState.REFUSED, ActState.PROPOSED])
def test_the_database_knows_two_persons(cast: Cast, state: ActState) -> None:
    with pytest.raises(IntegrityError, match="clerk_act_two_persons"), transaction.atomic():
        ClerkAct.objects.create(
            kind=ActKind.REFUND.value,
            state=state.value,
            amount=D("1.00"),
            proposed_by=cast.treasurer,
            decided_by=cast.treasurer,
        )
    with pytest.raises(IntegrityError, match="clerk_act_done_by_two"), transaction.atomic():
        ClerkAct.objects.create(
            kind=ActKind.REFUND.value,
            state=ActState.DONE.value,
            amount=D("1.00"),
            decided_by=cast.treasurer,
        )


def test_an_allocation_is_moved_in_one_act(cast: Cast, second: User) -> None:
    wrong = slip(cast.affiliate)
    right = slip(cast.strangers_affiliate, amounts={Branch.PF: "60.00"})
    line = pay(cast, wrong, "60.00")
    allocation = Allocation.objects.get()
    act = acts.propose_undo(
        actor=cast.treasurer,
        allocation_id=allocation.pk,
        parts=[Part(D("60.00"), right.payment_reference)],
        reason="Mauvais affilié",
        at=clock.now(),
    )
    wrong.refresh_from_db()
    assert wrong.outstanding == D("40.00")
    acts.approve(actor=second, act_id=act.pk, at=clock.now())
    for one in (wrong, right):
        one.refresh_from_db()
    assert (wrong.outstanding, right.outstanding, suspense_of(line.pk)) == (D("100.00"), 0, 0)
    assert Allocation.objects.count() == 3
    assert check().breaches == ()


def test_a_difference_of_a_dirham_is_given_up_by_two(cast: Cast, second: User) -> None:
    owed = slip(cast.affiliate)
    pay(cast, owed, "98.99")
    with pytest.raises(WriteOffTooLarge):
        acts.propose_write_off(
            actor=cast.treasurer, code=owed.payment_reference, reason="x", at=clock.now()
        )
    pay(cast, owed, "0.01", "B2", "M2")
    act = acts.propose_write_off(
        actor=cast.treasurer,
        code=owed.payment_reference,
        reason="Frais de virement",
        at=clock.now(),
    )
    acts.approve(actor=second, act_id=act.pk, at=clock.now())
    owed.refresh_from_db()
    facts = slip_facts(owed)
    assert (owed.outstanding, owed.state) == (0, "paid")
    assert (facts.paid, facts.credited) == (D("99.00"), D("1.00"))
    row = statement_by_period(cast.affiliate)[0]
    assert (row.due, row.paid, row.credited, row.outstanding) == (D("100"), D("99"), D("1"), 0)
    assert check().breaches == ()


def test_a_credit_is_asked_back_and_ordered_by_two(cast: Cast, second: User) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    ask: Callable[[str], ClerkAct] = lambda amount: acts.request_refund(  # noqa: E731
        actor=cast.owner, affiliate=cast.affiliate, amount=D(amount), rib=RIB, at=clock.now()
    )
    act = ask("30.00")
    assert ask("30.00") == act
    with pytest.raises(NothingToRefund):
        ask("20.01")
    with pytest.raises(ActClosed):
        acts.approve(actor=cast.treasurer, act_id=act.pk, at=clock.now())
    acts.propose_refund(actor=cast.treasurer, act_id=act.pk, reason="RIB vérifié", at=clock.now())
    with pytest.raises(SecondPersonNeeded):
        acts.approve(actor=cast.treasurer, act_id=act.pk, at=clock.now())
    done = acts.approve(actor=second, act_id=act.pk, at=clock.now())
    assert done.order_number.startswith("RMB26-")
    assert credit_of(cast.affiliate) == D("20.00")
    lines = LedgerLine.objects.filter(entry=done.entry).values_list(
        "account__kind", "debit", "credit"
    )
    assert sorted(lines) == [("credit", D("30.00"), D("0.00")), ("refunds", D("0.00"), D("30.00"))]
    assert check().breaches == ()


def test_a_refund_is_refused_when_the_credit_was_used_meanwhile(cast: Cast, second: User) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    act = acts.request_refund(
        actor=cast.owner, affiliate=cast.affiliate, amount=D("50.00"), rib=RIB, at=clock.now()
    )
    acts.propose_refund(actor=cast.treasurer, act_id=act.pk, reason="oui", at=clock.now())
    client = at_desk(cast.owner)
    other = slip(cast.affiliate, Period(2026, 2))
    client.post(reverse("payments:use_credit", args=[cast.affiliate.affiliation_number, other.pk]))
    with pytest.raises(NothingToRefund):
        acts.approve(actor=second, act_id=act.pk, at=clock.now())
    act.refresh_from_db()
    assert act.state == ActState.PROPOSED.value


def test_a_double_payment_is_flagged_and_not_swallowed(cast: Cast) -> None:
    owed = slip(cast.affiliate)
    first, again = pay(cast, owed, "100.00"), pay(cast, owed, "100.00", "B2", "M2")
    found = double_payments(clock.today())
    assert [(one.first, one.second, one.code) for one in found] == [
        (first, again, owed.payment_reference)
    ]
    assert credit_of(cast.affiliate) == D("100.00")
    assert double_payments(clock.today(), affiliate=cast.strangers_affiliate) == []
    page = at_desk(cast.owner).get(
        reverse("payments:credit", args=[cast.affiliate.affiliation_number])
    )
    assert "deux fois" in page.content.decode()
    desk = at_desk(cast.treasurer).get(reverse("admin:payments_bankline_doubles"))
    assert owed.payment_reference in desk.content.decode()


def test_two_payments_of_different_slips_are_not_doubles(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "100.00")
    pay(cast, slip(cast.affiliate, Period(2026, 2)), "100.00", "B2", "M2")
    assert double_payments(clock.today()) == []


def test_ages_of_what_waits(cast: Cast, large: BankLine) -> None:
    with time_machine.travel("2026-04-27 12:00:00+00:00", tick=False):
        bands = [(band.after, band.count, band.amount) for band in suspense_ageing(clock.today())]
    assert bands == [(0, 0, 0), (5, 0, 0), (15, 1, D("20000.00")), (30, 0, 0)]


# ---------------------------------------------------------------- doors


def test_the_desk_proposes_then_another_person_decides(
    cast: Cast, large: BankLine, second: User
) -> None:
    mine, theirs = at_desk(cast.treasurer), at_desk(second)
    waiting = reverse("admin:payments_bankline_waiting")
    for address in (waiting, f"{waiting}?age=5", f"{waiting}?q=merci"):
        assert mine.get(address).status_code == 200
    typed = {"credit_affiliate": cast.affiliate.affiliation_number, "reason": "Appel du client"}
    mine.post(reverse("admin:payments_bankline_assign", args=[large.pk]), typed)
    act = ClerkAct.objects.get()
    page = reverse("admin:payments_clerkact_change", args=[act.pk])
    yes = reverse("admin:payments_clerkact_decide", args=[act.pk, "valider"])
    assert mine.get(page).status_code == theirs.get(page).status_code == 200
    assert mine.get(yes).status_code == 405
    assert mine.post(yes).status_code == 422
    assert theirs.post(yes).status_code == 302
    assert credit_of(cast.affiliate) == D("20000.00")
    for name in ("valider", "demandes", "clos"):
        queue = reverse("admin:payments_clerkact_changelist") + f"?file={name}"
        assert theirs.get(queue).status_code == 200
    assert AuditEntry.objects.filter(action="payments.act_approved", actor=second).count() == 1


def test_refusing_needs_a_reason_and_withdrawing_is_for_the_proposer(
    cast: Cast, large: BankLine, second: User
) -> None:
    act = assign_large(cast, large)
    assert act is not None
    verb: Callable[[str], str] = lambda name: reverse(  # noqa: E731
        "admin:payments_clerkact_decide", args=[act.pk, name]
    )
    assert at_desk(second).post(verb("refuser")).status_code == 422
    assert at_desk(second).post(verb("refuser"), {"reason": "Non fondé"}).status_code == 302
    assert at_desk(cast.treasurer).post(verb("retirer")).status_code == 422
    act.refresh_from_db()
    assert (act.state, act.decision) == ("refused", "Non fondé")


def test_acts_are_for_the_money_desk(cast: Cast, large: BankLine) -> None:
    act = assign_large(cast, large)
    assert act is not None
    addresses = [
        reverse("admin:payments_bankline_waiting"),
        reverse("admin:payments_bankline_doubles"),
        reverse("admin:payments_clerkact_changelist"),
        reverse("admin:payments_clerkact_change", args=[act.pk]),
        reverse("admin:payments_clerkact_write_off"),
    ]
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger):
        for address in addresses:
            assert at_desk(user).get(address).status_code in (302, 403, 404), (user, address)
    for address in addresses:
        assert at_desk(cast.treasurer).get(address).status_code == 200, address


def test_the_employers_credit_page(cast: Cast, second: User) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    slip(cast.affiliate, Period(2026, 2))
    number = cast.affiliate.affiliation_number
    page, ask = (
        reverse("payments:credit", args=[number]),
        reverse("payments:ask_refund", args=[number]),
    )
    for user in (cast.owner, cast.fiduciaire):
        assert at_desk(user).get(page).status_code == 200
    for user in cast.outsiders:
        assert at_desk(user).get(page).status_code == 404
        assert at_desk(user).post(ask, {"amount": "50", "rib": RIB}).status_code == 404
    owner = at_desk(cast.owner)
    assert owner.get(ask).status_code == 405
    for typed in ({"amount": "50", "rib": RIB[:-1] + "9"}, {"amount": "1e1", "rib": RIB}, {}):
        assert owner.post(ask, typed).status_code == 422
    assert ClerkAct.objects.count() == 0
    assert owner.post(ask, {"amount": "50,00", "rib": RIB}).status_code == 302
    act = ClerkAct.objects.get()
    back = reverse("payments:withdraw_refund", args=[number, act.pk])
    assert at_desk(cast.stranger).post(back).status_code == 404
    assert owner.post(back).status_code == 302
    act.refresh_from_db()
    assert act.state == ActState.WITHDRAWN.value


def test_the_queue_asks_a_constant_number_of_questions(cast: Cast, second: User) -> None:
    entries = [entry("20000.00", ref=f"B{n}", txs=details(ref=f"B{n}")) for n in range(8)]
    first, *more = received(cast.bank, cast.bank_account, file_of(cast, *entries)).lines.all()
    client = at_desk(second)

    def asked() -> list[int]:
        counts = []
        for name in ("bankline_waiting", "clerkact_changelist"):
            with CaptureQueriesContext(connection) as questions:
                assert client.get(reverse(f"admin:payments_{name}")).status_code == 200
            counts.append(len(questions))
        return counts

    assign_large(cast, first)
    asked()  # what is asked once for all
    one = asked()
    for line in more:
        assign_large(cast, line)
    assert asked() == one
