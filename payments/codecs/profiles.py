"""The profile of a bank as data: JSON in, a ReadingProfile out, and every mistake of it told at once.

A profile is what was agreed in writing with one bank. It is kept in versions, each approved by a second person; the
file that was read records which one read it. Fields: docs/formats/profiles.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from payments.codecs.kinds import FileFormat, IdentityRule
from payments.codecs.records import ReadingProfile
from regulation.errors import DomainError
from regulation.identifiers import check_rib
from regulation.text import _

FOLDER: Final = Path(__file__).parent / "agreed"
ENCODINGS: Final = frozenset({"utf-8", "cp1252", "iso-8859-1", "iso-8859-15"})
RECEIVED, UNPAID = "received", "unpaid"

_SETS: Final = {
    "formats": frozenset(item.value for item in FileFormat),
    "namespaces": None,
    "tolerated_elements": None,
    "unusable_references": frozenset(item.value for item in IdentityRule),
}
_NAME: Final = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_MAPS: Final = ("accounts", "natures", "reasons", "operations")
_FLAGS: Final = ("invert_reversals", "unpaid_are_booked")


class ProfileUnreadable(DomainError):
    """A profile that does not say what a profile may say."""

    code = "payments.profile_unreadable"
    message = _("Le profil ne peut pas être lu : {faults}. Corrigez ces mentions.")


class UnknownProfile(DomainError):
    """No profile of this name."""

    code = "payments.unknown_profile"
    message = _("Aucun profil ne s’appelle « {name} ». Profils connus : {known}.")


def profile_from(data: Any, *, name: str = "", version: int = 0) -> ReadingProfile:
    """The profile that this JSON object describes; refuses ProfileUnreadable with every faulty field."""
    faults = _faults(data)
    if faults:
        raise ProfileUnreadable(faults=", ".join(faults))
    return ReadingProfile(
        name=name,
        version=version,
        formats=frozenset(FileFormat(one) for one in data.get("formats", ())),
        namespaces=frozenset(data.get("namespaces", ())),
        tolerated_elements=frozenset(data.get("tolerated_elements", ())),
        encoding=data.get("encoding", ""),
        unusable_references=frozenset(
            IdentityRule(one) for one in data.get("unusable_references", ())
        ),
        accounts=dict(data.get("accounts", {})),
        natures=dict(data.get("natures", {})),
        reasons=dict(data.get("reasons", {})),
        operations=dict(data.get("operations", {})),
        invert_reversals=data.get("invert_reversals", False),
        unpaid_are_booked=data.get("unpaid_are_booked", False),
    )


def _faults(data: Any) -> list[str]:
    if not isinstance(data, Mapping):
        return ["{}"]
    known = {*_SETS, *_MAPS, *_FLAGS, "encoding"}
    faults = [str(key) for key in data if key not in known]
    for key, allowed in _SETS.items():
        values = data.get(key, [])
        if not isinstance(values, list) or not all(
            isinstance(one, str) and (allowed is None or one in allowed) for one in values
        ):
            faults.append(key)
    for key in _MAPS:
        pairs = data.get(key, {})
        if not isinstance(pairs, Mapping) or not all(
            isinstance(one, str) and isinstance(other, str) for one, other in pairs.items()
        ):
            faults.append(key)
    faults += [key for key in _FLAGS if not isinstance(data.get(key, False), bool)]
    if data.get("encoding", "") not in ENCODINGS | {""}:
        faults.append("encoding")
    return faults + ([] if faults else _wrong_values(data))


def _wrong_values(data: Mapping[str, Any]) -> list[str]:
    wrong = [
        f"operations.{code}"
        for code, sense in data.get("operations", {}).items()
        if sense not in (RECEIVED, UNPAID)
    ]
    for place, rib in data.get("accounts", {}).items():
        try:
            if check_rib(rib) != rib:
                wrong.append(f"accounts.{place}")
        except DomainError:
            wrong.append(f"accounts.{place}")
    return wrong


def shipped(name: str) -> ReadingProfile:
    """One of the profiles kept in the repository, by name; refuses UnknownProfile.

    They serve as examples and for reading a file without a database; what a bank agreed to is in the database.
    """
    path = FOLDER / f"{name}.json"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise UnknownProfile(name=name[:40], known=", ".join(shipped_names()))
    return profile_from(json.loads(path.read_text("utf-8")), name=name)


def shipped_names() -> list[str]:
    """The names that `shipped` knows."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
