"""``make drill``: break each part of a living portal under load, and say what was acknowledged and what is found.

``python -m drills [SCENE …]``; DRILL_SEED chooses the moments (1). One line of JSON a scene; exit 1 when something
acknowledged is missing, doubled or stuck, or when the accounts or the trace are not whole.
"""

import json
import os
import random
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "var" / "drill"


def main(names: list[str]) -> int:
    os.environ |= {
        "VAR_DIR": str(FOLDER),
        "DJANGO_SETTINGS_MODULE": "damancom.settings.dev",
        "SECRET_KEY": secrets.token_urlsafe(64),
    }
    from damancom.processes import CannotStart, exclusive
    from drills.stack import small_disk

    # Whoever stops it leaves no disk mounted and no server running.
    signal.signal(signal.SIGTERM, lambda *_of_the_signal: sys.exit(1))
    FOLDER.parent.mkdir(exist_ok=True)
    try:
        with exclusive(FOLDER.parent / "drill.lock"), small_disk(FOLDER) as has_small_disk:
            try:
                return _play(names, has_small_disk)
            finally:
                shutil.rmtree(FOLDER, ignore_errors=True)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1


def _play(names: list[str], has_small_disk: bool) -> int:
    from drills.stack import Portal

    began = time.monotonic()
    portal = Portal(FOLDER)
    try:
        portal.start()
        portal.supervise()
        import django

        django.setup()
        failed = _scenes(portal, names, has_small_disk)
    finally:
        portal.stop()
    print(f"{failed} drill(s) failed in {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


def _scenes(portal: "Portal", names: list[str], has_small_disk: bool) -> int:  # type: ignore[name-defined] # noqa: F821
    from drills.examine import examine, head
    from drills.load import Load
    from drills.scenes import SCENES, Stage
    from drills.world import key_of_a_bank, open_references

    unknown = set(names) - set(SCENES)
    if unknown:
        print(f"{', '.join(sorted(unknown))}: not one of {', '.join(SCENES)}", file=sys.stderr)
        return 1
    seed = int(os.environ.get("DRILL_SEED") or 1)
    token, references = key_of_a_bank(), open_references()
    failed = 0
    for name in names or SCENES:
        stage = Stage(portal, FOLDER, has_small_disk, random.Random(f"{seed} {name}"))
        noted, fault, did = head(), "", ""
        with Load(portal.url, token, references, seed=hash_of(f"{seed} {name}")) as load:
            try:
                did = SCENES[name](stage)
            except Exception as raised:  # noqa: BLE001 - told, and the other drills are played
                fault = f"{type(raised).__name__}: {raised}"
            portal.await_page()
        found = examine(load.told, known_head=noted)
        faults = [*found.faults, *filter(None, [fault])]
        failed += bool(faults)
        told = {
            "drill": name,
            "did": did,
            "acknowledged": load.told.count,
            "tries": load.told.tries,
            "tries without an answer": load.told.refused,
            "slowest try": round(load.told.slowest, 1),
            "found once each": load.told.count - len(found.lost) - len(found.doubled),
            "settled after": found.settled_seconds,
            "faults": faults,
        }
        print(json.dumps(told, ensure_ascii=False), flush=True)
    return failed


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return int.from_bytes(text.encode()[-8:], "big")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
