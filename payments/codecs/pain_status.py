"""pain.002, the bank's answer to our orders before any booking: every version, streamed.

Fields: docs/formats/pain002.md.

A status applies downward: a refused file lists no order and refuses them all, a refused block likewise, and an order
that a mixed file does not list is unknown, not accepted. Nothing here moves money: only a booked line does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Final

from payments.codecs.camt_entry import (
    CENT,
    Flat,
    first,
    flatten,
    flatten_into,
    read_amount,
    read_day,
)
from payments.codecs.faults import Faults, FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.records import (
    CanonicalLine,
    MessageSummary,
    account_number,
    meaningful,
)
from payments.codecs.xml import elements, local, release
from payments.enums import LineKind
from regulation.money import ZERO
from regulation.text import _

REJECTED: Final = "RJCT"
CANCELLED: Final = "CANC"
MIXED: Final = "PART"
RECEIVED: Final = frozenset({"RCVD", "ACTC"})
IN_PROGRESS: Final = frozenset({"ACCP", "ACSP", "ACWC", "PATC", "PDNG", "ACSC", "ACCC"})
STATUSES: Final = frozenset({REJECTED, CANCELLED, MIXED}) | RECEIVED | IN_PROGRESS

_NAMES: Final = ("GrpHdr", "OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts")
_OURS: Final = "pain.008"
_ABSENT: Final = _("élément absent")


@dataclass(frozen=True, slots=True)
class Status:
    """One answer: of the whole file (`level` "file"), of a block ("block"), or of an order ("order").

    `code` is the ISO status, empty when the bank gave none at this level; `reason` the ISO reason, as written.
    """

    level: str
    code: str
    block: str = ""
    end_to_end: str = ""
    instruction: str = ""
    reason: str = ""
    reason_text: str = ""
    bank_ref: str = ""
    amount: Decimal | None = None
    debtor_account: str = ""


@dataclass(slots=True)
class StatusReport:
    """What a pain.002 says as a whole. `original_message_id` is the MsgId of our pain.008 that it answers."""

    message_id: str = ""
    created_at: datetime | None = None
    version: str = ""
    original_message_id: str = ""
    original_message_name: str = ""
    original_count: int | None = None
    original_sum: Decimal | None = None
    orders: int = 0
    announced_per_status: dict[str, int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)


def inspect(stream: IO[bytes], version: str = "") -> StatusReport:
    """First pass: the message it answers, its counts and every fault of form; yields no status."""
    report = StatusReport(version=version)
    try:
        counted: dict[str, int] = {}
        for status in _statuses(stream, report):
            if status.code and status.code not in STATUSES:
                report.faults.append(_wrong("TxSts | PmtInfSts | GrpSts", status.code))
            if status.level == "order":
                report.orders += 1
                counted[status.code] = counted.get(status.code, 0) + 1
        _check_counts(report, counted)
    except FormatError as error:
        report.faults.append(error.fault)
        return report
    for element, value in (
        ("GrpHdr/MsgId", report.message_id),
        ("OrgnlGrpInfAndSts/OrgnlMsgId", report.original_message_id),
    ):
        if not value:
            report.faults.append(_wrong(element, "", _ABSENT))
    name = report.original_message_name
    if name and not name.startswith(_OURS):
        report.faults.add("E-F08", message=quoted(f"pain.002 → {name}"), attendus=_OURS)
    return report


def read(stream: IO[bytes]) -> Iterator[Status]:
    """Second pass: the statuses in the order of the file, each level before what is below it only if the bank did so.

    To be called on a file that `inspect` accepts. A status of a file or of a block holds for all its
    orders.
    """
    yield from _statuses(stream, StatusReport())


def summary_of(report: StatusReport) -> MessageSummary:
    """The same report in the shape that every bank file has."""
    return MessageSummary(
        format=FileFormat.PAIN_002,
        version=report.version,
        message_id=report.message_id,
        created_on=report.created_at.date() if report.created_at else None,
        faults=report.faults,
    )


def as_line(status: Status, rank: int, report: StatusReport) -> CanonicalLine | None:
    """An order's status as a canonical line (bank-files §5): a refusal is a REJECT, the rest informs.

    None for a status of the file or of a block, and for one without an amount or a date: nothing is invented.
    """
    if status.level != "order" or status.amount is None or report.created_at is None:
        return None
    return CanonicalLine(
        rank=rank,
        kind=LineKind.REJECT if status.code == REJECTED else LineKind.INFO,
        amount=status.amount,
        currency="MAD",
        our_account="",
        booking_day=report.created_at.date(),
        status=status.code,
        transaction_ref=status.bank_ref,
        end_to_end=status.end_to_end,
        instruction=status.instruction,
        batch=status.block,
        payer_rib=status.debtor_account,
        reason_code=status.reason,
        reason_text=status.reason_text,
        source_path=f"TxInfAndSts[{rank}]",
    )


# ------------------------------------------------------------------ reading


def _statuses(stream: IO[bytes], report: StatusReport) -> Iterator[Status]:
    """Orders come out as they end; the status of their block is read with the block, so it follows them."""
    listed = 0
    for element in elements(stream, _NAMES):
        name = local(element)
        if name == "GrpHdr":
            flat = flatten(element)
            report.message_id = first(flat, "MsgId")
            report.created_at = _instant(first(flat, "CreDtTm"))
        elif name == "OrgnlGrpInfAndSts":
            yield _group(flatten(element), report)
        elif name == "TxInfAndSts":
            listed += 1
            yield _order(flatten(element), _block_of(element), report)
            release(element)
        else:
            block = _without_orders(element)
            yield _status("block", "PmtInfSts", block, block=first(block, "OrgnlPmtInfId"))
            _check_block(block, listed, report)
            listed = 0
            release(element)


def _block_of(element: Any) -> str:
    parent = element.getparent()
    if parent is None:
        return ""
    return next(
        ((child.text or "").strip() for child in parent if local(child) == "OrgnlPmtInfId"), ""
    )


def _without_orders(element: Any) -> Flat:
    flat: Flat = {}
    for child in element:
        if local(child) != "TxInfAndSts":
            if len(child):
                flatten_into(child, flat, local(child) + "/")
            elif local(child):
                flat.setdefault(local(child), []).append((child.text or "").strip())
    return flat


def _group(flat: Flat, report: StatusReport) -> Status:
    report.original_message_id = first(flat, "OrgnlMsgId")
    report.original_message_name = first(flat, "OrgnlMsgNmId")
    count, total = first(flat, "OrgnlNbOfTxs"), first(flat, "OrgnlCtrlSum")
    if count:
        if not (count.isascii() and count.isdigit()):
            report.faults.add("E-L01", rang=0, valeur=quoted(count))
        else:
            report.original_count = int(count)
    if total:
        found = read_amount(total)
        if isinstance(found, str):
            report.faults.add(found, rang=0, valeur=quoted(total))
        else:
            report.original_sum = found
    _note_announced(flat, report)
    return _status("file", "GrpSts", flat)


def _note_announced(flat: Flat, report: StatusReport) -> None:
    counts, statuses = (
        flat.get("NbOfTxsPerSts/DtldNbOfTxs", ()),
        flat.get("NbOfTxsPerSts/DtldSts", ()),
    )
    for count, status in zip(counts, statuses, strict=False):
        if count.isascii() and count.isdigit():
            said = report.announced_per_status
            said[status] = said.get(status, 0) + int(count)


def _check_counts(report: StatusReport, counted: dict[str, int]) -> None:
    """`NbOfTxsPerSts` adds up to the number of orders of our file, and to what the file lists when it lists orders."""
    said = report.announced_per_status
    total = sum(said.values())
    wanted = report.original_count
    if said and wanted is not None and total != wanted:
        report.faults.add("E-F14", n1=wanted, s1=ZERO, n2=total, s2=ZERO, ecart=ZERO)
    for status, count in counted.items():
        if status in said and count > said[status]:
            report.faults.add("E-F14", n1=said[status], s1=ZERO, n2=count, s2=ZERO, ecart=ZERO)


def _check_block(flat: Flat, listed: int, report: StatusReport) -> None:
    count = first(flat, "OrgnlNbOfTxs")
    if count.isascii() and count.isdigit() and listed > int(count):
        report.faults.add("E-F14", n1=int(count), s1=ZERO, n2=listed, s2=ZERO, ecart=ZERO)


def _order(flat: Flat, block: str, report: StatusReport) -> Status:
    text = first(
        flat, "OrgnlTxRef/Amt/InstdAmt", "OrgnlTxRef/Amt/EqvtAmt/Amt", "OrgnlTxRef/IntrBkSttlmAmt"
    )
    amount = None
    if text:
        found = read_amount(text)
        if isinstance(found, str):
            report.faults.add(found, rang=report.orders + 1, valeur=quoted(text))
        else:
            amount = found.quantize(CENT)
    return _status(
        "order",
        "TxSts",
        flat,
        block=block,
        end_to_end=meaningful(first(flat, "OrgnlEndToEndId")),
        instruction=meaningful(first(flat, "OrgnlInstrId")),
        bank_ref=meaningful(first(flat, "AcctSvcrRef")),
        amount=amount,
        debtor_account=account_number(
            first(flat, "OrgnlTxRef/DbtrAcct/Id/IBAN", "OrgnlTxRef/DbtrAcct/Id/Othr/Id")
        ),
    )


def _status(level: str, element: str, flat: Flat, **facts: Any) -> Status:
    return Status(
        level,
        first(flat, element),
        reason=first(flat, "StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry"),
        reason_text=" ".join(flat.get("StsRsnInf/AddtlInf", ()))[:140],
        **facts,
    )


def _instant(text: str) -> datetime | None:
    if read_day(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _wrong(element: str, value: str, detail: str = "–") -> Any:
    return fault(
        "E-F09", schema="pain.002", element=element, valeur=quoted(value), ligne="–", detail=detail
    )
