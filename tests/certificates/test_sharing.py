"""Share links: they open one certificate for some days, the firm sees each opening and withdraws them."""

import datetime
import uuid

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import Role
from certificates import workflows
from certificates.enums import CertificateKind, CertificateState, SharedPart
from certificates.errors import IntentReused, SharesTooMany, ShareTooLong
from certificates.models import Certificate, ShareLink, ShareOpening
from certificates.views import links
from portal.models import AuditEntry
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.certificates.conftest import NOW
from tests.certificates.test_views import certificate, months  # noqa: F401

WEEK = datetime.timedelta(days=7)
SECOND = datetime.timedelta(seconds=1)
pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def link(cast, certificate):  # noqa: F811
    return made(cast, certificate)


def made(cast, certificate, *, intent=None, label="Ma banque", lasting=WEEK):  # noqa: F811
    return workflows.share(
        actor=cast.owner,
        certificate=certificate,
        intent=intent or uuid.uuid4(),
        label=label,
        lasting=lasting,
        at=NOW,
    )


def address(link, name="shared"):
    return reverse(f"certificates:{name}", args=[workflows.token_of(link)])


def page_of(cast, certificate, name="certificate", *more):  # noqa: F811
    place = [cast.affiliate.affiliation_number, certificate.number, *more]
    return reverse(f"certificates:{name}", args=place)


def test_a_visitor_reads_it_and_the_firm_sees_each_opening(client, cast, certificate, link):  # noqa: F811
    visitor = Client()
    answer = visitor.get(address(link))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert certificate.number in page
    assert cast.affiliate.name in page
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert link.label not in page
    paper = visitor.get(address(link, "shared_pdf"))
    assert paper.content[:5] == b"%PDF-"
    assert "noindex" in paper["X-Robots-Tag"]
    assert "no-store" in paper["Cache-Control"]
    # Knocking without reading is no opening.
    visitor.head(address(link))
    parts = list(ShareOpening.objects.order_by("pk").values_list("part", flat=True))
    assert parts == [SharedPart.PAGE, SharedPart.PAPER]
    traces = AuditEntry.objects.filter(action="certificate.share_opened")
    assert {trace.affiliation_number for trace in traces} == {cast.affiliate.affiliation_number}
    client.force_login(cast.owner)
    seen = client.get(page_of(cast, certificate)).content.decode()
    assert "Ouvert 2 fois" in seen
    assert "PDF téléchargé" in seen
    assert workflows.token_of(link) in seen


def test_the_database_holds_no_secret(link):
    token = workflows.token_of(link)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sharelink::text FROM certificates_sharelink sharelink")
        rows = cursor.fetchall()
        cursor.execute("SELECT entry::text FROM portal_auditentry entry")
        rows += cursor.fetchall()
    assert rows
    assert not any(token in row for (row,) in rows)


def test_a_new_secret_of_the_installation_shows_no_wrong_link(link, settings):
    settings.SECRET_KEY = "another " * 8
    settings.SECRET_KEY_FALLBACKS = []
    link.refresh_from_db()
    assert workflows.token_of(link) is None


def test_it_ends_at_its_last_second(link):
    visitor = Client()
    with time_machine.travel(NOW + WEEK - SECOND, tick=False):
        assert visitor.get(address(link)).status_code == 200
    with time_machine.travel(NOW + WEEK, tick=False):
        for name in ("shared", "shared_pdf"):
            answer = visitor.get(address(link, name))
            assert answer.status_code == 410
            assert "a expiré" in answer.content.decode()
            assert link.certificate.number not in answer.content.decode()
            assert link.certificate.affiliate.name not in answer.content.decode()


def test_withdrawn_it_opens_nothing_at_once(client, cast, certificate, link):  # noqa: F811
    client.force_login(cast.owner)
    place = page_of(cast, certificate, "withdraw_share", link.pk)
    assert client.get(place).status_code == 405
    for _click in range(2):
        assert client.post(place).status_code == 302
    answer = Client().get(address(link))
    assert answer.status_code == 410
    assert "L’employeur a retiré ce lien" in answer.content.decode()
    assert Client().get(address(link, "shared_pdf")).status_code == 410
    assert AuditEntry.objects.filter(action="certificate.share_withdrawn").count() == 1
    assert not ShareOpening.objects.exists()
    assert workflows.token_of(link) not in client.get(page_of(cast, certificate)).content.decode()


@pytest.mark.parametrize("token", ["A" * 28, "court", "0" * 40])
def test_an_unknown_link_is_told_kindly(db, token):
    answer = Client().get(reverse("certificates:shared", args=[token]))
    assert answer.status_code == 404
    assert "n’ouvre rien" in answer.content.decode()
    assert "noindex" in answer["X-Robots-Tag"]


