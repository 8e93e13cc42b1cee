"""A certificate that relied on a month ends the moment the month is corrected, for everybody who looks."""

import datetime
import uuid

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from affiliates.models import Mandate
from certificates import queries, workflows
from certificates.enums import CertificateKind, CertificateState, ReasonKind
from certificates.models import Certificate
from certificates.tasks import supersede_outdated
from declarations import workflows as declaring
from portal.models import Mail
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, submitted

pytestmark = pytest.mark.django_db
LATER = AT + datetime.timedelta(days=2)


def test_it_is_superseded_at_once_and_the_holder_is_told(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    held = workflows.request(
        actor=cast.owner,
        affiliate=cast.affiliate,
        kind=CertificateKind.PAYROLL,
        intent=uuid.uuid4(),
        at=LATER,
        first=JANUARY,
        last=JANUARY,
    )
    assert queries.relying_on(one) == [held]
    draft = declaring.open_correction(actor=cast.owner, at=LATER, declaration=one)
    line = draft.lines.order_by("rank")[0]
    draft = declaring.save_form(
        actor=cast.owner, declaration=draft, version=1, cells={line.pk: {"wage": "4000"}}
    )
    page = reverse("declarations:declaration", args=[cast.affiliate.affiliation_number, draft.pk])
    client = Client()
    client.force_login(cast.owner)
    with time_machine.travel(LATER, tick=True):
        assert held.number in client.get(page).content.decode()  # said before the signature
    assert queries.validity(held).state is CertificateState.VALID

    signed = LATER + datetime.timedelta(hours=1)
    declaring.submit(actor=cast.owner, at=signed, declaration=draft, version=draft.version)

    # Before any task has passed, on the page that everybody may read.
    told = queries.verification(held.token)
    assert told is not None
    assert told.validity.state is CertificateState.SUPERSEDED
    assert told.validity.reason is ReasonKind.DECLARATION_CORRECTED
    public = Client().get(reverse("certificates:verification", args=[held.token]))
    assert "a été corrigée" in public.content.decode()
    assert not Mail.objects.filter(key__startswith="certificate:").exists()
    for _ in range(2):
        supersede_outdated()
    letters = Mail.objects.filter(key__startswith="certificate:")
    assert [letter.user for letter in letters] == [cast.owner]
    assert "Raison : une déclaration de la période a été corrigée." in letters[0].text
    assert f"/attestations/{held.number}/" in letters[0].text
    held.refresh_from_db()
    assert held.state == CertificateState.SUPERSEDED
    client.force_login(cast.owner)  # the session of that February is over
    own = client.get(reverse("certificates:list", args=[cast.affiliate.affiliation_number]))
    assert "a été corrigée" in own.content.decode()
    assert Certificate.objects.count() == 1


def test_an_accountant_who_asked_is_told_while_the_mandate_lasts(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    held = [
        workflows.request(
            actor=cast.fiduciaire,
            affiliate=affiliate,
            kind=CertificateKind.REGISTRATION,
            intent=uuid.uuid4(),
            at=LATER,
        )
        for affiliate in [cast.affiliate, cast.affiliate]
    ]
    # Renewed by its own firm: nobody needs a letter.
    assert not Mail.objects.filter(key__startswith="certificate:").exists()

    workflows.revoke(actor=cast.staff, certificate=held[1], reason="Mauvais nom.", at=LATER)

    letters = Mail.objects.filter(key__startswith="certificate:")
    assert {letter.user for letter in letters} == {cast.owner, cast.fiduciaire}
    assert all("Mauvais nom." in letter.text for letter in letters)


def test_an_accountant_whose_mandate_is_over_is_not_told(cast: Cast) -> None:
    submitted(cast.owner, cast.affiliate)
    held = workflows.request(
        actor=cast.fiduciaire,
        affiliate=cast.affiliate,
        kind=CertificateKind.REGISTRATION,
        intent=uuid.uuid4(),
        at=LATER,
    )
    Mandate.objects.update(revoked_at=LATER)

    workflows.revoke(actor=cast.staff, certificate=held, reason="Mauvais nom.", at=LATER)

    assert [row.user for row in Mail.objects.filter(key__startswith="certificate:")] == [cast.owner]
