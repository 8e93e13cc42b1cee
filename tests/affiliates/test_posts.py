"""Posts of the staff: given and reviewed by another, looked at twice a year.

What each opens on the desk, address by address, is the matrix of doors (tests/house/test_matrix.py).
"""

import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib import admin
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from affiliates.access import staff_affiliates
from affiliates.enums import ReviewVerdict, StaffRole
from affiliates.errors import OwnPost, PostGone
from affiliates.models import Affiliate, Mandate, PostReview, StaffAssignment
from affiliates.queries.posts import posts_to_review
from affiliates.workflows import give_post, review_post
from damancom.posts import DESKS, opens
from portal import clock
from portal.models import AuditEntry, User
from tests.affiliates.factories import AgencyFactory, StaffAssignmentFactory, UserFactory
from tests.cast import Cast

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
LIST = "admin:affiliates_staffassignment_changelist"
ONE = "admin:affiliates_staffassignment_change"


def member(role: StaffRole) -> User:
    user: User = StaffAssignmentFactory(role=role.value, since=AT).user
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_every_screen_of_the_desk_has_its_line_and_no_line_is_left() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert registered == set(DESKS)


def test_an_auditor_reads_everything_and_acts_on_nothing() -> None:
    assert all(opens(StaffRole.AUDITOR, label, to_act=False) for label in DESKS)
    assert not any(opens(StaffRole.AUDITOR, label, to_act=True) for label in DESKS)


def test_an_auditor_says_why_and_reads_a_card_and_no_trick_makes_them_act(cast: Cast) -> None:
    client = browser(member(StaffRole.AUDITOR))
    why = {"purpose": "check", "detail": ""}
    card = reverse("admin:affiliates_affiliate_change", args=[cast.affiliate.pk])
    assert "Pourquoi ouvrez-vous" in client.get(card).content.decode()
    assert client.post(card, why).status_code == 302
    assert cast.affiliate.name in client.get(card).content.decode()
    for name in ("accountrecovery_open", "staffassignment_changelist"):
        assert client.post(reverse(f"admin:affiliates_{name}"), why).status_code == 403
    mandates = reverse("admin:affiliates_mandate_changelist")
    mandate = Mandate.objects.get()
    client.post(mandates, {**why, "action": "revoke", "_selected_action": [mandate.pk]})
    client.post(mandates, {"action": "revoke", "_selected_action": [mandate.pk]})
    mandate.refresh_from_db()
    assert mandate.revoked_at is None


def test_who_sees_to_accesses_opens_no_file_of_a_firm(cast: Cast) -> None:
    person = member(StaffRole.ADMINISTRATOR)
    assert staff_affiliates(person).count() == 0
    assert not any(
        opens(StaffRole.ADMINISTRATOR, label, to_act=False)
        for label in DESKS
        if label.startswith(("payments.", "disputes.", "certificates."))
    )


def test_a_superuser_has_no_desk_and_no_file(cast: Cast) -> None:
    person = User.objects.create_superuser("reparation@caisse.example", "x" * 20, full_name="R")
    client = browser(person)
    index = client.get(reverse("admin:index"))
    assert (index.status_code, "/administration/login/" in index.headers["Location"]) == (302, True)
    assert client.get(reverse("admin:login")).status_code == 404
    assert Affiliate.objects.exists()
    assert staff_affiliates(person).count() == 0


def test_a_superuser_who_came_lately_stops_the_check_of_a_deployment() -> None:
    person = User.objects.create_superuser("reparation@caisse.example", "x" * 20, full_name="R")
    call_command("check", databases=["default"])
    person.last_login = clock.now() - timedelta(days=6)
    person.save()
    with pytest.raises(SystemCheckError, match=r"portal\.E010"):
        call_command("check", databases=["default"])
    person.is_active = False
    person.save()
    call_command("check", databases=["default"])


def test_a_post_is_given_by_another_and_begins_at_the_door(cast: Cast) -> None:
    agency, giver, user = AgencyFactory(), member(StaffRole.ADMINISTRATOR), UserFactory()
    client = browser(user)
    client.get(reverse("portal:security"))
    with pytest.raises(OwnPost):
        give_post(actor=user, at=AT, user=user, agency=agency, role=StaffRole.CLERK)
    post = give_post(actor=giver, at=AT, user=user, agency=agency, role=StaffRole.CLERK)
    again = give_post(actor=giver, at=AT, user=user, agency=agency, role=StaffRole.CLERK)
    assert (post.pk, post.given_by, post.since) == (again.pk, giver, AT)
    assert client.get(reverse("portal:security")).status_code == 302
    assert AuditEntry.objects.filter(action="post.given").count() == 1
    with pytest.raises(IntegrityError, match="post_given_by_another"), transaction.atomic():
        StaffAssignment.objects.filter(pk=post.pk).update(given_by=user)


