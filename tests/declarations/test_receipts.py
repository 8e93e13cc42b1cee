"""Receipts: chained, never changed, downloaded as data, checked without the portal."""

import importlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from declarations import workflows
from declarations.codecs import e_bds
from declarations.codecs import receipt as codec
from declarations.models import Declaration, Receipt
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, employ, issue, send

pytestmark = pytest.mark.django_db
migration = importlib.import_module("declarations.migrations.0003_chain_existing_receipts")


def filed(cast: Cast, months: int = 3) -> list[Declaration]:
    """The main declarations of the months before and up to January, submitted in order."""
    employ(cast.affiliate, 2)
    done = []
    for back in reversed(range(months)):
        period = JANUARY - back
        name = e_bds.file_name(cast.affiliate.affiliation_number, period.compact)
        content = answer(issue(cast.owner, cast.affiliate, period))
        file = send(cast.owner, cast.affiliate, content, period=period, name=name)
        one = Declaration.objects.get(received_file=file)
        done.append(workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version))
    return done


def documents(folder: Path) -> list[Path]:
    paths = []
    for receipt in Receipt.objects.order_by("rank"):
        path = folder / f"{receipt.rank}.json"
        path.write_bytes(codec.document(receipt.content, receipt.digest))
        paths.append(path)
    return paths


def verify(*paths: Path) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("verify_receipt", *map(str, paths), "--json", stdout=out, stderr=out)
    status = int(str(stop.value.code))
    return status, json.loads(out.getvalue()) if status < 2 else {}


def change(path: Path, **facts: object) -> None:
    """Alter a receipt and make its digest anew, as a careful forger would."""
    whole = json.loads(path.read_text())
    whole["receipt"].update(facts)
    whole["digest"] = codec.digest_of(codec.canonical(whole["receipt"]))
    path.write_text(json.dumps(whole))


def test_each_receipt_holds_the_digest_of_the_one_before(cast: Cast) -> None:
    filed(cast)

    receipts = list(Receipt.objects.order_by("rank"))

    assert [one.rank for one in receipts] == [1, 2, 3]
    assert receipts[0].previous_digest == "0" * 64
    assert receipts[1].previous_digest == receipts[0].digest
    assert receipts[2].previous_digest == receipts[1].digest
    facts = json.loads(receipts[2].content)
    assert facts["receipt_number"] == receipts[2].declaration.receipt_number
    assert (facts["period"], facts["employees"], facts["wage_bill"]) == ("2026-01", 2, "17001.00")
    assert (facts["due_on"], facts["is_late"]) == ("2026-02-10", False)
    assert facts["previous_digest"] == receipts[1].digest


def test_submitting_twice_gives_one_receipt(cast: Cast) -> None:
    (one,) = filed(cast, 1)

    workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)

    assert Receipt.objects.count() == 1


