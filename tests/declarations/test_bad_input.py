"""What should not have been sent: each told in the reader's language, nothing kept half-way, no process moved."""

import http.client
import re
import secrets
import socket
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from declarations.codecs import e_bds
from declarations.enums import FileVerdict
from declarations.models import Declaration, FileFinding, ReceivedFile
from declarations.tasks import check_file
from portal import clock, formats, uploads
from portal.models import StoredChunk, StoredFile, User
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, employ, issue
from tests.declarations.test_sheets import bomb
from tests.declarations.workbooks import csv_of
from tests.running import Server, Worker


def browser(user: User, language: str = "fr") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def door(cast: Cast, period: object = JANUARY) -> str:
    return reverse("declarations:upload", args=[cast.affiliate.affiliation_number, period])


def stored() -> tuple[int, int, int]:
    return StoredFile.objects.count(), StoredChunk.objects.count(), Declaration.objects.count()


def another_affiliates(cast: Cast) -> bytes:
    other = AffiliateFactory()
    employ(other, 1)
    return answer(issue(cast.owner, other))


#: name → (what is sent, the code that names it, what it is called)
BAD = {
    "empty": (b"", "D27", "un fichier vide"),
    "blank": (b"\r\n \r\n", "D27", "un fichier vide"),
    "200 columns": (
        b"01" + b"0" * 198 + b"\n",
        "D27",
        "un fichier aux lignes de 200 caractères, d’un autre format",
    ),
    "csv called BDS": (b"numero;nom;salaire\n1;2;3\n", "D27", "un tableau CSV"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "D27", "un document PDF"),
    "utf-16": ("B00".encode("utf-16"), "D27", "un texte en UTF-16"),
    "utf-16 csv": (csv_of(encoding="utf-16"), "D27", "un texte en UTF-16"),
    "nul": (b"\x00" * 400, "D27", "un fichier binaire"),
    "old excel": (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "D27", "un ancien classeur Excel"),
    "zip bomb": (bomb(), "S3", "il contient un texte ou une ligne démesurés"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_kept_whole_named_and_makes_no_draft(
    cast: Cast, name: str, language: str
) -> None:
    content, code, nature = BAD[name]
    employ(cast.affiliate, 1)
    client = browser(cast.owner, language)
    with time_machine.travel(AT, tick=True):
        sent = SimpleUploadedFile("DS_1234567_202601.txt", content)
        followed = client.post(door(cast), {"file": sent})
        file = ReceivedFile.objects.get()
        check_file(file.pk)
        page = client.get(followed["Location"]).content.decode()

    file.refresh_from_db()
    assert file.verdict == FileVerdict.REFUSED
    assert FileFinding.objects.filter(received_file=file).values_list("code", flat=True)[0] == code
    assert stored() == (1, 1 if content else 0, 0)
    assert b"".join(bytes(one.data) for one in StoredChunk.objects.all()) == content
    with translation.override(language):
        assert escape(formats.label(nature)) in page


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_another_affiliates_file_is_refused_and_says_whose_page_this_is(
    cast: Cast, language: str
) -> None:
    content = another_affiliates(cast)
    employ(cast.affiliate, 1)
    client = browser(cast.owner, language)
    with time_machine.travel(AT, tick=True):
        name = e_bds.file_name(cast.affiliate.affiliation_number, "202601")
        client.post(door(cast), {"file": SimpleUploadedFile(name, content)})
        file = ReceivedFile.objects.get()
        check_file(file.pk)

    file.refresh_from_db()
    assert file.verdict == FileVerdict.REFUSED
    assert "R11" in FileFinding.objects.values_list("code", flat=True)
    assert not Declaration.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("fr", "n’est pas ouverte"), ("ar", "غير مفتوح")])
def test_a_closed_period_keeps_nothing(cast: Cast, language: str, words: str) -> None:
    employ(cast.affiliate, 1)
    client = browser(cast.owner, language)
    later = Period(2026, 6)
    with time_machine.travel(AT, tick=True):
        sent = SimpleUploadedFile("DS.txt", b"B00")
        response = client.post(door(cast, later), {"file": sent}, follow=True)

    assert response.status_code == 200
    assert words in response.content.decode()
    assert stored() == (0, 0, 0)
    assert not ReceivedFile.objects.exists()


# -- before anything is read -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("fr", "dépasse 16 Mo"), ("ar", "يتجاوز")])
def test_a_body_too_large_is_told_and_never_stored(cast: Cast, language: str, words: str) -> None:
    client = browser(cast.owner, language)
    response = client.generic(
        "POST",
        door(cast),
        b"x",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(500 * uploads.MEGABYTE),
    )

    assert response.status_code == 413
    assert words in response.content.decode()
    assert stored() == (0, 0, 0)


@pytest.mark.django_db
def test_a_body_without_a_length_is_told(cast: Cast) -> None:
    response = browser(cast.owner).generic(
        "POST", door(cast), b"", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )

    assert response.status_code == 411
    assert "n’annonce pas sa taille" in response.content.decode()


