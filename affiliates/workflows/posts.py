"""The posts of the fund's staff: given by another, looked at again every half year by another still."""

import datetime

from django.db import transaction

from affiliates.access import require_post
from affiliates.enums import ACCESS_ROLES, ReviewVerdict, StaffRole
from affiliates.errors import OwnPost, PostGone
from affiliates.models import Agency, PostReview, StaffAssignment
from portal import audit
from portal.models import OpenSession, User


@transaction.atomic
def give_post(
    *, actor: User, at: datetime.datetime, user: User, agency: Agency, role: StaffRole
) -> StaffAssignment:
    """Let ``user`` work at ``agency`` with ``role``, in the place of any post held. The same again changes nothing.

    Refuses one's own post (OwnPost). Whoever had a post begins again at the door.
    """
    if actor.pk == user.pk:
        raise OwnPost
    person = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    held = StaffAssignment.objects.filter(user=person).first()
    if held is not None and (held.agency_id, held.role) == (agency.pk, role.value):
        return held
    post, _made = StaffAssignment.objects.update_or_create(
        user=person,
        defaults={"agency": agency, "role": role.value, "since": at, "given_by": actor},
    )
    if not person.is_staff:
        person.is_staff = True
        person.save(update_fields=["is_staff"])
    audit.record(
        actor=actor, action="post.given", subject=post, user=person.pk, role=role.value,
        agency=agency.code, before=held.role if held else "",
    )  # fmt: skip
    OpenSession.objects.filter(user=person).delete()
    return post


@transaction.atomic
def review_post(
    *,
    actor: User,
    at: datetime.datetime,
    post: StaffAssignment,
    verdict: ReviewVerdict,
    reason: str,
) -> PostReview:
    """Say whether a post is still needed, and why. Removed, it opens nothing from the next request on.

    Refuses whoever sees to no accesses (PostMissing), one's own post (OwnPost) and one that is gone (PostGone).
    """
    require_post(actor, ACCESS_ROLES)
    row = (
        StaffAssignment.objects.select_for_update(of=("self",))
        .select_related("user", "agency")
        .filter(pk=post.pk)
        .first()
    )
    if row is None:
        raise PostGone
    if row.user_id == actor.pk:
        raise OwnPost
    review = PostReview.objects.create(
        user=row.user, agency=row.agency, role=row.role, verdict=verdict.value,
        reason=reason.strip()[:200], reviewed_by=actor, reviewed_at=at,
    )  # fmt: skip
    audit.record(
        actor=actor, action=f"post.{verdict.value}", subject=review, user=row.user_id, role=row.role
    )
    if verdict is ReviewVerdict.REMOVED:
        row.delete()
        OpenSession.objects.filter(user=row.user).delete()
    return review
