"""Read the spreadsheet on the standard input, which is a file, and write its table on the standard output.

Its one argument is the layout of the list, as `wire` writes it.

Limits come first: memory, processor time, what may be written, no process and no file of its own. Whoever started
this waits with a clock of its own. Exit status: 0 the table is written, 3 a limit was reached.
"""

from __future__ import annotations

import os
import resource
import sys

from portal.sheets import delimited, wire, xlsx
from portal.sheets.table import SheetTable, UnreadableSheet

MEMORY_BYTES = 512 * 1_048_576
PROCESSOR_SECONDS = 30
OUTPUT_BYTES = 96 * 1_048_576
LIMIT_REACHED = 3


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    layout = wire.layout_from_text(sys.argv[1])
    stream = sys.stdin.buffer
    size = os.fstat(stream.fileno()).st_size
    try:
        opening = stream.read(4)
        stream.seek(0)
        try:
            if opening.startswith(b"PK"):
                table = xlsx.read(stream, size, layout)
            else:
                table = delimited.read(stream, layout)
        except UnreadableSheet as unreadable:
            table = SheetTable(faults=[unreadable.fault])
        for line in wire.to_lines(table):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except MemoryError:
        return LIMIT_REACHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
