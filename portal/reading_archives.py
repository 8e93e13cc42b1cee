"""Unpacking an archive in a process of its own: whatever the file does there, this one is not moved."""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from typing import BinaryIO, Final

from django.conf import settings

from portal import archives
from portal.archives import ArchiveRefused, Member

logger = logging.getLogger(__name__)

#: The largest archive takes two seconds on a quiet machine.
WALL_SECONDS: Final = 30
_PIECE: Final = 1_048_576
_LONGEST_LINE: Final = 1_048_576
_UNPACKER: Final = [sys.executable, "-E", "-s", "-m", "portal.unpacking"]
#: Every reason that the other process may give; anything else is none of its words.
_CAUSES: Final = frozenset({
    archives.BROKEN, archives.LOCKED, archives.TOO_MANY, archives.TOO_LARGE, archives.DENSE, archives.OVERLAPS,
    archives.EMPTY,
})  # fmt: skip


def members(stream: BinaryIO, *, name: str, limit: int) -> Iterator[Member]:
    """The files of a zip, as `portal.archives.members` gives them, unpacked by a child process within its limits.

    ArchiveRefused after the files that came out before it: what the archive is refused for, or ENDLESS when the child
    reached a limit of memory, processor, time or output.
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        while piece := stream.read(_PIECE):
            source.write(piece)
        source.seek(0)
        is_whole = _run(source, output, limit)
        output.seek(0)
        refused = yield from _told(output)
        if refused or not is_whole:
            raise ArchiveRefused(name=name, cause=refused or archives.ENDLESS)


def _run(source: BinaryIO, output: BinaryIO, limit: int) -> bool:
    """Unpack from one file to the other; whether the child came to its end."""
    with subprocess.Popen(  # noqa: S603 - our own module, by its name
        [*_UNPACKER, str(limit)],
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
            logger.warning("the unpacking of an archive was stopped after %s s", WALL_SECONDS)
            return False
    if status != 0:
        logger.warning("the unpacking of an archive ended with %s", status)
    return status == 0


def _told(output: BinaryIO) -> Generator[Member, None, str]:
    """The files that the child wrote, one in memory at a time; returns why it refused the rest, if it did."""
    while line := output.readline(_LONGEST_LINE):
        try:
            told = json.loads(line)
        except ValueError:
            return archives.ENDLESS
        if "end" in told:
            end = str(told["end"])
            return end if not end or end in _CAUSES else archives.ENDLESS
        content = output.read(told["size"])
        if len(content) < told["size"]:
            return archives.ENDLESS
        yield Member(told["name"], content)
    return archives.ENDLESS
