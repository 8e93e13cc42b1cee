"""manage.py exempt: record a decision that no surcharge runs for some months, for one affiliate or for all."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from affiliates.models import Affiliate
from payments.workflows.exemptions import grant_exemption
from portal import clock
from portal.commands import RehearsedCommand
from regulation.errors import DomainError
from regulation.identifiers import check_affiliation_number
from regulation.periods import Period, parse_day


class Command(RehearsedCommand):
    """Said of the decision, and of the slips that it spares; nothing is kept without --apply."""

    help = "Enregistre une décision d’exonération de majorations."

    def add_more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--first", required=True, help="premier mois déclaré concerné, comme 2025-06"
        )
        parser.add_argument("--last", required=True, help="dernier mois déclaré concerné")
        parser.add_argument(
            "--until", required=True, help="mois de retard commencés jusqu’à ce jour"
        )
        parser.add_argument("--reference", required=True, help="la décision")
        parser.add_argument("--decided-on", required=True, help="jour de la décision")
        parser.add_argument(
            "--affiliate", help="numéro d’affiliation ; sans lui, tous les affiliés"
        )

    def work(self, **options: Any) -> list[str]:
        """Record the decision."""
        try:
            row = grant_exemption(
                actor=None,
                at=clock.now(),
                affiliate=_affiliate(options["affiliate"]),
                first=Period.parse(options["first"]),
                last=Period.parse(options["last"]),
                until=parse_day(options["until"]),
                reference=options["reference"][:80],
                decided_on=parse_day(options["decided_on"]),
            )
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        who = row.affiliate.name if row.affiliate else _("tous les affiliés")
        return [_("Exonération : %(decision)s, %(who)s.") % {"decision": row, "who": who}]


def _affiliate(number: str | None) -> Affiliate | None:
    if not number:
        return None
    found = Affiliate.objects.filter(affiliation_number=check_affiliation_number(number)).first()
    if found is None:
        raise CommandError(_("Aucun affilié ne porte le numéro %(number)s.") % {"number": number})
    return found
