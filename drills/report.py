"""What a scene showed, as a line of JSON when it ends, and as a row of the table at the end of all."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scene: what was acknowledged during it and found afterwards, what is wrong, and what it took (seconds)."""

    scene: str
    did: str = ""
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    tries: int = 0
    unanswered: int = 0
    slowest_try: float = 0.0
    seconds: float = 0.0
    limit: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    #: What the supervisor of the drill could not do at once.
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 1))

    def line(self) -> str:
        """All of it, for whoever keeps it."""
        told = {
            "scene": self.scene,
            "did": self.did,
            "acknowledged": self.acknowledged,
            "found once each": self.found,
            "tries": self.tries,
            "tries without an answer": self.unanswered,
            "slowest try": round(self.slowest_try, 1),
            "seconds": round(self.seconds, 1),
            "limit": self.limit,
            "spent": self.spent,
            "notes": list(self.notes[:5]),
            "faults": list(self.faults[:20]),
        }
        return json.dumps(told, ensure_ascii=False)


_TITLES = ("scene", "acknowledged", "found", "lost", "doubled", "seconds", "limit", "load", "")


def table(outcomes: Sequence[Outcome]) -> str:
    """The scenes in order, a row each; the first fault under its row."""
    rows = [
        (
            one.scene,
            *(str(number) for number in (one.acknowledged, one.found, one.lost, one.doubled)),
            f"{one.seconds:.1f}",
            f"{one.limit:.0f}",
            f"{one.load:.1f}",
            "RED" if one.faults else "ok",
        )
        for one in outcomes
    ]
    widths = [max(len(row[rank]) for row in (_TITLES, *rows)) for rank in range(len(_TITLES))]
    lines = [_row(_TITLES, widths)]
    for one, row in zip(outcomes, rows, strict=True):
        lines.append(_row(row, widths))
        lines += [f"    {fault}" for fault in one.faults[:3]]
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if rank == 0 else cell.rjust(width)
        for rank, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()


def conclusion(
    outcomes: Sequence[Outcome], remains: Sequence[str], *, seed: str, seconds: float
) -> str:
    """The table, and what it comes to."""
    red = sum(bool(one.faults) for one in outcomes)
    words = f"{red} red, in {seconds:.0f} s; seed {seed}"
    left = ["left behind:", *remains] if remains else ["nothing left behind"]
    return "\n".join(["", table(outcomes), "", words, *left])