def test_a_certificate_that_ended_says_so_and_gives_no_paper(cast, certificate, link):  # noqa: F811
    workflows.revoke(actor=cast.staff, certificate=certificate, reason="Erreur.", at=NOW)
    certificate.refresh_from_db()
    assert certificate.state == CertificateState.REVOKED
    page = Client().get(address(link)).content.decode()
    assert "révoquée" in page
    assert address(link, "shared_pdf") not in page
    assert Client().get(address(link, "shared_pdf")).status_code == 302


def test_the_cast_before_the_forms(client, cast, certificate, link):  # noqa: F811
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    asked = {"intent": str(uuid.uuid4()), "label": "Le bailleur", "days": "7"}
    place = page_of(cast, certificate, "share")
    for who, status in [(one, 404) for one in cast.outsiders] + [(reader, 403)]:
        client.force_login(who)
        assert client.post(place, asked).status_code == status
        assert (
            client.post(page_of(cast, certificate, "withdraw_share", link.pk)).status_code == status
        )
    assert ShareLink.objects.get() == link
    assert link.withdrawn_at is None
    client.force_login(cast.fiduciaire)
    assert client.get(place).status_code == 405
    for _click in range(2):
        assert client.post(place, asked).status_code == 302
    assert ShareLink.objects.count() == 2
    assert AuditEntry.objects.filter(action="certificate.shared").count() == 2
    # A link of another certificate is not found here.
    assert client.post(page_of(cast, certificate, "withdraw_share", 999_999)).status_code == 404


@pytest.mark.parametrize("wrong", [{"label": " "}, {"days": "365"}, {"intent": "x"}])
def test_a_form_with_a_fault_comes_back(client, cast, certificate, wrong):  # noqa: F811
    client.force_login(cast.owner)
    asked = {"intent": str(uuid.uuid4()), "label": "Le bailleur", "days": "7", **wrong}
    assert client.post(page_of(cast, certificate, "share"), asked).status_code == 422
    assert not ShareLink.objects.exists()


def test_limits_and_reused_forms(cast, certificate):  # noqa: F811
    for lasting in (datetime.timedelta(0), datetime.timedelta(days=91)):
        with pytest.raises(ShareTooLong):
            made(cast, certificate, lasting=lasting)
    intent = uuid.uuid4()
    first = made(cast, certificate, intent=intent)
    assert made(cast, certificate, intent=intent, label="Autre") == first
    for rank in range(9):
        made(cast, certificate, label=f"Banque {rank}")
    with pytest.raises(SharesTooMany):
        made(cast, certificate)
    other = workflows.request(
        actor=cast.owner,
        affiliate=cast.affiliate,
        kind=CertificateKind.REGISTRATION,
        intent=uuid.uuid4(),
        at=NOW,
    )
    with pytest.raises(IntentReused):
        made(cast, other, intent=intent)


def test_an_address_that_asks_too_much_waits(link, monkeypatch):
    monkeypatch.setattr(links, "OPENINGS_PER_MINUTE", 2)
    statuses = [Client().get(address(link)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE certificates_sharelink SET expires_at = expires_at + interval '1 day'",
        "UPDATE certificates_sharelink SET token_digest = ''",
        "DELETE FROM certificates_sharelink",
        "UPDATE certificates_shareopening SET at = at + interval '1 day'",
        "DELETE FROM certificates_shareopening",
    ],
)
def test_the_database_refuses_to_rewrite_a_link(link, statement):
    workflows.note_opening(link=link, part=SharedPart.PAGE, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_page_costs_the_same_however_many_links(client, cast, certificate, link):  # noqa: F811
    client.force_login(cast.owner)
    place = page_of(cast, certificate)
    client.get(place)
    with CaptureQueriesContext(connection) as one:
        client.get(place)
    for rank in range(4):
        more = made(cast, certificate, label=f"Banque {rank}")
        for _time in range(25):
            workflows.note_opening(link=more, part=SharedPart.PAGE, at=NOW)
    with CaptureQueriesContext(connection) as five:
        page = client.get(place).content.decode()
    assert len(one) == len(five)
    assert "Ouvert 25 fois" in page
    assert page.count("page ouverte") == 4 * 20


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages(link, language):
    visitor = Client()
    visitor.cookies["django_language"] = language
    page = visitor.get(address(link)).content.decode()
    assert f'<html lang="{language}"' in page
    assert Certificate.objects.get().number in page
