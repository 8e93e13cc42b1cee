"""ISO 20022 camt.053 and camt.054, every version, streamed in two passes. Fields: docs/formats/camt.md.

`inspect` reads the whole file, checks its form and its totals, and yields nothing; `read` yields the lines. Memory
stays flat: each entry is cleared once read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import IO, Any, Final

from payments.codecs.camt_entry import (
    MAD,
    ZERO,
    Context,
    Entry,
    Flat,
    first,
    flatten,
    flatten_into,
    read_amount,
    read_day,
    read_entry,
)
from payments.codecs.faults import FormatError, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.records import (
    CanonicalLine,
    MessageSummary,
    ReadingProfile,
    StatementSummary,
    account_number,
)
from payments.codecs.xml import elements, local, release
from regulation.text import _

_NAMES: Final = ("GrpHdr", "TxDtls", "Ntry", "Stmt", "Ntfctn")
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = "CLBD"
_ABSENT: Final = _("élément absent")


def inspect(
    stream: IO[bytes],
    format: FileFormat,
    version: str,
    profile: ReadingProfile,
    keep: Callable[[list[CanonicalLine]], None] | None = None,
) -> MessageSummary:
    """First pass: the message, its statements, its totals and every fault of form. Writes nothing.

    `format` and `version` come from `sniff`; `keep` is given the lines of each entry, as `read` would. A file
    that stops being XML half-way keeps the faults found so far and adds the one that stopped it.
    """
    summary = MessageSummary(format=format, version=version)
    reader = _Reader(stream, profile, summary)
    try:
        for entry in reader.entries():
            for line in entry.lines:
                summary.count(line)
            if keep is not None:
                keep(entry.lines)
    except FormatError as error:
        summary.faults.append(error.fault)
        return summary
    if not reader.header_seen or not summary.message_id:
        summary.faults.append(_missing(format, "GrpHdr/MsgId"))
    if not summary.statements and not summary.faults.refuses:
        summary.faults.append(_missing(format, "Stmt | Ntfctn"))
    if not summary.lines and not summary.faults.refuses:
        summary.faults.add("F21")
    return summary


def read(stream: IO[bytes], profile: ReadingProfile) -> Iterator[CanonicalLine]:
    """Second pass: the lines in the order of the file, ranks from 1. To be called on a file that `inspect` accepts."""
    reader = _Reader(stream, profile, MessageSummary(format=FileFormat.CAMT_054))
    for entry in reader.entries():
        yield from entry.lines


def _missing(format: FileFormat, element: str) -> Any:
    return fault(
        "E-F09", schema=format.value, element=element, valeur="", ligne="–", detail=_ABSENT
    )


class _Reader:
    """The state of one pass over one file."""

    def __init__(
        self,
        stream: IO[bytes],
        profile: ReadingProfile,
        summary: MessageSummary,
    ) -> None:
        self._stream = stream
        self._profile = profile
        self._summary = summary
        self._transactions: list[Flat] = []
        self._open: tuple[StatementSummary, Context] | None = None
        self._announced: Flat = {}
        self._sums = _Sums()
        self._index = 0
        self._rank = 1
        self.header_seen = False

    def entries(self) -> Iterator[Entry]:
        """The readable entries in order; faults go to the summary."""
        for element in elements(self._stream, _NAMES):
            name = local(element)
            if name == "TxDtls":
                self._transactions.append(flatten(element))
                release(element)
            elif name == "Ntry":
                entry = self._entry(element)
                release(element)
                if entry is not None:
                    yield entry
            elif name == "GrpHdr":
                self._group_header(flatten(element))
            else:
                self._close_statement(element)
                release(element)

    def _group_header(self, flat: Flat) -> None:
        if self.header_seen:
            return
        self.header_seen = True
        self._summary.message_id = first(flat, "MsgId")
        self._summary.created_on = read_day(first(flat, "CreDtTm"))
        page = first(flat, "MsgPgntn/PgNb")
        self._summary.page = int(page) if page.isascii() and page.isdigit() else 1
        self._summary.last_page = first(flat, "MsgPgntn/LastPgInd") not in ("false", "0")

    def _entry(self, element: Any) -> Entry | None:
        _statement, context = self._open or self._open_statement(element.getparent())
        flat = flatten(element)
        transactions, self._transactions = self._transactions, []
        self._index += 1
        self._sums.entries += 1
        entry = read_entry(flat, transactions, context, index=self._index, rank=self._rank)
        if entry is None:
            self._sums.readable = False
            self._rank += max(len(transactions), 1)
            return None
        self._rank += len(entry.lines)
        self._sums.add(entry)
        self._check_batch(flat, transactions, entry)
        return entry

    def _check_batch(self, flat: Flat, transactions: list[Flat], entry: Entry) -> None:
        """Announced count and total of the batches of an entry, against the transactions that follow."""
        if not transactions:
            return
        counts = flat.get("NtryDtls/Btch/NbOfTxs", [])
        totals = [read_amount(text) for text in flat.get("NtryDtls/Btch/TtlAmt", ())]
        announced = sum(int(text) for text in counts if text.isascii() and text.isdigit())
        amounts = [read_amount(first(item, "Amt", "AmtDtls/TxAmt/Amt")) for item in transactions]
        read_total = sum((item for item in amounts if isinstance(item, Decimal)), ZERO)
        total = sum((item for item in totals if isinstance(item, Decimal)), ZERO)
        complete = all(isinstance(item, Decimal) for item in amounts)
        wrong_count = bool(counts) and announced != len(transactions)
        wrong_total = bool(totals) and complete and total != read_total
        if wrong_count or wrong_total:
            shown_total = total if totals else entry.amount
            self._totals_fault(
                announced if counts else len(transactions),
                shown_total,
                len(transactions),
                read_total,
            )

    def _totals_fault(self, n1: int, s1: Decimal, n2: int, s2: Decimal) -> None:
        self._summary.faults.add("E-F14", n1=n1, s1=s1, n2=n2, s2=s2, ecart=s2 - s1)

    def _open_statement(self, element: Any) -> tuple[StatementSummary, Context]:
        flat = _header(element)
        faults = self._summary.faults
        account = account_number(first(flat, "Acct/Id/IBAN", "Acct/Id/Othr/Id"))
        currency = first(flat, "Acct/Ccy")
        statement = StatementSummary(
            statement_id=first(flat, "Id"),
            account=account,
            currency=currency or MAD,
            created_on=read_day(first(flat, "CreDtTm")),
            sequence=first(flat, "ElctrncSeqNb"),
            page=first(flat, "StmtPgntn/PgNb", "NtfctnPgntn/PgNb"),
            copy_indicator=first(flat, "CpyDplctInd"),
        )
        if not statement.statement_id:
            faults.append(
                _missing(
                    self._summary.format, "Stmt/Id" if local(element) == "Stmt" else "Ntfctn/Id"
                )
            )
        if currency and currency != MAD:
            faults.add("E-F13", devise=quoted(currency))
        context = Context(
            account=account,
            currency=currency or MAD,
            statement=statement.statement_id,
            copy_indicator=statement.copy_indicator,
            faults=faults,
            invert_reversals=self._profile.invert_reversals,
            natures=self._profile.natures,
        )
        self._sums = _Sums()
        self._open = (statement, context)
        return self._open

    def _balances(self, element: Any, statement: StatementSummary) -> None:
        """Opening and closing booked balances among the `Bal` of a statement."""
        for child in element:
            if local(child) != "Bal":
                continue
            flat = flatten(child)
            code = first(flat, "Tp/CdOrPrtry/Cd")
            amount = _balance(first(flat, "Amt"), first(flat, "CdtDbtInd"))
            if amount is None:
                self._summary.faults.add("E-L01", rang=0, valeur=quoted(first(flat, "Amt")))
            elif code in _OPENING and statement.opening is None:
                statement.opening = amount
            elif code == _CLOSING:
                statement.closing = amount

    def _close_statement(self, element: Any) -> None:
        statement, _context = self._open or self._open_statement(element)
        sums = self._sums
        self._announced = _header(element)
        self._balances(element, statement)
        statement.entries = sums.entries
        statement.booked, statement.booked_inverted = sums.booked, sums.booked_inverted
        if sums.readable:
            self._check_summary()
            self._check_balances(statement)
        self._summary.statements.append(statement)
        self._open = None

    def _check_summary(self) -> None:
        """`TxsSummry` counts and sums, against the entries of all statuses."""
        sums = self._sums
        for path, count, total in (
            ("TxsSummry/TtlNtries", sums.entries, sums.credit + sums.debit),
            ("TxsSummry/TtlCdtNtries", sums.credits, sums.credit),
            ("TxsSummry/TtlDbtNtries", sums.entries - sums.credits, sums.debit),
        ):
            announced = first(self._announced, f"{path}/NbOfNtries")
            amount = first(self._announced, f"{path}/Sum")
            known = _balance(amount, "CRDT") if amount else total
            number = int(announced) if announced.isascii() and announced.isdigit() else count
            if known is None:
                self._summary.faults.add("E-L01", rang=0, valeur=quoted(amount))
            elif number != count or known != total:
                self._totals_fault(number, known, count, total)

    def _check_balances(self, statement: StatementSummary) -> None:
        """camt.053: opening + booked entries = closing. Says when inverting the flagged reversals would balance."""
        if self._summary.format is not FileFormat.CAMT_053:
            return
        opening, closing = statement.opening, statement.closing
        if opening is None or closing is None:
            if not statement.page:
                self._summary.faults.append(
                    _missing(self._summary.format, "Bal OPBD | PRCD, Bal CLBD")
                )
            return
        if opening + statement.booked == closing:
            return
        code = "E-F15i" if opening + statement.booked_inverted == closing else "E-F15"
        self._summary.faults.add(
            code,
            ouverture=opening,
            mvt=statement.booked,
            calcul=opening + statement.booked,
            final=closing,
        )


class _Sums:
    """Running totals of one statement; amounts of entries, in dirhams."""

    def __init__(self) -> None:
        self.entries = self.credits = 0
        self.credit = self.debit = self.booked = self.booked_inverted = ZERO
        self.readable = True

    def add(self, entry: Entry) -> None:
        if entry.signed > 0:
            self.credits += 1
            self.credit += entry.amount
        else:
            self.debit += entry.amount
        if entry.booked:
            self.booked += entry.signed
            self.booked_inverted += -entry.signed if entry.reversal else entry.signed


def _header(element: Any) -> Flat:
    """The fields of a statement that are neither entries nor balances."""
    flat: Flat = {}
    for child in element:
        name = local(child)
        if not name or name in ("Ntry", "Bal"):
            continue
        if len(child):
            flatten_into(child, flat, name + "/")
        else:
            flat.setdefault(name, []).append((child.text or "").strip())
    return flat


def _balance(text: str, sign: str) -> Decimal | None:
    """A balance or a sum: zero is allowed; negative when `sign` is DBIT."""
    amount = read_amount(text)
    if amount == "E-L02" and not text.startswith("-"):
        return ZERO
    if isinstance(amount, str):
        return None
    return -amount if sign == "DBIT" else amount
