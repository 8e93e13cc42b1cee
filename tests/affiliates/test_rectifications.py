"""A firm has its record, or the identity of somebody it employs, corrected: proof, decision, trace, letter."""

import importlib
import itertools
import threading
import uuid

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from affiliates import errors, transitions, workflows
from affiliates.enums import CardKind, RectificationState, RequestAct, RequestParty, Role
from affiliates.models import Affiliate, Employee, Employment, Mandate, RectificationRequest
from portal import clock
from portal.models import AuditEntry, Mail, StoredFile, User
from tests.affiliates.factories import (
    EmployeeFactory,
    EmploymentFactory,
    MembershipFactory,
    StaffAssignmentFactory,
    UserFactory,
)
from tests.cast import Cast
from tests.disputes.factories import PDF, upload

WHY = "L’adresse a changé en mars."


def asked(cast: Cast, employee: Employee | None = None, **told: str) -> RectificationRequest:
    return workflows.ask_rectification(
        actor=cast.owner,
        at=clock.now(),
        affiliate=cast.affiliate,
        employee=employee,
        intent=uuid.uuid4(),
        told=told or {"address": "12 RUE DU FOUR"},
        text=WHY,
        pieces=[upload("bail.pdf", PDF)],
    )


def applied(cast: Cast, row: RectificationRequest) -> RectificationRequest:
    return workflows.apply_rectification(actor=cast.staff, at=clock.now(), request=row)


@pytest.fixture
def person(cast: Cast) -> Employee:
    found: Employee = EmploymentFactory(
        affiliate=cast.affiliate, employee=EmployeeFactory(cin="AB123456")
    ).employee
    return found


@pytest.mark.parametrize(
    ("state", "act", "party"),
    list(itertools.product(RectificationState, RequestAct, RequestParty)),
)
def test_every_move_stands_in_the_table(
    state: RectificationState, act: RequestAct, party: RequestParty
) -> None:
    expected = transitions.RECTIFICATION_MOVES.get((state, act, party))
    assert (act in transitions.may_rectify(state, party)) is (expected is not None)
    if expected is None:
        with pytest.raises(errors.RequestMoveRefused):
            transitions.move_rectification(state, act, party)
    else:
        assert transitions.move_rectification(state, act, party) is expected
    # What is closed stays closed, and no firm corrects the register itself.
    if state.value in ("applied", "refused", "withdrawn") or (act, party) == (
        RequestAct.GRANT,
        RequestParty.APPLICANT,
    ):
        assert expected is None


def test_the_record_of_the_firm_is_corrected_once_traced_and_told(cast: Cast) -> None:
    before = cast.affiliate.address
    row = asked(cast, address="  12  RUE DU FOUR ", city=cast.affiliate.city)
    assert row.asked == {"address": "12 RUE DU FOUR"}
    done = applied(cast, row)
    assert applied(cast, row).pk == done.pk
    cast.affiliate.refresh_from_db()
    assert cast.affiliate.address == "12 RUE DU FOUR"
    assert done.replaced == {"address": before}
    trace = AuditEntry.objects.get(action="rectification.grant")
    assert (trace.actor, trace.affiliation_number) == (
        cast.staff,
        cast.affiliate.affiliation_number,
    )
    # Which fields, never what they say.
    assert trace.facts == {"fields": ["address"]}
    letter = Mail.objects.get()
    assert letter.user == cast.owner
    assert "FOUR" not in letter.subject + letter.text


def test_the_identity_of_a_person_is_corrected_with_the_keys_of_their_names(
    cast: Cast, person: Employee
) -> None:
    key = person.name_key
    row = asked(cast, person, last_name="BENKIRANE", born_on="1990-02-03", cin="cd 654.321")
    applied(cast, row)
    person.refresh_from_db()
    assert (person.last_name, str(person.born_on), person.cin) == (
        "BENKIRANE",
        "1990-02-03",
        "CD654321",
    )
    assert person.name_key != key


def test_the_card_of_somebody_else_is_not_given(cast: Cast, person: Employee) -> None:
    EmployeeFactory(cin="CD654321", card_kind=CardKind.CIN.value)
    row = asked(cast, person, cin="CD654321")
    with pytest.raises(errors.CardOfAnother):
        applied(cast, row)
    person.refresh_from_db()
    assert person.cin == "AB123456"


