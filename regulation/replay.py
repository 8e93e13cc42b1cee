"""Recompute a stored statement with the tables of today and say what changed.

A closed period must give the same centimes for ever: a table corrected by
mistake shows here before it shows on an employer's statement.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from regulation.contributions import Bases, contributions_from_bases
from regulation.enums import SurchargeGroup
from regulation.errors import DomainError
from regulation.penalties import Exemption, HeldAmount, Payment, filing_penalty, surcharge
from regulation.periods import Period


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is no longer the one that was stored."""

    where: str
    stored: str
    replayed: str


def replay(stored: Mapping[str, Any]) -> list[Difference]:
    """Recompute a stored contribution, surcharge or filing penalty; return every difference.

    `stored` is what `to_json` of the result gave.  A table that no longer
    answers for the period is a difference too.
    """
    try:
        replayed = _RECOMPUTE[stored["kind"]](stored)
    except DomainError as refusal:
        return [Difference("", "", str(refusal))]
    return list(_differences("", _figures(stored), _figures(replayed)))


def _contributions(stored: Mapping[str, Any]) -> dict[str, Any]:
    return contributions_from_bases(
        Period.parse(stored["period"]), Bases.from_json(stored["bases"]), stored["statuses"]
    ).to_json()


def _surcharge(stored: Mapping[str, Any]) -> dict[str, Any]:
    return surcharge(
        {SurchargeGroup(item["group"]): Decimal(item["principal"]) for item in stored["groups"]},
        due_on=date.fromisoformat(stored["due_on"]),
        until=date.fromisoformat(stored["until"]),
        payments=[Payment.from_json(item) for item in stored["payments"]],
        holds=[HeldAmount.from_json(item) for item in stored["holds"]],
        exemptions=[Exemption.from_json(item) for item in stored["exemptions"]],
    ).to_json()


def _filing_penalty(stored: Mapping[str, Any]) -> dict[str, Any]:
    return filing_penalty(
        employees=stored["employees"],
        due_on=date.fromisoformat(stored["due_on"]),
        filed_on=date.fromisoformat(stored["filed_on"]),
    ).to_json()


_RECOMPUTE: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "contributions": _contributions,
    "surcharge": _surcharge,
    "filing_penalty": _filing_penalty,
}

# Sentences and sources may be worded better later; figures may not change.
_WORDS = frozenset({"working", "versions", "version", "notes"})


def _figures(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _figures(child) for key, child in node.items() if key not in _WORDS}
    if isinstance(node, list):
        return {
            str(child.get("branch") or child.get("group") or rank): _figures(child)
            if isinstance(child, Mapping)
            else child
            for rank, child in enumerate(
                item if isinstance(item, Mapping) else {"": item} for item in node
            )
        }
    return node


def _differences(where: str, stored: Any, replayed: Any) -> Iterator[Difference]:
    if isinstance(stored, Mapping) and isinstance(replayed, Mapping):
        for key in dict.fromkeys((*stored, *replayed)):
            path = f"{where}.{key}" if where else str(key)
            yield from _differences(path, stored.get(key, ""), replayed.get(key, ""))
    elif stored != replayed:
        yield Difference(where, str(stored), str(replayed))
