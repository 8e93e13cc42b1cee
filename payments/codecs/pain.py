"""The pain.008.001.08 that we hand to a bank: orders in, bytes out. The same orders always give the same bytes.

Fields and choices: docs/formats/pain-008.md. What the bank answers (pain.002) is read by `pain_status`.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from payments.codecs.xml import elements
from regulation.money import ZERO

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
MESSAGE: Final = "pain.008.001.08"

NO_NAME: Final = "NOTPROVIDED"
"""What ISO 20022 files say where a name has no Latin letter: an empty element would refuse the whole file."""

_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9 /\-?:().,'+]", re.ASCII)
_BLANKS: Final = re.compile(r"\s+")
_BY_HAND: Final = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "’": "'"})


@dataclass(frozen=True, slots=True)
class Creditor:
    """The fund at one of its banks: its name, its creditor number, the credited RIB, the code of that bank."""

    name: str
    number: str
    rib: str


@dataclass(frozen=True, slots=True)
class Debit:
    """One order: 12-character reference, dirhams, the authority behind it, the debited account, the RF reference."""

    reference: str
    amount: Decimal
    mandate: str
    mandate_signed_on: date
    debtor: str
    rib: str
    creditor_reference: str


def latin(text: str) -> str:
    """The text in the Latin set of interbank messages (§3.3): accents removed, the rest replaced by a blank."""
    plain = unicodedata.normalize("NFKD", text.translate(_BY_HAND))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return _BLANKS.sub(" ", _OUTSIDE.sub(" ", plain)).strip(" /")


def totals(debits: Sequence[Debit]) -> tuple[int, Decimal]:
    """Count and sum of the orders, in dirhams."""
    return len(debits), sum((debit.amount for debit in debits), ZERO)


def write(
    debits: Sequence[Debit],
    *,
    message_id: str,
    created_at: datetime,
    collect_on: date,
    creditor: Creditor,
) -> bytes:
    """The whole message: one block, since one run has one collection day, one credited account, one sequence type.

    `created_at` is aware and written with its offset. Raises ValueError without orders, with an order twice, or with
    an amount of nothing: the caller checked before, this is a bug and never an input.
    """
    references = [debit.reference for debit in debits]
    if not debits or len(set(references)) != len(references) or any(d.amount <= 0 for d in debits):
        raise ValueError("a run needs orders, each once, each above zero")
    count, total = totals(debits)
    root = etree.Element("Document", nsmap={None: NAMESPACE})
    message = _in(root, "CstmrDrctDbtInitn")
    head = _in(message, "GrpHdr")
    _text(head, "MsgId", message_id)
    _text(head, "CreDtTm", created_at.isoformat(timespec="seconds"))
    _text(head, "NbOfTxs", str(count))
    _text(head, "CtrlSum", _amount(total))
    _initiator(head, creditor)
    block = _in(message, "PmtInf")
    _text(block, "PmtInfId", block_id(message_id))
    _text(block, "PmtMtd", "DD")
    # One booking per order, so that each is matched by its own reference.
    _text(block, "BtchBookg", "false")
    _text(block, "NbOfTxs", str(count))
    _text(block, "CtrlSum", _amount(total))
    _text(_in(block, "PmtTpInf"), "SeqTp", "RCUR")
    _text(block, "ReqdColltnDt", collect_on.isoformat())
    _text(_in(block, "Cdtr"), "Nm", latin(creditor.name)[:70])
    _account(block, "CdtrAcct", creditor.rib)
    _bank(block, "CdtrAgt", creditor.rib[:3])
    for debit in debits:
        _order(block, debit)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


def block_id(message_id: str) -> str:
    """The identifier of the one block of a message."""
    return f"{message_id}-001"


def _initiator(head: Any, creditor: Creditor) -> None:
    party = _in(head, "InitgPty")
    _text(party, "Nm", latin(creditor.name)[:70])
    _text(_in(_in(_in(party, "Id"), "OrgId"), "Othr"), "Id", creditor.number)


def _order(block: Any, debit: Debit) -> None:
    order = _in(block, "DrctDbtTxInf")
    _text(_in(order, "PmtId"), "EndToEndId", debit.reference)
    amount = _text(order, "InstdAmt", _amount(debit.amount))
    amount.set("Ccy", "MAD")
    mandate = _in(_in(order, "DrctDbtTx"), "MndtRltdInf")
    _text(mandate, "MndtId", debit.mandate)
    _text(mandate, "DtOfSgntr", debit.mandate_signed_on.isoformat())
    _bank(order, "DbtrAgt", debit.rib[:3])
    _text(_in(order, "Dbtr"), "Nm", latin(debit.debtor)[:70].strip(" /") or NO_NAME)
    _account(order, "DbtrAcct", debit.rib)
    if debit.creditor_reference:
        reference = _in(_in(_in(order, "RmtInf"), "Strd"), "CdtrRefInf")
        _text(_in(_in(reference, "Tp"), "CdOrPrtry"), "Cd", "SCOR")
        _text(reference, "Ref", debit.creditor_reference)


def _account(parent: Any, name: str, rib: str) -> None:
    other = _in(_in(_in(parent, name), "Id"), "Othr")
    _text(other, "Id", rib)
    _text(_in(other, "SchmeNm"), "Cd", "BBAN")


def _bank(parent: Any, name: str, code: str) -> None:
    institution = _in(_in(parent, name), "FinInstnId")
    _text(_in(institution, "ClrSysMmbId"), "MmbId", code)


def _amount(value: Decimal) -> str:
    return f"{value:.2f}"


def _in(parent: Any, name: str) -> Any:
    return etree.SubElement(parent, name)


def _text(parent: Any, name: str, text: str) -> Any:
    element = _in(parent, name)
    element.text = text
    return element


def counted(content: bytes) -> tuple[int, Decimal]:
    """Count and sum read again from written bytes: what the bank will find, whatever we meant."""
    count, total = 0, ZERO
    for element in elements(io.BytesIO(content), ("InstdAmt",)):
        count += 1
        total += Decimal(element.text or "0")
    return count, total