def test_a_request_does_not_tell_whether_a_guess_was_right(cast: Cast, person: Employee) -> None:
    """The firm is not shown the card: asking for the very one that stands there is a request like any other."""
    assert asked(cast, person, cin="AB123456").asked == {"cin": "AB123456"}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"told": {"address": ""}}, errors.ValueRefused),
        ({"told": {"ice": "12"}}, errors.ValueRefused),
        ({"told": {"legal_form": "GMBH"}}, errors.ValueRefused),
        ({"told": {"name": "N" * 121}}, errors.ValueRefused),
        ({"told": {"state": "closed", "affiliation_number": "1"}}, errors.NothingToRectify),
        ({"told": {"name": "BOULANGERIE AL BARAKA"}}, errors.NothingToRectify),
        ({"text": "  "}, errors.ReasonMissing),
        ({"pieces": []}, errors.PieceMissing),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    cast: Cast, change: dict, refusal: type[Exception]
) -> None:
    facts = {
        "actor": cast.owner, "at": clock.now(), "affiliate": cast.affiliate, "employee": None,
        "intent": uuid.uuid4(), "told": {"city": "RABAT"}, "text": WHY,
        "pieces": [upload("bail.pdf", PDF)],
    }  # fmt: skip
    with pytest.raises(refusal):
        workflows.ask_rectification(**facts | change)
    assert not RectificationRequest.objects.exists()
    assert not StoredFile.objects.exists()


def test_one_at_a_time_for_each_record_and_a_piece_may_be_asked(
    cast: Cast, person: Employee
) -> None:
    row = asked(cast)
    with pytest.raises(errors.RectificationOpen):
        asked(cast, city="RABAT")
    assert asked(cast, person, sex="F").pk != row.pk
    workflows.ask_for_proof(
        actor=cast.staff, at=clock.now(), request=row, text="Le bail est coupé."
    )
    with pytest.raises(errors.PieceMissing):
        workflows.answer_rectification(
            actor=cast.owner, at=clock.now(), request=row, text="", pieces=[]
        )
    workflows.answer_rectification(
        actor=cast.owner, at=clock.now(), request=row, text="", pieces=[upload("b.pdf", PDF)]
    )
    with pytest.raises(errors.ReasonMissing):
        workflows.refuse_rectification(actor=cast.staff, at=clock.now(), request=row, text=" ")
    workflows.refuse_rectification(actor=cast.staff, at=clock.now(), request=row, text="Illisible.")
    with pytest.raises(errors.RequestMoveRefused):
        applied(cast, row)
    # A closed request leaves the place to another, which may be taken back.
    again = asked(cast, city="RABAT")
    workflows.withdraw_rectification(actor=cast.owner, at=clock.now(), request=again)
    assert Affiliate.objects.get(pk=cast.affiliate.pk).city != "RABAT"


@pytest.mark.django_db(transaction=True)
def test_two_clerks_at_once_correct_once(cast: Cast) -> None:
    row = asked(cast)
    gate = threading.Barrier(2)

    def work() -> None:
        gate.wait()
        applied(cast, row)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert AuditEntry.objects.filter(action="rectification.grant").count() == 1
    assert RectificationRequest.objects.get().replaced["address"] != "12 RUE DU FOUR"


# -- the pages -------------------------------------------------------------------------------------


def address(cast: Cast, name: str, *more: object) -> str:
    return reverse(f"affiliates:{name}", args=[cast.affiliate.affiliation_number, *more])


