"""The public check: everybody's, the engine of the filing, and nothing of the file is kept."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from declarations import workflows
from declarations.models import Declaration, FileFinding, ReceivedFile
from portal.limits import CHECKS_FROM_ADDRESS
from portal.models import AuditEntry, StoredChunk, StoredFile, User
from tests.cast import Cast
from tests.declarations.damage import CASES, Case
from tests.declarations.samples import MAIN, PREFILL_BYTES, put
from tests.declarations.workbooks import workbook

pytestmark = pytest.mark.django_db

NAME = "DS_1234567_202601.txt"


def address() -> str:
    return reverse("declarations:validator")


def post(content: bytes, *, client: Client | None = None, **said: Any) -> Any:
    sent = {"file": SimpleUploadedFile(said.pop("file_name", NAME), content), **said}
    return (client or Client()).post(address(), sent)


def kept() -> list[int]:
    tables = (StoredFile, StoredChunk, ReceivedFile, FileFinding, Declaration, AuditEntry)
    return [table.objects.count() for table in tables]


def report_of(page: str) -> dict[str, Any]:
    found = re.search(r'href="data:application/json;base64,([A-Za-z0-9+/=]+)"', page)
    assert found
    return json.loads(base64.b64decode(found[1]))  # type: ignore[no-any-return]


@pytest.mark.parametrize("who", [None, "owner", "fiduciaire", "bank", "staff", "stranger"])
def test_the_page_is_everybodys(cast: Cast, who: str | None) -> None:
    client = Client()
    if who:
        client.force_login(getattr(cast, who))
    assert client.get(address()).status_code == 200
    assert post(MAIN.content, client=client).status_code == 200


@pytest.mark.parametrize(("language", "verdict"), [("fr", "serait accepté"), ("ar", "سيُقبل")])
def test_a_sound_file(language: str, verdict: str) -> None:
    client = Client()
    client.cookies["django_language"] = language
    prefill = SimpleUploadedFile("AFFEBDS_1234567_202601.txt", PREFILL_BYTES)
    page = post(MAIN.content, client=client, prefill=prefill, name=NAME).content.decode()

    assert verdict in page
    assert "20\u202f335,32" in page
    assert (report_of(page)["findings"], report_of(page)["wage_bill"]) == ([], "20335.32")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}")
def test_it_says_what_the_command_says(case: Case, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / NAME
    file.write_bytes(case.make())
    (tmp_path / "prefill.txt").write_bytes(PREFILL_BYTES)
    with pytest.raises(SystemExit):
        call_command(
            "check_ebds",
            str(file),
            "--json",
            "--prefill",
            str(tmp_path / "prefill.txt"),
            "--name",
            NAME,
        )
    offline = json.loads(capsys.readouterr().out)

    answer = post(
        case.make(), prefill=SimpleUploadedFile("p.txt", PREFILL_BYTES), name=NAME, sortie="json"
    )

    assert json.loads(b"".join(answer)) == offline
    assert "attachment" in answer["Content-Disposition"]


def test_nothing_is_kept() -> None:
    before = kept()
    for sortie in ("page", "json", "repare"):
        post(MAIN.content.replace(b"\n", b"\r\n"), sortie=sortie)
        post(put(MAIN.content, 3, 112, "27"), sortie=sortie)

    assert kept() == before


def test_the_certain_repair_is_shown_and_handed_out() -> None:
    content = MAIN.content.replace(b"\n", b"\r\n")
    page = post(content).content.decode()
    mended = post(content, sortie="repare")

    assert "Réparation certaine" in page
    carried = re.search(r'href="data:text/plain;base64,([A-Za-z0-9+/=]+)"', page)
    assert carried
    assert base64.b64decode(carried[1]) == b"".join(mended) == MAIN.content


def test_no_repair_is_offered_where_somebody_must_decide() -> None:
    answer = post(put(MAIN.content, 3, 112, "27"), sortie="repare")

    assert "Aucune réparation certaine" in answer.content.decode()


def test_a_hostile_name_and_value_are_only_shown() -> None:
    page = post(
        put(MAIN.content, 3, 136, '"<'), file_name="<script>alert(1)</script>.txt"
    ).content.decode()

    assert "<script>alert" not in page
    assert escape('"<') in page


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"content": workbook()}, 422, "Un tableur se contrôle"),
        ({"content": MAIN.content, "prefill": b"rien"}, 422, "pas un préétabli"),
        ({"content": b""}, 200, "un fichier vide"),
        ({"content": b"%PDF-1.7 x"}, 200, "un document PDF"),
    ],
)
def test_what_cannot_be_checked_is_said(said: dict[str, Any], status: int, words: str) -> None:
    more = {"prefill": SimpleUploadedFile("p.txt", said["prefill"])} if "prefill" in said else {}
    answer = post(said["content"], **more)

    assert answer.status_code == status
    assert words in answer.content.decode()


def test_without_a_file() -> None:
    answer = Client().post(address(), {})

    assert answer.status_code == 422
    assert "Choisissez d’abord" in answer.content.decode()


def test_a_file_too_large_for_filing_is_too_large_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "LIMIT", 1_048_576)

    answer = post(b"B00" + b" " * 1_048_576)

    assert answer.status_code == 413
    assert "dépasse" in answer.content.decode()


def test_one_address_has_its_measure() -> None:
    for _ in range(CHECKS_FROM_ADDRESS.most):
        assert Client().post(address(), {}).status_code == 422
    answer = Client().post(address(), {})

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert Client().post(address(), {}, REMOTE_ADDR="192.0.2.7").status_code == 422
    assert not User.objects.exists()


def test_a_crowd_of_findings_stays_a_page() -> None:
    lines = MAIN.content.split(b"\n")
    content = b"\n".join(
        [*lines[:2], *[put(lines[2] + b"\n", 1, 112, "27").strip(b"\n")] * 3000, *lines[3:]]
    )

    page = post(content).content.decode()

    assert len(page) < 3_000_000
    assert "dans le rapport JSON" in page
    assert len(json.loads(b"".join(post(content, sortie="json")))["findings"]) > 3000


def test_it_is_linked_from_the_first_page() -> None:
    assert f'href="{address()}"' in Client().get("/").content.decode()
