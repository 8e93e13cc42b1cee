"""Files of banks, the verdicts of their lines, the answer to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet

from payments.codecs.cr1 import WHOLE_FILE, ReturnHeader, ReturnLine
from payments.codecs.faults import REST, public_code, sentence
from payments.enums import (
    BankFileVerdict,
    LineKind,
    LineVerdict,
)
from payments.models import (
    BankFile,
    BankLine,
)
from payments.queries.sums import total_of
from regulation.money import ZERO


@dataclass(frozen=True, slots=True)
class VerdictTotal:
    """How many lines of a file got a verdict, and their amount in dirhams."""

    verdict: LineVerdict
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class FileTotals:
    """The lines of one file by verdict, in the order of the return file."""

    by_verdict: tuple[VerdictTotal, ...] = field(default=())

    @property
    def count(self) -> int:
        return sum(row.count for row in self.by_verdict)

    @property
    def amount(self) -> Decimal:
        return sum((row.amount for row in self.by_verdict), ZERO)


def file_totals(bank_file: BankFile) -> FileTotals:
    """Counts and sums per verdict of one file; one query."""
    rows: Mapping[str, Any] = {
        row["verdict"]: row
        for row in bank_file.lines.order_by()
        .exclude(verdict="")
        .values("verdict")
        .annotate(amount=total_of("amount"), number=Count("pk"))
    }
    return FileTotals(
        tuple(
            VerdictTotal(verdict, rows[verdict.value]["number"], rows[verdict.value]["amount"])
            for verdict in LineVerdict
            if verdict.value in rows
        )
    )


def search_files(files: QuerySet[BankFile], *, verdict: str, text: str) -> QuerySet[BankFile]:
    """Among these files, by verdict and by receipt, name or identifier of the message."""
    if verdict in {item.value for item in BankFileVerdict}:
        files = files.filter(verdict=verdict)
    if text:
        files = files.filter(
            Q(receipt_number__iexact=text)
            | Q(message_id__icontains=text)
            | Q(stored__name__icontains=text)
        )
    return files


def search_lines(bank_file: BankFile, *, verdict: str, text: str) -> QuerySet[BankLine]:
    """The lines of a file, by verdict and by reference, payer or label."""
    lines = bank_file.lines.order_by("rank")
    if verdict in {item.value for item in LineVerdict}:
        lines = lines.filter(verdict=verdict)
    if text:
        lines = lines.filter(
            Q(bank_ref__icontains=text)
            | Q(end_to_end__icontains=text)
            | Q(creditor_ref__icontains=text)
            | Q(payer_name__icontains=text)
            | Q(free_text__icontains=text)
        )
    return lines


def return_header(bank_file: BankFile) -> ReturnHeader:
    """The header of the return file CR1."""
    return ReturnHeader(bank_file.receipt_number, bank_file.message_id, bank_file.sha256)


def return_lines(bank_file: BankFile) -> Iterator[ReturnLine]:
    """The answers of the return file CR1, in French: one per line, or the faults of a refused file."""
    if bank_file.verdict == BankFileVerdict.REFUSED.value:
        for stored in bank_file.faults:
            code, facts = stored["code"], stored["facts"]
            text = sentence(code, facts) if code else REST.format(**facts)
            yield ReturnLine(
                WHOLE_FILE, "", LineKind.INFO, ZERO, LineVerdict.REFUSED, public_code(code), text
            )
        return
    for line in bank_file.lines.order_by("rank").iterator(chunk_size=2000):
        code = line.verdict_code
        yield ReturnLine(
            line.rank,
            line.bank_ref,
            LineKind(line.kind),
            line.amount,
            LineVerdict(line.verdict),
            public_code(code),
            sentence(code, line.verdict_facts) if code else "",
        )
