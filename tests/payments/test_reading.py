"""The one way in: archives, schemas, profiles, and the command that reads a file without a database."""

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from payments.codecs import cp1, schemas
from payments.codecs.faults import SENTENCES, FormatError
from payments.codecs.kinds import FileFormat, IdentityRule
from payments.codecs.profiles import (
    ProfileUnreadable,
    UnknownProfile,
    profile_from,
    shipped,
    shipped_names,
)
from payments.codecs.reading import LIMIT
from payments.codecs.records import ReadingProfile
from tests.payments.camt_files import camt, details, entry
from tests.payments.text_files import cfonb_120, codes, inspected

STANDARD = ReadingProfile()
GOOD = camt(entry(txs=details(ref="T1")))
DIGESTS = {
    "camt.053.001.02": "05ec472590dda5e433fd646e9cf3849fa1ba01c033052aaca3089cec6862692d",
    "camt.053.001.04": "48e91ed5adc8a957be7d407495dcf9b3ac9e502e41962e45eba70155c8a32e3d",
    "camt.053.001.08": "ca0b135cc8e2dde5b2f99af6b6c514a8f29d6e7c6cf98e9ea84d247189868ff5",
    "camt.053.001.10": "ee75e6d9c8df8ec5f8144d9efea6100b373af3c29407125fe915c46bb41d1c1c",
    "camt.053.001.13": "43f0b8d76dfa10ac29861866e3fa66d6495fd84a9934a5a854b08c2e3b926b13",
    "camt.054.001.02": "8bb91f1d645277487b4262538c9064161e8feb48ceb8b0c680716fd07c32da01",
    "camt.054.001.04": "1bb115c106bd7ee4fac82520b477ee8ea40a8686a9111ff182e33a14ae0014d2",
    "camt.054.001.08": "2b392a1f7e70e70902fd0d803ff85989613bd1cae351663240b0bb9243be2c28",
    "camt.054.001.10": "eae433db5f0e1bdd75be2d2d20cce0c3256199831014b411b651338ff0bda6ab",
    "camt.054.001.13": "e7ec8a34b1b4012c67e700ce5f42289c845a4628749d2fe4b4678aa909039d8b",
    "pain.002.001.03": "c0c2b98f51638147598678bbec3d5aedfa270a819c2fda8014ba3c34a5972195",
    "pain.002.001.12": "13762890a02c44b05ea2fa4285b7c2e159a3bf4d518c8c11116cb4a2faa9f899",
    "pain.008.001.02": "09b13e91fcde87f3153a4a417c866008fbc3d8a91706c0b24ff2bf4a18b56429",
    "pain.008.001.08": "3b2efe2239fceea22b17eb980df58c8b80db7322cf7781f8fd64ee8d17696210",
}


# ------------------------------------------------------------------ schemas


def test_the_schemas_are_those_that_were_published() -> None:
    found = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in schemas.FOLDER.glob("*.xsd")
    }
    assert found == DIGESTS


@pytest.mark.parametrize("kind", ["053", "054"])
@pytest.mark.parametrize("version", ["02", "04", "08", "10", "13"])
def test_a_right_file_conforms(kind: str, version: str) -> None:
    amount = "" if version == "02" else "100.00"
    txs = details(
        ref="T1", amount=amount, sign="CRDT" if amount else "", version=version, payer="Atlas"
    )
    data = camt(
        entry(version=version, txs=txs),
        kind=kind,
        version=version,
        balances=("0.00", "100.00") if kind == "053" else None,
    )
    assert codes(data, STANDARD) == []


def test_a_deviation_refuses_with_its_line_and_value() -> None:
    data = camt(entry(extra="<Surprise>x</Surprise>\n"), entry(sign="BOTH"))
    told = {item.code: item.facts for item in inspected(data, STANDARD).faults}
    assert set(told) == {"E-F09", "E-F09a", "E-L05"}
    assert (told["E-F09a"]["element"], told["E-F09a"]["ligne"]) == ("Surprise", "1")
    assert (told["E-F09"]["element"], told["E-F09"]["valeur"], told["E-F09"]["ligne"]) == (
        "CdtDbtInd",
        "BOTH",
        "2",
    )


