"""The staff desk: one door, read-only, and looking at an affiliate's data leaves a trace."""

import pytest
from django.contrib import admin
from django.test import Client

from portal.admin import StaffAdmin
from portal.models import AuditEntry
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_staff_come_in_and_find_their_subjects(client: Client, cast: Cast):
    client.force_login(cast.staff)
    page = client.get("/administration/")
    assert page.status_code == 200
    assert "Que voulez-vous traiter ?" in page.content.decode()


@pytest.mark.parametrize("who", ["owner", "fiduciaire", "bank", "stranger"])
def test_for_others_there_is_no_desk(client: Client, cast: Cast, who: str):
    client.force_login(getattr(cast, who))
    assert client.get("/administration/", follow=True).status_code == 404
    assert (
        client.get(f"/administration/portal/user/{cast.owner.pk}/change/", follow=True).status_code
        == 404
    )


def test_a_visitor_meets_the_one_door(client: Client):
    answer = client.get("/administration/portal/user/")
    assert answer.status_code == 302
    answer = client.get("/administration/login/?next=/administration/portal/user/")
    assert answer.headers["Location"] == "/connexion/?next=%2Fadministration%2Fportal%2Fuser%2F"


def test_nothing_is_edited_in_place(client: Client, cast: Cast):
    client.force_login(cast.staff)
    page = f"/administration/portal/user/{cast.owner.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"full_name": "Autre"}).status_code == 403
    assert client.get("/administration/portal/user/add/").status_code == 403
    assert client.post(f"/administration/portal/user/{cast.owner.pk}/delete/").status_code == 403


def test_every_desk_of_ours_is_built_on_the_read_only_one():
    others = [
        type(desk).__name__
        for desk in admin.site._registry.values()
        if not isinstance(desk, StaffAdmin)
    ]
    assert others == []


def test_looking_at_an_employer_leaves_a_trace(client: Client, cast: Cast):
    client.force_login(cast.staff)
    page = f"/administration/affiliates/affiliate/{cast.affiliate.pk}/change/"
    client.post(page, {"purpose": "call"})
    assert client.get(page).status_code == 200
    entry = AuditEntry.objects.get(action="staff.read")
    assert (entry.actor, entry.action, entry.affiliation_number) == (
        cast.staff,
        "staff.read",
        cast.affiliate.affiliation_number,
    )


def test_what_was_not_shown_leaves_none(client: Client, cast: Cast):
    client.force_login(cast.staff)
    client.get("/administration/affiliates/affiliate/999999/change/")
    assert not AuditEntry.objects.exists()


def test_the_trace_is_for_those_who_may_read_it(client: Client, cast: Cast):
    client.force_login(cast.staff)
    assert client.get("/administration/portal/auditentry/").status_code == 403
