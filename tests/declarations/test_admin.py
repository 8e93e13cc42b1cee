"""The clerks' desk: read, never change, and reading leaves a trace."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from affiliates.enums import StaffRole
from declarations import workflows
from declarations.enums import StopReason
from declarations.models import CorrectionStop, Declaration, FileFinding, Prefill, ReceivedFile
from portal.models import AuditEntry, User
from tests.affiliates.factories import StaffAssignmentFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, send, submitted
from tests.desk import say_why

pytestmark = pytest.mark.django_db
MODELS = (Prefill, ReceivedFile, FileFinding, Declaration, CorrectionStop)


def rows(cast: Cast) -> dict[str, int]:
    one = submitted(cast.owner, cast.affiliate)
    file = send(cast.owner, cast.affiliate, b"%PDF-1.4")
    return {
        "prefill": Prefill.objects.get().pk,
        "receivedfile": file.pk,
        "filefinding": FileFinding.objects.get().pk,
        "declaration": one.pk,
        "correctionstop": closed(cast).pk,
    }


def closed(cast: Cast) -> CorrectionStop:
    return workflows.stop_corrections(
        actor=None,
        at=AT,
        affiliate=cast.affiliate,
        period=JANUARY,
        reason=StopReason.DECISION,
        reference="R-42",
    )


def test_staff_reads_everything_of_its_agency(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.staff)

    for name, pk in rows(cast).items():
        desk = reverse(f"admin:declarations_{name}_changelist")
        listed = say_why(client, desk).get(desk)
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


def reopen(user: User, stop: CorrectionStop, **more: str) -> HttpResponse:
    client = Client()
    client.force_login(user)
    data = {"action": "reopen", "_selected_action": str(stop.pk)} | more
    page = reverse("admin:declarations_correctionstop_changelist")
    client.post(page, {"purpose": "request"})
    return client.post(page, data, follow=True)  # type: ignore[return-value]


def test_the_agency_opens_a_closed_month_again_and_says_why(cast: Cast) -> None:
    stop = closed(cast)

    asked = reopen(cast.staff, stop).content.decode()
    assert "R-42" in asked
    assert "Pourquoi rouvrir" in asked
    assert "Ce champ est obligatoire" in reopen(cast.staff, stop, because=" ").content.decode()
    stop.refresh_from_db()
    assert stop.lifted_at is None

    told = reopen(cast.staff, stop, because="Demandé par l’employeur le 3.").content.decode()

    assert "Janvier 2026 est rouvert à la correction" in told.replace("\xa0", " ")
    stop.refresh_from_db()
    assert stop.lifted_because == "Demandé par l’employeur le 3."
    entry = AuditEntry.objects.get(action="declarations.corrections.allowed")
    assert (entry.actor, entry.affiliation_number) == (
        cast.staff,
        cast.affiliate.affiliation_number,
    )
    assert entry.facts["because"] == stop.lifted_because
    one = submitted(cast.owner, cast.affiliate)
    assert workflows.open_correction(actor=cast.owner, at=AT, declaration=one).corrects == one


def test_nobody_else_opens_a_closed_month(cast: Cast) -> None:
    stop = closed(cast)
    elsewhere = StaffAssignmentFactory(role=StaffRole.CLERK.value).user

    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger, elsewhere):
        assert "rouvert à la correction" not in reopen(user, stop, because="Non.").content.decode()

    stop.refresh_from_db()
    assert stop.lifted_at is None
    assert not AuditEntry.objects.filter(action="declarations.corrections.allowed").exists()
