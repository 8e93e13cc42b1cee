"""Reading a spreadsheet in a process of its own: whatever the file does there, this one is not moved."""

import logging
import subprocess
import sys
import tempfile
from typing import BinaryIO

from django.conf import settings

from portal.sheets import wire
from portal.sheets.__main__ import LIMIT_REACHED
from portal.sheets.table import SheetFault, SheetLayout, SheetTable
from regulation.text import _

logger = logging.getLogger(__name__)

#: The longest legal sheet takes four seconds on a quiet machine.
WALL_SECONDS = 40
_PIECE = 1_048_576
_READER = [sys.executable, "-E", "-s", "-m", "portal.sheets"]


def read_table(stream: BinaryIO, layout: SheetLayout) -> SheetTable:
    """The table of a spreadsheet, read by a child process within its limits of memory, time and output.

    A child that reached a limit gives a table with the one fault S3; one that died otherwise, S1.
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        while piece := stream.read(_PIECE):
            source.write(piece)
        source.seek(0)
        fault = _run(source, output, layout)
        if fault is not None:
            return SheetTable(faults=[fault])
        output.seek(0)
        try:
            return wire.from_lines(output)
        except wire.CutShort:
            return SheetTable(faults=[_too_much()])


def _run(source: BinaryIO, output: BinaryIO, layout: SheetLayout) -> SheetFault | None:
    """Run the reader from one file to the other; why it could not, if it could not."""
    with subprocess.Popen(  # noqa: S603 - our own module, by its name
        [*_READER, wire.layout_to_text(layout)],
        stdin=source,
        stdout=output,
        stderr=subprocess.DEVNULL,
        cwd=settings.BASE_DIR,
        env={"LANG": "C.UTF-8"},
        start_new_session=True,
    ) as child:
        try:
            status = child.wait(WALL_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return SheetFault("S3", nature=_("sa lecture a été arrêtée après une longue attente"))
    if status == 0:
        return None
    logger.warning("the reader of spreadsheets ended with %s", status)
    if status == LIMIT_REACHED or status < 0:
        return _too_much()
    return SheetFault("S1", nature=_("un fichier endommagé"))


def _too_much() -> SheetFault:
    return SheetFault("S3", nature=_("sa lecture a atteint les limites de mémoire ou de temps"))
