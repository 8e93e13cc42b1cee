"""Mandates from end to end: asked, given, taken back; effective at once, also for what waits or is downloaded."""

import datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates import workflows
from affiliates.enums import MandateRequestState, Role, Scope
from affiliates.errors import MandateInThePast, MandateRequestClosed
from affiliates.models import Mandate, MandateRequest
from declarations import workflows as declaring
from declarations.codecs import e_bds
from declarations.enums import FileVerdict
from declarations.models import Declaration, ReceivedFile
from declarations.workflows import checks
from portal.models import AuditEntry, Mail
from tests.affiliates.factories import (
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    UserFactory,
)
from tests.declarations.factories import JANUARY, answer, employ, issue

AT = datetime.datetime(2026, 2, 3, 9, 0, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 2, 3)
TERMS = {"scopes": ["declare", "pay"], "starts_on": "2026-02-03", "ends_on": "2026-12-31"}


@pytest.fixture(autouse=True)
def _on_that_day():
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def office(db: None):
    """An office without any mandate, and one of its people."""
    person = UserFactory(full_name="Samira Kadiri", email="samira@cabinet.exemple.ma")
    return RepresentativeFactory(name="Cabinet du Port", members=[person])


def member(office):
    return office.members.get()


def _as(user: Any, *, fresh: bool = True) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(cast, view: str, **more: object) -> str:
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    return reverse(f"affiliates:{view}", kwargs={**number, **more})


def ask(cast, office, number: str = "") -> Any:
    data = {
        **TERMS,
        "office": office.pk,
        "affiliation_number": number or cast.affiliate.affiliation_number,
    }
    return _as(member(office)).post(reverse("affiliates:ask_mandate"), data)


# -- given by the firm ---------------------------------------------------------------------------


def test_a_firm_gives_a_mandate_by_the_number_of_the_office(cast, office) -> None:
    owner = _as(cast.owner)
    address = page(cast, "grant_mandate")
    assert "Numéro du cabinet" in owner.get(address).content.decode()
    shown = owner.get(address, {"cabinet": office.number}).content.decode()
    assert "Cabinet du Port" in shown
    answer_ = owner.post(address, {**TERMS, "cabinet": office.number})
    assert answer_.status_code == 302, answer_.content.decode()
    mandate = Mandate.objects.get(representative=office)
    assert mandate.scopes == ["read", "declare", "pay"]
    assert (mandate.starts_on, mandate.ends_on) == (DAY, datetime.date(2026, 12, 31))
    assert _as(member(office)).get(page(cast, "access")).status_code == 200
    told = Mail.objects.get(user=member(office))
    assert "Mandat donné par BOULANGERIE AL BARAKA" in told.subject
    assert not Mail.objects.filter(user=cast.owner).exists(), "who acted needs no letter"


@pytest.mark.parametrize("number", ["M-99999", "12 34", "Cabinet du Port", "M-٠٠٠٠١"])
def test_a_number_of_no_office_is_refused_with_a_sentence(cast, number: str) -> None:
    answer_ = _as(cast.owner).get(page(cast, "grant_mandate"), {"cabinet": number})
    assert answer_.status_code == 422
    assert "Aucun cabinet n’a le numéro" in answer_.content.decode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scopes": []}, "obligatoire"),
        ({"scopes": ["manage"]}, "manage"),
        ({"starts_on": "2026-02-02"}, "commence aujourd’hui ou plus tard"),
        ({"ends_on": "2026-02-01"}, "ne peut pas précéder"),
        ({"starts_on": "bientôt"}, "bientôt"),
    ],
)
def test_terms_that_cannot_be_are_refused(cast, office, change, sentence: str) -> None:
    answer_ = _as(cast.owner).post(
        page(cast, "grant_mandate"), {**TERMS, "cabinet": office.number, **change}
    )
    assert answer_.status_code == 422
    assert sentence in answer_.content.decode()
    assert not Mandate.objects.filter(representative=office).exists()


