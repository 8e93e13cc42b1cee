"""Writing to those who were affiliated and have never declared anything, a few times, then no more."""

import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from affiliates.enums import AffiliateState, Role
from affiliates.models import Affiliate, Membership
from declarations.models import Declaration
from portal import clock, mail
from regulation.parameters import value_at


@transaction.atomic
def nudge_silent(*, at: datetime.datetime) -> int:
    """Remind each active affiliate without any submitted declaration; returns how many are due a reminder.

    The days are data (`affiliation.nudge_*`), counted from the affiliation. Of several that are due only the
    last is written, once, to those who may declare and did not stop reminders. Run twice, writes nothing more.
    """
    today = clock.day_of(at)
    first, every, most = (
        int(value_at(f"affiliation.nudge_{name}", today).value)
        for name in ("first", "every", "most")
    )
    ever = Declaration.objects.filter(affiliate=OuterRef("pk"), submitted_at__isnull=False)
    silent = Affiliate.objects.filter(
        ~Exists(ever),
        state=AffiliateState.ACTIVE.value,
        affiliated_on__lte=today - datetime.timedelta(days=first),
        # Past the last reminder and one interval more, the agency calls.
        affiliated_on__gt=today - datetime.timedelta(days=first + every * most),
    )
    count = 0
    for affiliate in silent.order_by("pk"):
        rank = ((today - affiliate.affiliated_on).days - first) // every + 1
        _write(affiliate, rank, at)
        count += 1
    return count


def _write(affiliate: Affiliate, rank: int, at: datetime.datetime) -> None:
    number = affiliate.affiliation_number
    who = Membership.objects.filter(
        affiliate=affiliate,
        ended_at__isnull=True,
        role__in=[Role.OWNER.value, Role.DECLARANT.value],
    ).select_related("user")
    for member in who:
        mail.write(
            key=f"nudge:{number}:{rank}:{member.user_id}",
            to=member.user,
            template="declarations/mail/first_declaration.txt",
            facts={"name": affiliate.name, "affiliation_number": number},
            at=at,
            path=reverse("declarations:list", kwargs={"affiliation_number": number}),
            is_reminder=True,
        )