@pytest.mark.django_db
def test_a_stranger_fills_small_forms_only() -> None:
    door = reverse("portal:login")
    two = Client().post(door, b"x" * 2 * uploads.MEGABYTE, content_type="text/plain")
    many = Client().generic("POST", door, b"", CONTENT_LENGTH=str(500 * uploads.MEGABYTE))

    assert [two.status_code, many.status_code] == [413, 413]


# -- through the real server -------------------------------------------------------------------


def family(pid: int) -> list[int]:
    """A process and those that it started, and theirs."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(
                path.read_text("utf-8").rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def peak_kilobytes(pid: int) -> dict[int, int]:
    peaks = {}
    for one in family(pid):
        match = re.search(r"VmHWM:\s+([0-9]+) kB", Path(f"/proc/{one}/status").read_text("utf-8"))
        if match:
            peaks[one] = int(match[1])
    return peaks


def temporary_bytes() -> int:
    """What unfinished uploads hold in the temporary folder."""
    return sum(path.stat().st_size for path in Path(tempfile.gettempdir()).glob("*.upload*"))


def cookies_of(user: User) -> tuple[str, str]:
    """The cookies of a signed-in browser, and its form token."""
    client = browser(user)
    token = secrets.token_hex(16)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return (
        f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}",
        token,
    )


def pour(
    server: Server, path: str, cookies: str, megabytes: int, *, chunked: bool
) -> tuple[int, bytes]:
    """Send a body that does not end soon; the megabytes that were taken, and the answer."""
    url = urlsplit(server.url)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {megabytes << 20}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: {cookies}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{length}\r\n\r\n"
    )
    piece = b"x" * 65_536
    written = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    taken, answer = 0, b""
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as link:
        try:
            link.sendall(head.encode())
            while taken < megabytes << 20:
                link.sendall(written)
                taken += len(piece)
        except OSError:
            pass  # the server has closed the door
        try:
            answer = link.recv(65_536)
        except OSError:
            answer = b""
    return taken >> 20, answer


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_500_megabytes_move_nothing(server: Server, cast: Cast, chunked: bool) -> None:
    cookies, _token = cookies_of(cast.owner)
    pid = server.child.process.pid
    before, on_disk = peak_kilobytes(pid), temporary_bytes()

    _taken, answer = pour(server, door(cast), cookies, 500, chunked=chunked)

    after = peak_kilobytes(pid)
    assert after.keys() == before.keys(), "a process of the server was replaced"
    assert max(after[one] - before[one] for one in after) < 24 * 1024
    assert temporary_bytes() == on_disk
    assert stored() == (0, 0, 0)
    assert not answer or answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 411"))
    assert Client().get(reverse("portal:login")).status_code == 200


def test_a_large_file_by_mistake_is_told_why(server: Server, cast: Cast) -> None:
    """40 MB: the browser sends them all before it looks; it must find the page that says so."""
    cookies, _token = cookies_of(cast.owner)

    taken, answer = pour(server, door(cast), cookies, 40, chunked=False)

    assert taken == 40
    assert answer.startswith(b"HTTP/1.1 413")
    assert stored() == (0, 0, 0)


def post_file(server: Server, path: str, cookies: str, token: str, content: bytes) -> int:
    body = b"".join(
        (
            b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n',
            token.encode(),
            b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="s.xlsx"\r\n\r\n',
            content,
            b"\r\n--x--\r\n",
        )
    )
    url = urlsplit(server.url)
    link = http.client.HTTPConnection(url.netloc, timeout=30)
    try:
        kind = "multipart/form-data; boundary=x"
        link.request("POST", path, body, {"Cookie": cookies, "Content-Type": kind})
        answer = link.getresponse()
        answer.read()
        return answer.status
    finally:
        link.close()


@pytest.fixture
def open_period(cast: Cast) -> Period:
    """A month that is open today, by the clock of the server."""
    employ(cast.affiliate, 1)
    return Period.from_day(clock.today()).previous()


def test_a_zip_bomb_moves_neither_server_nor_worker(
    server: Server, worker: Worker, cast: Cast, open_period: Period
) -> None:
    cookies, token = cookies_of(cast.owner)
    content = bomb()
    before = {
        "server": peak_kilobytes(server.child.process.pid),
        "worker": peak_kilobytes(worker.child.process.pid),
    }

    status = post_file(server, door(cast, open_period), cookies, token, content)
    worker.wait_idle()

    assert status == 302
    deadline = time.monotonic() + 60
    while ReceivedFile.objects.get().verdict == FileVerdict.PENDING and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ReceivedFile.objects.get().verdict == FileVerdict.REFUSED
    assert FileFinding.objects.get().code == "S3"
    for name, process in (("server", server), ("worker", worker)):
        after = peak_kilobytes(process.child.process.pid)
        known = before[name].keys() & after.keys()
        assert known == before[name].keys(), f"a process of the {name} was replaced"
        assert max(after[one] - before[name][one] for one in known) < 48 * 1024, name
