"""The staff desk: who sees what, which button does what, and the trace that looking leaves."""

import re
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from affiliates.enums import StaffRole
from disputes.enums import DisputeState, MessageSide, Outcome
from disputes.models import Attachment, Decision, Dispute, Message
from disputes.workflows import disputes as workflows
from payments.models import PaymentSlip
from portal.models import AuditEntry, User
from regulation.enums import Branch
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.disputes.factories import OPENED_AT, dispute_of, slip_of, upload

pytestmark = pytest.mark.django_db

QUEUE = "admin:disputes_dispute_changelist"
ACTS = ("take", "give_back", "write", "ask", "decide")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, dispute: Dispute, *more: object) -> str:
    return reverse(f"admin:disputes_dispute_{name}", args=[dispute.pk, *more])


def decision(dispute: Dispute, outcome: Outcome, **changes: str) -> dict[str, str]:
    item = dispute.items.get()
    return {
        "decide-intent": str(uuid.uuid4()),
        f"decide-outcome_{item.pk}": outcome.value,
        f"decide-granted_{item.pk}": "",
        "decide-reasons": "Le bulletin confirme le congé.",
        "decide-legal_ground": "Dahir n° 1-72-184, article 19",
    } | changes


def big_dispute(cast: Cast) -> Dispute:
    line = (Branch.AMO, Decimal("900000.00"), Decimal("20340.00"), Decimal("20340.00"))
    slip = slip_of(cast.affiliate, OPENED_AT.date().replace(month=2, day=1), [line])
    dispute = dispute_of(cast.owner, slip, rank=1, amount=Decimal("10000.01"))
    return workflows.take(actor=cast.staff, dispute_id=dispute.pk, at=OPENED_AT)


# ---------------------------------------------------------------- doors


def test_the_desk_is_for_staff(cast: Cast, taken: Dispute) -> None:
    addresses = [reverse(QUEUE), at("change", taken), *(at(act, taken) for act in ACTS)]
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client = signed_in(user)
        for address in addresses:
            assert client.get(address).status_code in (302, 404, 405), address
            assert client.post(address).status_code in (302, 404, 405), address
    assert not AuditEntry.objects.filter(action="dispute.read").exists()


def test_a_clerk_sees_the_agency_a_supervisor_everything(
    cast: Cast, taken: Dispute, supervisor: User
) -> None:
    elsewhere = StaffAssignmentFactory().user
    unassigned = UserFactory(is_staff=True)
    # Another agency has a desk without this file; without a post there is no desk.
    for user, expected in ((elsewhere, 404), (unassigned, 403)):
        client = signed_in(user)
        assert taken.number not in client.get(reverse(QUEUE)).content.decode()
        assert client.get(at("change", taken)).status_code == expected
        for act in ACTS:
            assert client.post(at(act, taken)).status_code == expected
    for user in (cast.staff, supervisor):
        client = signed_in(user)
        assert taken.number in client.get(reverse(QUEUE)).content.decode()
        assert client.get(at("change", taken)).status_code == 200


