"""Forget what is past its time, or say what would be."""

from typing import Any

from damancom import privacy
from portal import clock, purging
from portal.commands import RehearsedCommand


class Command(RehearsedCommand):
    """The rules that the schedule applies each night (``damancom.privacy``), by chunks, each kept at once."""

    help = "Efface ce dont la durée de conservation est passée (répétition sans --apply)."

    def handle(self, *args: Any, **options: Any) -> None:
        if options["apply"]:
            self.stdout.write("\n".join(self.work(**options)))
        else:
            super().handle(*args, **options)

    def work(self, **options: Any) -> list[str]:
        found = purging.run(privacy.RULES, at=clock.now())
        return [f"{rule.value:<14} {count}" for rule, count in found.items()]
