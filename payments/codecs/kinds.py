"""The words that codecs share: formats and rules of identity. Nobody reads them on a screen."""

from __future__ import annotations

from enum import StrEnum


class FileFormat(StrEnum):
    """A format that `sniff` recognises. Recognising is not accepting: see `sniff.READABLE`."""

    CAMT_052 = "camt.052"
    CAMT_053 = "camt.053"
    CAMT_054 = "camt.054"
    PAIN_002 = "pain.002"
    CFONB_120 = "cfonb120"
    CFONB_160 = "cfonb160"
    CFONB_240 = "cfonb240"
    MT940 = "mt940"
    CP1 = "cp1"


class IdentityRule(StrEnum):
    """Which of the four rules gave a line its identity; stored with it, so that a new rule never re-keys old lines."""

    TRANSACTION = "a"
    ENTRY = "b"
    END_TO_END = "c"
    FINGERPRINT = "d"
