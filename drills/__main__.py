"""``make drill``: break each part of a living portal under load, and say what was acknowledged and what is found.

``python -m drills [SCENE …]``; DRILL_SEED chooses the moments and the clients' words (1). A line of JSON a scene, each
within its written limit (drills/scenes.py), and a table at the end. Exit 1 when something acknowledged is missing,
doubled or stuck, when the accounts or the trace are not whole, when a scene passes its limit, and when anything of the
drill is left behind: a process, a mount, a folder.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from drills.report import Outcome, conclusion
from drills.watch import PastLimit, Watch

FOLDER = Path(__file__).resolve().parent.parent / "var" / "drill"
START_LIMIT = 300.0


def main(names: list[str]) -> int:
    os.environ |= {
        "VAR_DIR": str(FOLDER),
        "DJANGO_SETTINGS_MODULE": "damancom.settings.dev",
        "SECRET_KEY": secrets.token_urlsafe(64),
    }
    from damancom.processes import CannotStart, exclusive
    from drills.stack import left_behind, own_folder

    # Whoever stops it leaves no disk mounted and no server running.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    began = time.monotonic()
    outcomes: list[Outcome] = []
    lock = FOLDER.parent / "drill.lock"
    try:
        with exclusive(lock):
            with own_folder(FOLDER) as disk:
                _play(names, disk, outcomes)
            lock.unlink()
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    with contextlib.suppress(OSError):
        FOLDER.parent.rmdir()
    remains = left_behind(FOLDER)
    print(conclusion(outcomes, remains, seed=_seed(), seconds=time.monotonic() - began), flush=True)
    return 1 if remains or not outcomes or any(one.faults for one in outcomes) else 0


def _stop(*_of_the_signal: object) -> NoReturn:
    sys.exit(1)


def _seed() -> str:
    return os.environ.get("DRILL_SEED") or "1"


def _play(names: list[str], disk: Path | None, outcomes: list[Outcome]) -> None:
    """Start a portal, play the scenes, stop it; each outcome is told as it comes."""
    from drills.stack import Portal

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        print(outcome.line(), flush=True)

    def give_up(words: str) -> None:
        """The main thread is where no signal reaches it: say so, take everything down, end."""
        tell(Outcome(scene="(ended)", faults=(words,)))
        portal.tear_down()
        print(conclusion(outcomes, [], seed=_seed(), seconds=0), flush=True)
        os._exit(1)

    portal = Portal(FOLDER)
    watch = Watch(START_LIMIT, give_up)
    try:
        started = _started(portal, watch)
        tell(started)
        if not started.faults:
            from drills.play import scenes
            from drills.scenes import SCENES

            chosen = [name for name in names if name in SCENES] if names else list(SCENES)
            for name in sorted(set(names) - set(SCENES)):
                tell(Outcome(scene=name, faults=(f"not one of {', '.join(SCENES)}",)))
            for outcome in scenes(portal, chosen, disk=disk, seed=_seed(), give_up=give_up):
                tell(outcome)
    finally:
        stopping = time.monotonic()
        portal.stop()
        tell(Outcome(scene="(stop)", seconds=time.monotonic() - stopping))


def _started(portal: "Portal", watch: Watch) -> Outcome:  # type: ignore[name-defined] # noqa: F821
    from damancom.processes import CannotStart

    faults = []
    try:
        with watch.running():
            portal.start(watch.step)
            portal.supervise()
            import django

            django.setup()
    except (PastLimit, CannotStart, TimeoutError, subprocess.CalledProcessError) as fault:
        faults.append(f"{type(fault).__name__}: {fault}")
    return Outcome(
        scene="(start)",
        seconds=watch.seconds,
        limit=watch.limit,
        spent=watch.spent,
        faults=tuple(faults),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