def test_a_review_keeps_or_removes_at_once_and_never_ones_own() -> None:
    reviewer, clerk = member(StaffRole.SUPERVISOR), member(StaffRole.CLERK)
    post, desk, theirs = clerk.staff_assignment, browser(reviewer), browser(clerk)  # type: ignore[attr-defined]
    path = reverse(ONE, args=[post.pk])
    assert theirs.get(reverse("admin:index")).status_code == 200
    assert desk.post(path, {"verdict": "kept", "reason": ""}).status_code == 422
    assert desk.post(path, {"verdict": "kept", "reason": "guichet 3"}).status_code == 302
    assert theirs.get(reverse("admin:index")).status_code == 200
    desk.post(path, {"verdict": "removed", "reason": "mutée à Rabat"})
    assert theirs.get(reverse("admin:index")).status_code == 302
    # The cookie too is worth nothing: not even the pages that need no post.
    assert theirs.get(reverse("portal:security")).status_code == 302
    assert [(one.verdict, one.reason) for one in PostReview.objects.order_by("pk")] == [
        ("kept", "guichet 3"),
        ("removed", "mutée à Rabat"),
    ]
    assert desk.get(path).status_code == 404
    with pytest.raises(PostGone):
        review_post(actor=reviewer, at=AT, post=post, verdict=ReviewVerdict.KEPT, reason="x")
    own = reviewer.staff_assignment  # type: ignore[attr-defined]
    assert "quelqu’un d’autre" in desk.get(reverse(ONE, args=[own.pk])).content.decode()
    refused = desk.post(reverse(ONE, args=[own.pk]), {"verdict": "kept", "reason": "moi"})
    assert refused.status_code == 422
    with pytest.raises(OwnPost):
        review_post(actor=reviewer, at=AT, post=own, verdict=ReviewVerdict.KEPT, reason="moi")
    with pytest.raises(IntegrityError, match="post_reviewed_by_another"), transaction.atomic():
        PostReview.objects.filter(user=clerk).update(reviewed_by=clerk)


def test_a_post_that_nobody_looked_at_for_half_a_year_is_shown_late() -> None:
    reviewer, clerk = member(StaffRole.SUPERVISOR), member(StaffRole.CLERK)
    post = clerk.staff_assignment  # type: ignore[attr-defined]
    last = (AT + timedelta(days=180)).date()
    for on, late in ((last, False), (last + timedelta(days=1), True)):
        assert {one.is_overdue for one in posts_to_review(on=on)} == {late}
    review_post(
        actor=reviewer,
        at=AT + timedelta(days=180),
        post=post,
        verdict=ReviewVerdict.KEPT,
        reason="x",
    )
    listed = posts_to_review(on=last + timedelta(days=1))
    assert [(one.post.user_id, one.is_overdue) for one in listed] == [
        (reviewer.pk, True),
        (clerk.pk, False),
    ]
    with time_machine.travel(AT + timedelta(days=181, hours=1), tick=False):
        page = browser(reviewer).get(reverse(LIST)).content.decode()
    assert "1 poste attend une revue en retard" in page


def test_for_others_than_staff_there_is_no_list(cast: Cast) -> None:
    for person in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        assert browser(person).get(reverse(LIST)).status_code == 302
    assert browser(cast.staff).get(reverse(LIST)).status_code == 403


def test_the_list_asks_as_many_questions_whatever_its_length(
    django_assert_max_num_queries,
) -> None:
    desk = browser(member(StaffRole.SUPERVISOR))
    desk.get(reverse(LIST))
    for _more in range(2):
        for _each in range(3):
            member(StaffRole.CLERK)
        with django_assert_max_num_queries(14):
            desk.get(reverse(LIST))


def test_a_post_is_given_at_the_console_by_another_account(cast: Cast) -> None:
    agency, user = AgencyFactory(code="Q1"), UserFactory(email="nouveau@caisse.example")
    told = ["give_post", user.email, "Q1", "auditor", "--by", cast.staff.email]
    call_command(*told, stdout=io.StringIO())
    assert not StaffAssignment.objects.filter(user=user).exists(), "a rehearsal keeps nothing"
    call_command(*told, "--apply", stdout=io.StringIO())
    post = StaffAssignment.objects.get(user=user)
    assert (post.role, post.agency, post.given_by) == ("auditor", agency, cast.staff)
    for wrong in (["give_post", "nul@x.y", "Q1"], ["give_post", user.email, "Q9"]):
        with pytest.raises(CommandError):
            call_command(*wrong, "clerk", "--by", cast.staff.email, stdout=io.StringIO())
