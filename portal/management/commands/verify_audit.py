"""Walk the chain of the audit trail; exit 1 at the first fault."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from portal import audit, formats


class Command(BaseCommand):
    help = "Scelle ce qui attend, puis vérifie la chaîne des traces ; code de sortie 1 à la première faute."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="répondre en JSON")
        parser.add_argument(
            "--head",
            metavar="POSITION:EMPREINTE",
            help="un scellé noté hors de la base, qui doit s’y trouver encore",
        )

        parser.add_argument(
            "--heads",
            type=Path,
            metavar="FICHIER",
            help="le fichier des têtes recopiées chaque jour ; la dernière doit se trouver encore dans la base",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kept = options["heads"]
        asked = _last_line(kept) if kept else options["head"]
        found = audit.verify(known_head=_head(asked))
        fault = found.fault
        if options["json"]:
            answer = {
                "ok": fault is None,
                "sealed": found.sealed,
                "head": found.head,
                "fault": fault.code if fault else None,
                "position": fault.position if fault else None,
                "entry": fault.entry if fault else None,
            }
            self.stdout.write(json.dumps(answer))
        if fault:
            raise CommandError(formats.sentence(fault))
        if not options["json"]:
            self.stdout.write(
                _("%(sealed)s traces scellées, chaîne intacte. Tête : %(sealed)s:%(head)s")
                % {"sealed": found.sealed, "head": found.head}
            )


def _last_line(path: Path) -> str:
    """The last head of a file of heads: « instant position:digest » on each line."""
    try:
        lines = path.read_text("ascii").split("\n")
    except OSError as fault:
        raise CommandError(_("Ce fichier ne se lit pas : %(path)s") % {"path": path}) from fault
    return next((line.rpartition(" ")[2] for line in reversed(lines) if line.strip()), "")


def _head(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    position, _colon, digest = text.partition(":")
    if not (position.isascii() and position.isdigit() and len(digest) == 64):
        raise CommandError(
            _("Écrivez la tête comme POSITION:EMPREINTE, telle que la commande l’affiche.")
        )
    return int(position), digest
