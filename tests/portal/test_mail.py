"""Mail: one letter per event, nothing lost while the server is away, nothing sent twice, reminders that stop."""

import datetime
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import time_machine
from django.core import mail as django_mail
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Affiliate
from portal import clock, mail
from portal.enums import JobState, Language, MailOutcome
from portal.models import AuditEntry, Mail, User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.portal.smtp_sink import Sink, listening
from tests.running import environment_for

AT = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
LETTER = "declarations/mail/deadline_soon.txt"
FACTS = {
    "firms": [Affiliate(name="BOULANGERIE AL BARAKA", affiliation_number="2045187")],
    "others": 0,
    "period": datetime.date(2026, 2, 1),
    "due_on": datetime.date(2026, 3, 10),
    "days_left": 3,
    "copies": True,
}


@pytest.fixture
def reader(db: None) -> User:
    return UserFactory(email="patronne@exemple.ma")


@pytest.fixture
def sink(settings) -> Iterator[Sink]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_TIMEOUT = 5
    with listening(Sink()) as sink:
        settings.EMAIL_PORT = sink.port
        yield sink


def write(to, *, key: str = "deadline:1", at: datetime.datetime = AT, **more) -> None:
    mail.write(key=key, to=to, template=LETTER, facts=FACTS, at=at, **more)


def test_a_letter_arrives_in_the_language_of_its_reader(sink: Sink, reader: User):
    arab = UserFactory(email="yasmina@exemple.ma", language="ar")
    write(reader, key="a", path="/affilies/2045187/", is_reminder=True)
    write(arab, key="b", is_reminder=True)
    assert mail.send_due() == 2
    french, arabic = sink.letters
    assert french["To"] == "patronne@exemple.ma"
    assert french["Subject"].strip() == "Février 2026 : à déclarer et à payer avant le 10 mars 2026"
    text = french.get_body(("plain",)).get_content()
    assert "http://testserver/affilies/2045187/" in text
    assert "BOULANGERIE AL BARAKA" in text
    assert "l’heure" in text
    assert "مارس 2026" in arabic["Subject"].replace("\u00a0", " ")
    page = arabic.get_body(("html",)).get_content()
    assert 'lang="ar" dir="rtl"' in page
    assert sink.connections == 1


