"""The files of many firms in one sending: each has its own verdict."""

import datetime
import io
import uuid
import zipfile

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Mandate
from declarations import workflows as declaring
from declarations.enums import FileVerdict
from declarations.errors import DepositNameNotRead
from declarations.models import Deposit, DepositedFile, ReceivedFile
from declarations.workflows.deposits import Sent, place_of_name, take_deposit
from portal.models import AuditEntry
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, MandateFactory
from tests.declarations.factories import answer, employ, issue

NOW = datetime.datetime(2026, 2, 4, 9, 0, tzinfo=datetime.UTC)
SEND = "clients:send"


@pytest.fixture(autouse=True)
def _on_that_day():
    with time_machine.travel(NOW, tick=False):
        yield


def _as(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def client_of(cast, name: str, scopes=("read", "declare")):
    affiliate = AffiliateFactory(name=name)
    MandateFactory(affiliate=affiliate, representative=cast.representative, scopes=list(scopes))
    return affiliate


def payroll(cast, affiliate) -> tuple[str, bytes]:
    """A sound file of January, under its name."""
    employ(affiliate, 1)
    return f"DS_{affiliate.affiliation_number}_202601.txt", answer(issue(cast.owner, affiliate))


def post(client: Client, files: list[tuple[str, bytes]], intent: uuid.UUID | None = None):
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(reverse(SEND), {"uploads": sent, "intent": intent or uuid.uuid4()})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("DS_2045187_202610.txt", ("2045187", Period(2026, 10))),
        ("DSC1_2045187_202610.txt", ("2045187", Period(2026, 10))),
        ("2045187-2026-10.xlsx", ("2045187", Period(2026, 10))),
        ("paie 2045187 2026_01 v2.csv", ("2045187", Period(2026, 1))),
    ],
)
def test_a_name_tells_the_firm_and_the_month(name: str, found) -> None:
    assert place_of_name(name) == found


@pytest.mark.parametrize(
    "name",
    ["", "paie.txt", "DS_20451871_202610.txt", "DS_2045187_202613.txt", "DS_٢٠٤٥١٨٧_202610.txt"],
)
def test_a_name_that_tells_nothing_is_refused(name: str) -> None:
    with pytest.raises(DepositNameNotRead):
        place_of_name(name)


def test_each_file_of_a_sending_has_its_own_outcome(cast) -> None:
    good, faulty, not_ours = (client_of(cast, "ALPHA"), client_of(cast, "BETA"), AffiliateFactory())
    no_right = client_of(cast, "GAMMA", scopes=("read", "pay"))
    names = {
        "good": payroll(cast, good),
        "faulty": (f"DS_{faulty.affiliation_number}_202601.txt", b"rien"),
        "not ours": (f"DS_{not_ours.affiliation_number}_202601.txt", b"rien"),
        "no right": (f"DS_{no_right.affiliation_number}_202601.txt", b"rien"),
        "too early": (f"DS_{good.affiliation_number}_202712.txt", b"rien"),
        "nameless": ("paie.txt", b"rien"),
    }
    client = _as(cast.fiduciaire)
    sent = post(client, list(names.values()))
    assert sent.status_code == 302, sent.content.decode()
    entries = dict(zip(names, DepositedFile.objects.order_by("rank"), strict=True))
    assert {key for key, entry in entries.items() if entry.file_id} == {"good", "faulty"}
    for file in ReceivedFile.objects.all():
        assert file.received_by == cast.fiduciaire
        declaring.check_file(file_id=file.pk, at=NOW)
    page = client.get(sent.url).content.decode()
    assert "ALPHA" in page
    assert "Acceptée" in page
    assert "Refusée" in page
    assert page.count("Aucune entreprise pour laquelle vous pouvez déclarer") == 2
    assert "Ce nom ne dit pas" in page
    assert not_ours.name not in page
    received = AuditEntry.objects.filter(action="declarations.file.received")
    assert {entry.office_name for entry in received} == {"Fiduciaire Atlas"}
    assert AuditEntry.objects.filter(action="declarations.deposit.refused").count() == 4


def test_an_archive_gives_each_of_its_files_and_a_broken_one_says_so(cast) -> None:
    firms = [client_of(cast, name) for name in ("ALPHA", "BETA")]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for firm in firms:
            name, content = payroll(cast, firm)
            archive.writestr(f"paie/{name}", content)
    client = _as(cast.fiduciaire)
    sent = post(client, [("tout.zip", out.getvalue()), ("casse.zip", b"PK\x03\x04 rien")])
    assert ReceivedFile.objects.count() == 2
    page = client.get(sent.url).content.decode()
    assert "L’archive « casse.zip » ne se lit pas : elle est abîmée." in page
    assert page.count("Contrôle en cours") == 2
    for file in ReceivedFile.objects.all():
        assert declaring.check_file(file_id=file.pk, at=NOW).verdict == FileVerdict.ACCEPTED


def test_the_same_sending_twice_is_one(cast) -> None:
    name, content = payroll(cast, client_of(cast, "ALPHA"))
    intent, client = uuid.uuid4(), _as(cast.fiduciaire)
    first, second = (post(client, [(name, content)], intent).url for _ in range(2))
    assert first == second
    assert (Deposit.objects.count(), DepositedFile.objects.count()) == (1, 1)
    # Another's intent is not theirs.
    post(_as(cast.owner), [("paie.txt", b"")], intent)
    assert Deposit.objects.count() == 2