def test_no_raw_form_can_be_reached(cast: Cast, taken: Dispute) -> None:
    for name in ("add", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:disputes_dispute_{name}", args=[] if name == "add" else [taken.pk])
    client = signed_in(cast.staff)
    for tail in ("add/", f"{taken.pk}/delete/", f"{taken.pk}/history/"):
        assert client.get(reverse(QUEUE) + tail).status_code == 404
    assert client.post(at("change", taken), {"state": "decided"}).status_code == 405
    assert client.post(reverse(QUEUE), {"action": "delete_selected"}).status_code == 405


def test_an_auditor_looks_and_does_not_act(cast: Cast, taken: Dispute) -> None:
    client = signed_in(StaffAssignmentFactory(role=StaffRole.AUDITOR.value).user)
    shown = client.get(at("change", taken)).content.decode()
    assert "Décider" not in shown
    client.post(at("take", taken))
    client.post(at("decide", taken), decision(taken, Outcome.UPHELD))
    assert not Decision.objects.exists()
    taken.refresh_from_db()
    assert taken.assigned_to == cast.staff


def test_another_clerk_reads_and_does_not_act(cast: Cast, taken: Dispute, colleague: User) -> None:
    client = signed_in(colleague)
    assert "Ce dossier est à un autre agent" in client.get(at("change", taken)).content.decode()
    words = {"write-intent": str(uuid.uuid4()), "write-text": "Bonjour"}
    assert client.post(at("write", taken), words).status_code == 422
    assert client.post(at("decide", taken), decision(taken, Outcome.UPHELD)).status_code == 422
    client.post(at("take", taken))
    taken.refresh_from_db()
    assert taken.assigned_to == cast.staff
    assert Message.objects.count() == 1


# ---------------------------------------------------------------- acts


def test_a_dispute_from_the_queue_to_the_decision(cast: Cast, slip: PaymentSlip) -> None:
    dispute = dispute_of(cast.owner, slip)
    client = signed_in(cast.staff)
    assert "Prendre en charge" in client.get(at("change", dispute)).content.decode()

    client.post(at("take", dispute))
    client.post(
        at("write", dispute),
        {
            "write-intent": str(uuid.uuid4()),
            "write-text": "Nous regardons.",
            "write-pieces": [upload("note.pdf")],
        },
    )
    client.post(at("ask", dispute), {"ask-intent": str(uuid.uuid4()), "ask-text": "Quel salarié ?"})
    dispute.refresh_from_db()
    assert dispute.state == DisputeState.ANSWER_AWAITED

    answer = decision(dispute, Outcome.PARTLY_UPHELD)
    answer[f"decide-granted_{dispute.items.get().pk}"] = "40,25"
    for _click in range(2):
        assert client.post(at("decide", dispute), answer).url == at("change", dispute)
    slip.refresh_from_db()
    assert slip.outstanding == slip.total - Decimal("40.25")
    shown = client.get(at("change", dispute)).content.decode()
    assert "acceptée en partie" in shown
    assert "Écrire à l’affilié" not in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decide-reasons": " "}, "obligatoire"),
        ({"decide-legal_ground": ""}, "doit citer le texte appliqué"),
        ({"outcome": "partly", "granted": "100"}, "inférieur à 100,00 DH"),
        ({"outcome": "partly", "granted": ""}, "inférieur à 100,00 DH"),
        ({"outcome": ""}, "obligatoire"),
        ({"outcome": "partly", "granted": "12.345"}, "deux décimales"),
    ],
)
def test_a_refused_decision_keeps_what_was_typed(
    cast: Cast, taken: Dispute, changes: dict[str, str], said: str
) -> None:
    pk = taken.items.get().pk
    named = {
        f"decide-{key}_{pk}" if key in ("outcome", "granted") else key: value
        for key, value in changes.items()
    }
    data = decision(taken, Outcome.REFUSED) | {"decide-reasons": "Pesé avec soin."} | named
    answer = signed_in(cast.staff).post(at("decide", taken), data)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    if "decide-reasons" not in changes:
        assert "Pesé avec soin." in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_big_dispute_needs_a_supervisor_who_did_not_examine_it(
    cast: Cast, supervisor: User
) -> None:
    dispute = big_dispute(cast)
    clerk = signed_in(cast.staff)
    shown = clerk.get(at("change", dispute)).content.decode()
    assert "Une seconde personne doit décider" in shown
    refused = clerk.post(at("decide", dispute), decision(dispute, Outcome.UPHELD))
    assert refused.status_code == 422
    assert not Decision.objects.exists()

    signed_in(supervisor).post(at("decide", dispute), decision(dispute, Outcome.UPHELD))
    made = Decision.objects.get()
    assert (made.examined_by, made.decided_by) == (cast.staff, supervisor)


# ---------------------------------------------------------------- trace, queue


def test_looking_at_a_file_or_a_piece_leaves_a_trace(cast: Cast, taken: Dispute) -> None:
    workflows.write(
        actor=cast.owner,
        dispute_id=taken.pk,
        side=MessageSide.AFFILIATE,
        intent=uuid.uuid4(),
        text="Voici.",
        pieces=[upload("bulletin.pdf")],
        at=OPENED_AT,
    )
    piece = Attachment.objects.get()
    client = signed_in(cast.staff)
    client.get(at("change", taken))
    answer = client.get(at("piece", taken, piece.pk))
    b"".join(answer.streaming_content)

    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    read = AuditEntry.objects.filter(action__startswith="dispute.read").order_by("pk")
    assert [(entry.action, entry.actor, entry.affiliation_number) for entry in read] == [
        ("dispute.read", cast.staff, cast.affiliate.affiliation_number),
        ("dispute.read_piece", cast.staff, cast.affiliate.affiliation_number),
    ]
    assert client.get(at("piece", taken, piece.pk + 1)).status_code == 404


