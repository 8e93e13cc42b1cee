"""Archives are measured before they are opened."""

import ast
import hashlib
import io
import os
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from portal import archives, reading_archives, unpacking
from portal.archives import ArchiveRefused, Member, members

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


def crowd(entries: int) -> bytes:
    """A zip whose directory has this many entries, all of the same few bytes."""
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    ) + b"a"  # fmt: skip
    directory = entry * entries
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    return b"PK\x03\x04" + directory + end


def test_a_directory_of_a_million_entries_is_not_read() -> None:
    """Whoever reads it makes an object of each: a gigabyte for an archive of fifty megabytes."""
    content = crowd(400_000)
    tracemalloc.start()
    try:
        assert cause(content) == archives.TOO_MANY
        _now, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The archive itself is ours twice over, in the stream; its directory would be two hundred megabytes.
    assert highest < len(content) + 4 * KILO * KILO


def test_the_other_end_of_very_large_archives_may_not_speak_instead() -> None:
    content = crowd(2_000)
    end = content.index(b"PK\x05\x06")
    large = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 20, 20, 0, 0, 1, 1, end - 4, 4)
    where = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    modest = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 47, 4, 0)
    assert cause(content[:end] + large + where + modest) == archives.TOO_MANY


def test_a_remark_at_the_end_hides_nothing() -> None:
    content = bytearray(crowd(20_000))
    struct.pack_into("<H", content, len(content) - 2, 60_000)
    assert cause(bytes(content) + b"x" * 60_000) == archives.TOO_MANY
    honest = bytearray(archive({"a.txt": b"un"}))
    struct.pack_into("<H", honest, len(honest) - 2, 5)
    assert read(bytes(honest) + b"salut") == {"a.txt": b"un"}


