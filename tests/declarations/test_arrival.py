"""Arrival counts, on the clocks of Morocco; what the portal prevented is not lateness."""

import datetime
import io
import json
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse

from declarations import queries, workflows
from declarations.codecs import receipt as codec
from declarations.enums import OnTimeReason
from declarations.models import Declaration, Outage, Receipt, ReceivedFile
from declarations.rules.arrival import Hindrance, on_time_because
from payments.workflows.penalties import filing_penalty_of, filings_due
from portal import clock
from portal.enums import JobState
from portal.models import AuditEntry
from regulation.parameters import due_day
from regulation.periods import Period
from tests.cast import Cast
from tests.declarations.factories import answer, draft, employ, issue, send

pytestmark = pytest.mark.django_db

UTC = datetime.UTC
FEBRUARY, JANUARY = Period(2026, 2), Period(2026, 1)


def utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


# -- the instant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "end"),
    [
        # Morocco is at UTC+1, but for Ramadan: 15 February to 22 March 2026.
        ("2026-02-10", "2026-02-10T23:00"),
        ("2026-02-14", "2026-02-14T23:00"),  # the clocks go back three hours later
        ("2026-02-15", "2026-02-16T00:00"),
        ("2026-03-10", "2026-03-11T00:00"),
        ("2026-03-21", "2026-03-22T00:00"),
        ("2026-03-22", "2026-03-22T23:00"),
        ("2026-04-10", "2026-04-10T23:00"),
    ],
)
def test_a_day_ends_at_midnight_in_morocco(day: str, end: str) -> None:
    found = clock.end_of(datetime.date.fromisoformat(day))
    assert clock.day_of(found) == datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    assert clock.day_of(found - datetime.timedelta(microseconds=1)).isoformat() == day
    if ZoneInfo("Africa/Casablanca").utcoffset(datetime.datetime(2026, 2, 20)):
        pytest.fail("these tables of time zones do not know the Ramadan of 2026")
    assert found == utc(end)


@pytest.mark.parametrize(
    ("period", "at", "is_late"),
    [
        (JANUARY, "2026-02-10T22:59:59", False),  # 23:59:59 at UTC+1
        (JANUARY, "2026-02-10T23:00:00", True),
        (FEBRUARY, "2026-03-10T23:59:59", False),  # 23:59:59 at UTC+0, in Ramadan
        (FEBRUARY, "2026-03-11T00:00:00", True),
    ],
)
def test_the_last_second_is_in_time_and_the_next_is_not(
    cast: Cast, period: Period, at: str, is_late: bool
) -> None:
    employ(cast.affiliate, 1)
    began = utc(at) - datetime.timedelta(hours=2)
    file = send(
        cast.owner,
        cast.affiliate,
        answer(issue(cast.owner, cast.affiliate, period)),
        period=period,
        at=began,
    )
    one = Declaration.objects.get(received_file=file)
    one = workflows.submit(actor=cast.owner, at=utc(at), declaration=one, version=one.version)
    assert queries.receipt_facts(one).is_late is is_late
    due_on = due_day(period)
    assert one.filed_on == due_on + datetime.timedelta(days=is_late)
    charged = filing_penalty_of(cast.affiliate, period, as_of=due_on + datetime.timedelta(days=20))
    assert (charged is not None) is is_late


def test_an_extension_is_data_and_moves_the_day(cast: Cast) -> None:
    """June 2025 was due on 21 July, not 10 July: a filing of the 21st is in time, of the 22nd is not."""
    june = Period(2025, 6)
    assert due_day(june) == datetime.date(2025, 7, 21)
    employ(cast.affiliate, 1)
    row = issue(cast.owner, cast.affiliate, june)
    file = send(cast.owner, cast.affiliate, answer(row), period=june, at=utc("2025-07-21T21:00"))
    one = Declaration.objects.get(received_file=file)
    last = utc("2025-07-21T22:59:59")
    one = workflows.submit(actor=cast.owner, at=last, declaration=one, version=one.version)
    assert queries.receipt_facts(one).is_late is False
    assert filing_penalty_of(cast.affiliate, june, as_of=datetime.date(2025, 9, 1)) is None


