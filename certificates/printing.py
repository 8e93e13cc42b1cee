"""The other end of the press: starts the child process, hands it pages, and survives it."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from certificates.errors import DocumentNotReady

ROOT = Path(__file__).resolve().parent.parent

LENGTH_BYTES = 8
IDENTIFIER_BYTES = 16
# Well under the thirty seconds after which the database drops a page that holds a transaction.
SECONDS_TO_PRINT = 20
# What the press needs to start, and nothing else: no address of a database, no secret.
_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "XDG_CACHE_HOME",
)


class Printer:
    """The press of this process, started at the first document and used by one thread at a time."""

    def __init__(self, command: tuple[str, ...] = ("-m", "certificates.press")) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._owner = 0

    def print_pdf(self, html: str, identifier: bytes, *, is_list: bool = False) -> bytes:
        """Return the PDF of an HTML page, or of a part of a long list, at most twenty seconds away.

        The wait for other threads is included; ``identifier`` is sixteen bytes. Raises DocumentNotReady when the
        press refuses the page, dies, or takes longer; the next page starts another press.
        """
        return self._ask((b"L" if is_list else b"P") + identifier + html.encode())

    def bind(self, parts: Sequence[bytes]) -> bytes:
        """Return one PDF of several that the press drew; within the same time, with the same refusal."""
        return self._ask(
            b"B" + b"".join(len(part).to_bytes(LENGTH_BYTES, "big") + part for part in parts)
        )

    def _ask(self, message: bytes) -> bytes:
        deadline = time.monotonic() + SECONDS_TO_PRINT
        if not self._lock.acquire(timeout=SECONDS_TO_PRINT):
            raise DocumentNotReady
        try:
            return self._exchange(self._running(), message, deadline)
        except (OSError, EOFError) as failure:
            self._stop()
            raise DocumentNotReady from failure
        finally:
            self._lock.release()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            # After a fork the pipes belong to the parent.
            self._child, self._folder, self._owner = None, "", os.getpid()
        if self._child is not None and self._child.poll() is not None:
            self._stop()
        if self._child is None:
            # Ours to remove, however the child ends: the renderer unpacks fonts there.
            self._folder = tempfile.mkdtemp(prefix="press-")
            self._child = subprocess.Popen(  # noqa: S603  our own module, no argument from outside
                [sys.executable, *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={
                    **{name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                    "TMPDIR": self._folder,
                },
            )
        return self._child

    @staticmethod
    def _exchange(child: subprocess.Popen[bytes], message: bytes, deadline: float) -> bytes:
        if child.stdin is None or child.stdout is None:
            raise EOFError
        # A page that never ends ends its process: the blocked read below then finds the end of the pipe.
        watch = threading.Timer(max(deadline - time.monotonic(), 0), child.kill)
        watch.daemon = True
        watch.start()
        try:
            child.stdin.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
            child.stdin.flush()
            length = int.from_bytes(_exactly(child.stdout, LENGTH_BYTES), "big")
            return _exactly(child.stdout, length)
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the child of this process, if any."""
        if self._owner == os.getpid():
            self._stop()

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    # What was still to be sent has nobody to read it.
                    continue
        shutil.rmtree(self._folder, ignore_errors=True)


def _exactly(source: IO[bytes], length: int) -> bytes:
    data = source.read(length)
    if len(data) < length:
        raise EOFError
    return data


_printer = Printer()
atexit.register(_printer.close)
close = _printer.close
print_pdf = _printer.print_pdf
bind = _printer.bind
