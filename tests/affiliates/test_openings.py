"""« Qui a ouvert mon dossier »: the firm reads each staff view and change, with its reason."""

import datetime
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Mandate
from portal import audit
from portal.models import AuditEntry
from tests.affiliates.factories import EmploymentFactory, MandateFactory, MembershipFactory
from tests.desk import say_why

NOW = datetime.datetime(2026, 2, 4, 9, 0, tzinfo=datetime.UTC)


def _as(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def openings(cast: Any) -> str:
    return reverse("affiliates:openings", args=[cast.affiliate.affiliation_number])


def card(cast: Any) -> str:
    return reverse("admin:affiliates_affiliate_change", args=[cast.affiliate.pk])


def open_card(cast: Any, purpose: str = "call", detail: str = "") -> Client:
    clerk = _as(cast.staff)
    clerk.post(card(cast), {"purpose": purpose, "detail": detail})
    assert clerk.get(card(cast)).status_code == 200
    return clerk


def test_why_is_asked_before_a_file_outside_the_queue_is_shown(cast) -> None:
    clerk = _as(cast.staff)
    asked = clerk.get(card(cast)).content.decode()
    assert "Pourquoi ouvrez-vous ce dossier" in asked
    assert "Nadia Benjelloun" not in asked
    assert not AuditEntry.objects.filter(action="staff.read").exists()
    for told in ({}, {"purpose": "curiosity"}, {"purpose": "other", "detail": "bof"}):
        assert clerk.post(card(cast), told).status_code == 422
    assert "Nadia Benjelloun" in open_card(cast).get(card(cast)).content.decode()
    entry = AuditEntry.objects.filter(action="staff.read").latest("pk")
    assert entry.facts["purpose"] == "call"


def test_the_reason_holds_half_an_hour_and_for_that_firm_only(cast) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        clerk = open_card(cast)
        other = EmploymentFactory(affiliate=cast.strangers_affiliate)
        page = reverse("admin:affiliates_employment_change", args=[other.pk])
        assert "Pourquoi ouvrez-vous" in clerk.get(page).content.decode()
        clock.shift(datetime.timedelta(minutes=14))
        assert "Nadia Benjelloun" in clerk.get(card(cast)).content.decode()
        clock.shift(datetime.timedelta(minutes=14))
        clerk.get(card(cast))
        clock.shift(datetime.timedelta(minutes=3))
        assert "Pourquoi ouvrez-vous" in clerk.get(card(cast)).content.decode()


def test_an_insured_person_is_opened_with_a_reason_and_the_firm_is_told(cast) -> None:
    job = EmploymentFactory(affiliate=cast.affiliate)
    page = reverse("admin:affiliates_employee_change", args=[job.employee.pk])
    clerk = _as(cast.staff)
    assert "Pourquoi ouvrez-vous" in clerk.get(page).content.decode()
    clerk.post(page, {"purpose": "check"})
    assert job.employee.last_name in clerk.get(page).content.decode()
    entry = AuditEntry.objects.get(action="staff.read")
    assert entry.affiliation_number == cast.affiliate.affiliation_number


def test_the_firm_reads_who_when_what_and_why(cast) -> None:
    open_card(cast, "other", "vérification demandée par le comptable")
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    desk = reverse("admin:affiliates_mandate_changelist")
    say_why(_as(cast.staff), desk).post(
        desk,
        {"action": "revoke", "_selected_action": [mandate.pk]},
    )
    shown = _as(cast.owner).get(openings(cast)).content.decode()
    for words in ("Karim Alaoui", cast.affiliate.agency.name, "Fiche consultée", "Mandat retiré"):
        assert words in shown
    assert "vérification demandée par le comptable" in shown
    only = _as(cast.owner).get(openings(cast), {"quoi": "lectures"}).content.decode()
    assert "Fiche consultée" in only
    assert "Mandat retiré" not in only


def test_a_list_outside_the_queue_asks_why_and_every_firm_in_it_reads_the_answer(cast) -> None:
    clerk, desk = _as(cast.staff), reverse("admin:affiliates_affiliate_changelist")
    name = cast.affiliate.name
    assert name not in clerk.get(desk).content.decode()
    for told in ({"purpose": ""}, {"purpose": "queue"}, {"purpose": "other", "detail": "bof"}):
        asked = clerk.post(desk, told)
        assert asked.status_code == 422
        assert name not in asked.content.decode()
    assert not AuditEntry.objects.filter(action="staff.listed").exists()
    clerk.post(desk, {"purpose": "other", "detail": "tournée du quartier industriel"})
    assert name in clerk.get(desk).content.decode()
    entry = AuditEntry.objects.get(action="staff.listed")
    numbers = [cast.affiliate.affiliation_number, cast.strangers_affiliate.affiliation_number]
    assert entry.facts["firms"] == sorted(numbers)
    for owner, affiliate in (
        (cast.owner, cast.affiliate),
        (cast.stranger, cast.strangers_affiliate),
    ):
        page = reverse("affiliates:openings", args=[affiliate.affiliation_number])
        for asked in ({}, {"quoi": "lectures"}):
            shown = _as(owner).get(page, asked).content.decode()
            assert "dans une liste affichée : affiliés" in shown
            assert "tournée du quartier industriel" in shown
    # Another list is another question; so is this one, half an hour later.
    assert (
        "Pourquoi ouvrez-vous cette liste"
        in clerk.get(reverse("admin:affiliates_mandate_changelist")).content.decode()
    )


def test_a_firm_that_was_not_in_the_list_reads_nothing_of_it(cast) -> None:
    clerk, desk = _as(cast.staff), reverse("admin:affiliates_affiliate_changelist")
    say_why(clerk, desk).get(desk, {"q": cast.affiliate.affiliation_number})
    page = reverse("affiliates:openings", args=[cast.strangers_affiliate.affiliation_number])
    assert "Aucun agent" in _as(cast.stranger).get(page).content.decode()


def test_what_was_ticked_waits_for_the_reason(cast) -> None:
    mandate = Mandate.objects.get(affiliate=cast.affiliate)
    desk = reverse("admin:affiliates_mandate_changelist")
    asked = _as(cast.staff).post(desk, {"action": "revoke", "_selected_action": [mandate.pk]})
    assert asked.status_code == 422
    mandate.refresh_from_db()
    assert mandate.revoked_at is None


@pytest.mark.parametrize("kind", ["employee", "employment", "mandate"])
def test_naming_the_firms_of_a_list_does_not_cost_a_question_a_row(cast, kind: str) -> None:
    clerk, desk = _as(cast.staff), reverse(f"admin:affiliates_{kind}_changelist")
    say_why(clerk, desk)

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert clerk.get(desk).status_code == 200
        return len(seen)

    EmploymentFactory(affiliate=cast.affiliate)
    few = cost()
    for _more in range(4):
        EmploymentFactory(affiliate=cast.affiliate)
        MandateFactory(affiliate=cast.strangers_affiliate)
    assert cost() == few


def note(cast: Any, action: str, subject: Any, at: datetime.datetime = NOW) -> None:
    with time_machine.travel(at, tick=False), transaction.atomic():
        audit.record(
            actor=cast.staff,
            action=action,
            subject=subject,
            affiliation_number=cast.affiliate.affiliation_number,
        )


def test_an_inspection_in_preparation_is_told_once_it_is_ordered_or_after_long(cast) -> None:
    # Any row stands for the mission: only its kind and key count.
    mission, dropped = cast.bank_account, cast.affiliate
    note(cast, "mission.draft", mission)
    note(cast, "risk.read", dropped)
    owner = _as(cast.owner)
    with time_machine.travel(NOW, tick=False):
        shown = owner.get(openings(cast)).content.decode()
    assert "Contrôle préparé" not in shown
    assert "Signes de risque" not in shown
    note(cast, "mission.ordered", mission)
    with time_machine.travel(NOW + datetime.timedelta(minutes=1), tick=False):
        shown = owner.get(openings(cast)).content.decode()
    assert "Contrôle préparé" in shown
    assert "Signes de risque" not in shown
    with time_machine.travel(NOW + datetime.timedelta(days=181), tick=False):
        shown = _as(cast.owner).get(openings(cast)).content.decode()
    assert "Signes de risque consultés" in shown


def test_acts_of_the_firm_itself_and_of_other_firms_are_not_there(cast) -> None:
    with transaction.atomic():
        audit.record(
            actor=cast.staff,
            action="staff.read",
            subject=cast.strangers_affiliate,
            affiliation_number=cast.strangers_affiliate.affiliation_number,
        )
        audit.record(
            actor=cast.owner,
            action="invitation.sent",
            subject=cast.affiliate,
            affiliation_number=cast.affiliate.affiliation_number,
        )
    assert "Aucun agent" in _as(cast.owner).get(openings(cast)).content.decode()


def test_only_who_manages_the_firm_reads_it(cast) -> None:
    for user in cast.outsiders:
        assert _as(user).get(openings(cast)).status_code == 404
    reader = MembershipFactory(affiliate=cast.affiliate, role="reader").user
    for user in (cast.fiduciaire, reader):
        assert _as(user).get(openings(cast)).status_code == 403
    assert _as(cast.owner).post(openings(cast)).status_code == 405


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages(cast, language: str) -> None:
    open_card(cast)
    client = _as(cast.owner)
    client.cookies["django_language"] = language
    shown = client.get(openings(cast)).content.decode()
    assert f'lang="{language}"' in shown
    assert ("الاطلاع على بطاقة" in shown) is (language == "ar")


def test_the_number_of_queries_does_not_grow(cast) -> None:
    owner = _as(cast.owner)
    note(cast, "staff.read", cast.affiliate)
    owner.get(openings(cast))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner.get(openings(cast))
        return len(captured)

    few = queries()
    for _rank in range(6):
        note(cast, "staff.read", cast.affiliate)
    assert queries() == few
