"""From a person to the affiliates they may touch: the only doorway.

A right comes from a membership of the firm (its role) or from a mandate given to an accountant's office the
person works for. Both are looked at again at each use: what was taken back a second ago no longer opens.
Someone else's affiliate and one that does not exist give the same 404.
"""

import datetime
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext

from affiliates.enums import NATIONAL_ROLES, ROLE_SCOPES, Role, Scope, StaffRole
from affiliates.errors import PostMissing, ScopeMissing
from affiliates.models import Affiliate, Mandate, Membership, Representative, StaffAssignment
from portal import audit, clock, walls
from portal.errors import message_of
from portal.models import User

Actor = User | AnonymousUser


def _memberships(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, ended_at__isnull=True)


def _mandates(user: User, on: datetime.date) -> QuerySet[Mandate]:
    return Mandate.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=on),
        representative__members=user,
        revoked_at__isnull=True,
        starts_on__lte=on,
    )


def for_actor(user: Actor, scope: Scope = Scope.READ, *, on: datetime.date) -> QuerySet[Affiliate]:
    """The affiliates for which ``user`` may do ``scope`` on the Moroccan day ``on``; none for a stranger.

    A mandate counts from the first second of ``starts_on`` to the last of ``ends_on``.
    """
    if not isinstance(user, User) or not user.is_active:
        return Affiliate.objects.none()
    roles = [role.value for role in Role if scope in ROLE_SCOPES[role]]
    own = _memberships(user).filter(role__in=roles)
    given = _mandates(user, on).filter(scopes__contains=[scope.value])
    # A union, not an OR: the planner then starts from the few rows of this person.
    return Affiliate.objects.filter(
        pk__in=own.order_by().values("affiliate_id").union(given.order_by().values("affiliate_id"))
    )


def offices_of(user: Actor) -> QuerySet[Representative]:
    """The accountants' offices that a person works for; none for anybody else."""
    if not isinstance(user, User) or not user.is_active:
        return Representative.objects.none()
    return Representative.objects.filter(members=user)


def taken_back(
    scope: Scope, pairs: Collection[tuple[User, Affiliate]], *, on: datetime.date
) -> set[tuple[int, int]]:
    """Of these people and affiliates, those who had a right and may not do ``scope`` any more, as pairs of keys.

    For work that was asked at the doorway and is done later: what let the person in must still be there. Whoever
    never had a role or a mandate there (the fund itself) is not judged here. Four queries.
    """
    people = {user.pk for user, _affiliate in pairs}
    firms = {affiliate.pk for _user, affiliate in pairs}
    asked = {(user.pk, affiliate.pk) for user, affiliate in pairs}
    members = Membership.objects.filter(user__in=people, affiliate__in=firms)
    mandates = Mandate.objects.filter(representative__members__in=people, affiliate__in=firms)
    linked = {
        *members.values_list("user_id", "affiliate_id"),
        *mandates.values_list("representative__members", "affiliate_id"),
    }
    still = who_may(scope, [user for user, _affiliate in pairs if user.is_active], on=on)
    return (asked & linked) - still


def who_may(scope: Scope, people: Collection[User], *, on: datetime.date) -> set[tuple[int, int]]:
    """Of these people, who may do ``scope`` for which affiliate on ``on``, as pairs of keys; two queries."""
    roles = [role.value for role in Role if scope in ROLE_SCOPES[role]]
    own = Membership.objects.filter(user__in=people, ended_at__isnull=True, role__in=roles)
    given = Mandate.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=on),
        representative__members__in=people,
        revoked_at__isnull=True,
        starts_on__lte=on,
        scopes__contains=[scope.value],
    )
    return {
        *own.values_list("user_id", "affiliate_id"),
        *given.values_list("representative__members", "affiliate_id"),
    }


def capacities(user: Actor, affiliate: Affiliate, *, on: datetime.date) -> frozenset[Scope]:
    """What ``user`` may do for ``affiliate`` on ``on``; empty for a stranger."""
    found = _find(user, affiliate.affiliation_number, on=on)
    return found[1] if found else frozenset()


def open_all(
    user: Actor, numbers: Collection[str], scope: Scope, *, on: datetime.date
) -> list[Affiliate]:
    """Of these numbers, the affiliates for which ``user`` may do ``scope``, by number; one query for all of them.

    The doorway of acts on many firms at once: what is not theirs is left out, as if it did not exist.
    """
    found = _with_rights(user, Affiliate.objects.filter(affiliation_number__in=numbers), on)
    opened = []
    for affiliate in found.order_by("affiliation_number"):
        if scope in _scopes_of(affiliate):
            _note_passage(user, affiliate, scope)
            opened.append(affiliate)
    return opened


def affiliate_or_404(
    user: Actor, affiliation_number: str, scope: Scope = Scope.READ, *, on: datetime.date
) -> Affiliate:
    """The affiliate of this number, if ``user`` may do ``scope`` for it.

    Raises Http404 when it is not theirs or does not exist, PermissionDenied with a readable sentence when it is
    theirs but the role or the mandate does not go that far.
    """
    return _require(user, affiliation_number, scope, on=on)[0]


