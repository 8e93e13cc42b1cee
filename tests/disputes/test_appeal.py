"""The second instance: asked once and in time, held again, decided by others than the first, whatever the door."""

import datetime
import uuid
from decimal import Decimal

import pytest
import time_machine
from django.core import mail as outbox
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from disputes import rules
from disputes.enums import Action, DisputeState, Outcome
from disputes.errors import AnotherPersonNeeded, AppealRefused, AppealTooLate, IntentReused
from disputes.models import Decision, Dispute
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from payments.models import Hold, PaymentSlip
from portal.models import Mail, User
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, dispute_of

pytestmark = pytest.mark.django_db

DECIDED_AT = OPENED_AT + datetime.timedelta(days=10)
APPEALED_AT = OPENED_AT + datetime.timedelta(days=20)


def decide(
    actor: User, dispute: Dispute, outcome: Outcome, granted: str = "0.00", *, examined: bool = True
) -> Decision:
    if examined:
        workflows.take(actor=actor, dispute_id=dispute.pk, at=DECIDED_AT)
    return workflows.decide(
        actor=actor,
        dispute_id=dispute.pk,
        intent=uuid.uuid4(),
        rulings={item.pk: rules.Ruling(outcome, Decimal(granted)) for item in dispute.items.all()},
        reasons="Vérifié.",
        legal_ground="Dahir n° 1-72-184, article 19",
        at=DECIDED_AT,
    )


def appeal(
    actor: User,
    dispute: Dispute,
    at: datetime.datetime = APPEALED_AT,
    intent: uuid.UUID | None = None,
) -> Dispute:
    return opening.appeal(
        actor=actor,
        dispute_id=dispute.pk,
        intent=intent or uuid.uuid4(),
        text="Le bulletin joint n’a pas été lu.",
        at=at,
    )


@pytest.fixture
def refused(cast: Cast, taken: Dispute) -> Dispute:
    """100.00 DH contested, 40.00 granted by the clerk of the cast."""
    decide(cast.staff, taken, Outcome.PARTLY_UPHELD, "40.00", examined=False)
    taken.refresh_from_db()
    return taken


def test_what_was_refused_is_held_again_and_others_decide(
    cast: Cast, slip: PaymentSlip, refused: Dispute, colleague: User, supervisor: User
) -> None:
    second = appeal(cast.owner, refused)

    assert (second.appeal_of, second.state) == (refused, DisputeState.OPEN)
    assert second.items.get().amount == Decimal("60.00")
    assert Hold.objects.get(released_at__isnull=True).amount == Decimal("60.00")
    assert second.steps.get().action == Action.APPEAL
    for act in (
        lambda: workflows.take(actor=cast.staff, dispute_id=second.pk, at=APPEALED_AT),
        lambda: workflows.assign(
            actor=supervisor, dispute_id=second.pk, to=cast.staff, at=APPEALED_AT
        ),
        lambda: decide(cast.staff, second, Outcome.REFUSED, examined=False),
    ):
        with pytest.raises(AnotherPersonNeeded):
            act()
    decide(colleague, second, Outcome.UPHELD)
    slip.refresh_from_db()
    assert slip.outstanding == slip.total - Decimal("100.00")
    assert not Hold.objects.filter(released_at__isnull=True).exists()
    call_command("check_ledger")
    with pytest.raises(AppealRefused):
        appeal(cast.owner, second)


def test_even_direct_orm_cannot_let_the_first_decide_again(
    cast: Cast, refused: Dispute, colleague: User
) -> None:
    second = appeal(cast.owner, refused)
    common = {
        "dispute": second,
        "outcome": "refused",
        "reasons": "Non.",
        "intent": uuid.uuid4(),
        "contested_total": Decimal("60.00"),
        "second_person_above": Decimal("10000.00"),
    }
    for decider, examiner in ((cast.staff, colleague), (colleague, cast.staff)):
        with (
            pytest.raises(IntegrityError, match="first instance"),
            transaction.atomic(),
        ):
            Decision.objects.create(decided_by=decider, examined_by=examiner, **common)