def test_the_largest_archive_is_read_one_file_at_a_time() -> None:
    """What the web process holds is one file and its pieces, however many follow."""
    limit = 4 * KILO * KILO
    block = bytes(range(256)) * 16
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(200))
    content = archive({f"{n}.txt": (block + noise) * (limit // 10_496) for n in range(20)})
    began, seen = time.process_time(), 0
    tracemalloc.start()
    try:
        for one in members(io.BytesIO(content), name="envoi.zip", limit=limit):
            seen += len(one.content)
            del one
        _now, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen > 75 * KILO * KILO
    # Its pieces, joined, cut: three times one file; and the archive.
    assert highest < 4 * limit + len(content)
    # Half a second of processor; a hundred times that is another order of work.
    assert time.process_time() - began < 60


# -- in a process of its own ---------------------------------------------------------------------


def unpacked(content: bytes, limit: int = KILO * KILO) -> tuple[list[Member], str]:
    """What the page gets: the files, then why the rest is refused."""
    found: list[Member] = []
    told = reading_archives.members(io.BytesIO(content), name="envoi.zip", limit=limit)
    try:
        while (one := next(told, None)) is not None:
            found.append(one)
    except ArchiveRefused as refused:
        return found, str(refused.facts["cause"])
    return found, ""


def test_the_child_gives_what_the_archive_holds() -> None:
    given = {"paie/DS_2045187_202610.txt": b"un\n{}\n", "vide.txt": b"", "\u0623.txt": b"\0\n" * 9}
    found, refused = unpacked(archive(given))
    assert [(one.name, one.content) for one in found] == [
        ("DS_2045187_202610.txt", b"un\n{}\n"), ("vide.txt", b""), ("\u0623.txt", b"\0\n" * 9)
    ]  # fmt: skip
    assert refused == ""


def overlapping() -> bytes:
    content = bytearray(archive({"a.txt": b"x" * 100, "b.txt": b"y" * 100}))
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 42, 0)
    return bytes(content)


def test_bombs_and_crowds_cost_the_child_and_a_sentence() -> None:
    """Two hundred megabytes of zeros, files within one another, ten thousand of them: this process is not moved."""
    bomb = archive({"a.txt": b"\0" * (200 * KILO * KILO)})
    dense = archive({f"{n}.txt": b"\0" * (KILO * KILO) for n in range(200)})
    before, pid = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, os.getpid()
    # Cut just above the limit: whoever keeps it refuses it as too large.
    ((cut,), refused) = unpacked(bomb)
    assert (len(cut.content), refused) == (KILO * KILO + 1, "")
    assert unpacked(dense) == ([], archives.DENSE)
    assert unpacked(overlapping()) == ([], archives.OVERLAPS)
    assert unpacked(archive({f"{n}.txt": b"x" for n in range(10_000)})) == ([], archives.TOO_MANY)
    assert unpacked(crowd(400_000)) == ([], archives.TOO_MANY)
    assert unpacked(b"PK\x03\x04 rien") == ([], archives.BROKEN)
    assert os.getpid() == pid
    # Kilobytes; the archives themselves, as they were made here, are most of it.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * KILO


def test_an_archive_within_an_archive_is_a_file_that_nobody_opens() -> None:
    inner = archive({"DS_2045187_202610.txt": b"\0" * (100 * KILO * KILO)})
    found, refused = unpacked(archive({"DS_2045187_202610.zip": inner}))
    assert (found, refused) == ([Member("DS_2045187_202610.zip", inner)], "")


def test_what_came_out_before_a_lie_counts() -> None:
    found, refused = unpacked(archive({"a.txt": b"un", "b.txt": b"\0" * (KILO * KILO)}))
    assert (found, refused) == ([Member("a.txt", b"un")], archives.DENSE)


@pytest.mark.parametrize(
    "program",
    [
        "kill -9 $$",
        "kill -XCPU $$",
        "exit 3",
        "exit 1",
        "exec true",
        'echo \'{"name": "a.txt", "size": 9}\'; printf court',
        "echo rien de tel",
        'echo \'{"end": "une autre phrase"}\'',
        'echo \'{"end": ""}\'; exit 3',
    ],
)
def test_a_child_that_dies_or_says_something_else_is_a_refusal(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_archives, "_UNPACKER", ["/bin/sh", "-c", program])
    assert unpacked(archive({"a.txt": b"un"})) == ([], archives.ENDLESS)


def test_a_child_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_archives, "WALL_SECONDS", 0.05)
    monkeypatch.setattr(reading_archives, "_UNPACKER", ["/bin/sh", "-c", "exec sleep 600"])
    began = time.monotonic()
    assert unpacked(archive({"a.txt": b"un"})) == ([], archives.ENDLESS)
    assert time.monotonic() - began < 300


def test_the_child_holds_itself_to_its_limits() -> None:
    """Asked of the process itself, from within: each limit, and nothing of our environment."""
    program = (
        "import resource, sys, os; from portal import archives, unpacking;"
        "archives.members = unpacking.members = lambda *_, **__: iter(());"
        "unpacking.main();"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0],"
        " resource.getrlimit(resource.RLIMIT_FSIZE)[0], 'django' in sys.modules, len(os.environ))"
    )
    done = subprocess.run(
        [*reading_archives._UNPACKER[:3], "-c", program, "10"],
        cwd=settings.BASE_DIR, env={"LANG": "C.UTF-8"}, input=b"", capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].split()[:4] == [
        str(unpacking.MEMORY_BYTES).encode(),
        str(unpacking.PROCESSOR_SECONDS).encode(),
        str(unpacking.OUTPUT_BYTES).encode(),
        b"False",
    ]
    assert reading_archives._UNPACKER[0] == sys.executable


def test_no_page_opens_an_archive_itself() -> None:
    """Reading zips is for the child of archives, the child of spreadsheets and the worker of bank files."""
    openers, readers = set(), set()
    for room in apps.get_app_configs():
        if Path(room.path).parent != settings.BASE_DIR:
            continue
        for path in Path(room.path).rglob("*.py"):
            tree, name = (
                ast.parse(path.read_text("utf-8")),
                str(path.relative_to(settings.BASE_DIR)),
            )
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func).endswith("ZipFile")
                    and len(node.args) == 1
                ):
                    openers.add(name)
                if isinstance(node, ast.ImportFrom) and node.module == "portal.archives":
                    readers |= {name} & {
                        name for one in node.names if one.name in {"members", "open_zip"}
                    }
    assert openers == {"portal/archives.py", "portal/sheets/xlsx.py"}
    assert readers == {"portal/unpacking.py", "payments/codecs/reading.py"}
