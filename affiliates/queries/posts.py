"""Who holds which post since when, when they last came, and who last looked whether it is needed."""

import datetime
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from affiliates.models import AccountRecovery, PostReview, StaffAssignment
from portal.clock import day_of
from portal.models import User
from regulation.parameters import value_at


@dataclass(frozen=True, slots=True)
class PostOnList:
    """One line of the reviews: ``due_on`` is the day by which somebody must have looked."""

    post: StaffAssignment
    reviewed_at: datetime.datetime | None
    reviewed_by: str
    due_on: datetime.date
    is_overdue: bool


def posts_to_review(*, on: datetime.date) -> list[PostOnList]:
    """Every post, those most overdue first. Two queries."""
    last = PostReview.objects.filter(
        user=OuterRef("user"), role=OuterRef("role"), agency=OuterRef("agency")
    ).order_by("-pk")
    rows: QuerySet[StaffAssignment] = (
        StaffAssignment.objects.select_related("user", "agency", "given_by")
        .annotate(
            last_at=Subquery(last.values("reviewed_at")[:1]),
            last_by=Subquery(last.values("reviewed_by__full_name")[:1]),
        )
        .order_by("pk")
    )
    days = datetime.timedelta(days=int(value_at("access.review_days", on).value))
    listed = []
    for row in rows:
        at, by = row.last_at, row.last_by  # type: ignore[attr-defined]
        due = day_of(max(at, row.since) if at else row.since) + days
        listed.append(PostOnList(row, at, by or "", due, due < on))
    return sorted(listed, key=lambda one: (one.due_on, one.post.pk))


def staff_recoveries(user: User) -> QuerySet[AccountRecovery]:
    """The accounts to open again at the agency where this member of staff works."""
    posts = StaffAssignment.objects.filter(user=user)
    return AccountRecovery.objects.filter(agency__in=posts.values("agency"))


def staff_without_post() -> QuerySet[User]:
    """People marked as staff whom no post lets in: accounts to close, or to give a post."""
    return User.objects.filter(
        is_staff=True, is_active=True, staff_assignment__isnull=True
    ).order_by("full_name", "pk")


def superusers() -> QuerySet[User]:
    """Accounts for repairs; they have no desk, and should be closed between repairs."""
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