# -- what the portal prevented -------------------------------------------------------------------

DEADLINE = utc("2026-02-10T23:00:00")
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("begun", "over", "submitted", "kept"),
    [
        (-HOUR, HOUR, 2 * HOUR, True),
        (-HOUR, HOUR, HOUR + 3 * DAY - datetime.timedelta(seconds=1), True),
        (-HOUR, HOUR, HOUR + 3 * DAY, False),  # the days to do it again are over
        (-HOUR, -HOUR, HOUR, False),  # over before the deadline: there was time
        (datetime.timedelta(), HOUR, 2 * HOUR, False),  # begun at midnight: nothing was prevented
    ],
)
def test_the_rule(
    begun: datetime.timedelta,
    over: datetime.timedelta,
    submitted: datetime.timedelta,
    kept: bool,
) -> None:
    found = on_time_because(
        deadline=DEADLINE,
        submitted_at=DEADLINE + submitted,
        retry=3 * DAY,
        hindrances=[Hindrance(OnTimeReason.OUTAGE, DEADLINE + begun, DEADLINE + over)],
    )
    assert (found is OnTimeReason.OUTAGE) is kept


def file_received(cast: Cast, at: datetime.datetime) -> ReceivedFile:
    employ(cast.affiliate, 2)
    content = answer(issue(cast.owner, cast.affiliate))
    file, _due = workflows.receive_file(
        actor=cast.owner,
        at=at,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=f"DS_{cast.affiliate.affiliation_number}_202601.txt",
        chunks=[content],
    )
    return file


def submit_of(cast: Cast, at: datetime.datetime) -> Declaration:
    one = Declaration.objects.get(affiliate=cast.affiliate)
    return workflows.submit(actor=cast.owner, at=at, declaration=one, version=one.version)


def test_a_file_in_time_whose_check_ends_after_midnight_is_in_time(
    cast: Cast, client: Client
) -> None:
    file = file_received(cast, DEADLINE - datetime.timedelta(seconds=1))
    workflows.check_file(file_id=file.pk, at=DEADLINE + 5 * HOUR)
    one = submit_of(cast, DEADLINE + 9 * HOUR)
    assert (one.filed_on, one.kept_on_time_because) == (due_day(JANUARY), OnTimeReason.CHECK)
    assert filing_penalty_of(cast.affiliate, JANUARY, as_of=datetime.date(2026, 4, 1)) is None
    assert list(filings_due(datetime.date(2026, 3, 1))) == []
    receipt = Receipt.objects.get()
    facts = json.loads(receipt.content)
    assert (facts["is_late"], facts["kept_on_time_because"]) == (False, "check")
    sealed = codec.read(codec.document(receipt.content, receipt.digest), source="x")
    assert codec.verify(sealed) == []
    client.force_login(cast.owner)
    address = reverse("declarations:declaration", args=[cast.affiliate.affiliation_number, one.pk])
    assert "notre contrôle s’est terminé après" in client.get(address).content.decode()
    trace = AuditEntry.objects.get(action="declarations.declaration.submitted")
    assert trace.facts["kept_on_time_because"] == "check"


def test_a_file_checked_in_time_and_submitted_after_is_late(cast: Cast) -> None:
    file = file_received(cast, DEADLINE - 2 * HOUR)
    workflows.check_file(file_id=file.pk, at=DEADLINE - HOUR)
    one = submit_of(cast, DEADLINE + HOUR)
    assert (one.filed_on, one.kept_on_time_because) == (datetime.date(2026, 2, 11), "")
    facts = json.loads(Receipt.objects.get().content)
    assert facts["is_late"] is True
    assert "kept_on_time_because" not in facts
    penalty = filing_penalty_of(cast.affiliate, JANUARY, as_of=datetime.date(2026, 2, 20))
    assert penalty is not None
    assert penalty[0].amount == Decimal("100.00")