def _require(
    user: Actor, affiliation_number: str, scope: Scope, *, on: datetime.date
) -> tuple[Affiliate, frozenset[Scope]]:
    found = _find(user, affiliation_number, on=on)
    if found is None:
        raise Http404
    affiliate, scopes = found
    _note_passage(user, affiliate, scope)
    if scope not in scopes:
        raise PermissionDenied(
            message_of(ScopeMissing(name=affiliate.name, scope=gettext(scope.label)))
        )
    return affiliate, scopes


def _note_passage(user: Actor, affiliate: Affiliate, scope: Scope) -> None:
    """Let the trace of what follows bear the name of the office too, when only its mandate allows the act."""
    if not isinstance(user, User):
        return
    own = any(scope in ROLE_SCOPES[Role(role)] for role in affiliate.own_roles)  # type: ignore[attr-defined]
    given = zip(affiliate.given_scopes, affiliate.given_by, strict=True)  # type: ignore[attr-defined]
    offices = {office for scopes, office in given if scope == Scope.READ or scope.value in scopes}
    audit.passed_through(
        user, affiliate.affiliation_number, "" if own else ", ".join(sorted(offices))[:120]
    )


def _find(
    user: Actor, affiliation_number: str, *, on: datetime.date
) -> tuple[Affiliate, frozenset[Scope]] | None:
    """The affiliate and what the person may do there, in one query; None without any link to it."""
    if not isinstance(user, User) or not user.is_active:
        return None
    affiliate = (
        _with_rights(user, Affiliate.objects.filter(affiliation_number=affiliation_number), on)
        .select_related("agency")
        .annotate(has_siblings=Exists(for_actor(user, on=on).exclude(pk=OuterRef("pk"))))
        .first()
    )
    if affiliate is None:
        return None
    scopes = _scopes_of(affiliate)
    return (affiliate, scopes) if scopes else None


def _with_rights(user: Actor, rows: QuerySet[Affiliate], on: datetime.date) -> QuerySet[Affiliate]:
    """These affiliates with what ``user`` is there: ``own_roles``, ``given_scopes`` and ``given_by``."""
    if not isinstance(user, User) or not user.is_active:
        return Affiliate.objects.none()
    given = _mandates(user, on).filter(affiliate=OuterRef("pk")).order_by("pk")
    return rows.annotate(
        own_roles=ArraySubquery(_memberships(user).filter(affiliate=OuterRef("pk")).values("role")),
        given_scopes=ArraySubquery(given.values("scopes")),
        given_by=ArraySubquery(given.values("representative__name")),
    )


def _scopes_of(affiliate: Affiliate) -> frozenset[Scope]:
    """What the rights that `_with_rights` found allow; empty for a stranger."""
    roles: list[str] = affiliate.own_roles  # type: ignore[attr-defined]
    given: list[list[str]] = affiliate.given_scopes  # type: ignore[attr-defined]
    scopes = {scope for role in roles for scope in ROLE_SCOPES[Role(role)]}
    scopes |= {Scope(value) for values in given for value in values}
    # Whoever may act for a firm may look at it.
    return frozenset(scopes | {Scope.READ}) if roles or given else frozenset()


def post_of(user: Actor) -> StaffRole | None:
    """The post that ``user`` holds at the fund now, as the database says it; None for anybody else."""
    if not isinstance(user, User):
        return None
    post = StaffAssignment.objects.filter(
        user=user, user__is_active=True, user__is_staff=True
    ).first()
    return StaffRole(post.role) if post else None


def is_supervisor(user: Actor) -> bool:
    """Whether ``user`` is a supervisor today."""
    return post_of(user) is StaffRole.SUPERVISOR


def require_post(actor: Actor, roles: Collection[StaffRole]) -> None:
    """Let pass whoever holds one of these posts of the fund now. Refuses everybody else (PostMissing).

    The screen asks too, when it opens; a workflow asks again, so that a post taken back moves nothing any more.
    """
    if post_of(actor) not in roles:
        raise PostMissing


def staff_affiliates(user: Actor) -> QuerySet[Affiliate]:
    """The affiliates on the desk of a member of staff: an agency's, every agency's for a national post.

    None for whoever sees to accounts and accesses, and for a superuser: no post, no file.
    """
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return Affiliate.objects.none()
    assignment = StaffAssignment.objects.filter(user=user).first()
    if assignment is None or assignment.role == StaffRole.ADMINISTRATOR:
        return Affiliate.objects.none()
    if assignment.role in NATIONAL_ROLES:
        return Affiliate.objects.all()
    return Affiliate.objects.filter(agency=assignment.agency_id)


View = Callable[..., HttpResponseBase]


def affiliate_view(scope: Scope = Scope.READ) -> Callable[[View], View]:
    """Open a view of one affiliate: the URL's ``affiliation_number`` becomes the argument ``affiliate``.

    The view is called as ``view(request, affiliate=…, **other URL arguments)``. ``affiliate`` and ``scopes`` (what
    the person may do there) reach every template through the context processor ``affiliates.context``.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def opened(
            request: HttpRequest, *args: Any, affiliation_number: str, **kwargs: Any
        ) -> HttpResponseBase:
            affiliate, scopes = _require(request.user, affiliation_number, scope, on=clock.today())
            request.affiliate = affiliate  # type: ignore[attr-defined]
            request.affiliate_scopes = scopes  # type: ignore[attr-defined]
            # Behind this door the database itself shows the rows of this affiliate and of no other.
            with walls.rows_of(affiliate.pk):
                return view(request, *args, affiliate=affiliate, **kwargs)

        return opened

    return decorate
