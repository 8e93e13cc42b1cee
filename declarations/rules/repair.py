"""What can be mended in a file without asking anyone: form, paper letters, totals of sound lines.

A repair is proposed only when it is certain, and when the engine then accepts the whole file: any other
blocking fault leaves a doubt about what the employer meant, and the file goes back to the payroll. No day,
no wage and no person is ever touched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from declarations.codecs import e_bds
from declarations.codecs.e_bds import NewHireLine, PrefilledLine, PrefilledTotals, Totals
from declarations.codecs.fixed_width import RECORD_LENGTH, Layout
from declarations.codecs.records import AffiliateHeader
from declarations.enums import FileVerdict, RepairKind
from declarations.rules.context import Expected
from declarations.rules.examination import Examination
from declarations.rules.prefilled import PAPER_SITUATIONS

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SITUATION = slice(135, 137)
#: Blocking codes that a repair may lift; any other blocking code rules it out.
BLOCKING_MENDED = frozenset(("R2", "R3", "R29", *(f"R{number}" for number in range(40, 63))))
#: Advice that a repair takes away.
ADVICE_MENDED = frozenset(("D1", "D2", "R3"))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the repair changes. `line_number` is that of the file received.

    A change made to many lines at once is told once: `count` lines, the first of which is `line_number`.
    """

    kind: RepairKind
    line_number: int
    record: str = ""
    field: str = ""
    old: str = ""
    new: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Repair:
    """The mended file, and every change that makes it."""

    content: bytes
    changes: tuple[Change, ...]


@dataclass(slots=True)
class _Line:
    number: int  # in the file received
    raw: bytes


@dataclass(slots=True)
class _Work:
    lines: list[_Line]
    changes: list[Change] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"".join(line.raw + b"\n" for line in self.lines)

    def tell(self, kind: RepairKind, numbers: list[int], old: str = "", new: str = "") -> None:
        if numbers:
            self.changes.append(Change(kind, numbers[0], old=old, new=new, count=len(numbers)))

    def put(self, index: int, kind: RepairKind, layout: Layout, name: str, new: str) -> None:
        """Write a field of a line, and tell it."""
        line, (first, last) = self.lines[index], layout.columns(name)
        old = line.raw[first - 1 : last].decode("ascii", errors="replace")
        if old == new:
            return
        line.raw = line.raw[: first - 1] + new.encode("ascii") + line.raw[last:]
        record = line.raw[:3].decode("ascii")
        self.changes.append(Change(kind, line.number, record, name, old, new))


class _InDoubt(Exception):
    """The fix is not certain: nothing is proposed."""


def propose(content: bytes, expected: Expected) -> Repair | None:
    """The certain repair of a file, or None: nothing to mend, or something that only a person can."""
    try:
        work = _in_form(content)
        _translate_paper_letters(work)
        _restate_totals(work)
    except _InDoubt:
        return None
    mended = work.content
    if not work.changes or mended == content:
        return None
    examination = Examination(expected)
    for _line in examination.run(io.BytesIO(mended)):
        pass
    if examination.verdict is not FileVerdict.ACCEPTED:
        return None
    return Repair(mended, tuple(work.changes))


def _in_form(content: bytes) -> _Work:
    """Line feeds, no blank line, 260 columns."""
    marked = content.startswith(BYTE_ORDER_MARK)
    pieces = content.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    terminated = pieces[-1] == b""
    if terminated:
        pieces.pop()
    returns, blanks, padded, widths = [], [], [], []
    work = _Work([])
    for number, raw in enumerate(pieces, 1):
        if raw.endswith(b"\r"):
            returns.append(number)
            raw = raw[:-1]
        if not raw.strip():
            blanks.append(number)
            continue
        width = _width(raw)
        whole = _of_full_width(raw, width)
        if whole != raw:
            padded.append(number)
            widths.append(width)
        work.lines.append(_Line(number, whole))
    if marked:
        work.tell(RepairKind.MARK, [1], "EF BB BF")
    work.tell(RepairKind.TERMINATORS, returns, "CR LF", "LF")
    if not terminated:
        work.tell(RepairKind.TERMINATORS, [len(pieces)], new="LF")
    work.tell(RepairKind.BLANK_LINES, blanks)
    if padded:
        shortest, longest = min(widths), max(widths)
        old = str(shortest) if shortest == longest else f"{shortest} - {longest}"
        work.tell(RepairKind.PADDING, padded, old, str(RECORD_LENGTH))
    return work


