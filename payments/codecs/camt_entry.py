"""One camt entry (`Ntry`) and its transactions (`TxDtls`) to canonical lines. Fields: docs/formats/camt.md.

Elements arrive flattened: a path relative to the element (``Refs/EndToEndId``) to the list of its texts. A path
ending in ``@Ccy`` holds the currency of the amount. Names are local names, so every version reads alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from payments.codecs.faults import Fault, Faults, fault, quoted
from payments.codecs.records import CanonicalLine, account_number, meaningful
from payments.codecs.xml import local_name
from payments.enums import LineKind

Flat = dict[str, list[str]]

MAD: Final = "MAD"
ZERO: Final = Decimal("0.00")
CENT: Final = Decimal("0.01")

_AMOUNT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{0,5})?", re.ASCII)
_NEGATIVE: Final = re.compile(r"-[0-9]{1,18}(\.[0-9]{0,5})?", re.ASCII)
_DAY: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2}|T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)

# Collections come back (unpaid, reversed, cancelled) and returned transfers: reversals even without RvslInd.
_RETURNS: Final = frozenset({"UPDD", "PRDD", "RCDD", "RRTN"})
_REVERSALS: Final = (
    "RvslInd",
    "BkTxCd/Domn/Fmly/SubFmlyCd",
    "RtrInf/Rsn/Cd",
    "RtrInf/Rsn/Prtry",
)
_CHARGES: Final = ("Chrgs/Rcrd/Amt", "Chrgs/Amt", "Chrgs/TtlChrgsAndTaxAmt")
_SUCCESS_REASON: Final = "0000"
"""Some files of returns also list successes under this code: they settle nothing and reverse nothing."""


def flatten(element: Any) -> Flat:
    """Every leaf below `element`: path to texts. Blanks around a text are cut.

    A value interrupted by a comment, a processing instruction or an entity is kept with a visible mark, so that no
    amount or reference is ever read from a part of itself.
    """
    out: Flat = {}
    return out if _walked(element, out, "") else flatten_into(element, {}, "")


def _walked(element: Any, out: Flat, prefix: str) -> bool:
    """Note the leaves below `element`; False, with only some of them noted, when anything but elements is met."""
    for child in element:
        tag, tail = child.tag, child.tail
        if not isinstance(tag, str) or (tail and not tail.isspace()):
            return False
        path, text = _path(prefix, tag), child.text
        if len(child):
            if (text and not text.isspace()) or not _walked(child, out, path + "/"):
                return False
            continue
        text = text.strip() if text else ""
        known = out.get(path)
        if known is None:
            out[path] = [text]
        else:
            known.append(text)
        if path.endswith("Amt"):
            out.setdefault(path + "@Ccy", []).append(child.get("Ccy", ""))
    return True


def flatten_into(element: Any, out: Flat, prefix: str) -> Flat:
    """The same, added to `out` under a prefix, of an element that may hold more than elements."""
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            continue
        path = _path(prefix, tag)
        if len(child):
            if _interrupted(child):
                out.setdefault(path, []).append(_with_marks(child))
            else:
                flatten_into(child, out, path + "/")
            continue
        text = child.text
        out.setdefault(path, []).append(text.strip() if text else "")
        if path.endswith("Amt"):
            out.setdefault(path + "@Ccy", []).append(child.get("Ccy", ""))
    return out


@lru_cache(maxsize=4096)
def _path(prefix: str, tag: str) -> str:
    return prefix + local_name(tag)


def _interrupted(element: Any) -> bool:
    """True for a value cut by something that is not an element (and for text mixed with elements)."""
    text = element.text
    if text and not text.isspace():
        return True
    holds_elements = False
    for child in element:
        tail = child.tail
        if tail and not tail.isspace():
            return True
        holds_elements = holds_elements or isinstance(child.tag, str)
    return not holds_elements


def _with_marks(element: Any) -> str:
    pieces = [element.text or ""]
    for child in element:
        pieces += ["<…>", child.tail or ""]
    return "".join(pieces).strip()


def first(flat: Flat, *paths: str) -> str:
    """The first text that is not empty among these paths."""
    for path in paths:
        texts = flat.get(path)
        if texts:
            for text in texts:
                if text:
                    return text
    return ""


@lru_cache(maxsize=4096)
def read_amount(text: str) -> Decimal | str:
    """A positive amount of dirhams, or the code of what is wrong with it (E-L01, E-L02, E-L03)."""
    if not _AMOUNT.fullmatch(text):
        return "E-L02" if _NEGATIVE.fullmatch(text) else "E-L01"
    amount = Decimal(text)
    if amount == 0:
        return "E-L02"
    rounded = amount.quantize(CENT)
    return rounded if rounded == amount else "E-L03"


@lru_cache(maxsize=1024)
def read_day(text: str) -> date | None:
    """The day of an ISO date or date-time as written, or None when it is not one."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


