"""Profiles of banks: two persons, versions that hold from their day, and the file that remembers which one read it."""

import datetime

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import StaffRole
from payments.codecs.profiles import ProfileUnreadable
from payments.errors import ProfileDecided, SecondPersonNeeded
from payments.models import Bank, BankProfile
from payments.workflows.profiles import decide_profile, profile_for, propose_profile
from portal.models import AuditEntry, User
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.cast import Cast
from tests.payments.camt_files import camt, entry
from tests.payments.factories import received
from tests.payments.text_files import PLACE, cfonb_120, record_120

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 4, 10)
AT = datetime.datetime(2026, 4, 10, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-10 12:00:00+00:00", tick=False):
        yield


def supervisor(name: str) -> User:
    user = UserFactory(email=f"{name}@caisse.example", full_name=name, is_staff=True)
    StaffAssignmentFactory(user=user, role=StaffRole.SUPERVISOR.value)
    return user


def approved(bank: Bank, data: dict[str, object], *, since: datetime.date = DAY) -> BankProfile:
    n = BankProfile.objects.count()
    proposed = propose_profile(
        actor=supervisor(f"un{n}"), bank=bank, data=data, agreement=f"A{n}", effective_from=since, at=AT
    )  # fmt: skip
    return decide_profile(actor=supervisor(f"deux{n}"), profile_id=proposed.pk, approve=True, at=AT)


def test_a_version_holds_once_a_second_person_approved_it(cast: Cast) -> None:
    bank, one = cast.bank_account.bank, supervisor("un")
    facts = {"bank": bank, "data": {"encoding": "cp1252"}, "agreement": "A1", "effective_from": DAY}
    proposed = propose_profile(actor=one, at=AT, **facts)  # type: ignore[arg-type]
    assert propose_profile(actor=one, at=AT, **facts).pk == proposed.pk  # type: ignore[arg-type]
    assert profile_for(bank, DAY) is None
    with pytest.raises(SecondPersonNeeded):
        decide_profile(actor=one, profile_id=proposed.pk, approve=True, at=AT)
    two = supervisor("deux")
    for _ in range(2):
        decide_profile(actor=two, profile_id=proposed.pk, approve=True, at=AT)
    assert profile_for(bank, DAY) == proposed
    assert profile_for(bank, DAY - datetime.timedelta(days=1)) is None
    with pytest.raises(ProfileDecided):
        decide_profile(actor=two, profile_id=proposed.pk, approve=False, at=AT)
    actions = AuditEntry.objects.filter(action__startswith="payments.profile").values_list(
        "action", flat=True
    )
    assert sorted(actions) == ["payments.profile_approved", "payments.profile_proposed"]


def test_the_later_version_holds_from_its_day(cast: Cast) -> None:
    bank = cast.bank_account.bank
    first = approved(bank, {})
    second = approved(bank, {"encoding": "cp1252"}, since=DAY + datetime.timedelta(days=5))
    assert (first.version, second.version) == (1, 2)
    assert profile_for(bank, DAY) == first
    assert profile_for(bank, DAY + datetime.timedelta(days=5)) == second


def test_a_wrong_profile_is_not_even_proposed(cast: Cast) -> None:
    with pytest.raises(ProfileUnreadable):
        propose_profile(
            actor=supervisor("un"),
            bank=cast.bank_account.bank,
            data={"colour": 1},
            agreement="A",
            effective_from=DAY,
            at=AT,
        )
    assert not BankProfile.objects.exists()


def test_the_database_too_wants_two_persons(cast: Cast) -> None:
    one = supervisor("un")
    facts = {"bank": cast.bank_account.bank, "version": 1, "agreement": "A", "effective_from": DAY}
    with pytest.raises(IntegrityError, match="bank_profile_two_persons"), transaction.atomic():
        BankProfile.objects.create(
            **facts, proposed_by=one, decided_by=one, decided_at=AT, state="approved"
        )
    with pytest.raises(IntegrityError, match="bank_profile_decided_whole"), transaction.atomic():
        BankProfile.objects.create(**facts, proposed_by=one, state="approved")


def test_a_file_is_read_by_the_profile_of_its_bank_and_remembers_it(cast: Cast) -> None:
    rib = cast.bank_account.rib
    data = cfonb_120(record_120("04", 10_000, at33="18"), closing=10_000)
    refused = received(cast.bank, cast.bank_account, data)
    assert (refused.verdict, refused.profile, refused.faults[0]["code"]) == (
        "refused",
        None,
        "E-F12",
    )
    profile = approved(cast.bank_account.bank, {"accounts": {PLACE: rib}, "encoding": "cp1252"})
    accepted = received(cast.bank, cast.bank_account, data + b"\r\n")
    assert (accepted.verdict, accepted.profile, accepted.format) == (
        "accepted",
        profile,
        "cfonb120",
    )
    line = accepted.lines.get()
    assert (line.verdict, line.account_id) == ("ATT", cast.bank_account.pk)


def test_a_profile_tolerates_what_was_agreed(cast: Cast) -> None:
    odd = camt(entry(extra="<Surprise/>"), account=cast.bank_account.rib)
    assert received(cast.bank, cast.bank_account, odd).verdict == "refused"
    approved(cast.bank_account.bank, {"tolerated_elements": ["Surprise"]})
    again = received(cast.bank, cast.bank_account, odd.replace(b">M1<", b">M2<"))
    assert (again.verdict, [one["code"] for one in again.faults]) == ("accepted", ["F26"])


# ------------------------------------------------------------------ the desk


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(bank: Bank, data: str = '{"encoding": "cp1252"}') -> dict[str, str]:
    return {
        "bank": str(bank.pk),
        "convention": data,
        "agreement": "Lettre 12",
        "effective_from": "2026-04-10",
    }


LIST = "admin:payments_bankprofile_changelist"


def test_two_supervisors_change_a_profile(cast: Cast) -> None:
    one, two = signed_in(supervisor("un")), signed_in(supervisor("deux"))
    assert "tous les fichiers sont lus selon le standard" in one.get(reverse(LIST)).content.decode()
    page = one.post(reverse(LIST), typed(cast.bank_account.bank), follow=True)
    assert "Une autre personne doit approuver" in page.content.decode()
    profile = BankProfile.objects.get()
    decide = reverse("admin:payments_bankprofile_decide", args=[profile.pk, "approuver"])
    assert one.post(decide).status_code == 422
    assert two.post(decide).status_code == 302
    profile.refresh_from_db()
    assert profile.state == "approved"
    assert (
        "cp1252"
        in two.get(reverse("admin:payments_bankprofile_change", args=[profile.pk])).content.decode()
    )


def test_a_wrong_profile_is_told_in_the_form(cast: Cast) -> None:
    client = signed_in(supervisor("un"))
    for data in ("{", '{"colour": 1}'):
        assert client.post(reverse(LIST), typed(cast.bank_account.bank, data)).status_code == 422
    assert not BankProfile.objects.exists()


def test_profiles_are_for_supervisors(cast: Cast) -> None:
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger, cast.staff):
        client = signed_in(user)
        assert client.get(reverse(LIST)).status_code in (302, 403, 404)
        assert client.post(reverse(LIST), typed(cast.bank_account.bank)).status_code in (
            302,
            403,
            404,
        )
    assert not BankProfile.objects.exists()


def test_the_list_asks_the_same_number_of_questions(
    cast: Cast, django_assert_max_num_queries: object
) -> None:
    client = signed_in(supervisor("zero"))
    approved(cast.bank_account.bank, {}, since=DAY)
    with CaptureQueriesContext(connection) as few:
        client.get(reverse(LIST))
    for n in range(1, 6):
        approved(cast.bank_account.bank, {}, since=DAY + datetime.timedelta(days=n))
    with django_assert_max_num_queries(len(few)):  # type: ignore[operator]
        client.get(reverse(LIST))