def test_a_reminder_says_how_to_stop_and_another_letter_does_not(sink: Sink, reader: User):
    write(reader, key="a", is_reminder=True)
    write(reader, key="b")
    mail.send_due()
    reminder, other = sink.letters
    stop = reminder["List-Unsubscribe"].strip(" <>")
    assert stop.startswith("http://testserver/courriels/arreter/")
    assert reminder["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stop in reminder.get_body(("plain",)).get_content().replace("=\n", "")
    assert other["List-Unsubscribe"] is None
    assert other["Auto-Submitted"] == "auto-generated"


def test_one_event_is_one_letter(reader: User):
    for _time in range(3):
        write(reader)
    assert mail.send_due() == 1
    assert mail.send_due() == 0
    write(reader)
    assert mail.send_due() == 0
    assert len(django_mail.outbox) == 1


def test_no_letter_without_its_fact(reader: User):
    with transaction.atomic():
        write(reader)
        transaction.set_rollback(True)
    assert Mail.objects.count() == 0


def test_a_server_that_is_away_loses_nothing(sink: Sink, settings, reader: User):
    settings.EMAIL_PORT = 9  # nobody listens there
    for number in range(3):
        write(reader, key=f"k{number}")
    now = AT
    for _night in range(60):  # ten days of silence
        with time_machine.travel(now, tick=False):
            assert mail.send_due() == 0
        now += datetime.timedelta(hours=4)
    assert set(Mail.objects.values_list("state", flat=True)) == {JobState.WAITING.value}
    settings.EMAIL_PORT = sink.port
    with time_machine.travel(now, tick=False):
        assert mail.send_due() == 3
    assert len(sink.letters) == 3
    assert set(Mail.objects.values_list("state", flat=True)) == {JobState.DONE.value}


def test_a_line_cut_in_the_middle_is_tried_again_and_arrives_once(sink: Sink, reader: User):
    sink.hangs_up_on_data = True
    write(reader)
    with time_machine.travel(AT, tick=False):
        assert mail.send_due() == 0
    sink.hangs_up_on_data = False
    with time_machine.travel(AT + datetime.timedelta(seconds=10), tick=False):
        assert mail.send_due() == 0, "not before half a minute"
    with time_machine.travel(AT + datetime.timedelta(seconds=31), tick=False):
        assert mail.send_due() == 1
    assert len(sink.letters) == 1


def test_a_box_that_refuses_is_put_aside_and_the_others_go_on(sink: Sink, reader: User):
    sink.answers["partie@exemple.ma"] = "550 no such user"
    write(UserFactory(email="partie@exemple.ma"), key="a")
    write(reader, key="b")
    assert mail.send_due() == 1
    refused = Mail.objects.get(key="a")
    assert (refused.state, refused.outcome, refused.answer) == (
        JobState.PARKED,
        MailOutcome.REFUSED,
        "550",
    )


def test_a_box_that_says_later_is_asked_later_then_given_up(sink: Sink, reader: User):
    sink.answers[reader.email] = "451 greylisted"
    write(reader)
    with time_machine.travel(AT, tick=False):
        assert mail.send_due() == 0
    assert Mail.objects.get().state == JobState.WAITING
    sink.answers.clear()
    with time_machine.travel(AT + datetime.timedelta(minutes=5), tick=False):
        assert mail.send_due() == 1
    sink.answers[reader.email] = "451 greylisted"
    write(reader, key="other")
    with time_machine.travel(AT + mail.GIVEN_UP_AFTER, tick=False):
        mail.send_due()
    assert Mail.objects.get(key="other").state == JobState.PARKED


def test_what_kills_the_process_three_times_is_put_aside(reader: User):
    write(reader, key="poison")
    write(reader, key="next")
    now = AT
    for _time in range(3):  # a process that dies after the claim leaves the row in hand
        with time_machine.travel(now, tick=False):
            claimed = mail._claim(clock.now())
            assert claimed is not None
            assert claimed.key == "poison"
            if _time == 0:
                assert mail.send_due() == 1, "the other letter does not wait"
        now += Mail.LEASE + datetime.timedelta(seconds=1)
    with time_machine.travel(now, tick=False):
        assert mail.send_due() == 0
    assert Mail.objects.get(key="poison").outcome == MailOutcome.POISON
    assert [letter.to for letter in django_mail.outbox] == [[reader.email]]


DYING = """
import os, django
django.setup()
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(os.environ["SINK_PORT"])
from portal import mail
mail.send_due()
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("failpoint", "copies"), [("mail-claimed", 1), ("mail-sent", 2)])
def test_a_sender_killed_anywhere_loses_nothing(sink: Sink, failpoint: str, copies: int):
    """Before the letter leaves it leaves once; after it left, the copy carries the same mark."""
    write(UserFactory(email="patronne@exemple.ma"))
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING],
        env=environment_for(connection.settings_dict["NAME"])
        | {"FAILPOINT": failpoint, "SINK_PORT": str(sink.port)},
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert mail.send_due() == 0, "somebody may still have it in hand"
    with time_machine.travel(clock.now() + Mail.LEASE + datetime.timedelta(seconds=1)):
        assert mail.send_due() == 1
        assert mail.send_due() == 0
    marks = [letter["Message-ID"] for letter in sink.letters]
    assert len(marks) == copies
    assert len(set(marks)) == 1
    assert Mail.objects.get().state == JobState.DONE


@pytest.mark.django_db(transaction=True)
def test_ten_senders_at_once_send_each_letter_once(sink: Sink):
    reader = UserFactory(email="patronne@exemple.ma")
    for number in range(30):
        write(reader, key=f"k{number}")
    gate = threading.Barrier(10)
    sent = []

    def run() -> None:
        try:
            gate.wait()
            sent.append(mail.send_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _sender in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 30
    marks = [letter["Message-ID"] for letter in sink.letters]
    assert len(marks) == len(set(marks)) == 30


def test_reminders_stop_at_once_even_those_already_written(reader: User):
    write(reader, key="a", is_reminder=True)
    User.objects.update(wants_reminders=False)
    reader.refresh_from_db()
    write(reader, key="b", is_reminder=True)
    write(reader, key="c")
    assert mail.send_due() == 1
    assert Mail.objects.get(key="a").outcome == MailOutcome.STOPPED
    assert not Mail.objects.filter(key="b").exists()


def test_a_closed_account_gets_nothing(reader: User):
    write(reader)
    User.objects.update(is_active=False)
    assert mail.send_due() == 0
    assert Mail.objects.get().outcome == MailOutcome.CLOSED


def test_a_secret_letter_is_forgotten_once_sent_and_any_other_later(reader: User):
    write(mail.Address("invitee@exemple.ma", Language.ARABIC), key="a", is_secret=True)
    write(reader, key="b")
    mail.send_due()
    assert Mail.objects.get(key="a").text == ""
    assert mail.forget_old(at=AT + mail.KEPT, most=9) == 0
    # Of the one, the address of somebody without an account; of the other, the text.
    assert mail.forget_old(at=AT + mail.KEPT + datetime.timedelta(seconds=1), most=9) == 2
    assert Mail.objects.get(key="a").address == ""
    kept = Mail.objects.get(key="b")
    assert (kept.text, kept.address) == ("", reader.email)


def test_a_name_cannot_add_a_header(reader: User):
    firm = Affiliate(name="X\r\nBcc: autre@exemple.ma", affiliation_number="2045187")
    mail.write(key="a", to=reader, template=LETTER, facts=FACTS | {"firms": [firm]}, at=AT)
    Mail.objects.update(subject="Bonjour\r\nBcc: autre@exemple.ma")
    write(reader, key="b")
    assert mail.send_due() == 1, "a subject of two lines is not sent, and holds up nobody"
    assert Mail.objects.get(key="a").outcome == MailOutcome.REFUSED
    assert django_mail.outbox[0].message()["Bcc"] is None


# -- the pages -----------------------------------------------------------------------------------


def stop_address(reader: User) -> str:
    write(reader, key="stop", is_reminder=True)
    token = mail._token(Mail.objects.get(key="stop"))
    return reverse("portal:stop_reminders", args=[token])


def test_one_click_without_signing_in_stops_the_reminders(client: Client, reader: User):
    address = stop_address(reader)
    assert client.get(address).status_code == 200
    reader.refresh_from_db()
    assert reader.wants_reminders, "opening the link changes nothing"
    strict = Client(enforce_csrf_checks=True)
    for _time in range(2):
        answer = strict.post(address, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    reader.refresh_from_db()
    assert not reader.wants_reminders
    assert AuditEntry.objects.filter(action="user.preferences_set").count() == 1


@pytest.mark.parametrize("damage", ["1:abc", "x", "12"])
def test_a_forged_link_does_not_exist(client: Client, reader: User, damage: str):
    address = reverse("portal:stop_reminders", args=[damage])
    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404


def test_each_sees_only_what_was_written_to_them(client: Client, cast):
    write(cast.owner, key="a")
    write(cast.stranger, key="b")
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger):
        client.force_login(user)
        page = client.get("/mes-preferences/").content.decode()
        assert page.count("BOULANGERIE AL BARAKA") == (user in (cast.owner, cast.stranger))


def test_a_person_chooses_language_and_reminders(client: Client, reader: User):
    client.force_login(reader)
    answer = client.post("/mes-preferences/", {"language": "ar"}, follow=True)
    reader.refresh_from_db()
    assert (reader.language, reader.wants_reminders) == ("ar", False)
    assert 'dir="rtl"' in answer.content.decode()
    client.post("/mes-preferences/", {"language": "xx"})
    reader.refresh_from_db()
    assert reader.language == "ar"


def test_the_page_of_letters_costs_the_same_for_one_and_for_twenty(client: Client, reader: User):
    client.force_login(reader)
    client.get("/mes-preferences/")  # the first page of a session also writes it
    costs = []
    for number in range(20):
        write(reader, key=f"k{number}")
        if number in (0, 19):
            with CaptureQueriesContext(connection) as queries:
                client.get("/mes-preferences/")
            costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.django_db
def test_signing_in_speaks_the_language_of_the_account(client: Client):
    UserFactory(email="yasmina@exemple.ma", language="ar")
    entry = {"username": "yasmina@exemple.ma", "password": PASSWORD}
    assert client.post("/connexion/", entry).cookies["django_language"].value == "ar"
