"""Money is the money desk's: each of its workflows asks the post of whoever acts, and not only the screen before it."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.exceptions import ObjectDoesNotExist

from affiliates.access import post_of
from affiliates.enums import ReviewVerdict, StaffRole
from affiliates.errors import PostMissing
from affiliates.models import Affiliate, DebitAuthority, StaffAssignment
from affiliates.workflows import review_post
from payments.enums import DebitCause, KeyScope
from payments.models import BankAccount, DebitRun
from payments.workflows import acts, bank_keys, exemptions, grace, parked, profiles
from payments.workflows.allocations import assign, reverse
from payments.workflows.debits import orders, runs
from portal.models import User
from regulation.errors import DomainError
from regulation.periods import Period
from tests.affiliates.factories import StaffAssignmentFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 11, 18, 10, tzinfo=datetime.UTC)
DAY = AT.date()
NONE = 999_999
Verb = Callable[[User, Cast], object]

#: What moves money or says where it goes, each on a row that is not there: the post is asked before the row.
MONEY: dict[str, Verb] = {
    "assign_or_propose": lambda who, _: acts.assign_or_propose(
        actor=who, line_id=NONE, parts=[], reason="x", at=AT
    ),
    "propose_undo": lambda who, _: acts.propose_undo(
        actor=who, allocation_id=NONE, reason="x", at=AT
    ),
    "propose_write_off": lambda who, _: acts.propose_write_off(
        actor=who, code="x", reason="x", at=AT
    ),
    "propose_refund": lambda who, _: acts.propose_refund(
        actor=who, act_id=NONE, reason="x", at=AT
    ),
    "approve": lambda who, _: acts.approve(actor=who, act_id=NONE, at=AT),
    "refuse": lambda who, _: acts.refuse(actor=who, act_id=NONE, reason="x", at=AT),
    "assign": lambda who, _: assign(actor=who, line_id=NONE, parts=[], at=AT),
    "reverse": lambda who, cast: reverse(
        actor=who, second=cast.treasurer, allocation_id=NONE, at=AT
    ),
    "grace.propose": lambda who, _: grace.propose(actor=who, grace_id=NONE, opinion="x", at=AT),
    "grace.grant": lambda who, _: grace.grant(actor=who, grace_id=NONE, at=AT),
    "grace.refuse": lambda who, _: grace.refuse(actor=who, grace_id=NONE, reason="x", at=AT),
    "resume_file": lambda who, _: parked.resume_file(actor=who, file_id=NONE, reason="x"),
    "leave_file": lambda who, _: parked.leave_file(actor=who, file_id=NONE, reason="x"),
    "resume_run": lambda who, _: parked.resume_run(actor=who, run_id=NONE, reason="x"),
    "prepare_run": lambda who, _: runs.prepare_run(
        actor=who, account=BankAccount(pk=NONE), collect_on=DAY, at=AT
    ),
    "release_run": lambda who, _: runs.release_run(
        actor=who, run=DebitRun(pk=NONE), count=1, total=Decimal("1.00"), at=AT
    ),
    "cancel_order": lambda who, _: orders.cancel_order(
        actor=who, affiliate=Affiliate(pk=NONE), intent=uuid4(), at=AT, cause=DebitCause.STAFF
    ),
    "activate": lambda who, _: orders.activate(
        actor=who, authority=DebitAuthority(pk=NONE), at=AT
    ),
    "grant_exemption": lambda who, cast: exemptions.grant_exemption(
        actor=who, at=AT, affiliate=cast.affiliate, first=Period(2026, 1), last=Period(2026, 1),
        until=DAY, reference="", decided_on=DAY,
    ),
}  # fmt: skip
#: The agreements with banks and the keys of their machines.
OF_SUPERVISORS: dict[str, Verb] = {
    "propose_profile": lambda who, cast: profiles.propose_profile(
        actor=who, bank=cast.bank_account.bank, data={"x": 1}, agreement="x", effective_from=DAY, at=AT
    ),
    "decide_profile": lambda who, _: profiles.decide_profile(
        actor=who, profile_id=NONE, approve=True, at=AT
    ),
    "issue_key": lambda who, cast: bank_keys.issue_key(
        actor=who, bank=cast.bank_account.bank, label="x", scopes=[KeyScope.READ], days=1, at=AT,
        networks=["partout"],
    ),
    "revoke_key": lambda who, _: bank_keys.revoke_key(actor=who, key_id=NONE, at=AT),
}  # fmt: skip
EVERY = [(verb, True) for verb in MONEY] + [(verb, False) for verb in OF_SUPERVISORS]


@pytest.mark.parametrize(("verb", "is_money"), EVERY)
def test_an_act_asks_the_post_of_whoever_acts(cast: Cast, verb: str, is_money: bool) -> None:
    act = (MONEY if is_money else OF_SUPERVISORS)[verb]
    wanted = {StaffRole.SUPERVISOR} | ({StaffRole.TREASURER} if is_money else set())
    for role in StaffRole:
        person = StaffAssignmentFactory(role=role.value).user
        # Past the post, what is not there is not found, or what is said is refused for itself.
        passes: tuple[type[Exception], ...] = (ObjectDoesNotExist, DomainError)
        with pytest.raises(passes if role in wanted else PostMissing) as refusal:
            act(person, cast)
        assert (refusal.type is PostMissing) == (role not in wanted), role
    for person in (cast.owner, cast.fiduciaire, cast.stranger):
        with pytest.raises(PostMissing):
            act(person, cast)


def test_a_post_taken_back_or_an_account_closed_moves_nothing_more(cast: Cast) -> None:
    reviewer = StaffAssignmentFactory(role=StaffRole.SUPERVISOR.value).user
    closed = StaffAssignmentFactory(role=StaffRole.TREASURER.value).user
    User.objects.filter(pk=closed.pk).update(is_active=False)
    review_post(
        actor=reviewer, at=AT, post=StaffAssignment.objects.get(user=cast.treasurer),
        verdict=ReviewVerdict.REMOVED, reason="mutée",
    )  # fmt: skip
    # The person as this request loaded them: still signed in, still « staff ».
    for person in (cast.treasurer, closed):
        assert person.is_active
        assert person.is_staff
        assert post_of(person) is None
        with pytest.raises(PostMissing):
            acts.approve(actor=person, act_id=NONE, at=AT)


def test_a_refund_is_taken_back_by_who_may_pay_or_by_the_money_desk(cast: Cast) -> None:
    for person, works in (
        (cast.staff, False), (cast.stranger, False), (cast.fiduciaire, True), (cast.treasurer, True),
    ):  # fmt: skip
        act = acts.ClerkAct.objects.create(
            kind="refund", state="requested", affiliate=cast.affiliate, amount=Decimal("1.00"),
            rib=cast.bank_account.rib, requested_by=cast.owner, requested_at=AT,
        )  # fmt: skip
        if works:
            assert acts.withdraw(actor=person, act_id=act.pk, at=AT).state == "withdrawn"
        else:
            with pytest.raises(PostMissing):
                acts.withdraw(actor=person, act_id=act.pk, at=AT)
            act.delete()


def test_a_bank_confirms_an_authority_without_a_post(cast: Cast) -> None:
    with pytest.raises(ObjectDoesNotExist):
        orders.activate(actor=cast.bank, authority=DebitAuthority(pk=NONE), at=AT)
