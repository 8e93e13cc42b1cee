"""No scene is endless: each has a limit in seconds, and one that passes it is red and says where it stood."""

import contextlib
import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

#: Given to what was interrupted at its limit to undo itself; then the whole drill is ended.
GRACE_SECONDS = 30


class PastLimit(Exception):
    """A scene took longer than its limit."""


class Watch:
    """The clock of one scene, in the main thread: its limit, the step it is at, and what each step took.

    At the limit the main thread is interrupted (SIGALRM). Where even that does not help, within a call that no signal
    ends, ``give_up`` is called from another thread with the words to say, and must end the program.
    """

    def __init__(self, limit: float, give_up: Callable[[str], None]) -> None:
        self.limit = limit
        self.where = "not begun"
        self.spent: dict[str, float] = {}
        self._give_up = give_up
        self._began = self._step_began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the scene began."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds before the limit; never below zero."""
        return max(0.0, self.limit - self.seconds)

    @property
    def deadline(self) -> float:
        """The limit, as an instant of the monotonic clock."""
        return self._began + self.limit

    @contextlib.contextmanager
    def running(self) -> Iterator["Watch"]:
        """The scene; PastLimit where it stands when the limit comes."""
        self._began = self._step_began = time.monotonic()
        former = signal.signal(signal.SIGALRM, self._interrupt)
        last_resort = threading.Timer(self.limit + GRACE_SECONDS, self._end)
        last_resort.daemon = True
        last_resort.start()
        signal.setitimer(signal.ITIMER_REAL, self.limit)
        try:
            yield self
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)
            last_resort.cancel()
            self._close_step()

    def step(self, where: str) -> None:
        """Say what is being done from now on."""
        self._close_step()
        self.where = where

    def _close_step(self) -> None:
        now = time.monotonic()
        if self.where != "not begun":
            self.spent[self.where] = round(
                self.spent.get(self.where, 0.0) + now - self._step_began, 1
            )
        self._step_began = now

    def _interrupt(self, *_of_the_signal: object) -> None:
        raise PastLimit(f"past its limit of {self.limit:.0f} s while: {self.where}")

    def _end(self) -> None:
        faulthandler.dump_traceback(sys.stderr)
        self._give_up(
            f"stuck {GRACE_SECONDS} s past its limit of {self.limit:.0f} s while: {self.where}"
        )
