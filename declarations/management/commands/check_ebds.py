"""Check a declaration file as filing would, without an account and without a database."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from declarations.check_report import as_data
from declarations.codecs import prefill as prefill_codec
from declarations.codecs.prefill import NotAPrefill, PrefillFile
from declarations.codecs.sheets import SHEET_OPENING, is_sheet
from declarations.rules import Examination, Expected
from declarations.rules.sheet import SheetJudgement
from declarations.workflows.sheets import examine_sheet
from regulation.periods import InvalidPeriod, Period

ACCEPTED, REFUSED, UNUSABLE = 0, 1, 2


class Command(BaseCommand):
    help = "Contrôle un fichier e-BDS comme le ferait le dépôt. Sans compte, sans base de données."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="le fichier DS_… ou DSC…_… à contrôler")
        parser.add_argument("--prefill", type=Path, help="le préétabli AFFEBDS_… auquel il répond")
        parser.add_argument("--name", help="le nom sous lequel il sera déposé, à contrôler aussi")
        parser.add_argument("--json", action="store_true", help="une réponse en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0 accepted, 1 refused, 2 when a file cannot be used at all."""
        try:
            prefill = self._prefill(options["prefill"])
            expected = Expected(prefill=prefill, file_name=options["name"])
            with options["file"].open("rb") as stream:
                report = as_data(self._examined(stream, expected))
        except OSError as fault:
            self._unusable(
                _("Le fichier %(name)s ne peut pas être lu : %(reason)s.")
                % {"name": fault.filename, "reason": fault.strerror}
            )
        except (NotAPrefill, InvalidPeriod):
            self._unusable(
                _("Le fichier %(name)s n’est pas un préétabli (A00 à A03).")
                % {"name": options["prefill"]}
            )
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self._tell(report)
        raise SystemExit(ACCEPTED if report["verdict"] == "accepted" else REFUSED)

    def _examined(self, stream: BinaryIO, expected: Expected) -> Examination | SheetJudgement:
        opening = stream.read(SHEET_OPENING)
        stream.seek(0)
        if not is_sheet(opening):
            examination = Examination(expected)
            for _line in examination.run(stream):
                pass
            return examination
        if expected.prefill is None:
            self._unusable(_("Un tableur se contrôle avec le préétabli de son mois (--prefill)."))
        period = Period.parse(expected.prefill.header.period)
        return examine_sheet(stream, replace(expected, period=period), take=lambda _line: None)

    @staticmethod
    def _prefill(path: Path | None) -> PrefillFile | None:
        if path is None:
            return None
        with path.open("rb") as stream:
            return prefill_codec.read(stream)

    def _unusable(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        raise SystemExit(UNUSABLE)

    def _tell(self, report: dict[str, Any]) -> None:
        for finding in report["findings"]:
            place = _("ligne %(line)s") % {"line": finding["record"]} if finding["record"] else ""
            self.stdout.write(f"{finding['code']:4} {finding['severity']:8} {place}")
            self.stdout.write(f"     {finding['message']}\n     → {finding['remedy']}")
        self.stdout.write(
            _("Accepté.") if report["verdict"] == "accepted" else _("Refusé."),
        )
