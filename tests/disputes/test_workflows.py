"""The acts on a dispute, on a real database."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.db.models import Sum

from disputes import rules
from disputes.enums import Action, DisputeState, Ground, MessageSide, Outcome
from disputes.errors import (
    IntentReused,
    LegalGroundMissing,
    MoveRefused,
    NothingContested,
    NotStaff,
    SecondPersonNeeded,
    SlipClosed,
    TooMuchContested,
    UnknownLine,
)
from disputes.models import Attachment, Decision, Dispute, DisputeStep, Message
from disputes.workflows import disputes as workflows
from disputes.workflows import opening
from payments.enums import SlipState
from payments.models import Hold, PaymentSlip
from portal.errors import FileTooLargeError, PieceTypeRefused, TooManyPieces
from portal.models import AuditEntry, StoredFile, User
from portal.pieces import PIECE_LIMIT_BYTES
from portal.storage import open_stored
from regulation.enums import Branch
from tests.affiliates.factories import StaffAssignmentFactory
from tests.cast import Cast
from tests.disputes.factories import JPEG, OPENED_AT, PNG, dispute_of, line_subject, slip_of, upload

pytestmark = pytest.mark.django_db

LATER = OPENED_AT + datetime.timedelta(days=3)
BIG = ((Branch.AMO, Decimal("900000.00"), Decimal("20340.00"), Decimal("20340.00")),)


def live_holds(slip: PaymentSlip) -> Decimal:
    held = Hold.objects.filter(slip=slip, released_at__isnull=True).aggregate(total=Sum("amount"))
    return held["total"] or Decimal("0.00")


def decide(
    actor: User,
    dispute: Dispute,
    outcome: Outcome,
    *,
    granted: str = "0.00",
    intent: uuid.UUID | None = None,
    legal_ground: str = "Dahir n° 1-72-184, art. 20",
) -> Decision:
    return workflows.decide(
        actor=actor,
        dispute_id=dispute.pk,
        intent=intent or uuid.uuid4(),
        rulings={item.pk: rules.Ruling(outcome, Decimal(granted)) for item in dispute.items.all()},
        reasons="Le salaire de mars a été compté deux fois.",
        legal_ground=legal_ground,
        at=LATER,
    )


# ---------------------------------------------------------------- opening


def test_only_the_contested_part_is_held(cast: Cast, slip: PaymentSlip) -> None:
    dispute = dispute_of(cast.owner, slip, amount=Decimal("250.00"))

    slip.refresh_from_db()
    assert slip.outstanding == slip.total == Decimal("2567.82")
    assert live_holds(slip) == Decimal("250.00")
    assert rules.payable_now(slip.outstanding, [Decimal("250.00")]) == Decimal("2317.82")
    assert dispute.number == f"R-{cast.affiliate.affiliation_number}-001"
    assert dispute.state == DisputeState.OPEN
    assert dispute.first_answer_due_on == datetime.date(2026, 3, 9)
    assert dispute.decision_due_on == datetime.date(2026, 4, 1)
    assert [step.action for step in dispute.steps.all()] == [Action.OPEN]


def test_the_same_click_twice_makes_one_dispute(cast: Cast, slip: PaymentSlip) -> None:
    intent = uuid.uuid4()
    first = dispute_of(cast.owner, slip, intent=intent)
    second = dispute_of(cast.owner, slip, intent=intent)

    assert first == second
    assert (Dispute.objects.count(), Hold.objects.count(), Message.objects.count()) == (1, 1, 1)
    with pytest.raises(IntentReused):
        dispute_of(cast.owner, slip, intent=intent, amount=Decimal("101.00"))
    with pytest.raises(IntentReused):
        dispute_of(cast.fiduciaire, slip, intent=intent)


def test_several_lines_are_one_dispute(cast: Cast, slip: PaymentSlip) -> None:
    first, second, third = slip.lines.all()
    dispute = opening.open_dispute(
        actor=cast.owner,
        affiliate=cast.affiliate,
        intent=uuid.uuid4(),
        ground=Ground.WRONG_EMPLOYEE,
        text="Un salarié compté à tort.",
        contested={
            line_subject(first): Decimal("10.00"),
            line_subject(third): third.amount,
            line_subject(second): Decimal("0.00"),
        },
        at=OPENED_AT,
    )

    assert dict(dispute.items.values_list("slip_line__branch", "amount")) == {
        "PF": Decimal("10.00"),
        "AMO": Decimal("738.82"),
    }
    assert live_holds(slip) == Decimal("748.82")


def test_a_line_is_never_contested_beyond_its_amount(cast: Cast, slip: PaymentSlip) -> None:
    dispute_of(cast.owner, slip, amount=Decimal("700.00"))
    with pytest.raises(TooMuchContested) as refusal:
        dispute_of(cast.owner, slip, amount=Decimal("38.83"))
    assert refusal.value.facts["remaining"] == Decimal("38.82")

    dispute_of(cast.owner, slip, amount=Decimal("38.82"))
    assert live_holds(slip) == Decimal("738.82")


def test_what_was_granted_cannot_be_contested_again_what_was_refused_can(
    cast: Cast, slip: PaymentSlip
) -> None:
    dispute = dispute_of(cast.owner, slip, amount=Decimal("700.00"))
    workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
    decide(cast.staff, dispute, Outcome.PARTLY_UPHELD, granted="200.00")

    assert opening.left_to_contest(slip.lines.get(rank=3)) == Decimal("538.82")


def test_a_paid_slip_may_be_contested_and_nothing_is_held(cast: Cast, slip: PaymentSlip) -> None:
    PaymentSlip.objects.filter(pk=slip.pk).update(
        outstanding=Decimal("0.00"), state=SlipState.PAID.value
    )
    dispute = dispute_of(cast.owner, slip)

    assert dispute.items.get().hold is None
    assert not Hold.objects.exists()


@pytest.mark.parametrize("state", [SlipState.REPLACED, SlipState.CANCELLED])
def test_a_slip_that_asks_nothing_any_more_is_refused(
    cast: Cast, slip: PaymentSlip, state: SlipState
) -> None:
    PaymentSlip.objects.filter(pk=slip.pk).update(state=state.value)
    with pytest.raises(SlipClosed):
        dispute_of(cast.owner, slip)
    assert not Dispute.objects.exists()


def test_lines_of_others_and_empty_disputes_are_refused(cast: Cast, slip: PaymentSlip) -> None:
    theirs = slip_of(cast.strangers_affiliate)
    common = {
        "actor": cast.owner,
        "affiliate": cast.affiliate,
        "ground": Ground.OTHER,
        "text": "Bonjour",
        "at": OPENED_AT,
    }
    with pytest.raises(UnknownLine):
        opening.open_dispute(
            intent=uuid.uuid4(),
            contested={line_subject(theirs.lines.get(rank=1)): Decimal("1.00")},
            **common,
        )
    for contested in ({}, {line_subject(slip.lines.get(rank=1)): Decimal("0.00")}):
        with pytest.raises(NothingContested):
            opening.open_dispute(intent=uuid.uuid4(), contested=contested, **common)


# ---------------------------------------------------------------- the thread


def test_taking_a_dispute(cast: Cast, taken: Dispute, supervisor: User) -> None:
    assert (taken.state, taken.assigned_to) == (DisputeState.TAKEN, cast.staff)
    workflows.take(actor=cast.staff, dispute_id=taken.pk, at=OPENED_AT)
    assert DisputeStep.objects.filter(action=Action.TAKE).count() == 1

    colleague = StaffAssignmentFactory(agency=cast.affiliate.agency).user
    with pytest.raises(MoveRefused):
        workflows.take(actor=colleague, dispute_id=taken.pk, at=OPENED_AT)
    with pytest.raises(NotStaff):
        workflows.take(actor=cast.owner, dispute_id=taken.pk, at=OPENED_AT)

    over = workflows.take(actor=supervisor, dispute_id=taken.pk, at=OPENED_AT)
    assert over.assigned_to == supervisor
    with pytest.raises(MoveRefused):
        workflows.give_back(actor=cast.staff, dispute_id=taken.pk, at=OPENED_AT)
    back = workflows.give_back(actor=supervisor, dispute_id=taken.pk, at=OPENED_AT)
    assert (back.state, back.assigned_to) == (DisputeState.OPEN, None)


def test_the_first_words_of_the_fund_stop_the_first_clock(cast: Cast, taken: Dispute) -> None:
    def say(actor: User, side: MessageSide, days: int) -> None:
        workflows.write(
            actor=actor,
            dispute_id=taken.pk,
            side=side,
            intent=uuid.uuid4(),
            text=f"Jour {days}",
            at=OPENED_AT + datetime.timedelta(days=days),
        )
        taken.refresh_from_db()

    say(cast.owner, MessageSide.AFFILIATE, 1)
    assert taken.first_answered_at is None
    say(cast.staff, MessageSide.STAFF, 2)
    assert taken.first_answered_at == OPENED_AT + datetime.timedelta(days=2)
    say(cast.staff, MessageSide.STAFF, 4)
    assert taken.first_answered_at == OPENED_AT + datetime.timedelta(days=2)


def test_a_piece_is_awaited_until_the_affiliate_writes(cast: Cast, taken: Dispute) -> None:
    workflows.ask_for_piece(
        actor=cast.staff,
        dispute_id=taken.pk,
        intent=uuid.uuid4(),
        text="Envoyez le certificat d’arrêt.",
        at=LATER,
    )
    taken.refresh_from_db()
    assert (taken.state, taken.first_answered_at) == (DisputeState.ANSWER_AWAITED, LATER)

    workflows.write(
        actor=cast.owner,
        dispute_id=taken.pk,
        side=MessageSide.AFFILIATE,
        intent=uuid.uuid4(),
        text="Le voici.",
        pieces=[upload(), upload("scan.png", PNG), upload("photo.jpg", JPEG)],
        at=LATER,
    )
    taken.refresh_from_db()
    assert taken.state == DisputeState.TAKEN
    assert list(Attachment.objects.order_by("pk").values_list("content_type", flat=True)) == [
        "application/pdf",
        "image/png",
        "image/jpeg",
    ]


def test_the_same_message_twice_is_one(cast: Cast, taken: Dispute) -> None:
    intent = uuid.uuid4()

    def say(text: str) -> Message:
        return workflows.write(
            actor=cast.owner,
            dispute_id=taken.pk,
            side=MessageSide.AFFILIATE,
            intent=intent,
            text=text,
            pieces=[upload()],
            at=LATER,
        )

    assert say("Bonjour") == say("Bonjour")
    assert Attachment.objects.count() == 1
    with pytest.raises(IntentReused):
        say("Autre chose")


def test_staff_without_the_file_may_not_speak_for_the_fund(cast: Cast, taken: Dispute) -> None:
    colleague = StaffAssignmentFactory(agency=cast.affiliate.agency).user
    for actor, refusal in ((colleague, MoveRefused), (cast.owner, NotStaff)):
        with pytest.raises(refusal):
            workflows.write(
                actor=actor,
                dispute_id=taken.pk,
                side=MessageSide.STAFF,
                intent=uuid.uuid4(),
                text="Bonjour",
                at=LATER,
            )


def test_bad_pieces_keep_nothing(cast: Cast, taken: Dispute) -> None:
    def send(*pieces: object) -> None:
        workflows.write(
            actor=cast.owner,
            dispute_id=taken.pk,
            side=MessageSide.AFFILIATE,
            intent=uuid.uuid4(),
            text="Voir pièces.",
            pieces=pieces,
            at=LATER,
        )

    with pytest.raises(PieceTypeRefused):
        send(upload(), upload("facture.pdf", b"<html><script>alert(1)</script>"))
    with pytest.raises(TooManyPieces):
        send(*[upload()] * 6)
    with pytest.raises(FileTooLargeError):
        send(upload("gros.pdf", b"%PDF-" + b"0" * PIECE_LIMIT_BYTES))
    assert not StoredFile.objects.exists()
    assert Message.objects.count() == 1

    exact = b"%PDF-" + b"0" * (PIECE_LIMIT_BYTES - 5)
    send(upload("../../\u202egpj.juste.pdf", exact))
    stored = StoredFile.objects.get()
    assert stored.name == "gpj.juste.pdf"
    assert open_stored(stored).read() == exact


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("outcome", "granted", "outstanding"),
    [
        (Outcome.UPHELD, "0.00", "2467.82"),
        (Outcome.PARTLY_UPHELD, "30.10", "2537.72"),
        (Outcome.REFUSED, "0.00", "2567.82"),
    ],
)
def test_a_decision_releases_the_hold_and_credits_what_is_granted(
    cast: Cast, slip: PaymentSlip, taken: Dispute, outcome: Outcome, granted: str, outstanding: str
) -> None:
    decision = decide(cast.staff, taken, outcome, granted=granted)

    slip.refresh_from_db()
    taken.refresh_from_db()
    assert slip.outstanding == Decimal(outstanding)
    assert live_holds(slip) == Decimal("0.00")
    assert (decision.outcome, taken.state, taken.closed_at) == (
        outcome,
        DisputeState.DECIDED,
        LATER,
    )
    assert taken.first_answered_at == LATER


def test_deciding_twice_credits_once(cast: Cast, slip: PaymentSlip, taken: Dispute) -> None:
    intent = uuid.uuid4()
    first = decide(cast.staff, taken, Outcome.UPHELD, intent=intent)
    second = decide(cast.staff, taken, Outcome.UPHELD, intent=intent)

    slip.refresh_from_db()
    assert first == second
    assert slip.outstanding == Decimal("2467.82")
    with pytest.raises(MoveRefused):
        decide(cast.staff, taken, Outcome.REFUSED)


def test_a_refusal_names_its_text(cast: Cast, taken: Dispute) -> None:
    with pytest.raises(LegalGroundMissing):
        decide(cast.staff, taken, Outcome.REFUSED, legal_ground=" ")
    assert not Decision.objects.exists()


def test_above_the_limit_another_person_decides(cast: Cast, supervisor: User) -> None:
    slip = slip_of(cast.affiliate, datetime.date(2026, 2, 1), BIG)
    dispute = dispute_of(cast.owner, slip, rank=1, amount=Decimal("10000.01"))
    workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)
    with pytest.raises(SecondPersonNeeded):
        decide(cast.staff, dispute, Outcome.UPHELD)

    decision = decide(supervisor, dispute, Outcome.UPHELD)
    assert (decision.examined_by, decision.decided_by) == (cast.staff, supervisor)


def test_a_supervisor_who_examined_a_big_dispute_does_not_decide_it(
    cast: Cast, supervisor: User
) -> None:
    slip = slip_of(cast.affiliate, datetime.date(2026, 2, 1), BIG)
    dispute = dispute_of(cast.owner, slip, rank=1, amount=Decimal("10000.01"))
    workflows.take(actor=supervisor, dispute_id=dispute.pk, at=OPENED_AT)
    with pytest.raises(SecondPersonNeeded):
        decide(supervisor, dispute, Outcome.UPHELD)


def test_the_database_refuses_one_person_alone_whatever_the_program(
    cast: Cast, taken: Dispute
) -> None:
    with pytest.raises(IntegrityError, match="decision_second_person"), transaction.atomic():
        Decision.objects.create(
            dispute=taken,
            outcome=Outcome.UPHELD.value,
            reasons="…",
            decided_by=cast.staff,
            examined_by=cast.staff,
            intent=uuid.uuid4(),
            contested_total=Decimal("10000.01"),
            second_person_above=Decimal("10000.00"),
        )


def test_what_was_said_and_decided_is_never_rewritten(cast: Cast, taken: Dispute) -> None:
    decide(cast.staff, taken, Outcome.UPHELD)
    for model, changes in (
        (Message, {"text": "autre"}),
        (DisputeStep, {"at": LATER}),
        (Decision, {"reasons": "autres"}),
    ):
        with (
            pytest.raises((IntegrityError, InternalError), match="written once"),
            transaction.atomic(),
        ):
            model.objects.update(**changes)
        with (
            pytest.raises((IntegrityError, InternalError), match="written once"),
            transaction.atomic(),
        ):
            model.objects.all()._raw_delete("default")


def test_withdrawing_makes_the_whole_slip_due_again(
    cast: Cast, slip: PaymentSlip, taken: Dispute
) -> None:
    for _ in range(2):
        workflows.withdraw(actor=cast.owner, dispute_id=taken.pk, at=LATER)

    taken.refresh_from_db()
    assert (taken.state, taken.closed_at) == (DisputeState.WITHDRAWN, LATER)
    assert live_holds(slip) == Decimal("0.00")
    assert DisputeStep.objects.filter(action=Action.WITHDRAW).count() == 1
    assert opening.left_to_contest(slip.lines.get(rank=3)) == Decimal("738.82")


def test_every_act_leaves_a_trace(cast: Cast, taken: Dispute) -> None:
    workflows.ask_for_piece(
        actor=cast.staff, dispute_id=taken.pk, intent=uuid.uuid4(), text="Une pièce ?", at=LATER
    )
    workflows.write(
        actor=cast.owner,
        dispute_id=taken.pk,
        side=MessageSide.AFFILIATE,
        intent=uuid.uuid4(),
        text="La voici.",
        at=LATER,
    )
    decide(cast.staff, taken, Outcome.UPHELD)

    entries = AuditEntry.objects.filter(
        subject_type="disputes.dispute", subject_id=str(taken.pk)
    ).order_by("pk")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("dispute.open", cast.owner),
        ("dispute.take", cast.staff),
        ("dispute.ask_for_piece", cast.staff),
        ("dispute.write", cast.owner),
        ("dispute.decide", cast.staff),
    ]
    assert {entry.affiliation_number for entry in entries} == {cast.affiliate.affiliation_number}
    assert entries.last().facts["granted"] == "100.00"
