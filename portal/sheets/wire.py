"""A table as lines of JSON: how the process that reads a spreadsheet tells the one that asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from portal.enums import CellKind
from portal.sheets.table import Cell, SheetFault, SheetLayout, SheetTable


def to_lines(table: SheetTable) -> Iterator[str]:
    """The table, a line for its titles, for each fault and for each row, and a last one that says it is whole."""
    yield json.dumps(["table", table.sheet, table.columns])
    for fault in table.faults:
        yield json.dumps(
            [
                "fault", fault.code, fault.sheet, fault.row, fault.column, fault.value, fault.expected, fault.nature,
            ]
        )  # fmt: skip
    for number, cells in table.rows:
        row = [[column, cell.kind.value, cell.text] for column, cell in cells.items()]
        yield json.dumps(["row", number, row])
    yield json.dumps(["end"])


def layout_to_text(layout: SheetLayout) -> str:
    """A layout as the argument of the process that reads."""
    return json.dumps([dict(layout.titles), layout.required, layout.most_rows])


def layout_from_text(text: str) -> SheetLayout:
    """The layout that `layout_to_text` wrote."""
    titles, required, most_rows = json.loads(text)
    return SheetLayout(titles, tuple(required), most_rows)


class CutShort(ValueError):
    """The lines end before the last one: whoever wrote them did not finish."""


def from_lines(lines: Iterable[bytes]) -> SheetTable:
    """The table that `to_lines` wrote; raises CutShort when it is not whole."""
    table = SheetTable()
    kinds = {kind.value: kind for kind in CellKind}
    for line in lines:
        try:
            what, *said = json.loads(line)
        except ValueError:
            break
        if what == "row":
            number, cells = said
            table.rows.append(
                (number, {name: Cell(kinds[kind], text) for name, kind, text in cells})
            )
        elif what == "fault":
            table.faults.append(_fault(said))
        elif what == "table":
            table.sheet = said[0]
            table.columns = dict(said[1])
        else:
            return table
    raise CutShort("the table is not whole")


def _fault(said: list[Any]) -> SheetFault:
    code, sheet, row, column, value, expected, nature = said
    return SheetFault(code, sheet, row, column, value, expected, nature)