def test_a_check_that_we_could_not_do_leaves_days_to_file_again(cast: Cast) -> None:
    file = file_received(cast, DEADLINE - HOUR)
    ReceivedFile.objects.filter(pk=file.pk).update(state=JobState.PARKED.value)
    again = send(
        cast.owner,
        cast.affiliate,
        answer(issue(cast.owner, cast.affiliate)).replace(b"\n", b"\r\n"),
        at=DEADLINE + DAY,
    )
    one = Declaration.objects.get(received_file=again)
    one = workflows.submit(
        actor=cast.owner, at=DEADLINE + 2 * DAY, declaration=one, version=one.version
    )
    assert one.kept_on_time_because == OnTimeReason.PARKED
    assert queries.receipt_facts(one).is_late is False


def outage(start: datetime.timedelta, end: datetime.timedelta) -> Outage:
    return workflows.record_outage(
        actor=None,
        at=DEADLINE + DAY,
        starts_at=DEADLINE + start,
        ends_at=DEADLINE + end,
        what="base de données arrêtée",
    )


def test_an_outage_over_midnight_keeps_what_was_begun_in_time(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)  # begun a week before
    outage(-HOUR, HOUR)
    one = workflows.submit(
        actor=cast.owner, at=DEADLINE + 10 * HOUR, declaration=one, version=one.version
    )
    assert one.kept_on_time_because == OnTimeReason.OUTAGE


def test_an_outage_that_ended_before_midnight_excuses_nobody(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    outage(-2 * HOUR, -HOUR)
    one = workflows.submit(
        actor=cast.owner, at=DEADLINE + HOUR, declaration=one, version=one.version
    )
    assert one.kept_on_time_because == ""


def test_what_was_begun_after_midnight_is_late_in_spite_of_an_outage(cast: Cast) -> None:
    one = draft(cast.owner, cast.affiliate)
    Declaration.objects.update(created_at=DEADLINE)
    ReceivedFile.objects.update(received_at=DEADLINE, checked_at=F("received_at"))
    outage(-HOUR, HOUR)
    one = workflows.submit(
        actor=cast.owner, at=DEADLINE + 2 * HOUR, declaration=one, version=one.version
    )
    assert one.kept_on_time_because == ""


def test_another_firms_trouble_excuses_nobody_else(cast: Cast) -> None:
    file_received(cast, DEADLINE - HOUR)
    ReceivedFile.objects.update(state=JobState.PARKED.value, affiliate=cast.strangers_affiliate)
    one = draft(cast.owner, cast.affiliate, people=1)
    one = workflows.submit(
        actor=cast.owner, at=DEADLINE + HOUR, declaration=one, version=one.version
    )
    assert one.kept_on_time_because == ""


def test_the_command_rehearses_then_records_once() -> None:
    say = ["record_outage", "--from", "2026-02-10T21:30", "--to", "2026-02-11T00:40"]
    call_command(*say, "--what", "réseau", stdout=io.StringIO())
    assert not Outage.objects.exists()
    for _time in range(2):
        call_command(*say, "--what", "réseau", "--apply", stdout=io.StringIO())
    row = Outage.objects.get()
    assert row.starts_at == utc("2026-02-10T20:30")
    assert AuditEntry.objects.filter(action="declarations.outage.recorded").count() == 1
    wrong = ["--from", "2026-02-11T00:40", "--to", "2026-02-10T21:30", "--what", "x"]
    with pytest.raises(CommandError, match="finirait"):
        call_command("record_outage", *wrong)
    with pytest.raises(CommandError, match="n’est pas une heure"):
        call_command("record_outage", "--from", "hier", *wrong[2:])