def test_one_appeal_in_time_of_what_was_refused(
    cast: Cast, slip: PaymentSlip, refused: Dispute
) -> None:
    too_late = DECIDED_AT + datetime.timedelta(days=65)
    with pytest.raises(AppealTooLate):
        appeal(cast.owner, refused, at=too_late)
    intent = uuid.uuid4()
    first = appeal(cast.owner, refused, intent=intent)
    assert appeal(cast.owner, refused, intent=intent) == first
    with pytest.raises(IntentReused):
        appeal(cast.fiduciaire, refused, intent=intent)
    with pytest.raises(AppealRefused):
        appeal(cast.owner, refused)

    upheld = dispute_of(cast.owner, slip, rank=1, amount=Decimal("10.00"))
    with pytest.raises(AppealRefused):
        appeal(cast.owner, upheld)
    decide(cast.staff, upheld, Outcome.UPHELD)
    with pytest.raises(AppealRefused):
        appeal(cast.owner, upheld)


def test_the_last_day_of_an_appeal_is_a_working_day(cast: Cast, refused: Dispute) -> None:
    # Decided on Thursday 12 March 2026: sixty days later is Monday 11 May.
    until = opening.appeal_until(refused.decision)
    assert until == datetime.date(2026, 5, 11)
    last_second = datetime.datetime(2026, 5, 11, 22, 59, 59, tzinfo=datetime.UTC)
    assert appeal(cast.owner, refused, at=last_second).appeal_of == refused


@time_machine.travel(APPEALED_AT, tick=False)
def test_the_page_offers_it_and_the_others_do_not_see_it(cast: Cast, refused: Dispute) -> None:
    number = cast.affiliate.affiliation_number
    page = reverse("disputes:detail", args=[number, refused.number])
    door = reverse("disputes:appeal", args=[number, refused.number])
    typed = {"appeal-intent": str(uuid.uuid4()), "appeal-text": "Relisez le bulletin."}
    for user in cast.outsiders:
        client = Client()
        client.force_login(user)
        assert client.post(door, typed).status_code == 404
    client = Client()
    client.force_login(cast.owner)
    assert client.get(door).status_code == 405
    empty = client.post(door, typed | {"appeal-text": ""})
    assert empty.status_code == 422
    assert not Dispute.objects.filter(appeal_of=refused).exists()
    answer = client.post(door, typed)
    second = Dispute.objects.get(appeal_of=refused)
    assert answer.url == reverse("disputes:detail", args=[number, second.number])
    for language in ("fr", "ar"):
        client.cookies["django_language"] = language
        assert second.number in client.get(page).content.decode()
        assert refused.number in client.get(answer.url).content.decode()


def test_each_step_is_told_in_the_language_of_the_reader_and_says_no_more_than_needed(
    cast: Cast, slip: PaymentSlip
) -> None:
    User.objects.filter(pk=cast.owner.pk).update(language="ar")
    dispute = dispute_of(cast.owner, slip)
    workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
    workflows.ask_for_piece(
        actor=cast.staff,
        dispute_id=dispute.pk,
        intent=uuid.uuid4(),
        text="Le bulletin de Salma Idrissi, s’il vous plaît.",
        at=OPENED_AT,
    )
    decide(cast.staff, dispute, Outcome.REFUSED, examined=False)
    appeal(cast.owner, dispute)

    letters = Mail.objects.filter(user=cast.owner).order_by("pk")
    assert [mail.key.split(":")[2] for mail in letters] == [
        "opened", "taken", "asked", "decided", "opened",
    ]  # fmt: skip
    for mail in letters:
        assert mail.language == "ar"
        assert dispute.affiliate.affiliation_number in mail.subject + mail.text
        assert "Salma" not in mail.subject + mail.text
        assert "Vérifié" not in mail.text
        assert f"/reclamations/R-{dispute.affiliate.affiliation_number}" in mail.text
    assert outbox.outbox == []
