"""Unpack the archive on the standard input, which is a file, and write its files on the standard output.

Its one argument is the most bytes of one file. Each file is a line of JSON (its name, its size) and its bytes; the last
line says that all is there, or why the rest is refused. Limits come first: memory, processor time, what may be
written, no process and no file of its own; whoever started this waits with a clock of its own
(portal.reading_archives). Nothing of the portal is known here: no Django, no database, no environment.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import BinaryIO, Final

from portal.archives import MEGABYTE, MOST_BYTES, ArchiveRefused, members

MEMORY_BYTES: Final = 256 * MEGABYTE
PROCESSOR_SECONDS: Final = 20
#: What comes out, and the lines between.
OUTPUT_BYTES: Final = MOST_BYTES + 4 * MEGABYTE
LIMIT_REACHED: Final = 3


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    try:
        _unpack(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
        sys.stdout.buffer.flush()
    except MemoryError:
        return LIMIT_REACHED
    return 0


def _unpack(source: BinaryIO, target: BinaryIO, limit: int) -> None:
    try:
        for one in members(source, name="", limit=limit):
            _tell(target, {"name": one.name, "size": len(one.content)})
            target.write(one.content)
        _tell(target, {"end": ""})
    except ArchiveRefused as refusal:
        _tell(target, {"end": refusal.facts["cause"]})


def _tell(target: BinaryIO, told: dict[str, object]) -> None:
    target.write(json.dumps(told).encode("ascii") + b"\n")


if __name__ == "__main__":
    sys.exit(main())