# -- asked by the office -------------------------------------------------------------------------


def test_an_office_asks_and_the_firm_accepts(cast, office) -> None:
    assert ask(cast, office).status_code == 302
    row = MandateRequest.objects.get()
    assert row.affiliate == cast.affiliate
    letter = Mail.objects.get(user=cast.owner)
    assert "Cabinet du Port vous demande un mandat" in letter.subject
    assert page(cast, "access") in letter.text
    assert _as(member(office)).get(page(cast, "access")).status_code == 404, "asking opens nothing"

    owner = _as(cast.owner)
    assert "Cabinet du Port vous demande" in owner.get(page(cast, "access")).content.decode()
    address = page(cast, "answer_mandate", request_id=row.pk)
    assert "Samira Kadiri" in owner.get(address).content.decode()
    assert owner.post(address, {"accept": "1"}).status_code == 302
    assert owner.post(address, {"accept": "1"}).status_code == 302
    mandate = Mandate.objects.get(representative=office)
    row.refresh_from_db()
    assert (row.state, row.mandate) == (MandateRequestState.ACCEPTED, mandate)
    assert _as(member(office)).get(page(cast, "access")).status_code == 200
    assert Mail.objects.filter(user=member(office)).count() == 1


def test_a_refusal_is_told_and_opens_nothing(cast, office) -> None:
    ask(cast, office)
    row = MandateRequest.objects.get()
    owner = _as(cast.owner)
    address = page(cast, "answer_mandate", request_id=row.pk)
    owner.post(address, {"refuse": "1"})
    owner.post(address, {"accept": "1"})
    row.refresh_from_db()
    assert row.state == MandateRequestState.REFUSED
    assert not Mandate.objects.filter(representative=office).exists()
    assert "refusée" in Mail.objects.get(user=member(office)).subject
    with pytest.raises(MandateRequestClosed):
        workflows.accept_mandate(actor=cast.owner, at=AT, request=row)


def test_an_office_never_learns_which_numbers_exist(cast, office) -> None:
    """Known or not: the same answer, the same line on its page, no name."""
    known, unknown = cast.affiliate.affiliation_number, "1234560"
    assert ask(cast, office, unknown).status_code == ask(cast, office, known).status_code == 302
    shown = _as(member(office)).get(reverse("affiliates:mandates")).content.decode()
    assert known in shown
    assert unknown in shown
    assert cast.affiliate.name not in shown
    assert MandateRequest.objects.filter(affiliate__isnull=True).count() == 1


