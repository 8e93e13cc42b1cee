"""The base of commands that change something: a rehearsal unless told otherwise, one report at the end."""

from abc import abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _


class RehearsedCommand(BaseCommand):
    """``work`` does everything in one transaction and returns the report; only ``--apply`` keeps it."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--apply", action="store_true", help="garder ce qui est fait (sinon : répétition)"
        )
        self.add_more_arguments(parser)

    def add_more_arguments(self, parser: CommandParser) -> None:
        """Arguments of the command itself."""

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            report = self.work(**options)
            if not options["apply"]:
                transaction.set_rollback(True)
        for line in report:
            self.stdout.write(line)
        if not options["apply"]:
            self.stdout.write(
                _("Répétition : rien n’a été enregistré. Relancez avec --apply pour le faire.")
            )

    @abstractmethod
    def work(self, **options: Any) -> list[str]:
        """Do the whole work and return the lines of the report. No side effect outside the database."""
