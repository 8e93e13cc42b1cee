"""Bulk reading and issuing: noticed, told to supervisors, closed by another person than the one it is about."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from affiliates.enums import StaffRole
from certificates import alarms, workflows
from certificates.alarms import Usage
from certificates.enums import AlarmKind, CertificateKind
from certificates.errors import NoteMissing, OwnAlarm
from certificates.models import UsageAlarm
from certificates.tasks import watch_usage
from portal import audit
from portal.models import AuditEntry, Mail
from tests.affiliates.factories import StaffAssignmentFactory, UserFactory
from tests.certificates.conftest import NOW
from tests.certificates.test_kinds import issue, months  # noqa: F401

HOUR = datetime.timedelta(hours=1)
LIST = "admin:certificates_usagealarm_changelist"
pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def supervisor(cast):
    user = UserFactory(email="superviseure@exemple.ma", full_name="Salma Rami", is_staff=True)
    StaffAssignmentFactory(user=user, agency=cast.affiliate.agency, role=StaffRole.SUPERVISOR.value)
    return user


def fetched(cast, user, times):
    for _time in range(times):
        audit.record(
            actor=user,
            action="certificate.paper_read",
            subject=cast.affiliate,
            affiliation_number=cast.affiliate.affiliation_number,
        )


@pytest.fixture
def alarm(cast, supervisor):
    fetched(cast, cast.staff, 61)
    workflows.watch(at=NOW)
    return UsageAlarm.objects.get()


@pytest.mark.parametrize(
    ("usage", "kinds"),
    [
        (Usage(1, 30, 60, 80, 40), []),
        (Usage(1, 31, 0, 0, 1), [AlarmKind.ISSUED]),
        (Usage(1, 0, 61, 0, 1), [AlarmKind.FETCHED]),
        (Usage(1, 0, 0, 81, 1), [AlarmKind.READ]),
        (Usage(1, 0, 0, 0, 41), [AlarmKind.FIRMS]),
    ],
)
def test_the_rule_at_its_edges(usage, kinds):
    assert [kind for kind, _count in alarms.alarms(usage)] == kinds


def test_an_ordinary_hour_raises_nothing(cast, supervisor):
    fetched(cast, cast.staff, 60)
    watch_usage()
    assert not UsageAlarm.objects.exists()
    # What is older than an hour does not count any more.
    fetched(cast, cast.staff, 1)
    assert workflows.watch(at=NOW + HOUR) == 0
    assert workflows.watch(at=NOW) == 1


def test_supervisors_are_told_once_and_the_number_grows(cast, supervisor, alarm):
    assert (alarm.user, alarm.kind, alarm.count) == (cast.staff, AlarmKind.FETCHED, 61)
    fetched(cast, cast.staff, 9)
    assert workflows.watch(at=NOW) == 0
    alarm.refresh_from_db()
    assert alarm.count == 70
    letter = Mail.objects.get(user=supervisor)
    assert cast.staff.full_name in letter.text
    assert AuditEntry.objects.filter(action="usage.alarm").count() == 1


def test_issuing_many_is_noticed_whoever_does_it(cast, supervisor, months, monkeypatch):  # noqa: F811
    monkeypatch.setitem(alarms.MOST, AlarmKind.ISSUED, 1)
    for rank in range(2):
        issue(cast, CertificateKind.TENDER, about=f"AO {rank}")
    workflows.watch(at=NOW)
    assert UsageAlarm.objects.get().user == cast.owner


def test_fetching_a_paper_leaves_its_trace(client, cast, months):  # noqa: F811
    certificate = issue(cast, CertificateKind.REGISTRATION)
    client.force_login(cast.owner)
    address = reverse(
        "certificates:certificate_pdf",
        args=[cast.affiliate.affiliation_number, certificate.number],
    )
    assert client.get(address).status_code == 200
    trace = AuditEntry.objects.get(action="certificate.paper_read")
    assert (trace.actor, trace.subject_id) == (cast.owner, str(certificate.pk))


def test_a_supervisor_says_what_was_found(client, supervisor, alarm):
    client.force_login(supervisor)
    assert "Beaucoup de documents" in client.get(reverse(LIST)).content.decode()
    assert "à examiner" in client.get(reverse("admin:index")).content.decode()
    address = reverse("admin:certificates_usagealarm_change", args=[alarm.pk])
    assert client.get(address).status_code == 200
    assert client.post(address, {"note": " "}).status_code == 200
    assert client.post(address, {"note": "Contrôle annuel, vérifié avec elle."}).status_code == 302
    alarm.refresh_from_db()
    assert (alarm.closed_by, alarm.note) == (supervisor, "Contrôle annuel, vérifié avec elle.")
    assert AuditEntry.objects.filter(action="usage.alarm_closed").count() == 1
    again = workflows.close_alarm(actor=supervisor, alarm=alarm, note="Autre", at=NOW)
    assert again.note == "Contrôle annuel, vérifié avec elle."
    with pytest.raises(NoteMissing):
        workflows.close_alarm(actor=supervisor, alarm=alarm, note=" ", at=NOW)


def test_nobody_closes_their_own(client, cast, supervisor):
    fetched(cast, supervisor, 61)
    workflows.watch(at=NOW)
    own = UsageAlarm.objects.get()
    with pytest.raises(OwnAlarm):
        workflows.close_alarm(actor=supervisor, alarm=own, note="Rien", at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        UsageAlarm.objects.update(closed_at=NOW, closed_by=supervisor, note="Rien")


def test_the_cast_does_not_see_them(client, cast, alarm):
    places = [reverse(LIST), reverse("admin:certificates_usagealarm_change", args=[alarm.pk])]
    for who in (cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger):
        client.force_login(who)
        assert {client.get(place).status_code for place in places} <= {302, 403, 404}
    client.force_login(cast.staff)
    assert "usagealarm" not in client.get(reverse("admin:index")).content.decode()
    alarm.refresh_from_db()
    assert alarm.closed_at is None
