"""After every paper is issued, fetched, shared, compared and drawn, no PDF that can be read lies anywhere.

Looked at byte by byte: every row of every table, every key of the broker and the cache, every file that is left.
"""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from certificates import documents, papers, printing, workflows
from certificates.enums import CertificateKind
from certificates.tasks import draw_paper
from certificates.workflows import drawing
from portal.storage import store
from portal.tasks import wake
from tests.certificates.conftest import NOW
from tests.certificates.factories import paid, slip_of
from tests.certificates.test_kinds import (  # noqa: F401
    ASKED,
    DECEMBER,
    JANUARY,
    issue,
    line,
    months,
)

PERSON = "BENCHEKROUN YASMINA"
# A PDF in a column of text, of bytes (PostgreSQL writes them in hexadecimal), or behind base 64.
MARKS = ("%PDF", b"%PDF".hex(), base64.b64encode(b"%PDF-1").decode()[:6])
pytestmark = pytest.mark.usefixtures("now")


def rows() -> Iterator[tuple[str, str]]:
    """Every row of every table of the database, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT row::text FROM "{table}" row')
            for (text,) in cursor.fetchall():
                yield table, text


def kept_by_redis() -> bytes:
    """Every key and value of the broker and the cache."""
    client = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    read = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    return repr([(key, read[client.type(key)](key)) for key in client.scan_iter()]).encode()


def files_left() -> Iterator[Path]:
    """The files of the press, and those of var/ outside the cluster of the tests."""
    folders = [Path(printing._printer._folder)] if printing._printer._folder else []
    var = Path(settings.BASE_DIR, "var")
    folders += [one for one in var.glob("*") if one.is_dir() and not any(one.rglob("PG_VERSION"))]
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


def readable() -> set[str]:
    """Where a PDF, or the name of a person outside the rows that are about them, can be read."""
    found = {table for table, text in rows() if any(mark in text for mark in MARKS)}
    said = kept_by_redis()
    found |= {"redis" for mark in (*MARKS, PERSON) if mark.encode() in said}
    for path in files_left():
        content = path.read_bytes()
        if content.startswith(b"%PDF") or PERSON.encode() in content:
            found.add(str(path))
    return found


@pytest.fixture
def everything(
    client,
    cast,
    months,  # noqa: F811
    monkeypatch,
    django_capture_on_commit_callbacks,
):
    monkeypatch.setattr(papers, "DRAWN_AT_ONCE", 50)
    monkeypatch.setattr(documents, "PAGES_PER_PART", 1)
    for rank in range(10, 70):
        line(months[1], rank, number=f"2{rank:08}", name=f"{PERSON} {rank}")
    place = [cast.affiliate.affiliation_number]
    client.force_login(cast.owner)

    def fetch(name, *more):
        answer = client.get(reverse(f"certificates:{name}", args=[*place, *more]))
        assert answer.content[:5] == b"%PDF-", name
        return answer.content

    # Certificates first: a slip past its due day is an arrear.
    kinds = {
        **ASKED,
        CertificateKind.REGISTRATION: {},
        CertificateKind.PAYROLL: {"first": DECEMBER, "last": JANUARY},
    }
    for kind in CertificateKind:
        certificate = issue(cast, kind, **kinds[kind])
        link = workflows.share(
            actor=cast.owner,
            certificate=certificate,
            intent=certificate.intent,
            label="Ma banque",
            lasting=drawing.KEPT,
            at=NOW,
        )
        if kind is CertificateKind.EMPLOYEES:
            row = workflows.prepare(actor=cast.owner, certificate=certificate, at=NOW)
            with django_capture_on_commit_callbacks(execute=True):
                wake(draw_paper, row.pk)
            workflows.draw(printing_id=row.pk, at=NOW)
        paper = fetch("certificate_pdf", certificate.number)
        shared = reverse("certificates:shared_pdf", args=[workflows.token_of(link)])
        assert Client().get(shared).content[:5] == b"%PDF-"
        compared = Client().post(reverse("certificates:compare"), {"file": io.BytesIO(paper)})
        assert compared.status_code == 200
        cache.clear()  # six comparisons a minute
    slip = slip_of(months[0])
    fetch("slip_pdf", slip.pk)
    fetch("payment_receipt_pdf", paid(slip, account=cast.bank_account, by=cast.bank).pk)
    fetch("filing_receipt_pdf", months[0].pk)
    return row


def test_no_paper_is_left_that_can_be_read(everything):
    assert everything.parts.count() == 1
    assert readable() == set()


def test_parts_of_a_paper_under_way_cannot_be_read_either(everything, monkeypatch):
    everything.refresh_from_db()
    certificate = everything.certificate
    everything.parts.all().delete()
    again = workflows.prepare(actor=None, certificate=certificate, at=NOW + drawing.KEPT)
    monkeypatch.setattr(drawing, "_finish", lambda *_bound: None)
    workflows.draw(printing_id=again.pk, at=NOW)
    assert again.parts.count() == 3
    assert readable() == set()


def test_the_search_would_find_one(cast, db):
    """The positive control: a PDF in the database, a name in the broker, a paper in the folder of the press."""
    store([b"%PDF-1.7 " + PERSON.encode()], name="x.pdf", limit=100, stored_by=cast.owner)
    client = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    client.rpush("test:at-rest", PERSON)
    documents.pdf(
        documents.Document("<!doctype html><html lang=fr><title>x</title>", "x", "0" * 32)
    )
    left = Path(printing._printer._folder, "x.pdf")
    left.write_bytes(b"%PDF-1.7")
    try:
        assert readable() == {"portal_storedchunk", "redis", str(left)}
    finally:
        client.delete("test:at-rest")
        left.unlink()
