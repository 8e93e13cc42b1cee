"""A spreadsheet read in a process of its own, then judged."""

from collections.abc import Callable
from typing import BinaryIO

from declarations.codecs.sheets import LAYOUT
from declarations.rules import Expected
from declarations.rules.examination import DetailLine
from declarations.rules.sheet import SheetJudgement, judge_sheet
from portal.reading_sheets import read_table


def examine_sheet(
    stream: BinaryIO, expected: Expected, *, take: Callable[[DetailLine], None]
) -> SheetJudgement:
    """Read a spreadsheet and judge it; `expected.prefill` and `expected.period` must be known."""
    return judge_sheet(read_table(stream, LAYOUT), expected, take=take)
