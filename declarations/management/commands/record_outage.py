"""manage.py record_outage: write down that the portal did not serve, so that nobody is late because of it."""

import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from declarations import workflows
from portal import clock, formats
from portal.commands import RehearsedCommand
from regulation.errors import DomainError


class Command(RehearsedCommand):
    """Nothing is kept without --apply."""

    help = (
        "Note une panne du portail : les dépôts commencés avant l’échéance ne sont pas en retard."
    )

    def add_more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from", dest="starts_at", required=True, help="2026-03-10T21:30, heure du Maroc"
        )
        parser.add_argument(
            "--to", dest="ends_at", required=True, help="2026-03-11T00:40, heure du Maroc"
        )
        parser.add_argument("--what", required=True, help="ce qui ne marchait pas")

    def work(self, **options: Any) -> list[str]:
        """Record the outage."""
        try:
            row = workflows.record_outage(
                actor=None,
                at=clock.now(),
                starts_at=_instant(options["starts_at"]),
                ends_at=_instant(options["ends_at"]),
                what=options["what"][:200],
            )
        except DomainError as refusal:
            raise CommandError(formats.sentence(refusal)) from refusal
        span = {"start": formats.instant(row.starts_at), "end": formats.instant(row.ends_at)}
        return [_("Panne notée : du %(start)s au %(end)s.") % span]


def _instant(text: str) -> datetime.datetime:
    """A Moroccan wall-clock time as an instant."""
    try:
        said = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            _("« %(text)s » n’est pas une heure : écrivez-la comme 2026-03-10T21:30.")
            % {"text": text}
        ) from None
    return said if said.tzinfo else said.replace(tzinfo=clock.CASABLANCA)
