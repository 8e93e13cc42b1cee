"""What the riad contests."""

from damancom.demo.history import History


def plan(history: History) -> None:
    """Two disputes of the riad: one decided, one that waits for the fund."""
