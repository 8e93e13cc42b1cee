"""What awaits a member of staff, on the first page of the desk."""

import datetime
from dataclasses import dataclass

from django import template
from django.template import Context
from django.urls import resolve, reverse
from django.utils.translation import gettext as _

from affiliates.access import is_supervisor, staff_affiliates
from affiliates.enums import AffiliationState, RecoveryState, RectificationState, RegistrationState
from affiliates.queries.affiliations import staff_affiliations
from affiliates.queries.posts import posts_to_review, staff_recoveries
from affiliates.queries.rectifications import staff_rectifications
from affiliates.queries.registrations import staff_registrations
from disputes.access import staff_disputes
from disputes.enums import DeskFilter
from disputes.queries import disputes as queries
from payments.enums import ProfileState
from payments.models import BankProfile
from payments.queries import open_acts, open_graces, parked, waiting_lines
from payments.queries.debits import debits_awaiting
from portal import clock
from portal.models import User
from regulation.parameters import value_at

register = template.Library()


@dataclass(frozen=True, slots=True)
class Awaiting:
    """One queue: how many rows it holds, where it opens, and whether it presses."""

    label: str
    count: int
    url: str
    presses: bool = False


@register.simple_tag(takes_context=True)
def awaiting(context: Context) -> list[Awaiting]:
    """`{% awaiting as queues %}`: the disputes on one's desk and the money that nobody could name."""
    user, today = context["request"].user, clock.today()
    limit = value_at("dispute.second_person_above", today).value
    counts = queries.desk_counts(staff_disputes(user), user=user, today=today, limit=limit)
    disputes = reverse("admin:disputes_dispute_changelist")
    money = reverse("admin:payments_bankline_waiting")
    people, firms = staff_registrations(user), staff_affiliations(user)
    queues = [
        Awaiting(
            _("Réclamations en retard"),
            counts[DeskFilter.LATE],
            f"{disputes}?file={DeskFilter.LATE.value}",
            presses=counts[DeskFilter.LATE] > 0,
        ),
        Awaiting(
            _("Réclamations sans agent"),
            counts[DeskFilter.UNASSIGNED],
            f"{disputes}?file={DeskFilter.UNASSIGNED.value}",
        ),
        Awaiting(
            _("Mes réclamations"),
            counts[DeskFilter.MINE],
            f"{disputes}?file={DeskFilter.MINE.value}",
        ),
        Awaiting(
            _("Versements à identifier"),
            waiting_lines().count(),
            money,
        ),
        Awaiting(
            _("Travaux mis de côté"),
            (stopped := parked.count()),
            reverse("admin:payments_bankfile_parked"),
            presses=stopped > 0,
        ),
        Awaiting(
            _("Actes à valider"),
            open_acts(staff_affiliates(user)).count(),
            reverse("admin:payments_clerkact_changelist"),
        ),
        Awaiting(
            _("Remises et échelonnements à décider"),
            open_graces(staff_affiliates(user)).count(),
            reverse("admin:payments_gracerequest_changelist"),
        ),
        Awaiting(
            _("Immatriculations à examiner"),
            people.filter(state=RegistrationState.SENT.value).count(),
            reverse("admin:affiliates_registrationrequest_changelist"),
        ),
        Awaiting(
            _("Rectifications à examiner"),
            staff_rectifications(user).filter(state=RectificationState.SENT.value).count(),
            reverse("admin:affiliates_rectificationrequest_changelist"),
        ),
        Awaiting(
            _("Affiliations à décider"),
            firms.filter(state=AffiliationState.SENT.value).count(),
            reverse("admin:affiliates_affiliationrequest_changelist"),
        ),
        *_profiles(user),
        Awaiting(
            _("Prélèvements à remettre ou sans réponse"),
            debits_awaiting(on=today),
            reverse("admin:payments_debitrun_changelist"),
        ),
        *_people(user, today),
    ]
    return [queue for queue in queues if _opens_for(user, queue.url)]


def _opens_for(user: User, url: str) -> bool:
    """Whether the post of this person acts on the screen behind a queue: what others decide waits for them."""
    route = resolve(url.partition("?")[0]).route.split("/")
    return user.has_perm(f"{route[1]}.change_{route[2]}")


def _people(user: User, today: datetime.date) -> list[Awaiting]:
    """What the accounts of people wait for: a second person's word, and reviews of posts that are late."""
    waiting = staff_recoveries(user).filter(state=RecoveryState.WAITING.value).count()
    late = sum(one.is_overdue for one in posts_to_review(on=today))
    return [
        Awaiting(
            _("Comptes à rouvrir, à approuver"),
            waiting,
            reverse("admin:affiliates_accountrecovery_changelist"),
            presses=waiting > 0,
        ),
        Awaiting(
            _("Revues d’accès en retard"),
            late,
            reverse("admin:affiliates_staffassignment_changelist"),
            presses=late > 0,
        ),
    ]


def _profiles(user: User) -> list[Awaiting]:
    """Versions of banks' profiles that wait for a second person, for those who may decide them."""
    if not is_supervisor(user):
        return []
    count = BankProfile.objects.filter(state=ProfileState.PROPOSED.value).count()
    address = reverse("admin:payments_bankprofile_changelist")
    return [Awaiting(_("Profils de banque à approuver"), count, address)]