def test_a_receipt_is_never_changed_nor_removed(cast: Cast) -> None:
    filed(cast, 1)

    for change_it in (
        lambda: Receipt.objects.update(digest="0" * 64),
        lambda: Receipt.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change_it()


def test_a_chain_is_valid_in_any_order(cast: Cast, tmp_path: Path) -> None:
    filed(cast)
    first, second, third = documents(tmp_path)

    status, report = verify(third, first, second)

    assert (status, report["verdict"], report["gaps"]) == (0, "valid", [])
    assert [one["rank"] for one in report["receipts"]] == [3, 1, 2]


def test_a_list_of_receipts_in_one_file_is_read(cast: Cast, tmp_path: Path) -> None:
    filed(cast)
    together = tmp_path / "all.json"
    together.write_text(json.dumps([json.loads(path.read_text()) for path in documents(tmp_path)]))

    assert verify(together)[0] == 0


def test_a_missing_link_is_said_and_is_no_fault(cast: Cast, tmp_path: Path) -> None:
    filed(cast)
    first, _, third = documents(tmp_path)

    status, report = verify(first, third)

    assert status == 0
    number = cast.affiliate.affiliation_number
    assert report["gaps"] == [{"affiliation_number": number, "rank": 2}]


def test_a_changed_amount_is_seen(cast: Cast, tmp_path: Path) -> None:
    filed(cast, 1)
    (path,) = documents(tmp_path)
    path.write_text(path.read_text().replace("17001.00", "7001.00"))

    status, report = verify(path)

    assert status == 1
    assert [fault["code"] for fault in report["faults"]] == ["digest"]


def test_a_receipt_made_anew_breaks_the_one_that_follows(cast: Cast, tmp_path: Path) -> None:
    filed(cast)
    paths = documents(tmp_path)
    change(paths[1], wage_bill="1.00")

    status, report = verify(*paths)

    assert status == 1
    assert [(fault["code"], Path(fault["file"]).name) for fault in report["faults"]] == [
        ("link", "3.json")
    ]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"previous_digest": "1" * 64}, "start"),
        ({"rank": 2, "previous_digest": "0" * 64}, "start"),
        ({"rank": 0}, "shape"),
        ({"rank": True}, "shape"),
        ({"employees": 2.0}, "shape"),
        ({"format": "recepisse-declaration-2"}, "shape"),
        ({"remark": "payé"}, "shape"),
    ],
)
def test_a_forged_receipt_is_refused(
    cast: Cast, tmp_path: Path, facts: dict[str, object], code: str
) -> None:
    filed(cast, 1)
    (path,) = documents(tmp_path)
    change(path, **facts)

    status, report = verify(path)

    assert status == 1
    assert [fault["code"] for fault in report["faults"]] == [code]


def test_two_receipts_of_one_rank_are_a_fork(cast: Cast, tmp_path: Path) -> None:
    filed(cast, 1)
    (path,) = documents(tmp_path)
    other = tmp_path / "other.json"
    other.write_text(path.read_text())
    assert verify(path, other)[0] == 0
    change(other, submitted_by="Quelqu’un d’autre")

    status, report = verify(path, other)

    assert status == 1
    assert report["faults"][0]["code"] == "fork"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"%PDF-1.7",
        b"[" * 100_000,
        b'{"digest":"a","digest":"b"}',
        b"3",
    ],
)
def test_what_is_no_receipt_is_unusable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)

    assert verify(path)[0] == 2
    assert verify(tmp_path / "absent.json")[0] == 2


def test_the_download_is_the_receipt(cast: Cast, tmp_path: Path) -> None:
    (one,) = filed(cast, 1)
    page = reverse("declarations:receipt_json", args=[cast.affiliate.affiliation_number, one.pk])
    client = Client()
    with time_machine.travel(AT, tick=True):
        client.force_login(cast.owner)
        response = client.get(page)
        path = tmp_path / "recepisse.json"
        path.write_bytes(response.getvalue())  # type: ignore[attr-defined]

        assert response["Content-Type"] == "application/json"
        assert f"recepisse-{one.receipt_number}.json" in response["Content-Disposition"]
        assert verify(path)[0] == 0
        client.force_login(cast.fiduciaire)
        assert client.get(page).status_code == 200
        for user in cast.outsiders:
            client.force_login(user)
            assert client.get(page).status_code == 404
        number = cast.strangers_affiliate.affiliation_number
        client.force_login(cast.stranger)
        elsewhere = reverse("declarations:receipt_json", args=[number, one.pk])
        assert client.get(elsewhere).status_code == 404


def test_earlier_declarations_get_the_same_receipts(cast: Cast) -> None:
    """The migration writes what the workflow would have written, and runs again without effect."""
    filed(cast)
    made = list(Receipt.objects.order_by("rank").values_list("rank", "digest", "content"))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing may wait when a table is altered
        cursor.execute("ALTER TABLE declarations_receipt DISABLE TRIGGER USER")
        Receipt.objects.filter(rank__gt=1).delete()
        cursor.execute("ALTER TABLE declarations_receipt ENABLE TRIGGER USER")

    for _ in range(2):
        migration.chain(apps, None)
        assert (
            list(Receipt.objects.order_by("rank").values_list("rank", "digest", "content")) == made
        )
