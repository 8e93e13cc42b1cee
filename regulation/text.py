"""Marker for the texts that a person reads.

Pure modules cannot call gettext: they keep the French sentence as data and the
rooms above translate it where it is shown.  The marker only lets the message
extractor find the sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def _(message: str) -> str:
    """Mark a French sentence for the catalogue and return it unchanged."""
    return message


# Arabic-Indic and Persian digits, with the Arabic decimal and thousands marks:
# a number typed on an Arabic keyboard is the same number.  Digits of any other
# script stay as they are, and are refused by the ASCII patterns.
_DIGITS = str.maketrans(
    "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬",
    "01234567890123456789, ",
)


def ascii_digits(text: str) -> str:
    """Return `text` with Arabic-Indic and Persian digits written in ASCII."""
    return text.translate(_DIGITS)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A French sentence with named facts, translated where it is shown.

    `message` is the French msgid with `{name}` places; `facts` are texts ready
    to read.  A fact listed in `translated` is itself a French msgid.
    """

    message: str
    facts: Mapping[str, str] = field(default_factory=dict)
    translated: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.message.format(**self.facts)

    def to_json(self) -> dict[str, object]:
        """Return the sentence as plain JSON values, for storage."""
        return {
            "message": self.message,
            "facts": dict(self.facts),
            "translated": list(self.translated),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Sentence":
        """Rebuild a sentence stored by `to_json`."""
        return cls(stored["message"], dict(stored["facts"]), tuple(stored["translated"]))
