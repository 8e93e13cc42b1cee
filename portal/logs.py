"""Logs for programs: one line of JSON an event, under the code of its request, with nothing personal in it.

What is logged is chosen where it is logged: codes, states, names of tasks, keys of rows. The last wall is here: a
message of the database quotes the row it refuses, so only its first line is kept, and whatever looks like an address,
a number of a person, a firm or an account is masked whoever wrote it.
"""

import datetime
import json
import logging
import re
import traceback
from typing import Any, Final

from portal.request_code import current_request_id

#: Addresses; identity cards (AB123456); registration, affiliation, ICE and bank numbers; in that order.
_PERSONAL: Final = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+|\b[A-Z]{1,2}\d{5,6}\b|\bMA\d{26}\b|\b\d(?:[ .]?\d){6,}\b"
)
_LONGEST: Final = 2_000
#: What a caller may add with ``extra={"facts": {…}}``.
_FACTS: Final = "facts"


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "code", "message", …facts, "error", "where"}`` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "code": current_request_id.get(),
            "message": masked(first_line(record.getMessage())),
        }
        facts = getattr(record, _FACTS, None)
        if isinstance(facts, dict):
            told |= {name: _plain(value) for name, value in facts.items() if name not in told}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            told["error"] = f"{type(error).__name__}: {masked(first_line(str(error)))}"
            told["where"] = places(error)
        return json.dumps(told, ensure_ascii=False)


def masked(text: str) -> str:
    """``text`` without what could name someone."""
    return _PERSONAL.sub("•••", text)


def first_line(text: str) -> str:
    """The first line: what follows in a message of the database quotes the row."""
    return text.partition("\n")[0][:_LONGEST]


def places(error: BaseException) -> list[str]:
    """The places of ours that an error went through, and the last, as ``file:line function``; never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames[:-1] if "site-packages" not in frame.filename][-8:]
    return [
        f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in [*ours, *frames[-1:]]
    ]


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    return masked(str(value))