def test_the_owner_asks_from_the_page_of_the_data(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    page = client.get(address(cast, "rectify_firm"))
    assert "BOULANGERIE AL BARAKA" in page.content.decode()
    form = page.context["form"]
    sent = {**form.initial, "intent": uuid.uuid4(), "city": "RABAT", "text": WHY}
    refused = client.post(address(cast, "rectify_firm"), sent)
    assert refused.status_code == 422
    sent["pieces"] = upload("bail.pdf", PDF)
    assert client.post(address(cast, "rectify_firm"), sent).status_code == 302
    row = RectificationRequest.objects.get()
    assert row.asked == {"city": "RABAT"}
    assert row.number in client.get(address(cast, "data")).content.decode()
    assert "RABAT" in client.get(address(cast, "rectification", row.number)).content.decode()
    piece = row.pieces.get()
    handed = client.get(address(cast, "rectification_piece", row.number, piece.pk))
    assert b"".join(handed.streaming_content)
    assert "attachment" in handed["Content-Disposition"]


def test_the_page_of_a_person_shows_nothing_that_the_firm_did_not_know(
    cast: Cast, person: Employee, client: Client
) -> None:
    client.force_login(cast.owner)
    employment = Employment.objects.get(employee=person)
    page = client.get(address(cast, "rectify_person", employment.pk)).content.decode()
    assert person.last_name in page
    row = asked(cast, person, cin="CD654321")
    shown = client.get(address(cast, "rectification", row.number)).content.decode()
    applied(cast, row)
    shown += client.get(address(cast, "rectification", row.number)).content.decode()
    assert "CD654321" in shown
    assert "AB123456" not in page + shown
    client.force_login(cast.staff)
    desk = client.get(reverse("admin:affiliates_rectificationrequest_change", args=[row.pk]))
    assert "AB123456" in desk.content.decode() or "456" in desk.content.decode()


def test_the_five_and_the_roles(cast: Cast, person: Employee, client: Client) -> None:
    row = asked(cast)
    employment = Employment.objects.get(employee=person)
    reader = MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user
    pages = [
        address(cast, "rectify_firm"),
        address(cast, "rectify_person", employment.pk),
        address(cast, "rectification", row.number),
    ]
    expected: dict[User, list[int]] = {
        cast.owner: [200, 200, 200],
        cast.fiduciaire: [403, 200, 200],
        reader: [403, 403, 403],
        cast.bank: [404, 404, 404],
        cast.staff: [404, 404, 404],
        cast.stranger: [404, 404, 404],
    }
    for user, statuses in expected.items():
        client.force_login(user)
        assert [client.get(page).status_code for page in pages] == statuses, user
        posted = client.post(address(cast, "withdraw_rectification", row.number)).status_code
        if user in cast.outsiders:
            assert posted == 404
            assert client.post(address(cast, "answer_rectification", row.number)).status_code == 404
        RectificationRequest.objects.filter(pk=row.pk).update(state="sent", decided_at=None)
    # Somebody else's employment is nobody here.
    client.force_login(cast.owner)
    other = EmploymentFactory(affiliate=cast.strangers_affiliate)
    assert client.get(address(cast, "rectify_person", other.pk)).status_code == 404


def test_the_desk_decides_and_each_look_is_traced(cast: Cast, client: Client) -> None:
    row = asked(cast)
    name = "admin:affiliates_rectificationrequest_{}"
    client.force_login(UserFactory(is_staff=True))
    assert client.get(reverse(name.format("change"), args=[row.pk])).status_code == 403
    client.force_login(StaffAssignmentFactory().user)
    assert client.get(reverse(name.format("change"), args=[row.pk])).status_code == 404
    client.force_login(cast.staff)
    assert row.number in client.get(reverse(name.format("changelist"))).content.decode()
    page = client.get(reverse(name.format("change"), args=[row.pk])).content.decode()
    assert "12 RUE DU FOUR" in page
    assert AuditEntry.objects.filter(action="rectification.read").count() == 1
    assert (
        client.post(reverse(name.format("ask"), args=[row.pk]), {"ask-text": ""}).status_code == 422
    )
    assert client.post(reverse(name.format("grant"), args=[row.pk])).status_code == 302
    assert Affiliate.objects.get(pk=cast.affiliate.pk).address == "12 RUE DU FOUR"
    assert client.get(reverse(name.format("grant"), args=[row.pk])).status_code == 405


# -- numbers -------------------------------------------------------------------------------------


def test_its_number_is_of_no_other_thing(cast: Cast) -> None:
    row = asked(cast)
    assert row.number == f"RECT-{cast.affiliate.affiliation_number}-001"


def test_rows_numbered_like_disputes_are_renumbered_and_back(cast: Cast) -> None:
    migration = importlib.import_module("affiliates.migrations.0013_renumber_rectifications")
    row = asked(cast)
    kept = row.number
    RectificationRequest.objects.update(number=kept.replace("RECT-", "R-"))
    for _again in range(2):
        migration.forwards(apps, None)
        row.refresh_from_db()
        assert row.number == kept
    for _again in range(2):
        migration.backwards(apps, None)
        row.refresh_from_db()
        assert row.number == kept.replace("RECT-", "R-")


# -- who reads the answer ------------------------------------------------------------------------


@pytest.mark.parametrize("stands", [True, False])
def test_an_answer_is_not_told_to_whoever_lost_their_right(cast: Cast, stands: bool) -> None:
    """Whoever wrote it reads it; once their right is taken back, the owners do."""
    row = asked(cast)
    RectificationRequest.objects.update(created_by=cast.fiduciaire)
    row.refresh_from_db()
    if not stands:
        Mandate.objects.update(revoked_at=clock.now())
    applied(cast, row)
    told = Mail.objects.filter(key__startswith="rectification:").values_list("address", flat=True)
    assert list(told) == [(cast.fiduciaire if stands else cast.owner).email]
