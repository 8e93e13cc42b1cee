"""The number printed on a certificate and the token in its QR code. Pure.

The number (``ATT-2026-0000123-45``) is for people: it is in order, has check digits, and opens nothing. The token
(28 letters and digits, 140 random bits, base 32) opens the public page and cannot be guessed.
"""

import base64
import re
import secrets

from regulation.text import ascii_digits

TOKEN_BYTES = 18
TOKEN_LENGTH = 28
#: Of the digest of a receipt, what its address holds: 128 bits.
MARK_LENGTH = 32
_TOKEN = re.compile(r"[A-Z2-7]{28}", re.ASCII)
_BLANKS = re.compile(r"[\s\-\u2010-\u2015\u200e\u200f]+")
# Base 32 has no 0, 1 and 8: whoever typed one read a letter.
_LOOK_ALIKES = str.maketrans("018", "OIB")


def certificate_number(year: int, counter: int) -> str:
    """Return the number of the ``counter``-th certificate: year, counter on seven digits, two ISO 7064 digits.

    The check digits are 98 minus (the eleven digits followed by ``00``, modulo 97).
    """
    if not 0 < counter <= 9_999_999:
        raise ValueError(f"counter {counter} does not fit on seven digits")
    check = 98 - int(f"{year:04}{counter:07}") * 100 % 97
    return f"ATT-{year:04}-{counter:07}-{check:02}"


def new_token() -> str:
    """Return a token nobody has seen: 28 characters, 140 bits from the system's generator."""
    return base64.b32encode(secrets.token_bytes(TOKEN_BYTES)).decode()[:TOKEN_LENGTH]


def read_token(text: str) -> str | None:
    """Return the token inside what a person typed or pasted: with blanks, dashes, small letters, or a whole address.

    None when it cannot be one.
    """
    typed = text.strip().rstrip("/").rpartition("/")[2]
    token = _BLANKS.sub("", ascii_digits(typed)).upper().translate(_LOOK_ALIKES)
    return token if _TOKEN.fullmatch(token) else None


def grouped(token: str) -> str:
    """Write a token in groups of four, to be read aloud or typed."""
    return "-".join(token[start : start + 4] for start in range(0, len(token), 4))
