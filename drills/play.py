"""One scene after the other on one living portal: the clients, the blow, what is found."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from django.db import connection

from drills.examine import Found, examine, head
from drills.load import Acknowledged, Load
from drills.report import Outcome
from drills.scenes import SCENES, Scene, Stage
from drills.stack import READY_SECONDS, Portal
from drills.watch import PastLimit, Watch
from drills.world import key_of_a_bank, open_references

#: Of the limit of a scene, what is kept for looking.
PART_TO_LOOK = 0.4


def scenes(
    portal: Portal, names: Sequence[str], *, disk: Path | None, seed: str, give_up: Callable[[str], None]
) -> Iterator[Outcome]:  # fmt: skip
    """Play these scenes; ``disk`` is where a small disk is mounted, if one could be."""
    token, references = key_of_a_bank(), open_references()
    for name in names:
        watch = Watch(SCENES[name].limit, give_up)
        one = _One(name, SCENES[name], f"{seed} {name}", watch)
        yield one.play(portal, disk, token, references)


class _One:
    """One scene while it is played: whatever stops it, what was seen until then is told."""

    def __init__(self, name: str, scene: Scene, seed: str, watch: Watch) -> None:
        self.name, self.scene, self.seed, self.watch = name, scene, seed, watch
        self.did = ""
        self.told = Acknowledged()
        self.found: Found | None = None
        self.faults: list[str] = []

    def play(self, portal: Portal, disk: Path | None, token: str, references: list[str]) -> Outcome:
        portal.notes.clear()
        try:
            with self.watch.running():
                self._under_load(portal, disk, token, references)
        except Exception as raised:  # noqa: BLE001 - told, and the other scenes are played
            self.faults.append(f"{type(raised).__name__}: {raised}")
            connection.close()
        return self._outcome(portal.notes)

    def _under_load(
        self, portal: Portal, disk: Path | None, token: str, references: list[str]
    ) -> None:
        watch = self.watch
        watch.step("noting the trace")
        noted = head()
        # Whoever insists in vain gives up early enough for what was acknowledged to be looked for.
        deadline = watch.deadline - watch.limit * PART_TO_LOOK
        load = Load(portal.url, token, references, seed=self.seed, deadline=deadline)
        self.told = load.told
        stage = Stage(portal, disk, random.Random(self.seed), load, watch)
        with load:
            watch.step("playing")
            try:
                self.did = self.scene.play(stage)
            except PastLimit:
                raise
            except Exception as raised:  # noqa: BLE001 - told; what was acknowledged is looked for all the same
                self.faults.append(f"{type(raised).__name__}: {raised}")
            watch.step("waiting for a page")
            portal.await_page(READY_SECONDS)
            watch.step("waiting for the clients")
        self.found = examine(load.told, known_head=noted, watch=watch)

    def _outcome(self, notes: list[str]) -> Outcome:
        found, told = self.found, self.told
        faults = [*self.faults, *(found.faults if found else ["not examined"])]
        if told.given_up:
            faults.insert(0, f"{told.given_up} act(s) never acknowledged")
        lost = len(set(found.lost)) if found else 0
        doubled = len(set(found.doubled)) if found else 0
        return Outcome(
            scene=self.name,
            did=self.did,
            acknowledged=told.count,
            found=found.sound if found else 0,
            lost=lost,
            doubled=doubled,
            tries=told.tries,
            unanswered=told.refused,
            slowest_try=told.slowest,
            seconds=self.watch.seconds,
            limit=self.watch.limit,
            spent=self.watch.spent,
            notes=tuple(dict.fromkeys(notes)),
            faults=tuple(faults),
        )