def test_a_sending_that_was_cut_goes_on_where_it_stopped(cast) -> None:
    files = [Sent(*payroll(cast, client_of(cast, name))) for name in ("ALPHA", "BETA")]
    intent = uuid.uuid4()
    told = {"actor": cast.fiduciaire, "at": NOW, "intent": intent}
    _deposit, due = take_deposit(**told, files=files[:1])
    assert len(due) == 1
    deposit, due = take_deposit(**told, files=files)
    assert len(due) == 1
    assert deposit.entries.count() == 2


def test_the_page_of_a_sending_is_its_senders_alone(cast) -> None:
    name, content = payroll(cast, client_of(cast, "ALPHA"))
    url = post(_as(cast.fiduciaire), [(name, content)]).url
    for user in (cast.owner, cast.bank, cast.staff, cast.stranger):
        assert _as(user).get(url).status_code == 404
    assert Client().get(url).status_code == 302
    for user in (cast.bank, cast.staff):
        assert _as(user).get(reverse(SEND)).status_code == 404
    Mandate.objects.filter(affiliate__name="ALPHA").update(revoked_at=NOW)
    page = _as(cast.fiduciaire).get(url).content.decode()
    assert "ALPHA" not in page
    assert "Vous n’avez plus accès à cette entreprise." in page


def test_what_is_to_mend_stands_first_and_the_way_on_is_that_of_the_month(cast) -> None:
    client = _as(cast.fiduciaire)
    sound = payroll(cast, client_of(cast, "ALPHA"))
    url = post(client, [sound, ("illisible.txt", b"?")]).url
    declaring.check_file(file_id=ReceivedFile.objects.get().pk, at=NOW)
    page = client.get(url).content.decode()
    assert page.index("illisible.txt") < page.index(sound[0])
    assert "Prêts à déposer : 1. À revoir : 1." in page
    month = f"{ReceivedFile.objects.get().period:%Y-%m}"
    way = f"{reverse('affiliates:choose')}?etat=ready&amp;mois={month}"
    assert way in page
    assert "ALPHA" in client.get(way.replace("&amp;", "&")).content.decode()


def test_the_page_asks_the_same_number_of_questions_for_many_files(cast) -> None:
    client = _as(cast.fiduciaire)

    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    one = post(client, [payroll(cast, client_of(cast, "ALPHA"))]).url
    many = post(client, [payroll(cast, client_of(cast, f"FIRME {n}")) for n in range(4)]).url
    client.get(one)
    assert queries(one) == queries(many)


def test_the_piece_that_renews_itself_stops_when_all_is_checked(cast) -> None:
    client = _as(cast.fiduciaire)
    url = post(client, [payroll(cast, client_of(cast, "ALPHA"))]).url
    piece = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in piece
    assert "hx-get" in piece
    declaring.check_file(file_id=ReceivedFile.objects.get().pk, at=NOW)
    assert "hx-get" not in client.get(url, headers={"HX-Request": "true"}).content.decode()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages_and_nothing_chosen(cast, language: str) -> None:
    client = _as(cast.fiduciaire)
    client.cookies["django_language"] = language
    assert f'lang="{language}"' in client.get(reverse(SEND)).content.decode()
    answer_ = client.post(reverse(SEND), {"intent": uuid.uuid4()})
    assert answer_.status_code == 422


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_archives_made_to_harm_are_told_one_by_one_and_the_rest_is_received(cast) -> None:
    """The page never unpacks them itself (portal.reading_archives); each says why, in words."""
    firm = client_of(cast, "ALPHA")
    inner = zipped({"DS_2045187_202601.txt": b"\0" * 20_000_000})
    sent = post(
        _as(cast.fiduciaire),
        [
            ("bombe.zip", zipped({"a.txt": b"\0" * 5_000_000})),
            ("foule.zip", zipped({f"{rank}.txt": b"x" for rank in range(10_000)})),
            (
                "poupee.zip",
                zipped({f"DS_{firm.affiliation_number}_202601.zip": inner, "paie.zip": inner}),
            ),
            payroll(cast, firm),
        ],
    )
    page = _as(cast.fiduciaire).get(sent.url).content.decode()
    assert "L’archive « bombe.zip » ne se lit pas : elle est comprimée au-delà" in page
    assert "L’archive « foule.zip » ne se lit pas : elle contient plus de 600 fichiers" in page
    # An archive within an archive is a file like another: one without a month, one that is no declaration.
    assert "Ce nom ne dit pas" in page
    for file in ReceivedFile.objects.order_by("pk"):
        declaring.check_file(file_id=file.pk, at=NOW)
    verdicts = dict(ReceivedFile.objects.values_list("stored__name", "verdict"))
    assert verdicts == {
        f"DS_{firm.affiliation_number}_202601.zip": FileVerdict.REFUSED,
        f"DS_{firm.affiliation_number}_202601.txt": FileVerdict.ACCEPTED,
    }
