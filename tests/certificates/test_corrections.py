"""A certificate that relied on a month ends the moment the month is corrected, for everybody who looks."""

import datetime
import uuid

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from certificates import queries, workflows
from certificates.enums import CertificateKind, CertificateState, ReasonKind
from certificates.models import Certificate
from certificates.tasks import supersede_outdated
from declarations import workflows as declaring
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
    supersede_outdated()
    held.refresh_from_db()
    assert held.state == CertificateState.SUPERSEDED
    client.force_login(cast.owner)  # the session of that February is over
    own = client.get(reverse("certificates:list", args=[cast.affiliate.affiliation_number]))
    assert "a été corrigée" in own.content.decode()
    assert Certificate.objects.count() == 1
