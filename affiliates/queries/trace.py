"""What the fund's staff saw and did in the file of a firm, as the firm reads it."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from affiliates.models import Affiliate, StaffAssignment
from portal.acts import READ, is_reading, words_of
from portal.audit import LISTED
from portal.enums import Purpose
from portal.models import AuditEntry

#: What prepares an inspection is not told before it is ordered: it would warn who is inspected. Told after that long
#: at the latest (docs/decisions/who-opened-my-file.md).
CONFIDENTIAL = datetime.timedelta(days=180)


@dataclass(frozen=True)
class StaffAct:
    """One act of a member of staff: when, who, from which agency, what, why."""

    entry: AuditEntry
    agency: str
    words: str
    is_reading: bool
    purpose: str
    detail: str
    listing: str  # the name of the list that showed the firm among others; empty for its own file


def staff_acts(
    affiliate: Affiliate, *, at: datetime.datetime, only_readings: bool = False
) -> QuerySet[AuditEntry]:
    """The acts of staff on the data of ``affiliate``, the latest first; inspections in preparation apart."""
    ordered = AuditEntry.objects.filter(
        subject_type=OuterRef("subject_type"),
        subject_id=OuterRef("subject_id"),
        action="mission.ordered",
    )
    number = affiliate.affiliation_number
    listed = Q(action=LISTED, facts__contains={"firms": [number]})
    rows = AuditEntry.objects.filter(Q(affiliation_number=number) | listed, actor__is_staff=True)
    prepares = Q(action__startswith="mission.") | Q(action__startswith="risk.")
    rows = rows.exclude(prepares & Q(at__gt=at - CONFIDENTIAL) & ~Exists(ordered))
    if only_readings:
        rows = rows.filter(reduce(or_, (Q(action__endswith=ending) for ending in READ)))
    return rows.select_related("actor").order_by("-pk")


def shown_acts(rows: Iterable[AuditEntry]) -> list[StaffAct]:
    """Each with its words and the agency of its author; one query."""
    entries = list(rows)
    posts = StaffAssignment.objects.filter(user__in=[entry.actor for entry in entries])
    agencies = {post.user_id: post.agency.shown_name for post in posts.select_related("agency")}
    labels = {purpose.value: purpose.label for purpose in Purpose}
    return [
        StaffAct(
            entry=entry,
            agency=agencies.get(entry.actor_id or 0, ""),
            words=words_of(entry.action),
            is_reading=is_reading(entry.action),
            purpose=labels.get(str(entry.facts.get("purpose", "")), ""),
            detail=str(entry.facts.get("detail", "")),
            listing=_listing(entry),
        )
        for entry in entries
    ]


def _listing(entry: AuditEntry) -> str:
    if entry.action != LISTED:
        return ""
    return str(apps.get_model(entry.facts["list"])._meta.verbose_name_plural)
