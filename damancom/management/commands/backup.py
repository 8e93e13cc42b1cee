"""Write a sealed backup of the whole portal, then forget the oldest ones."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from damancom import backups
from portal import clock


class Command(BaseCommand):
    help = "Sauvegarde tout le portail en un dossier, chiffré ; « restore » le relit et le prouve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", metavar="DOSSIER", help="où l’écrire (sinon : BACKUP_DIR)")
        parser.add_argument("--keep", type=int, default=14, help="combien en garder (14)")
        parser.add_argument(
            "--plain", action="store_true", help="sans chiffrement (données inventées seulement)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["to"] or settings.BACKUP_DIR)
        try:
            key = None if options["plain"] else backups.the_key()
            if key is None and not options["plain"]:
                raise CommandError(
                    _(
                        "BACKUP_KEY_FILE ne nomme aucune clé : une sauvegarde contient les salaires de chacun et ne "
                        "s’écrit pas en clair. Créez-en une, ou dites --plain pour des données inventées."
                    )
                )
            place = backups.make(folder, key=key, at=clock.now())
        except backups.BackupFailed as fault:
            raise CommandError(
                _("La sauvegarde n’a pas été faite, rien n’en reste : %(why)s") % {"why": fault}
            ) from fault
        manifest = backups.examine(place, key=key)
        self.stdout.write(
            _("Sauvegarde %(place)s : %(rows)s lignes, %(size)s octets, tête %(head)s.")
            % {
                "place": place,
                "rows": sum(manifest.rows.values()),
                "size": manifest.size,
                "head": manifest.head or "—",
            }
        )
        for gone in backups.prune(folder, keep=options["keep"], at=clock.now()):
            self.stdout.write(_("Effacée : %(place)s") % {"place": gone})