def test_a_profile_may_tolerate_an_element_and_nothing_else() -> None:
    data = camt(entry(extra="<Surprise>x</Surprise>"))
    assert codes(data, ReadingProfile(tolerated_elements=frozenset({"Surprise"}))) == ["F26"]
    assert codes(data, ReadingProfile(tolerated_elements=frozenset({"Other"}))) == ["E-F09a"]
    assert codes(data, shipped("tolerant")) == ["F26"]
    wrong = camt(entry("1e5", extra="<Surprise>x</Surprise>"))
    assert "E-L01" in codes(wrong, shipped("tolerant"))


@pytest.mark.parametrize("changes", [{"version": "06"}, {"namespace": ""}])
def test_a_version_without_its_schema_is_read_and_said(changes: dict[str, str]) -> None:
    assert codes(camt(entry(), **changes), STANDARD) == ["F25"]  # type: ignore[arg-type]


def test_a_file_that_deviates_everywhere_is_told_of_a_hundred_places() -> None:
    data = camt(*[entry(extra="<Surprise/>")] * 5000)
    found = inspected(data, STANDARD).faults
    assert len(found.listed) == 100
    assert found.refuses


# ------------------------------------------------------------------ archives


def archive(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return out.getvalue()


def test_a_file_comes_out_of_its_archive() -> None:
    assert codes(archive(("releve.xml", GOOD)), STANDARD) == []


def cause(data: bytes) -> str:
    with pytest.raises(FormatError) as refused:
        inspected(data, STANDARD)
    assert refused.value.fault.code == "E-F04"
    return refused.value.fault.facts["cause"]


def test_an_archive_holds_one_plain_file() -> None:
    assert "exactement un fichier" in cause(archive(("a.xml", GOOD), ("b.xml", GOOD)))
    assert "exactement un fichier" in cause(archive())
    assert "sous-dossier" in cause(archive(("../a.xml", GOOD)))
    assert "sous-dossier" in cause(archive(("dossier/a.xml", GOOD)))
    assert "cent fois" in cause(archive(("a.xml", b"<" + b" " * 30_000_000)))
    noise = random.Random(1).randbytes(1 << 16)
    assert "limite de taille" in cause(archive(("a.xml", noise * (LIMIT // len(noise) + 1))))
    good = archive(("a.xml", GOOD))
    assert "abîmée" in cause(good[:-30])
    locked = bytearray(good)
    locked[6] |= 1
    locked[good.rindex(b"PK\x01\x02") + 8] |= 1
    assert "mot de passe" in cause(bytes(locked))


def test_an_archive_that_lies_about_its_content_is_refused() -> None:
    good = bytearray(archive(("a.xml", GOOD)))
    good[60] ^= 0xFF
    assert "abîmée" in cause(bytes(good))


# ------------------------------------------------------------------ profiles


def test_a_profile_is_read_whole() -> None:
    profile = shipped("cfonb-example")
    assert profile.formats == {
        FileFormat.CFONB_120,
        FileFormat.CFONB_160,
        FileFormat.CFONB_240,
        FileFormat.MT940,
    }
    assert (profile.encoding, profile.reasons["01"], profile.operations["27"]) == (
        "cp1252",
        "AM04",
        "unpaid",
    )
    assert shipped_names() == ["cfonb-example", "standard", "tolerant"]
    assert profile_from({"unusable_references": ["a"]}).unusable_references == {
        IdentityRule.TRANSACTION
    }


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ([], "{}"),
        ({"colour": 1}, "colour"),
        ({"formats": ["word"]}, "formats"),
        ({"formats": "camt.053"}, "formats"),
        ({"encoding": "rot13"}, "encoding"),
        ({"invert_reversals": "yes"}, "invert_reversals"),
        ({"operations": {"25": "maybe"}}, "operations.25"),
        ({"accounts": {"x": "230780123456789012000039"}}, "accounts.x"),
    ],
)
def test_a_wrong_profile_is_refused_with_every_fault(data: object, named: str) -> None:
    with pytest.raises(ProfileUnreadable) as refused:
        profile_from(data)
    assert refused.value.facts["faults"] == named


def test_an_unknown_profile_says_which_there_are() -> None:
    with pytest.raises(UnknownProfile, match="cfonb-example, standard, tolerant"):
        shipped("../standard")


def test_a_profile_says_which_formats_were_agreed() -> None:
    with pytest.raises(FormatError) as refused:
        inspected(GOOD, shipped("cfonb-example"))
    assert refused.value.fault.facts["attendus"] == "cfonb120, cfonb160, cfonb240, mt940"
    with pytest.raises(FormatError) as refused:
        inspected(cfonb_120(), ReadingProfile(formats=frozenset({FileFormat.CAMT_053})))
    assert refused.value.fault.code == "E-F03"


# ------------------------------------------------------------------ the command


def answer(tmp_path: Path, data: bytes, *options: str) -> dict[str, object]:
    path = tmp_path / "fichier"
    path.write_bytes(data)
    out = io.StringIO()
    call_command("check_bank_file", str(path), "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def test_the_command_reads_any_file_without_a_database(tmp_path: Path) -> None:
    data = camt(
        entry("843.60", ref="A1", txs=details(ref="T1", rf="RF08123456726010179", text=("mars",)))
    )
    assert answer(tmp_path, data) == {
        "verdict": "accepted",
        "format": "camt.054",
        "message_id": "M1",
        "accounts": ["230780123456789012000038"],
        "lines": [
            {
                "rank": 1, "kind": "CREDIT", "is_reversal": False, "amount": "843.60", "currency": "MAD",
                "booking_day": "2026-04-10", "value_day": "2026-04-10", "bank_ref": "T1", "end_to_end": "",
                "creditor_ref": "RF08123456726010179", "free_text": "mars", "reason_code": "", "status": "BOOK",
            }
        ],
        "totals": {
            "lines": 1, "total": "843.60", "credits": 1, "credit_total": "843.60", "debits": 0, "debit_total": "0.00",
        },
        "findings": [],
    }  # fmt: skip


def test_the_command_tells_a_refusal(tmp_path: Path) -> None:
    found = answer(
        tmp_path,
        camt(entry(), header="<TxsSummry><TtlNtries><Sum>99.00</Sum></TtlNtries></TxsSummry>"),
    )
    assert (found["verdict"], found["lines"]) == ("refused", [])
    (told,) = found["findings"]  # type: ignore[misc]
    assert told["code"] == "E-F14"
    assert "99,00 MAD" in told["message"]
    assert answer(tmp_path, b"bonjour")["format"] is None


def test_the_command_takes_a_profile(tmp_path: Path) -> None:
    assert answer(tmp_path, cfonb_120(), "--profile", "cfonb-example")["verdict"] == "accepted"
    own = tmp_path / "own.json"
    own.write_text('{"formats": ["camt.053"]}')
    assert answer(tmp_path, GOOD, "--profile", str(own))["verdict"] == "refused"
    with pytest.raises(CommandError, match="Aucun profil"):
        answer(tmp_path, GOOD, "--profile", "nobody")
    with pytest.raises(CommandError, match="ne peut pas être ouvert"):
        call_command("check_bank_file", str(tmp_path / "absent"))


def test_the_command_answers_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fichier"
    path.write_bytes(GOOD)
    call_command("check_bank_file", str(path))
    assert "camt.054 : 1 opérations, crédits 100,00 DH" in capsys.readouterr().out.replace(
        "\u202f", " "
    )
    path.write_bytes(b"")
    with pytest.raises(CommandError, match="refusé"):
        call_command("check_bank_file", str(path))


def test_an_empty_day_is_welcome() -> None:
    data = b"E;CP1;230;F1;20260410180000;20260410;230780123456789012000038;MAD\nF;0;0;0;0;0;0\n"
    assert [item.code for item in cp1.inspect(io.BytesIO(data)).faults] == ["F21"]
    assert "F21" in SENTENCES
