"""Bulk reading and issuing, noticed within minutes and shown to supervisors until one of them says why."""

import datetime

from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse

from affiliates.access import require_post
from affiliates.enums import StaffRole
from affiliates.models import StaffAssignment
from certificates.alarms import Usage, alarms
from certificates.enums import AlarmKind
from certificates.errors import NoteMissing, OwnAlarm
from certificates.models import UsageAlarm
from portal import audit, mail
from portal.clock import day_of
from portal.models import AuditEntry, User

WINDOW = datetime.timedelta(hours=1)
LONGEST_NOTE = 300

_FETCHED = Q(
    action__in=["certificate.paper_read", "filing.receipt_issued", "payment.receipt_issued"]
)
_ISSUED = Q(action="certificate.issued")
_READ = Q(action__in=["staff.read", "certificate.looked_up"])


def usages(*, at: datetime.datetime) -> list[Usage]:
    """What each person did in the hour before ``at``, from the trace; one query."""
    rows = (
        AuditEntry.objects.filter(_FETCHED | _ISSUED | _READ, actor__isnull=False)
        .filter(at__gt=at - WINDOW, at__lte=at)
        .order_by()
        .values("actor")
        .annotate(
            issued=Count("pk", filter=_ISSUED),
            fetched=Count("pk", filter=_FETCHED),
            read=Count("pk", filter=_READ),
            firms=Count("affiliation_number", distinct=True),
        )
        .order_by("actor")
    )
    return [
        Usage(row["actor"], row["issued"], row["fetched"], row["read"], row["firms"])
        for row in rows
    ]


def watch(*, at: datetime.datetime) -> int:
    """Raise an alarm for each person whose last hour is out of the ordinary; returns how many are new.

    One alarm of a kind, a person and a Moroccan day: the next minutes raise its number, not another. Safe to run
    twice and at once.
    """
    return sum(
        _raise(usage.user_id, kind, count, at=at)
        for usage in usages(at=at)
        for kind, count in alarms(usage)
    )


@transaction.atomic
def _raise(user_id: int, kind: AlarmKind, count: int, *, at: datetime.datetime) -> bool:
    alarm, is_new = UsageAlarm.objects.select_for_update(of=("self",)).get_or_create(
        user_id=user_id, kind=kind.value, day=day_of(at), defaults={"count": count, "raised_at": at}
    )
    if not is_new:
        if count > alarm.count:
            alarm.count = count
            alarm.save(update_fields=["count"])
        return False
    audit.record(actor=None, action="usage.alarm", subject=alarm, kind=kind.value, count=count)
    supervisors = StaffAssignment.objects.filter(
        role=StaffRole.SUPERVISOR.value, user__is_active=True
    ).select_related("user")
    for one in supervisors.order_by("pk"):
        mail.write(
            key=f"usage-alarm:{alarm.pk}:{one.user_id}",
            to=one.user,
            template="certificates/mail/alarm.txt",
            facts={"alarm": alarm},
            at=at,
            path=reverse("admin:certificates_usagealarm_changelist"),
        )
    return True


@transaction.atomic
def close_alarm(*, actor: User, alarm: UsageAlarm, note: str, at: datetime.datetime) -> UsageAlarm:
    """Say what was found (``note``, 300 characters kept); already closed, nothing changes.

    Refuses PostMissing to whoever is no supervisor, NoteMissing, and OwnAlarm to the person whom the alarm is about.
    """
    require_post(actor, {StaffRole.SUPERVISOR})
    note = " ".join(note.split())[:LONGEST_NOTE]
    if not note:
        raise NoteMissing
    alarm = UsageAlarm.objects.select_for_update(of=("self",)).get(pk=alarm.pk)
    if alarm.user_id == actor.pk:
        raise OwnAlarm
    if alarm.closed_at is None:
        alarm.closed_at, alarm.closed_by, alarm.note = at, actor, note
        alarm.save(update_fields=["closed_at", "closed_by", "note"])
        audit.record(actor=actor, action="usage.alarm_closed", subject=alarm, note=note)
    return alarm
