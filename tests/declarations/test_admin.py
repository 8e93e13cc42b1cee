"""The clerks' desk: read, never change, and reading leaves a trace."""

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.enums import StaffRole
from declarations.models import Declaration, FileFinding, Prefill, ReceivedFile
from portal.models import AuditEntry
from tests.affiliates.factories import StaffAssignmentFactory
from tests.cast import Cast
from tests.declarations.factories import send, submitted

pytestmark = pytest.mark.django_db
MODELS = (Prefill, ReceivedFile, FileFinding, Declaration)


def rows(cast: Cast) -> dict[str, int]:
    one = submitted(cast.owner, cast.affiliate)
    file = send(cast.owner, cast.affiliate, b"%PDF-1.4")
    return {
        "prefill": Prefill.objects.get().pk,
        "receivedfile": file.pk,
        "filefinding": FileFinding.objects.get().pk,
        "declaration": one.pk,
    }


def test_staff_reads_everything_of_its_agency(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.staff)

    for name, pk in rows(cast).items():
        listed = client.get(reverse(f"admin:declarations_{name}_changelist"))
        assert listed.status_code == 200
        assert f"/declarations/{name}/{pk}/change/" in listed.content.decode()
        shown = client.get(reverse(f"admin:declarations_{name}_change", args=[pk]))
        assert shown.status_code == 200
        assert b'name="_save"' not in shown.content
    assert AuditEntry.objects.filter(action="staff.read").count() == len(MODELS)


def test_nothing_is_added_changed_or_removed(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.staff)

    for name, pk in rows(cast).items():
        assert client.post(reverse(f"admin:declarations_{name}_add"), {}).status_code == 403
        for act in ("change", "delete"):
            page = reverse(f"admin:declarations_{name}_{act}", args=[pk])
            assert client.post(page, {"period": "2020-01-01"}).status_code == 403


def test_a_clerk_of_another_agency_finds_nothing(cast: Cast) -> None:
    other = StaffAssignmentFactory(role=StaffRole.CLERK.value).user
    client = Client()
    client.force_login(other)

    for name, pk in rows(cast).items():
        page = client.get(reverse(f"admin:declarations_{name}_changelist")).content.decode()
        assert f"/{name}/{pk}/change/" not in page
        shown = client.get(reverse(f"admin:declarations_{name}_change", args=[pk]))
        assert shown.status_code == 302
    for user in (cast.owner, cast.bank, cast.stranger):
        client.force_login(user)
        page = reverse("admin:declarations_declaration_changelist")
        assert client.get(page).status_code == 302