@dataclass(slots=True)
class Context:
    """What an entry inherits from its statement, and where its faults go."""

    account: str
    currency: str
    statement: str
    copy_indicator: str
    faults: Faults
    invert_reversals: bool = False
    natures: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """The entry as a whole: what the control totals count."""

    amount: Decimal
    signed: Decimal
    booked: bool
    reversal: bool
    lines: list[CanonicalLine]


def read_entry(
    flat: Flat, transactions: list[Flat], context: Context, *, index: int, rank: int
) -> Entry | None:
    """The entry and its lines, or None when a fault (noted in the context) makes it unreadable.

    `index` is the place of the entry in the file and `rank` that of its first line, both from 1. No transaction or
    one: one line of the entry's amount. Several: one line each; they must add up to the entry, a gap equal to the
    declared charges becoming a line of its own, any other gap one waiting line for the whole entry (L18).
    """
    faults_before = context.faults.total
    amount = _amount(flat, "Amt", context, rank)
    credit = _credit(flat, context, rank)
    status = first(flat, "Sts/Cd", "Sts/Prtry", "Sts")
    booking_day = _day(
        flat, ("BookgDt/Dt", "BookgDt/DtTm"), "BookgDt", context, rank, required=status == "BOOK"
    )
    value_day = _day(flat, ("ValDt/Dt", "ValDt/DtTm"), "ValDt", context, rank, required=False)
    if booking_day is None and status != "BOOK":
        booking_day = value_day or date.min
    reversal = _is_reversal(flat)
    if reversal and context.invert_reversals:
        credit = not credit
    if context.faults.total > faults_before or amount is None or booking_day is None:
        return None
    base = _base(flat, context, amount, credit, status, booking_day, value_day, reversal)
    base["source_path"] = f"Ntry[{index}]"
    lines = _lines(flat, transactions, base, amount, credit, context, rank)
    signed = amount if credit else -amount
    return Entry(amount, signed, status == "BOOK", reversal, lines)


def _amount(flat: Flat, path: str, context: Context, rank: int) -> Decimal | None:
    text = first(flat, path)
    found = read_amount(text)
    if isinstance(found, str):
        context.faults.add(found, rang=rank, valeur=quoted(text))
        return None
    currency = first(flat, f"{path}@Ccy") or context.currency
    if currency != MAD:
        context.faults.add("E-F13", devise=quoted(currency) or "(absente)")
    return found


def _credit(flat: Flat, context: Context, rank: int) -> bool:
    sign = first(flat, "CdtDbtInd")
    if sign not in ("CRDT", "DBIT"):
        context.faults.add("E-L05", rang=rank)
    return sign == "CRDT"


def _day(
    flat: Flat, paths: tuple[str, ...], name: str, context: Context, rank: int, *, required: bool
) -> date | None:
    text = first(flat, *paths, name)
    if not text and not required:
        return None
    day = read_day(text)
    if day is None:
        context.faults.add("E-L04", rang=rank, champ=name, valeur=quoted(text))
    return day