def numbers_on(client: Client, query: str) -> list[str]:
    shown = client.get(reverse(QUEUE) + query).content.decode()
    return re.findall(r'<span class="dc-code">(R-\d{7}-\d{3})</span>', shown)


def test_the_queue_is_sorted_by_the_clock_that_runs_out_first(
    cast: Cast, slip: PaymentSlip
) -> None:
    def opened(month: int) -> Dispute:
        return dispute_of(
            cast.owner, slip, amount=Decimal("10.00"), at=OPENED_AT.replace(month=month)
        )

    second, first, third = opened(5), opened(4), opened(6)
    # Answered: its clock is now that of the decision, a month away.
    workflows.take(actor=cast.staff, dispute_id=first.pk, at=first.opened_at)
    workflows.write(
        actor=cast.staff,
        dispute_id=first.pk,
        side=MessageSide.STAFF,
        intent=uuid.uuid4(),
        text="Vu.",
        at=first.opened_at,
    )
    workflows.withdraw(actor=cast.owner, dispute_id=third.pk, at=third.opened_at)
    client = signed_in(cast.staff)

    assert numbers_on(client, "") == [first.number, second.number]
    assert numbers_on(client, "?file=mine") == [first.number]
    assert numbers_on(client, "?file=unassigned") == [second.number]
    assert numbers_on(client, "?file=late") == [first.number, second.number]
    assert numbers_on(client, "?file=closed") == [third.number]
    assert numbers_on(client, "?file=second_person") == []
    assert numbers_on(client, "?file=nonsense") == [first.number, second.number]
    assert numbers_on(client, f"?q={second.number}") == [second.number]
    assert numbers_on(client, "?q=garage") == []


def test_the_number_of_queries_does_not_grow(cast: Cast, slip: PaymentSlip, taken: Dispute) -> None:
    client = signed_in(cast.staff)
    addresses = [reverse(QUEUE), at("change", taken)]

    def count() -> list[int]:
        counts = []
        for address in addresses:
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            counts.append(len(captured))
        return counts

    before = count()
    for rank in (1, 2, 3):
        dispute_of(cast.owner, slip, rank=rank, amount=Decimal("10.00"))
        workflows.write(
            actor=cast.owner,
            dispute_id=taken.pk,
            side=MessageSide.AFFILIATE,
            intent=uuid.uuid4(),
            text="encore",
            pieces=[upload(), upload()],
            at=OPENED_AT,
        )
    assert count() == before


def test_a_supervisor_role_is_not_given_by_the_staff_flag(cast: Cast) -> None:
    dispute = big_dispute(cast)
    clerk = StaffAssignmentFactory(role=StaffRole.CLERK.value, agency=cast.affiliate.agency).user
    answer = signed_in(clerk).post(at("decide", dispute), decision(dispute, Outcome.UPHELD))
    assert answer.status_code == 422
    assert not Decision.objects.exists()


def test_the_first_page_of_the_desk_says_what_awaits(
    cast: Cast, slip: PaymentSlip, taken: Dispute
) -> None:
    dispute_of(cast.owner, slip, amount=Decimal("10.00"))
    shown = signed_in(cast.staff).get(reverse("admin:index")).content.decode()
    counts = re.findall(r"<b>(\d+)</b> <span>([^<]+)</span>", shown)

    assert counts == [
        ("2", "Réclamations en retard"),
        ("1", "Réclamations sans agent"),
        ("1", "Mes réclamations"),
        ("0", "Immatriculations à examiner"),
        ("0", "Rectifications à examiner"),
        ("0", "Affiliations à décider"),
        ("0", "Comptes à rouvrir, à approuver"),
    ]
    # Money waits for the money desk, and for it alone.
    treasury = signed_in(cast.treasurer).get(reverse("admin:index")).content.decode()
    assert re.findall(r"<b>\d+</b> <span>([^<]+)</span>", treasury) == [
        "Versements à identifier",
        "Travaux mis de côté",
        "Actes à valider",
        "Remises et échelonnements à décider",
        "Prélèvements à remettre ou sans réponse",
    ]
    elsewhere = signed_in(StaffAssignmentFactory().user)
    shown = elsewhere.get(reverse("admin:index")).content.decode()
    assert [count for count, _label in re.findall(r"<b>(\d+)</b> <span>([^<]+)</span>", shown)] == [
        "0"
    ] * 7
