"""Restore a backup into a database of its own and prove it; exit 1 when the proof fails."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from damancom import backups, restoring
from portal import clock


class Command(BaseCommand):
    help = (
        "Restaure une sauvegarde dans une base neuve et la prouve : lignes, comptes, traces, une connexion, "
        "une attestation."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "place", nargs="?", metavar="DOSSIER", help="la sauvegarde (sinon : la dernière)"
        )
        parser.add_argument(
            "--into", metavar="BASE", default="", help="garder la base restaurée sous ce nom neuf"
        )

        parser.add_argument(
            "--check",
            action="store_true",
            help="ne rien restaurer : échouer si rien n’a été restauré et prouvé depuis sept jours",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        place = self._place(options["place"])
        try:
            done = restoring.restore(place, key=backups.the_key(), into=options["into"])
        except backups.BackupFailed as fault:
            raise CommandError(
                _("Cette sauvegarde ne peut pas être restaurée : %(why)s") % {"why": fault}
            ) from fault
        for name, finding in done.found.items():
            self.stdout.write(f"{name:<12} {finding}")
        if done.faults:
            raise CommandError(
                _("Restaurée en %(seconds)s s, mais elle ne vaut pas l’original : %(first)s")
                % {"seconds": done.seconds, "first": done.faults[0]}
            )
        backups.write_proof(place, at=clock.now(), seconds=done.seconds, found=done.found)
        self.stdout.write(
            _("Sauvegarde %(place)s restaurée et prouvée en %(seconds)s s.")
            % {"place": place, "seconds": done.seconds}
        )
        if options["into"]:
            self.stdout.write(
                _("La base %(name)s est prête : donnez-la à DATABASE_URL, puis redémarrez.")
                % {"name": options["into"]}
            )

    def _check(self) -> None:
        ages = backups.ages(Path(settings.BACKUP_DIR), at=clock.now())
        if ages.proof is None:
            raise CommandError(
                _("Aucune sauvegarde n’a encore été restaurée et prouvée : lancez « restore ».")
            )
        days = ages.proof // 86_400
        if ages.is_proof_late:
            raise CommandError(
                _(
                    "La dernière preuve a %(days)s jours : lancez « restore », au moins chaque semaine."
                )
                % {"days": days}
            )
        self.stdout.write(_("Dernière preuve : il y a %(days)s jours.") % {"days": days})

    def _place(self, named: str | None) -> Path:
        if named:
            return Path(named)
        known = backups.backups(Path(settings.BACKUP_DIR))
        if not known:
            raise CommandError(
                _("Il n’y a pas encore de sauvegarde dans %(folder)s.")
                % {"folder": settings.BACKUP_DIR}
            )
        return known[-1]
