"""What runs out is told, files are shared out, words are used again, and the file reads as the employer reads it."""

import datetime
import uuid

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from disputes.access import staff_disputes
from disputes.enums import ClockName, DeskFilter, DisputeState, Ground, MessageSide
from disputes.errors import MeetingToCome, MoveRefused, NotOnTheDesk, NotSupervisor
from disputes.models import AnswerTemplate, Dispute, Escalation
from disputes.queries import disputes as queries
from disputes.tasks import escalate_late_disputes
from disputes.workflows import disputes as workflows
from disputes.workflows.escalations import escalate_due
from disputes.workflows.templates import add_template, withdraw_template
from payments.models import PaymentSlip
from portal.enums import Language
from portal.models import AuditEntry, Mail, User
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, dispute_of

pytestmark = pytest.mark.django_db


def morning(month: int, day: int) -> datetime.datetime:
    return datetime.datetime(2026, month, day, 6, 40, tzinfo=datetime.UTC)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"admin:disputes_dispute_{name}", args=args)


# ---------------------------------------------------------------- clocks


def test_a_delay_that_ran_out_is_told_once_to_both_sides(
    cast: Cast, slip: PaymentSlip, supervisor: User
) -> None:
    # Opened on Monday 2 March: an answer is due on the 9th, a decision on 1 April.
    dispute = dispute_of(cast.owner, slip)
    assert escalate_due(at=morning(3, 9)) == 0
    assert escalate_due(at=morning(3, 10)) == 1
    assert escalate_due(at=morning(3, 10)) == 0
    row = Escalation.objects.get()
    assert (row.clock, row.due_on) == (ClockName.FIRST_ANSWER, datetime.date(2026, 3, 9))
    assert Mail.objects.filter(key__contains=":late:first_answer:", user=cast.owner).count() == 1
    assert Mail.objects.filter(key__contains=":escalated:", user=supervisor).count() == 1
    assert AuditEntry.objects.filter(action="dispute.escalate").count() == 1

    today = datetime.date(2026, 3, 10)
    seen = staff_disputes(supervisor)
    common = {"user": supervisor, "today": today, "limit": 10_000}
    assert list(queries.desk(seen, DeskFilter.ESCALATED, **common)) == [dispute]
    assert queries.desk_counts(seen, **common)[DeskFilter.ESCALATED] == 1
    workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=morning(3, 10))
    workflows.write(
        actor=cast.staff,
        dispute_id=dispute.pk,
        side=MessageSide.STAFF,
        intent=uuid.uuid4(),
        text="Nous regardons.",
        at=morning(3, 10),
    )
    assert list(queries.desk(seen, DeskFilter.ESCALATED, **common)) == []
    assert escalate_due(at=morning(4, 2)) == 1
    assert list(queries.desk(seen, DeskFilter.ESCALATED, **common)) == [dispute]
    call_command("verify_audit")


def test_holidays_do_not_count_against_the_fund(cast: Cast, slip: PaymentSlip) -> None:
    # Thursday 13 August 2026: the 14th, 20th and 21st are holidays, so the answer is due on Tuesday 25.
    opened = datetime.datetime(2026, 8, 13, 10, tzinfo=datetime.UTC)
    dispute = dispute_of(cast.owner, slip, at=opened)
    assert dispute.first_answer_due_on == datetime.date(2026, 8, 25)
    assert escalate_due(at=morning(8, 25)) == 0
    assert escalate_due(at=morning(8, 26)) == 1


def test_nothing_escalates_that_is_answered_or_closed(cast: Cast, slip: PaymentSlip) -> None:
    answered = dispute_of(cast.owner, slip)
    workflows.take(actor=cast.staff, dispute_id=answered.pk, at=OPENED_AT)
    workflows.write(
        actor=cast.staff,
        dispute_id=answered.pk,
        side=MessageSide.STAFF,
        intent=uuid.uuid4(),
        text="Reçu.",
        at=OPENED_AT,
    )
    gone = dispute_of(cast.owner, slip, rank=1)
    workflows.withdraw(actor=cast.owner, dispute_id=gone.pk, at=OPENED_AT)
    assert escalate_due(at=morning(3, 20)) == 0