def test_a_request_is_taken_back_and_a_mandate_given_back(cast, office) -> None:
    ask(cast, office)
    client = _as(member(office))
    row = MandateRequest.objects.get()
    client.post(reverse("affiliates:withdraw_mandate_request", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == MandateRequestState.WITHDRAWN
    mandate = MandateFactory(affiliate=cast.affiliate, representative=office)
    address = reverse("affiliates:give_back_mandate", args=[mandate.pk])
    assert cast.affiliate.name in client.get(address).content.decode()
    client.post(address)
    assert client.get(page(cast, "access")).status_code == 404
    assert "Fin du mandat" in Mail.objects.filter(user=cast.owner).latest("pk").subject


def test_what_belongs_to_another_office_does_not_exist(cast, office) -> None:
    ask(cast, office)
    row, mandate = MandateRequest.objects.get(), Mandate.objects.get(affiliate=cast.affiliate)
    for user in (cast.fiduciaire, cast.owner, cast.stranger, cast.bank, cast.staff):
        address = reverse("affiliates:withdraw_mandate_request", args=[row.pk])
        assert _as(user).post(address).status_code == 404
    address = reverse("affiliates:give_back_mandate", args=[mandate.pk])
    for user in (member(office), cast.owner, cast.stranger):
        assert _as(user).post(address).status_code == 404
    for user in (cast.owner, cast.stranger, cast.bank, cast.staff):
        assert _as(user).get(reverse("affiliates:mandates")).status_code == 404
        assert _as(user).post(reverse("affiliates:ask_mandate"), TERMS).status_code == 404
    address = page(cast, "answer_mandate", request_id=row.pk)
    for user in (*cast.outsiders, member(office)):
        assert _as(user).post(address, {"accept": "1"}).status_code == 404
        assert _as(user).get(page(cast, "grant_mandate")).status_code == 404
    assert _as(cast.fiduciaire).post(address, {"accept": "1"}).status_code == 403
    row.refresh_from_db()
    mandate.refresh_from_db()
    assert (row.state, mandate.revoked_at) == (MandateRequestState.OPEN, None)


def test_a_mandate_that_begins_later_opens_later_and_a_late_answer_begins_that_day(
    cast, office
) -> None:
    row = workflows.ask_for_mandate(
        actor=member(office),
        at=AT,
        representative=office,
        affiliation_number=cast.affiliate.affiliation_number,
        scopes=[Scope.DECLARE],
        starts_on=DAY,
    )
    later = AT + datetime.timedelta(days=10)
    mandate = workflows.accept_mandate(actor=cast.owner, at=later, request=row)
    assert mandate.starts_on == datetime.date(2026, 2, 13)
    with pytest.raises(MandateInThePast):
        workflows.ask_for_mandate(
            actor=member(office),
            at=later,
            representative=office,
            affiliation_number=cast.affiliate.affiliation_number,
            scopes=[Scope.DECLARE],
            starts_on=DAY,
        )


# -- the machine of time -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "opens"),
    [
        # Morocco lives at UTC+1 then: its days begin at 23:00 UTC.
        ("2026-04-30T22:59:59", False),
        ("2026-04-30T23:00:00", True),
        ("2026-05-31T22:59:59", True),
        ("2026-05-31T23:00:00", False),
    ],
)
def test_one_second_around_each_bound_page_and_download(cast, office, instant, opens) -> None:
    MandateFactory(
        affiliate=cast.affiliate,
        representative=office,
        starts_on=datetime.date(2026, 5, 1),
        ends_on=datetime.date(2026, 5, 31),
    )
    file = received(cast, cast.owner)
    download = reverse("declarations:original", args=[cast.affiliate.affiliation_number, file.pk])
    with time_machine.travel(
        datetime.datetime.fromisoformat(instant).replace(tzinfo=datetime.UTC), tick=False
    ):
        client = _as(member(office))
        expected = 200 if opens else 404
        assert client.get(page(cast, "access")).status_code == expected
        assert client.get(download).status_code == expected


@pytest.mark.parametrize(
    ("instant", "verdict"),
    [
        ("2026-05-31T22:59:59", FileVerdict.ACCEPTED),
        ("2026-05-31T23:00:00", FileVerdict.DROPPED),
    ],
)
def test_one_second_around_the_end_for_what_waits(cast, instant: str, verdict: str) -> None:
    Mandate.objects.filter(affiliate=cast.affiliate).update(ends_on=datetime.date(2026, 5, 31))
    file = received(cast, cast.fiduciaire)
    at = datetime.datetime.fromisoformat(instant).replace(tzinfo=datetime.UTC)
    assert declaring.check_file(file_id=file.pk, at=at).verdict == verdict


def received(cast, sender: Any) -> ReceivedFile:
    """A sound declaration of January, received and waiting for its check."""
    employ(cast.affiliate, 1)
    content = answer(issue(cast.owner, cast.affiliate))
    file, due = declaring.receive_file(
        actor=sender,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=e_bds.file_name(cast.affiliate.affiliation_number, JANUARY.compact),
        chunks=[content],
    )
    assert due
    return file


def test_a_download_link_opens_nothing_after_the_withdrawal(cast) -> None:
    file = received(cast, cast.fiduciaire)
    download = reverse("declarations:original", args=[cast.affiliate.affiliation_number, file.pk])
    client = _as(cast.fiduciaire)
    assert client.get(download).status_code == 200
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    workflows.revoke_mandate(actor=cast.owner, at=AT, mandate=mandate)
    assert client.get(download).status_code == 404
    assert _as(cast.owner).get(download).status_code == 200


def test_a_file_whose_sender_lost_the_mandate_while_it_waited_is_dropped(cast) -> None:
    file = received(cast, cast.fiduciaire)
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    workflows.revoke_mandate(actor=cast.owner, at=AT, mandate=mandate)
    file = declaring.check_file(file_id=file.pk, at=AT)
    assert file.verdict == FileVerdict.DROPPED
    assert not Declaration.objects.filter(received_file=file).exists()
    entry = AuditEntry.objects.get(action="declarations.file.dropped")
    assert entry.facts["person"] == "Youssef Tazi"
    shown = _as(cast.owner).get(
        reverse("declarations:file", args=[cast.affiliate.affiliation_number, file.pk])
    )
    assert "Ce fichier n’a pas été traité" in shown.content.decode()
    # The owner may send the same bytes: they are then checked as hers.
    again, due = declaring.receive_file(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=file.stored.name,
        chunks=[_bytes_of(file)],
    )
    assert due
    assert declaring.check_file(file_id=again.pk, at=AT).verdict == FileVerdict.ACCEPTED


def _bytes_of(file: ReceivedFile) -> bytes:
    return b"".join(bytes(chunk.data) for chunk in file.stored.chunks.order_by("index"))


def test_without_the_second_look_the_file_would_have_become_a_draft(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control of the test above."""
    monkeypatch.setattr(checks, "taken_back", lambda *_args, **_more: set())
    file = received(cast, cast.fiduciaire)
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    workflows.revoke_mandate(actor=cast.owner, at=AT, mandate=mandate)
    assert declaring.check_file(file_id=file.pk, at=AT).verdict == FileVerdict.ACCEPTED


@pytest.mark.parametrize("how", ["ended", "narrowed", "expired", "left the firm", "closed account"])
def test_each_way_to_lose_a_right_stops_what_waits(cast, how: str) -> None:
    sender = cast.fiduciaire
    if how == "left the firm":
        membership = MembershipFactory(affiliate=cast.affiliate, role=Role.DECLARANT.value)
        sender = membership.user
    file = received(cast, sender)
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    at = AT
    if how == "ended":
        workflows.revoke_mandate(actor=cast.owner, at=AT, mandate=mandate)
    elif how == "narrowed":
        Mandate.objects.filter(pk=mandate.pk).update(scopes=["read", "pay"])
    elif how == "expired":
        Mandate.objects.filter(pk=mandate.pk).update(ends_on=DAY)
        at = AT + datetime.timedelta(days=1)
    elif how == "left the firm":
        workflows.end_membership(actor=cast.owner, at=AT, membership=membership)
    else:
        type(sender).objects.filter(pk=sender.pk).update(is_active=False)
    assert declaring.check_file(file_id=file.pk, at=at).verdict == FileVerdict.DROPPED


def test_a_right_that_stands_lets_the_file_through(cast) -> None:
    file = received(cast, cast.fiduciaire)
    assert declaring.check_file(file_id=file.pk, at=AT).verdict == FileVerdict.ACCEPTED


# -- both names ----------------------------------------------------------------------------------


def test_every_act_under_a_mandate_bears_both_names(cast) -> None:
    file = declaring.check_file(file_id=received(cast, cast.owner).pk, at=AT)
    draft = Declaration.objects.get(received_file=file)
    number = cast.affiliate.affiliation_number
    _as(cast.fiduciaire).post(
        reverse("declarations:submit", args=[number, draft.pk]), {"version": draft.version}
    )
    entry = AuditEntry.objects.get(action="declarations.declaration.submitted")
    assert (entry.actor_name, entry.office_name) == ("Youssef Tazi", "Fiduciaire Atlas")
    shown = _as(cast.owner).get(reverse("declarations:declaration", args=[number, draft.pk]))
    assert "Youssef Tazi (cabinet Fiduciaire Atlas)" in shown.content.decode()


def test_who_belongs_to_the_firm_acts_in_their_own_name(cast) -> None:
    cast.representative.members.add(cast.owner)
    _as(cast.owner).post(
        page(cast, "invite"),
        {"email": "a@exemple.ma", "full_name": "Aya", "role": Role.READER.value},
    )
    assert AuditEntry.objects.get(action="invitation.sent").office_name == ""


def test_the_page_of_an_office_asks_a_constant_number_of_questions(cast, office) -> None:
    client = _as(member(office))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("affiliates:mandates")).status_code == 200
        return len(captured)

    MandateFactory(representative=office)
    client.get(reverse("affiliates:mandates"))
    few = queries()
    for _rank in range(4):
        MandateFactory(representative=office)
    assert queries() == few


# -- the people of the firm ----------------------------------------------------------------------


def test_the_page_shows_what_each_role_may_from_the_rules_themselves(cast) -> None:
    shown = _as(cast.owner).get(page(cast, "access")).content.decode()
    table = shown[shown.index('id="roles"') : shown.index("cabinets")]
    rows = table.split("<tr>")[2:]
    assert len(rows) == len(Role)
    counted = {role: row.count("dc-badge-ok") for role, row in zip(Role, rows, strict=True)}
    assert counted == {Role.OWNER: 6, Role.DECLARANT: 4, Role.PAYER: 3, Role.READER: 1}


def test_an_owner_changes_a_role_and_takes_an_access_away(cast) -> None:
    membership = MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value)
    owner, colleague = _as(cast.owner), _as(membership.user)
    address = page(cast, "member", membership_id=membership.pk)
    assert membership.user.full_name in owner.get(address).content.decode()
    assert owner.post(address, {"role": "declarant"}).status_code == 302
    membership.refresh_from_db()
    assert membership.role == Role.DECLARANT
    assert owner.post(address, {"role": "emperor"}).status_code == 422
    assert colleague.get(page(cast, "access")).status_code == 200
    assert owner.post(address, {"remove": "1"}).status_code == 302
    assert colleague.get(page(cast, "access")).status_code == 404
    assert owner.get(address).status_code == 404
    subjects = list(Mail.objects.filter(user=membership.user).values_list("subject", flat=True))
    assert len(subjects) == 2


def test_the_last_owner_can_neither_leave_nor_step_down(cast) -> None:
    mine = cast.owner.memberships.get()
    owner = _as(cast.owner)
    address = page(cast, "member", membership_id=mine.pk)
    for told in ({"remove": "1"}, {"role": "reader"}):
        refused = owner.post(address, told)
        assert refused.status_code == 422
        assert "seul responsable" in refused.content.decode()
    MembershipFactory(affiliate=cast.affiliate)
    assert owner.post(address, {"remove": "1"}).url == "/"
    assert owner.get(page(cast, "access")).status_code == 404


def test_only_who_manages_touches_the_people_of_the_firm(cast) -> None:
    membership = MembershipFactory(affiliate=cast.affiliate, role=Role.DECLARANT.value)
    address = page(cast, "member", membership_id=membership.pk)
    for user in cast.outsiders:
        assert _as(user).post(address, {"remove": "1"}).status_code == 404
    for user in (cast.fiduciaire, membership.user):
        assert _as(user).post(address, {"remove": "1"}).status_code == 403
    theirs = cast.stranger.memberships.get()
    assert _as(cast.owner).post(page(cast, "member", membership_id=theirs.pk)).status_code == 404
    membership.refresh_from_db()
    assert membership.ended_at is None
