"""The employer is told by mail, once, of what was decided on its money."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine

from affiliates.enums import StaffRole
from payments.enums import GraceState
from payments.models import PaymentSlip
from payments.workflows import acts, grace, letters, penalties
from payments.workflows.grace import Terms
from portal import clock
from portal.enums import Language
from portal.models import Mail, User
from regulation.enums import Branch
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import details, entry
from tests.payments.factories import file_of, received, slip
from tests.payments.test_acts import RIB, pay

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-06-20 12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def second(cast: Cast) -> User:
    person = UserFactory(email="seconde@exemple.ma", full_name="Salma Berrada", is_staff=True)
    StaffAssignmentFactory(user=person, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR)
    return person


def written(prefix: str) -> list[Mail]:
    return list(Mail.objects.filter(key__startswith=prefix).order_by("pk"))


def test_an_overpayment_is_told_once(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    assert letters.tell_credits(at=clock.now()) == 1
    assert letters.tell_credits(at=clock.now()) == 0
    (letter,) = written("credit:")
    assert letter.user == cast.owner
    assert letter.subject == "50,00 DH de trop reçus : c’est votre crédit"
    assert "150,00" in letter.text
    assert "/credit/" in letter.text


def test_old_credits_are_no_news(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "150.00")
    assert letters.tell_credits(at=clock.now() + letters.TOLD_WITHIN) == 0


def asked(cast: Cast) -> int:
    pay(cast, slip(cast.affiliate), "150.00")
    act = acts.request_refund(
        actor=cast.owner, affiliate=cast.affiliate, amount=D("30.00"), rib=RIB, at=clock.now()
    )
    acts.propose_refund(actor=cast.treasurer, act_id=act.pk, reason="RIB vérifié", at=clock.now())
    return act.pk


def test_a_refund_is_told_with_its_order_and_without_its_whole_account(
    cast: Cast, second: User
) -> None:
    act = acts.approve(actor=second, act_id=asked(cast), at=clock.now())
    acts.approve(actor=second, act_id=act.pk, at=clock.now())
    (letter,) = written("refund:")
    assert letter.subject == "Votre remboursement de 30,00 DH est ordonné"
    assert act.order_number in letter.text
    assert RIB[-6:] in letter.text
    assert RIB not in letter.text


def test_a_refused_refund_says_why_in_the_readers_language(cast: Cast, second: User) -> None:
    cast.owner.language = Language.ARABIC.value
    cast.owner.save(update_fields=["language"])
    acts.refuse(actor=second, act_id=asked(cast), reason="Compte d’un tiers", at=clock.now())
    (letter,) = written("refund:")
    assert letter.subject.startswith("رُفض طلبكم")
    assert "Compte d’un tiers" in letter.text


@pytest.fixture
def late(cast: Cast) -> PaymentSlip:
    owed = slip(cast.affiliate, amounts={Branch.PF: "10000.00"})
    penalties.assess_surcharges(actor=None, slip_id=owed.pk, as_of=date(2026, 6, 20))
    return owed


def plan(cast: Cast) -> int:
    made = grace.request_grace(
        actor=cast.owner,
        affiliate=cast.affiliate,
        terms=Terms(D("500.00"), 3, date(2026, 7, 15)),
        reason="Chantier arrêté",
        at=clock.now(),
    )
    grace.propose(actor=cast.treasurer, grace_id=made.pk, opinion="Favorable", at=clock.now())
    return made.pk


def watched(key: int, day: date) -> GraceState:
    with time_machine.travel(f"{day} 04:00:00+00:00", tick=False):
        return grace.watch(grace_id=key, as_of=day - penalties.GRACE, today=day)


def test_a_plan_is_told_at_each_turn(cast: Cast, late: PaymentSlip, second: User) -> None:
    """Granted, five days before an instalment, once it is missed, and when it breaks; each letter once."""
    key = plan(cast)
    grace.grant(actor=second, grace_id=key, at=clock.now())
    assert [one.subject for one in written("grace:")] == [
        "Votre demande de remise ou d’échelonnement est accordée"
    ]
    assert "3 échéances ; la première" in written("grace:")[0].text
    quiet, soon, missed = date(2026, 7, 9), date(2026, 7, 10), date(2026, 7, 16)
    assert watched(key, quiet) == GraceState.GRANTED
    assert len(written("grace:")) == 1
    for day in (soon, soon, date(2026, 7, 12)):
        assert watched(key, day) == GraceState.GRANTED
    assert len(written("grace:")) == 2
    assert "au plus tard le 15 juillet 2026" in written("grace:")[1].subject
    for day in (missed, missed):
        assert watched(key, day) == GraceState.GRANTED
    assert len(written("grace:")) == 3
    assert "sans attendre" in written("grace:")[2].subject
    broken = date(2026, 7, 16) + penalties.GRACE
    assert watched(key, broken) == watched(key, broken) == GraceState.BROKEN
    assert [one.subject for one in written("grace:")][3:] == ["Votre échelonnement est rompu"]


def test_a_plan_that_is_paid_in_time_hears_nothing_but_its_end(
    cast: Cast, late: PaymentSlip, second: User
) -> None:
    key = plan(cast)
    grace.grant(actor=second, grace_id=key, at=clock.now())
    for rank, one in enumerate([late, *late.surcharges.order_by("month_number")]):
        one.refresh_from_db()
        if one.outstanding:
            code = one.payment_reference
            line = entry(str(one.outstanding), txs=details(ref=f"G{rank}", rf=code))
            received(cast.bank, cast.bank_account, file_of(cast, line, message_id=f"G{rank}"))
    assert watched(key, date(2026, 7, 10)) == GraceState.KEPT
    assert [one.subject for one in written("grace:")][1:] == [
        "Vous avez tout payé : votre échelonnement est terminé"
    ]


def test_a_refused_plan_says_why(cast: Cast, late: PaymentSlip, second: User) -> None:
    grace.refuse(actor=second, grace_id=plan(cast), reason="Dette contestée", at=clock.now())
    (letter,) = written("grace:")
    assert "Dette contestée" in letter.text
