"""An account opened again at an agency: two persons, a short link, everything of before ended, two days of rest."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import CardKind, RecoveryState, Role, StaffRole
from affiliates.errors import (
    AccountUnknown,
    NotAtAnAgency,
    OwnAccount,
    RecoveryClosed,
    RecoveryElsewhere,
    RecoveryOpen,
    SamePerson,
)
from affiliates.models import AccountRecovery, StaffAssignment
from affiliates.workflows import (
    approve_recovery,
    complete_recovery,
    open_recovery,
    refuse_recovery,
    stop_recovery,
)
from affiliates.workflows.recoveries import stop_token, token_of_recovery
from portal import second_factors
from portal.models import AuditEntry, Mail, OpenSession, User
from regulation.errors import DomainError
from tests.affiliates.factories import MembershipFactory, StaffAssignmentFactory, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
NEW = "quatre lapins sous la pluie fine"
DESK = "admin:affiliates_accountrecovery"


@pytest.fixture
def second(cast: Cast) -> User:
    """Another person of the same agency."""
    agency = cast.staff.staff_assignment.agency  # type: ignore[attr-defined]
    user: User = StaffAssignmentFactory(agency=agency, user__full_name="Samira El Fassi").user
    return user


def asked(cast: Cast, at: datetime = AT) -> AccountRecovery:
    return open_recovery(
        actor=cast.staff,
        at=at,
        email=cast.owner.email,
        document=CardKind.CIN,
        lost="téléphone volé",
    )


def approved(cast: Cast, second: User, at: datetime = AT) -> AccountRecovery:
    return approve_recovery(actor=second, at=at, recovery=asked(cast, at))


def letters(user: User) -> list[str]:
    return [mail.text for mail in Mail.objects.filter(user=user).order_by("pk")]


def test_two_persons_then_the_link_and_nothing_of_before_opens(cast: Cast, second: User) -> None:
    other = UserFactory(email="associe@exemple.ma")
    MembershipFactory(user=other, affiliate=cast.affiliate, role=Role.OWNER.value)
    Authenticator.objects.create(
        user=cast.owner,
        type=second_factors.APPLICATION,
        data={"secret": second_factors.seal(second_factors.new_secret()), "step": 0},
    )
    with time_machine.travel(AT, tick=False):
        taken = Client()
        taken.force_login(cast.owner)
        assert taken.get(reverse("portal:security")).status_code == 200
        row = approved(cast, second)
        link = re.search(r"/connexion/rouvrir/\S+", letters(cast.owner)[-1])
        assert link is not None
        visitor = Client()
        page = visitor.get(link[0])
        assert "nouveau mot de passe" in page.content.decode()
        done = visitor.post(link[0], {"password": NEW, "again": NEW})
        assert (done.status_code, done.headers["Location"]) == (302, reverse("portal:security"))
        # Signed in there, asked nowhere else, and the browser that was open is not.
        assert visitor.get(reverse("portal:security")).status_code == 200
        assert taken.get(reverse("portal:security")).status_code == 302
        assert visitor.post(link[0], {"password": NEW, "again": NEW}).status_code == 422
    owner = User.objects.get(pk=cast.owner.pk)
    row.refresh_from_db()
    assert row.state == RecoveryState.USED
    assert owner.check_password(NEW)
    assert not Authenticator.objects.filter(user=owner).exists()
    assert OpenSession.objects.filter(user=owner).count() == 1
    assert [len(letters(cast.owner)), len(letters(other))] == [3, 2]
    assert "rouvert" in Mail.objects.filter(user=other).latest("pk").subject
    acts = AuditEntry.objects.filter(action__startswith="recovery.").order_by("pk")
    assert [(entry.action, entry.actor_id) for entry in acts] == [
        ("recovery.opened", cast.staff.pk),
        ("recovery.approved", second.pk),
        ("recovery.used", cast.owner.pk),
    ]


def test_for_an_account_of_the_staff_those_who_watch_over_the_agency_are_told(
    cast: Cast, second: User
) -> None:
    agency = second.staff_assignment.agency  # type: ignore[attr-defined]
    chief: User = StaffAssignmentFactory(agency=agency, role=StaffRole.SUPERVISOR.value).user
    elsewhere: User = StaffAssignmentFactory(role=StaffRole.SUPERVISOR.value).user
    third: User = StaffAssignmentFactory(agency=agency).user
    row = open_recovery(
        actor=cast.staff, at=AT, email=second.email, document=CardKind.CIN, lost="tout"
    )
    row = approve_recovery(actor=third, at=AT, recovery=row)
    assert [len(letters(one)) for one in (chief, elsewhere)] == [1, 0]
    complete_recovery(at=AT, recovery=row, password=NEW)
    assert [len(letters(one)) for one in (chief, elsewhere)] == [2, 0]


def test_who_follows_the_link_comes_in_as_by_the_door(cast: Cast, second: User) -> None:
    """A new session, its device, its trace, and a browser that knows the account from now on."""
    with time_machine.travel(AT, tick=False):
        link = reverse("affiliates:recover", args=[token_of_recovery(approved(cast, second))])
        client = Client()
        client.post(
            link, {"password": NEW, "again": NEW}, headers={"user-agent": "Firefox/130 Windows"}
        )
        assert settings.KNOWN_BROWSER_COOKIE_NAME in client.cookies
    session = OpenSession.objects.get(user=cast.owner)
    assert (session.device, session.opened_at) == ("Firefox · Windows", AT)
    assert AuditEntry.objects.filter(action="user.signed_in", actor=cast.owner).count() == 1


def test_the_link_is_not_tried_at_leisure(cast: Cast, second: User) -> None:
    with time_machine.travel(AT, tick=False):
        link = reverse("affiliates:recover", args=[token_of_recovery(approved(cast, second))])
        answers = [Client().post(link, {"password": "court", "again": "x"}) for _try in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "3600"


def test_the_account_rests_two_days_then_acts_again(cast: Cast, second: User) -> None:
    row = approved(cast, second)
    complete_recovery(at=AT, recovery=row, password=NEW)
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    acts = [reverse(name, kwargs=number) for name in ("affiliates:invite", "payments:ask_refund")]
    reads = [reverse("affiliates:access", kwargs=number), reverse("portal:add_application")]
    for at, status in ((AT + timedelta(hours=48, seconds=-1), 409), (AT + timedelta(hours=48), 0)):
        with time_machine.travel(at, tick=False):
            client = Client()
            client.force_login(User.objects.get(pk=cast.owner.pk))
            answers = [client.post(path).status_code for path in acts]
            assert [client.get(path).status_code for path in reads] == [200, 200]
        assert (answers == [409, 409]) == (status == 409)
    said = client.get("/").content.decode()
    assert "409" not in said


def test_the_link_lasts_two_hours(cast: Cast, second: User) -> None:
    row = approved(cast, second)
    late = AT + timedelta(hours=2)
    with pytest.raises(RecoveryClosed):
        complete_recovery(at=late, recovery=row, password=NEW)
    with time_machine.travel(late, tick=False):
        path = reverse("affiliates:recover", args=[token_of_recovery(row)])
        assert "n’ouvre plus rien" in Client().get(path).content.decode()
    # A new request takes the place of the one whose link has expired.
    assert asked(cast, late).pk != row.pk
    row.refresh_from_db()
    assert row.state == RecoveryState.EXPIRED


def test_nobody_of_the_staff_does_it_alone(cast: Cast, second: User) -> None:
    row = asked(cast)
    elsewhere: User = StaffAssignmentFactory().user
    no_post = UserFactory(is_staff=True)
    refusals: list[tuple[User, type[DomainError]]] = [
        (cast.staff, SamePerson),
        (elsewhere, RecoveryElsewhere),
        (no_post, NotAtAnAgency),
        (cast.stranger, NotAtAnAgency),
    ]
    for actor, refusal in refusals:
        with pytest.raises(refusal):
            approve_recovery(actor=actor, at=AT, recovery=row)
    # Nor by any other door: the database itself refuses it.
    with pytest.raises(IntegrityError, match="recovery_two_persons"), transaction.atomic():
        AccountRecovery.objects.filter(pk=row.pk).update(decided_by=cast.staff)
    with pytest.raises(IntegrityError, match="recovery_of_another"), transaction.atomic():
        AccountRecovery.objects.filter(pk=row.pk).update(decided_by=cast.owner)
    with pytest.raises(IntegrityError, match="recovery_approved_by_someone"), transaction.atomic():
        AccountRecovery.objects.filter(pk=row.pk).update(state=RecoveryState.APPROVED.value)
    assert not any("rouvrir" in text for text in letters(cast.owner))


def test_a_colleague_of_the_agency_cannot_be_opened_by_themselves(cast: Cast, second: User) -> None:
    with pytest.raises(OwnAccount):
        open_recovery(
            actor=cast.staff, at=AT, email=cast.staff.email, document=CardKind.CIN, lost="tout"
        )
    row = open_recovery(
        actor=cast.staff, at=AT, email=second.email, document=CardKind.CIN, lost="tout"
    )
    with pytest.raises(OwnAccount):
        approve_recovery(actor=second, at=AT, recovery=row)


def test_one_request_at_a_time_and_only_for_an_open_account(cast: Cast) -> None:
    asked(cast)
    with pytest.raises(RecoveryOpen):
        asked(cast)
    User.objects.filter(pk=cast.stranger.pk).update(is_active=False)
    for email in ("personne@nulle.part", cast.stranger.email):
        with pytest.raises(AccountUnknown):
            open_recovery(actor=cast.staff, at=AT, email=email, document=CardKind.CIN, lost="tout")


def test_who_did_not_ask_stops_it_and_no_link_opens_any_more(cast: Cast, second: User) -> None:
    row = approved(cast, second)
    stop = re.search(r"/connexion/arreter/\S+", letters(cast.owner)[0])
    assert stop is not None
    with time_machine.travel(AT, tick=False):
        client = Client()
        assert "Ce n’est pas moi" in client.get(stop[0]).content.decode()
        row.refresh_from_db()
        assert row.state == RecoveryState.APPROVED
        assert "C’est arrêté" in client.post(stop[0]).content.decode()
        assert client.get(reverse("affiliates:stop_recovery", args=["faux"])).status_code == 404
        # What stops does not open, and the other way round.
        assert client.get(reverse("affiliates:recover", args=[stop_token(row)])).status_code == 404
    with pytest.raises(RecoveryClosed):
        complete_recovery(at=AT, recovery=row, password=NEW)
    assert len(letters(cast.staff)) == len(letters(second)) == 1
    assert stop_recovery(at=AT, recovery=row).state == RecoveryState.STOPPED


def test_a_refusal_ends_it_with_its_reason(cast: Cast, second: User) -> None:
    row = approved(cast, second)
    refuse_recovery(actor=second, at=AT, recovery=row, words="photo différente")
    with pytest.raises(RecoveryClosed):
        complete_recovery(at=AT, recovery=row, password=NEW)
    with pytest.raises(RecoveryClosed):
        approve_recovery(actor=second, at=AT, recovery=row)


# -- the desk ------------------------------------------------------------------------------------


def test_the_desk_opens_and_a_colleague_approves(cast: Cast, second: User) -> None:
    first, other = Client(), Client()
    first.force_login(cast.staff)
    other.force_login(second)
    told = {"email": cast.owner.email, "document": "cin", "lost": "téléphone volé", "seen": "on"}
    assert first.post(reverse(f"{DESK}_open"), {**told, "seen": ""}).status_code == 422
    opened = first.post(reverse(f"{DESK}_open"), told)
    row = AccountRecovery.objects.get()
    assert opened.headers["Location"] == reverse(f"{DESK}_change", args=[row.pk])
    approve = reverse(f"{DESK}_approve", args=[row.pk])
    mine = first.get(opened.headers["Location"]).content.decode()
    assert approve not in mine
    assert "Un collègue doit approuver" in mine
    first.post(approve)
    row.refresh_from_db()
    assert row.state == RecoveryState.WAITING
    assert approve in other.get(opened.headers["Location"]).content.decode()
    other.post(approve)
    row.refresh_from_db()
    assert (row.state, row.decided_by) == (RecoveryState.APPROVED, second)
    # The link itself is on no screen of the desk.
    for client in (first, other):
        page = client.get(opened.headers["Location"]).content.decode()
        assert "rouvrir" not in page
    assert cast.owner.full_name in first.get(reverse(f"{DESK}_changelist")).content.decode()


def test_the_desk_of_another_agency_sees_nothing_of_it(cast: Cast, second: User) -> None:
    row = asked(cast)
    clerk: User = StaffAssignmentFactory(role=StaffRole.SUPERVISOR.value).user
    paths = [reverse(f"{DESK}_{name}", args=[row.pk]) for name in ("change", "approve", "refuse")]
    for person, expected in ((clerk, 404), (cast.owner, 302), (cast.bank, 302)):
        client = Client()
        client.force_login(person)
        answers = [client.get(paths[0])] + [client.post(path) for path in paths[1:]]
        assert [one.status_code for one in answers] == [expected] * 3, person
    assert StaffAssignment.objects.get(user=clerk).role == StaffRole.SUPERVISOR


def test_the_page_for_who_lost_everything_is_open_to_all(cast: Cast, client: Client) -> None:
    page = client.get(reverse("affiliates:lost_access")).content.decode()
    assert cast.affiliate.agency.name in page
    assert reverse("affiliates:lost_access") in client.get(reverse("portal:login")).content.decode()
    assert client.get(reverse("affiliates:recover", args=["faux"])).status_code == 404


def test_the_list_asks_as_many_questions_whatever_its_length(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.staff)
    path = reverse(f"{DESK}_changelist")
    client.get(path)
    counts = []
    for _more in range(2):
        for _each in range(2):
            open_recovery(
                actor=cast.staff,
                at=AT,
                email=UserFactory().email,
                document=CardKind.RESIDENCE,
                lost="tout",
            )
        with CaptureQueriesContext(connection) as asked_of:
            client.get(path)
        counts.append(len(asked_of))
    assert counts[0] == counts[1]
