"""What a joined file is, told by its bytes, and the name under which it is shown."""

import hashlib

import pytest

from portal import storage
from portal.enums import PieceType
from portal.errors import PieceEmpty, PieceTypeRefused, TooManyPieces
from portal.pieces import check_piece_count, piece_type, shown_name
from tests.affiliates.factories import UserFactory

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", PieceType.PDF),
        (PNG, PieceType.PNG),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", PieceType.JPEG),
    ],
)
def test_the_type_comes_from_the_bytes(head: bytes, expected: PieceType) -> None:
    # The name lies on purpose: it does not count.
    assert piece_type(head, name="facture.exe") is expected


@pytest.mark.parametrize(
    "head",
    [
        b"<html><script>alert(1)",
        b"<svg xmlns='http://",
        b"MZ\x90\x00",
        b"PK\x03\x04",
        b"GIF89a",
        b" %PDF-1.7",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rXXXX",
        b"\xff\xd8",
    ],
)
def test_other_bytes_are_refused_whatever_the_name(head: bytes) -> None:
    with pytest.raises(PieceTypeRefused):
        piece_type(head, name="facture.pdf")


def test_an_empty_file_and_too_many_files_are_refused() -> None:
    with pytest.raises(PieceEmpty):
        piece_type(b"", name="facture.pdf")
    check_piece_count(5)
    with pytest.raises(TooManyPieces):
        check_piece_count(6)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bulletin mars.pdf", "bulletin mars.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\paie.pdf", "paie.pdf"),
        ("fdp\u202egpj.exe", "fdpgpj.exe"),
        ("a\x00b\r\nc.pdf", "abc.pdf"),
        ("فاتورة.pdf", "فاتورة.pdf"),
        ("", "sans nom"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_name_is_made_fit_to_be_shown(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_what_is_kept_is_told_byte_for_byte(db: None) -> None:
    """Several pieces, cut elsewhere than where they came in: the size and the digest are of the whole."""
    whole = bytes(range(256)) * 2_500
    assert len(whole) > 2 * storage.CHUNK_BYTES
    user = UserFactory()
    stored = storage.store(
        [whole[:10], whole[10:300_000], whole[300_000:]], name="a.txt", limit=len(whole), stored_by=user
    )  # fmt: skip
    stored.refresh_from_db()
    assert (stored.size, stored.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert stored.stored_by == user
    with storage.open_stored(stored) as kept:
        assert kept.read() == whole
