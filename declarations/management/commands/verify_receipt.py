"""Check the JSON of receipts without an account, a database or the network."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from declarations.codecs import receipt as codec
from declarations.codecs.receipt import NotAReceipt, SealedReceipt
from portal import formats
from regulation import text

VALID, ALTERED, UNUSABLE = 0, 1, 2
#: A receipt has a thousand bytes: this is the chain of centuries.
LIMIT = 16 * 1_048_576

FAULTS = {
    "shape": text._("le récépissé n’a pas les zones attendues"),
    "digest": text._("le contenu ne correspond pas à son empreinte : il a été modifié"),
    "start": text._("le premier récépissé ne suit personne, et tous les autres suivent quelqu’un"),
    "link": text._("le récépissé ne suit pas celui qui le précède : l’un des deux a été remplacé"),
    "fork": text._("deux récépissés différents portent le même rang"),
}


class Command(BaseCommand):
    help = (
        "Vérifie des récépissés JSON, seuls et l’un après l’autre. Sans compte ni base de données. "
        "L’empreinte prouve que rien n’a changé depuis ; comparez-la avec celle du PDF ou du portail."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "files", type=Path, nargs="+", help="les récépissés, dans n’importe quel ordre"
        )
        parser.add_argument("--json", action="store_true", help="une réponse en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0 all valid, 1 something was altered, 2 when a file cannot be used at all."""
        receipts: list[SealedReceipt] = []
        for path in options["files"]:
            receipts += self._read(path)
        report = as_data(receipts)
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self._tell(report)
        raise SystemExit(VALID if report["verdict"] == "valid" else ALTERED)

    def _read(self, path: Path) -> list[SealedReceipt]:
        try:
            with path.open("rb") as stream:
                return codec.read(stream.read(LIMIT), source=str(path))
        except OSError as fault:
            sentence = _("Le fichier %(name)s ne peut pas être lu : %(reason)s.") % {
                "name": fault.filename,
                "reason": fault.strerror,
            }
        except NotAReceipt:
            sentence = _("Le fichier %(name)s n’est pas un récépissé JSON.") % {"name": path}
        self.stderr.write(sentence)
        raise SystemExit(UNUSABLE)

    def _tell(self, report: dict[str, Any]) -> None:
        for one in report["receipts"]:
            self.stdout.write(f"{one['rank']:>4} {one['receipt_number']} {one['digest']}")
        for fault in report["faults"]:
            self.stdout.write(f"{fault['file']} {fault['receipt_number']}: {fault['message']}")
        for gap in report["gaps"]:
            self.stdout.write(
                _("Le récépissé de rang %(rank)s n’est pas fourni : ce lien n’est pas vérifié.")
                % gap
            )
        self.stdout.write(_("Valide.") if report["verdict"] == "valid" else _("Altéré."))


def as_data(receipts: list[SealedReceipt]) -> dict[str, Any]:
    """The verdict as plain JSON values."""
    faults = codec.verify(receipts)
    return {
        "verdict": "altered" if faults else "valid",
        "receipts": [
            {
                "file": one.source,
                "affiliation_number": one.chain[0],
                "rank": one.chain[1],
                "receipt_number": str(one.facts.get("receipt_number", "")),
                "digest": one.digest,
            }
            for one in receipts
        ],
        "faults": [
            {
                "code": fault.code,
                "file": fault.source,
                "receipt_number": fault.receipt_number,
                "message": formats.label(FAULTS[fault.code]),
            }
            for fault in faults
        ],
        "gaps": [{"affiliation_number": who, "rank": rank} for who, rank in codec.gaps(receipts)],
    }