def _is_reversal(flat: Flat) -> bool:
    return not flat.keys().isdisjoint(_REVERSALS) and (
        first(flat, "RvslInd") in ("true", "1")
        or first(flat, "BkTxCd/Domn/Fmly/SubFmlyCd") in _RETURNS
        or bool(first(flat, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"))
    )


def _nature(flat: Flat, natures: Mapping[str, str]) -> str:
    domain = first(flat, "BkTxCd/Domn/Cd")
    if domain:
        return f"{domain}/{first(flat, 'BkTxCd/Domn/Fmly/Cd')}/{first(flat, 'BkTxCd/Domn/Fmly/SubFmlyCd')}"
    code = first(flat, "BkTxCd/Prtry/Cd")
    return natures.get(code, code)


def _base(
    flat: Flat, context: Context, amount: Decimal, credit: bool, status: str,
    booking_day: date, value_day: date | None, reversal: bool,
) -> dict[str, Any]:  # fmt: skip
    """What all the lines of an entry share."""
    kind = LineKind.CREDIT if credit else LineKind.DEBIT
    if status != "BOOK" or context.copy_indicator:
        kind = LineKind.INFO
    return {
        "kind": kind,
        "amount": amount,
        "entry_amount": amount,
        "currency": MAD,
        "our_account": context.account,
        "booking_day": booking_day,
        "value_day": value_day,
        "is_reversal": reversal,
        "status": status,
        "statement": context.statement,
        "entry_ref": meaningful(first(flat, "AcctSvcrRef")),
        "nature": _nature(flat, context.natures),
        "batch": meaningful(first(flat, "NtryDtls/Btch/PmtInfId")),
    }


def _lines(
    flat: Flat, transactions: list[Flat], base: dict[str, Any], amount: Decimal, credit: bool,
    context: Context, rank: int,
) -> list[CanonicalLine]:  # fmt: skip
    notes = _notes(base, context, rank)
    if not transactions:
        count = first(flat, "NtryDtls/Btch/NbOfTxs")
        whole = {
            **base,
            "whole": True,
            "entry_count": int(count) if count.isascii() and count.isdigit() else 1,
        }
        return [_line(flat, {}, whole, rank, notes)]
    parts = [
        _part(details, amount, credit, context, rank + place, alone=len(transactions) == 1)
        for place, details in enumerate(transactions)
    ]
    charges = _charges(flat) + sum((_charges(details) for details in transactions), ZERO)
    signed = amount if credit else -amount
    gap = _gap(parts, signed)
    if gap is None or (gap != 0 and abs(gap) != charges):
        found = sum((part[0] for part in parts if part is not None), ZERO)
        mark = fault("L18", rang=rank, s1=found, s2=amount, frais=charges)
        return [
            _line(
                flat, transactions[0] if len(transactions) == 1 else {}, base, rank, (*notes, mark)
            )
        ]
    lines = []
    for index, (details, part) in enumerate(zip(transactions, parts, strict=True), start=1):
        part_amount, part_credit = part or (amount, credit)
        own = {
            **base,
            "amount": part_amount,
            "entry_index": index,
            "entry_count": len(transactions),
        }
        if own["kind"] is not LineKind.INFO:
            own["kind"] = LineKind.CREDIT if part_credit else LineKind.DEBIT
        lines.append(_line(flat, details, own, rank + index - 1, notes))
    if gap:
        lines.append(
            _charge_line(base, gap, rank + len(transactions), len(transactions) + 1, notes)
        )
    return lines


def _notes(base: dict[str, Any], context: Context, rank: int) -> tuple[Fault, ...]:
    notes: list[Fault] = []
    if base["status"] != "BOOK":
        notes.append(fault("L06", rang=rank, statut=quoted(base["status"]) or "(absent)"))
    elif context.copy_indicator:
        notes.append(fault("F18", indicateur=quoted(context.copy_indicator)))
    elif base["value_day"] is None:
        notes.append(fault("L07", rang=rank))
    return tuple(notes)


def _part(
    details: Flat, amount: Decimal, credit: bool, context: Context, rank: int, *, alone: bool
) -> tuple[Decimal, bool] | None:
    """Amount and sign of one transaction; None when several share the entry and this one does not say.

    An amount that is there and cannot be read refuses the file, as that of an entry does.
    """
    paths = ["Amt", "AmtDtls/TxAmt/Amt"]
    if alone and _charges(details):
        paths.append("AmtDtls/InstdAmt/Amt")
    sign = first(details, "CdtDbtInd")
    own_credit = credit if sign not in ("CRDT", "DBIT") else sign == "CRDT"
    for path in paths:
        text = first(details, path)
        if text and first(details, f"{path}@Ccy") in ("", MAD):
            found = read_amount(text)
            if isinstance(found, str):
                context.faults.add(found, rang=rank, valeur=quoted(text))
                return None
            return found, own_credit
    return (amount, credit) if alone else None


def _gap(parts: list[tuple[Decimal, bool] | None], signed: Decimal) -> Decimal | None:
    total = ZERO
    for part in parts:
        if part is None:
            return None
        total += part[0] if part[1] else -part[0]
    return signed - total


def _charges(flat: Flat) -> Decimal:
    """Bank charges declared in an entry or a transaction: the records, else the amounts, else the totals."""
    if flat.keys().isdisjoint(_CHARGES):
        return ZERO
    for path in _CHARGES:
        found = [read_amount(text) for text in flat.get(path, ()) if text]
        amounts = [item for item in found if isinstance(item, Decimal)]
        if amounts:
            return sum(amounts, ZERO)
    return ZERO


def _charge_line(
    base: dict[str, Any], gap: Decimal, rank: int, index: int, notes: tuple[Fault, ...]
) -> CanonicalLine:
    """The charges of an entry as an operation of their own, never part of a debt."""
    kind = base["kind"]
    if kind is not LineKind.INFO:
        kind = LineKind.CREDIT if gap > 0 else LineKind.DEBIT
    own = {
        **base,
        "kind": kind,
        "amount": abs(gap),
        "is_reversal": False,
        "nature": "ACMT/MDOP/CHRG",
    }
    return CanonicalLine(
        rank=rank, entry_index=index, entry_count=index, free_text="", notes=notes,
        **{name: value for name, value in own.items() if name not in ("entry_index", "entry_count")},
    )  # fmt: skip


def _line(
    flat: Flat, details: Flat, base: dict[str, Any], rank: int, notes: tuple[Fault, ...]
) -> CanonicalLine:
    """One canonical line from an entry and, when there is one, its transaction."""
    credit = base["kind"] is not LineKind.DEBIT
    payer, account = ("Dbtr", "DbtrAcct") if credit else ("Cdtr", "CdtrAcct")
    operation = first(details, "RltdDts/AccptncDtTm")
    reason = first(details, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry") or first(
        flat, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"
    )
    own = dict(base)
    if reason == _SUCCESS_REASON:
        own["kind"] = LineKind.INFO
        own["is_reversal"] = False
    elif reason or _is_reversal(details):
        own["is_reversal"] = True
    texts = [
        *details.get("RmtInf/Ustrd", ()),
        *details.get("AddtlTxInf", ()),
        *flat.get("AddtlNtryInf", ()),
    ]
    return CanonicalLine(
        rank=rank,
        operation_day=read_day(operation) or base["booking_day"],
        transaction_ref=meaningful(first(details, "Refs/AcctSvcrRef")),
        end_to_end=meaningful(first(details, "Refs/EndToEndId")),
        instruction=meaningful(first(details, "Refs/InstrId")),
        mandate=meaningful(first(details, "Refs/MndtId")),
        creditor_ref=" ".join(
            filter(None, map(meaningful, details.get("RmtInf/Strd/CdtrRefInf/Ref", ())))
        ),
        free_text="\n".join(filter(None, texts)),
        payer_name=_party(details, payer) or ("" if credit else _party(details, "Dbtr")),
        payer_rib=_account(details, account) or ("" if credit else _account(details, "DbtrAcct")),
        creditor_rib=_account(details, "CdtrAcct") if credit else "",
        reason_code="" if reason == _SUCCESS_REASON else reason,
        reason_text=" ".join(details.get("RtrInf/AddtlInf", ())),
        original_bank_ref=_original(details, own),
        notes=notes,
        **{**own, "batch": own["batch"] or meaningful(first(details, "Refs/PmtInfId"))},
    )


def _party(details: Flat, role: str) -> str:
    return first(details, f"RltdPties/{role}/Pty/Nm", f"RltdPties/{role}/Nm")


def _account(details: Flat, role: str) -> str:
    return account_number(
        first(details, f"RltdPties/{role}/Id/IBAN", f"RltdPties/{role}/Id/Othr/Id")
    )


def _original(details: Flat, base: dict[str, Any]) -> str:
    """The bank reference of the operation that a reversal undoes: camt has no field for it, its own refs repeat it."""
    if not base["is_reversal"]:
        return ""
    return meaningful(first(details, "Refs/AcctSvcrRef")) or base["entry_ref"]