def _width(raw: bytes) -> int:
    """Columns of a line as the reader counts them."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return len(raw)
    return len(raw) if len(raw) == RECORD_LENGTH else len(text)


def _of_full_width(raw: bytes, width: int) -> bytes:
    """The line in 260 columns when only blanks are wanting or in excess; as it is otherwise."""
    kind = e_bds.TYPES.get(raw[1:3].decode("ascii", errors="replace"))
    if kind is not None and kind.layout.meaningful <= width < RECORD_LENGTH:
        return raw + b" " * (RECORD_LENGTH - width)
    if width > RECORD_LENGTH and raw.isascii() and not raw[RECORD_LENGTH:].strip():
        return raw[:RECORD_LENGTH]
    return raw


def _translate_paper_letters(work: _Work) -> None:
    """CO, ML and MT of the paper form become CS, IL and IT, and the line's control sum follows (D17)."""
    for index, line in enumerate(work.lines):
        if not line.raw.startswith(b"B02"):
            continue
        letters = line.raw[SITUATION].decode("ascii", errors="replace")
        meant = PAPER_SITUATIONS.get(letters)
        if meant is None:
            continue
        stated = _only_record(line.raw)
        mended = stated._replace(situation=meant)
        total = e_bds.control_sum(mended)
        without_rank = total - e_bds.RANKS[meant]
        # The sum had to be made with some rank: one that no rank explains belongs to other figures.
        if not 0 <= stated.control_sum - without_rank < len(e_bds.RANKS):
            raise _InDoubt
        layout = e_bds.PREFILLED_LINE
        work.put(index, RepairKind.SITUATION, layout, "L_Situation", meant)
        work.put(index, RepairKind.CONTROL_SUM, layout, "S_Ctr", f"{total:019}")


def _only_record(raw: bytes) -> PrefilledLine:
    (record,) = e_bds.reader(io.BytesIO(raw))
    if record.content is None:
        raise _InDoubt
    return cast(PrefilledLine, record.content)


def _restate_totals(work: _Work) -> None:
    """The total records state what the lines add up to, when each line can be read and is counted."""
    lines: list[PrefilledLine] = []
    hires: list[NewHireLine] = []
    stated: dict[str, tuple[int, PrefilledTotals | Totals]] = {}
    header: AffiliateHeader | None = None
    for index, record in enumerate(e_bds.reader(io.BytesIO(work.content))):
        if record.content is None:
            raise _InDoubt
        if record.code == "01":
            header = cast(AffiliateHeader, record.content)
        elif record.code == "02":
            lines.append(cast(PrefilledLine, record.content))
        elif record.code == "04":
            hires.append(cast(NewHireLine, record.content))
        elif record.code in ("03", "05", "06"):
            if record.code in stated:
                raise _InDoubt
            stated[record.code] = index, cast(PrefilledTotals | Totals, record.content)
    if header is None or stated.keys() != {"03", "05", "06"}:
        raise _InDoubt
    subtotal, hired = e_bds.prefilled_totals(header, lines), e_bds.new_hire_totals(header, hires)
    truths = {"03": subtotal, "05": hired, "06": e_bds.grand_totals(subtotal, hired)}
    for code, (index, totals) in stated.items():
        truth = cast(PrefilledTotals | Totals, truths[code])
        # A count that differs may tell of a line that was lost: only a total never made is restated.
        if totals.employees not in (truth.employees, 0):
            raise _InDoubt
        layout = e_bds.TYPES[code].layout
        for name, value in _figures(layout, truth):
            work.put(index, RepairKind.TOTAL, layout, name, value)


def _figures(layout: Layout, totals: PrefilledTotals | Totals) -> Iterator[tuple[str, str]]:
    """Each total as it is written in its field."""
    for one, value in zip(layout.values[2:], totals[2:], strict=True):
        written = f"{value:0{one.length}}"
        if len(written) > one.length:
            raise _InDoubt
        yield one.name, written
