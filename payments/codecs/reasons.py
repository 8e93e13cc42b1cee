"""Why a bank sent a debit back: ISO reason codes, what the employer does next, what becomes of the authority (§11).

A code that is not in this table is kept as it came and treated as a text for a clerk: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from payments.codecs.faults import fault, quoted
from payments.codecs.records import CanonicalLine
from payments.enums import NextStep
from regulation.text import _


class Effect(StrEnum):
    """What a reason does to the authority behind the order."""

    KEPT = "kept"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its French label (a msgid), the next step, the effect, and whether the next run may try once."""

    label: str
    step: NextStep
    effect: Effect = Effect.KEPT
    retry: bool = False


_DATE: Final = Reason(_("Date ou heure limite dépassée à la banque"), NextStep.WAIT, retry=True)
_AMOUNT: Final = Reason(_("Montant que la banque n’accepte pas"), NextStep.STAFF)
_DOUBLE: Final = Reason(_("Doublon, selon la banque"), NextStep.STAFF)
_FILE: Final = Reason(_("Fichier de la Caisse à refaire"), NextStep.STAFF)
_FORBIDDEN: Final = Reason(
    _("Prélèvement interdit sur ce compte"), NextStep.OTHER_CHANNEL, Effect.SUSPENDED
)
_IDENTITY: Final = Reason(
    _("Identité ou créancier non reconnu par la banque"), NextStep.STAFF, Effect.SUSPENDED
)
_RULES: Final = Reason(_("Code de banque ou motif réglementaire"), NextStep.STAFF)
_ASKED: Final = Reason(_("Annulé à votre demande auprès de la banque"), NextStep.NONE)

REASONS: Final[dict[str, Reason]] = {
    "AM04": Reason(_("Provision insuffisante"), NextStep.FUND),
    "AC01": Reason(_("RIB incorrect ou inconnu"), NextStep.ACCOUNT, Effect.SUSPENDED),
    "AC04": Reason(_("Compte clôturé"), NextStep.NEW_AUTHORITY, Effect.REVOKED),
    "AC06": Reason(_("Compte bloqué"), NextStep.SEE_BANK, Effect.SUSPENDED),
    "AG01": _FORBIDDEN,
    "AG02": _FORBIDDEN,
    "MD01": Reason(_("Mandat inconnu de la banque"), NextStep.REGISTER, Effect.SUSPENDED),
    "MD02": Reason(_("Mandat incomplet à la banque"), NextStep.STAFF, Effect.SUSPENDED),
    "MD06": Reason(_("Remboursement demandé à la banque"), NextStep.DISPUTE, Effect.SUSPENDED),
    "MD07": Reason(_("Titulaire du compte décédé"), NextStep.STAFF, Effect.REVOKED),
    "MS02": Reason(_("Refus du client, motif non communiqué"), NextStep.CONTACT, Effect.SUSPENDED),
    "MS03": Reason(_("Refus de la banque, motif non communiqué"), NextStep.CONTACT),
    "AM01": _AMOUNT,
    "AM02": _AMOUNT,
    "AM03": _AMOUNT,
    "AM09": _AMOUNT,
    "AM05": _DOUBLE,
    "DU01": _DOUBLE,
    "DU02": _DOUBLE,
    "DU03": _DOUBLE,
    "DU04": _DOUBLE,
    "DUPL": _DOUBLE,
    "AM10": _FILE,
    "AM18": _FILE,
    "FF01": _FILE,
    "CH21": _FILE,
    "BE01": _IDENTITY,
    "BE05": _IDENTITY,
    "DT01": _DATE,
    "TM01": _DATE,
    "CH03": _DATE,
    "CH04": _DATE,
    "RC01": _RULES,
    "RR01": _RULES,
    "RR02": _RULES,
    "RR03": _RULES,
    "RR04": _RULES,
    "ED05": Reason(_("Échec du règlement entre banques"), NextStep.WAIT, retry=True),
    "CUST": _ASKED,
    "DS02": _ASKED,
}

OTHER: Final = Reason(_("Motif propre à la banque"), NextStep.CONTACT)


_TEXT: Final = frozenset({"NARR", "NOAS", "NOOR"})
"""Codes of the standard that only announce a text of the bank."""


def iso_of(code: str, agreed: Mapping[str, str]) -> tuple[str, bool]:
    """The ISO reason behind what a bank wrote, by the table of its profile, and whether our table knows it.

    What neither table knows is kept as it came.
    """
    iso = agreed.get(code, code)
    return iso, iso.strip().upper() in REASONS.keys() | _TEXT


def with_reason(line: CanonicalLine, agreed: Mapping[str, str]) -> CanonicalLine:
    """A line with its reason as ISO; an unknown one is kept and told once (L21), whatever format brought it."""
    iso, is_known = iso_of(line.reason_code, agreed)
    notes = line.notes
    if not is_known and all(note.code != "L21" for note in notes):
        notes = (*notes, fault("L21", rang=line.rank, code=quoted(iso)))
    return replace(line, reason_code=iso, notes=notes)


def reason_of(code: str) -> Reason:
    """The reason behind a code, or the one of a code that the table does not know."""
    return REASONS.get(code.strip().upper(), OTHER)