def test_the_task_runs_twice_without_harm(cast: Cast, slip: PaymentSlip) -> None:
    dispute_of(cast.owner, slip)
    for _ in range(2):
        escalate_late_disputes()
    # Whatever today is, each clock was told at most once.
    assert Escalation.objects.count() == Escalation.objects.values("clock").distinct().count()


def test_an_escalation_is_written_once(cast: Cast, slip: PaymentSlip) -> None:
    dispute_of(cast.owner, slip)
    escalate_due(at=morning(3, 10))
    for act in (
        lambda: Escalation.objects.update(due_on=datetime.date(2027, 1, 1)),
        lambda: Escalation.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


# ---------------------------------------------------------------- sharing out


def test_a_supervisor_gives_a_file_and_the_person_is_told(
    cast: Cast, slip: PaymentSlip, supervisor: User, colleague: User
) -> None:
    dispute = dispute_of(cast.owner, slip)
    for _ in range(2):
        given = workflows.assign(
            actor=supervisor, dispute_id=dispute.pk, to=colleague, at=OPENED_AT
        )
    assert (given.assigned_to, given.state) == (colleague, DisputeState.TAKEN)
    assert dispute.steps.filter(action="assign").count() == 1
    assert Mail.objects.filter(user=colleague).count() == 1
    elsewhere = StaffAssignmentFactory().user
    with pytest.raises(NotOnTheDesk):
        workflows.assign(actor=supervisor, dispute_id=dispute.pk, to=elsewhere, at=OPENED_AT)
    with pytest.raises(MoveRefused):
        workflows.assign(actor=cast.staff, dispute_id=dispute.pk, to=cast.staff, at=OPENED_AT)


def test_many_files_are_shared_out_at_once_each_as_its_own_act(
    cast: Cast, slip: PaymentSlip, supervisor: User, colleague: User
) -> None:
    rows = [dispute_of(cast.owner, slip, rank=rank) for rank in (1, 2, 3)]
    door = at("triage")
    ticked = {"rows": [row.pk for row in rows[:2]], "to": colleague.pk}
    answer = signed_in(supervisor).post(door, ticked, follow=True)
    assert "2 dossiers répartis" in answer.content.decode()
    assert Dispute.objects.filter(assigned_to=colleague).count() == 2
    assert AuditEntry.objects.filter(action="dispute.assign").count() == 2
    # A clerk takes; what a colleague holds is refused by its name, the rest is done.
    answer = signed_in(cast.staff).post(door, {"rows": [row.pk for row in rows]}, follow=True)
    assert rows[0].number in answer.content.decode()
    assert Dispute.objects.get(assigned_to=cast.staff) == rows[2]
    assert "Cochez au moins" in signed_in(cast.staff).post(door, follow=True).content.decode()


def test_a_file_elsewhere_cannot_be_ticked(cast: Cast, slip: PaymentSlip) -> None:
    dispute = dispute_of(cast.owner, slip)
    elsewhere = StaffAssignmentFactory().user
    signed_in(elsewhere).post(at("triage"), {"rows": [dispute.pk]})
    dispute.refresh_from_db()
    assert dispute.assigned_to is None


# ---------------------------------------------------------------- as the employer sees it


def test_the_file_reads_as_the_employer_reads_it_and_leaves_a_trace(
    cast: Cast, taken: Dispute
) -> None:
    client = signed_in(cast.staff)
    page = client.get(at("employer", taken.pk)).content.decode()
    assert "sans pouvoir y agir" in page
    assert "Ce que vous contestez" in page
    assert "Écrire à la Caisse" not in page
    assert "<form" not in page.split("<main", 1)[1].split("</main>")[0]
    (entry,) = AuditEntry.objects.filter(action="dispute.read_as_employer")
    assert entry.affiliation_number == cast.affiliate.affiliation_number
    assert client.post(at("employer", taken.pk)).status_code == 405
    elsewhere = StaffAssignmentFactory().user
    assert signed_in(elsewhere).get(at("employer", taken.pk)).status_code == 404
    for user in (cast.owner, cast.stranger, cast.bank, cast.fiduciaire):
        assert signed_in(user).get(at("employer", taken.pk)).status_code in (302, 404)


# ---------------------------------------------------------------- meetings, words


def test_a_meeting_is_on_record_for_both_sides(cast: Cast, taken: Dispute) -> None:
    client = signed_in(cast.staff)
    typed = {
        "meet-intent": str(uuid.uuid4()),
        "meet-held_on": "2026-03-03",
        "meet-present": "Mme Benjelloun, gérante",
        "meet-text": "Le bulletin a été lu ensemble.",
    }
    for _ in range(2):
        assert client.post(at("meet", taken.pk), typed).status_code == 302
    taken.refresh_from_db()
    assert taken.messages.filter(meeting__isnull=False).count() == 1
    assert taken.first_answered_at is not None
    owner = signed_in(cast.owner)
    number = cast.affiliate.affiliation_number
    page = owner.get(reverse("disputes:detail", args=[number, taken.number])).content.decode()
    assert "Mme Benjelloun, gérante" in page
    assert "Le bulletin a été lu ensemble." in page
    with pytest.raises(MeetingToCome):
        workflows.meet(
            actor=cast.staff,
            dispute_id=taken.pk,
            intent=uuid.uuid4(),
            held_on=datetime.date(2026, 3, 3),
            present="x",
            text="y",
            at=OPENED_AT,
        )


def test_words_are_offered_by_ground_replaced_and_withdrawn(
    cast: Cast, taken: Dispute, supervisor: User
) -> None:
    def add(text: str, ground: Ground | None = None) -> AnswerTemplate:
        return add_template(
            actor=supervisor,
            title="Congé sans solde",
            language=Language.FRENCH,
            ground=ground,
            text=text,
            at=OPENED_AT,
        )

    with pytest.raises(NotSupervisor):
        add_template(
            actor=cast.staff,
            title="x",
            language=Language.FRENCH,
            ground=None,
            text="y",
            at=OPENED_AT,
        )
    first = add("Bonjour, nous lisons vos bulletins.")
    assert add("Bonjour, nous lisons vos bulletins.") == first
    second = add("Bonjour, nous lisons vos bulletins de paie.", Ground(taken.ground))
    first.refresh_from_db()
    assert first.withdrawn_at is not None
    assert list(queries.templates_for(taken)) == [second]

    client = signed_in(cast.staff)
    for use, name in (("write", "write-text"), ("decide", "decide-reasons")):
        page = client.get(at("change", taken.pk) + f"?modele={second.pk}&pour={use}")
        field = page.content.decode().split(f'name="{name}"', 1)[1].split("</textarea>")[0]
        assert "bulletins de paie" in field
    withdraw_template(actor=supervisor, template_id=second.pk, at=OPENED_AT)
    assert list(queries.templates_for(taken)) == []


def test_the_page_of_words_is_written_by_supervisors_alone(cast: Cast, supervisor: User) -> None:
    door = reverse("admin:disputes_answertemplate_changelist")
    write = reverse("admin:disputes_answertemplate_write")
    typed = {"title": "Reçu", "language": "ar", "ground": "", "text": "توصلنا بشكايتكم."}
    assert signed_in(cast.staff).get(door).status_code == 200
    assert signed_in(cast.staff).post(write, typed).status_code == 422
    assert signed_in(supervisor).post(write, typed | {"text": ""}).status_code == 422
    assert signed_in(supervisor).post(write, typed).status_code == 302
    row = AnswerTemplate.objects.get()
    assert "توصلنا" in signed_in(cast.staff).get(door).content.decode()
    away = reverse("admin:disputes_answertemplate_withdraw", args=[row.pk])
    signed_in(cast.staff).post(away)
    row.refresh_from_db()
    assert row.withdrawn_at is None
    signed_in(supervisor).post(away)
    row.refresh_from_db()
    assert row.withdrawn_at is not None
    for user in (cast.owner, cast.stranger, UserFactory()):
        assert signed_in(user).get(door).status_code in (302, 404)
