"""Say what the seal of a PDF is worth, without the database and without the network; exit 1 unless intact."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certificates import comparing
from portal.errors import message_of
from regulation.errors import DomainError

_SENTENCES = {
    "intact": gettext_lazy("Sceau de la Caisse intact sur tout le fichier."),
    "updated": gettext_lazy("Quelque chose a été ajouté après le sceau : à refuser."),
    "changed": gettext_lazy("Le fichier a été modifié après le sceau : à refuser."),
    "foreign": gettext_lazy("Le sceau n’est pas celui de la Caisse : à refuser."),
    "none": gettext_lazy("Aucun sceau : à refuser."),
}


class Command(BaseCommand):
    help = (
        "Contrôle hors ligne le sceau d’un PDF ; code de sortie 1 s’il n’est pas intact. "
        "L’état de l’attestation (valide, remplacée, révoquée) se lit sur la page publique."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FICHIER", type=Path)
        parser.add_argument(
            "--trust",
            metavar="PEM",
            type=Path,
            help="les certificats des sceaux à reconnaître, au lieu de ceux de cette installation",
        )
        parser.add_argument("--json", action="store_true", help="répondre en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            examined = comparing.examine(options["file"].read_bytes(), options["trust"])
        except OSError as error:
            raise CommandError(
                _("%(file)s ne peut pas être lu : %(why)s.")
                % {"file": options["file"], "why": error.strerror}
            ) from error
        except DomainError as refusal:
            raise CommandError(message_of(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(asdict(examined)))
        sentence = str(_SENTENCES[examined.seal])
        if examined.seal != "intact":
            raise CommandError(sentence)
        if not options["json"]:
            self._tell(sentence, examined)

    def _tell(self, sentence: str, examined: comparing.Examined) -> None:
        self.stdout.write(sentence)
        self.stdout.write(_("Scellé par : %(name)s") % {"name": examined.sealed_by})
        self.stdout.write(_("Scellé le : %(at)s") % {"at": examined.sealed_at})
        for code in examined.codes:
            self.stdout.write(_("Code de vérification : %(code)s") % {"code": code})
        if examined.digest:
            self.stdout.write(_("Empreinte des faits : %(digest)s") % {"digest": examined.digest})
