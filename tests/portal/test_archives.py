"""Archives are measured before they are opened."""

import io
import struct
import zipfile

import pytest

from portal import archives
from portal.archives import ArchiveRefused, members

KILO = 1024


def archive(files: dict[str, bytes], **how: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **({"compression": zipfile.ZIP_DEFLATED} | how)) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def read(content: bytes, limit: int = KILO * KILO) -> dict[str, bytes]:
    found = members(io.BytesIO(content), name="envoi.zip", limit=limit)
    return {one.name: one.content for one in found}


def cause(content: bytes) -> str:
    with pytest.raises(ArchiveRefused) as refused:
        read(content)
    return str(refused.value.facts["cause"])


def test_files_come_with_their_own_name_and_without_what_systems_add() -> None:
    content = archive(
        {
            "paie/DS_2045187_202610.txt": b"un",
            "..\\..\\DS_3182070_202610.txt": b"deux",
            "__MACOSX/paie/._DS": b"",
            ".DS_Store": b"",
            "paie/": b"",
        }
    )
    assert read(content) == {"DS_2045187_202610.txt": b"un", "DS_3182070_202610.txt": b"deux"}


def test_a_file_above_the_limit_is_cut_just_above_it() -> None:
    assert read(archive({"a.txt": b"ab" * 50}), limit=10) == {"a.txt": b"ababababab" + b"a"}


def test_what_is_no_archive_or_an_empty_one() -> None:
    assert cause(b"PK\x03\x04 rien") == archives.BROKEN
    assert cause(archive({"dossier/": b""})) == archives.EMPTY
    whole = archive({"a.txt": b"x" * 4000}, compression=zipfile.ZIP_STORED)
    at = whole.index(b"xxxx")
    assert cause(whole[:at] + b"y" + whole[at + 1 :]) == archives.BROKEN, "the sum of control"


def test_too_many_files_or_a_password() -> None:
    assert cause(archive({f"{n}.txt": b"" for n in range(601)})) == archives.TOO_MANY
    locked = bytearray(archive({"a.txt": b"x"}))
    at = locked.index(b"PK\x01\x02") + 8
    struct.pack_into("<H", locked, at, 1)
    assert cause(bytes(locked)) == archives.LOCKED


def test_a_bomb_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cause(archive({"a.txt": b"\0" * (KILO * KILO)})) == archives.DENSE
    monkeypatch.setattr(archives, "MOST_BYTES", 3 * KILO)
    many = {f"{n}.txt": bytes(range(256)) * 4 for n in range(4)}
    assert cause(archive(many, compression=zipfile.ZIP_STORED)) == archives.TOO_LARGE


def test_files_that_overlap_are_refused() -> None:
    """Two names for the same bytes: the trick of archives that unpack without end."""
    content = bytearray(archive({"a.txt": b"x" * 100, "b.txt": b"y" * 100}))
    second = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, second + 42, 0)
    assert cause(bytes(content)) == archives.OVERLAPS


def test_another_way_to_pack_is_refused() -> None:
    assert cause(archive({"a.txt": b"x" * 99}, compression=zipfile.ZIP_BZIP2)) == archives.BROKEN
