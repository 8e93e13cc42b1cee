"""Prove that every dirham adds up; exit 1 and name the first breach otherwise."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from payments.ledger_check import Checked, check


class Command(BaseCommand):
    help = "Vérifie les comptes : chaque dirham dû, payé, en attente ou crédité ; code de sortie 1 au premier écart."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="répondre en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = _check_in_one_snapshot()
        first = found.breaches[0] if found.breaches else None
        if options["json"]:
            answer = {
                "ok": first is None,
                "entries": found.entries,
                "slips": found.slips,
                "bank_lines": found.lines,
                "breaches": [asdict(breach) for breach in found.breaches],
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        if first is not None:
            raise CommandError(
                _("%(check)s : %(subject)s — attendu %(expected)s, trouvé %(found)s.")
                % {
                    "check": first.check,
                    "subject": first.subject,
                    "expected": first.expected,
                    "found": first.found,
                }
            )
        if not options["json"]:
            self.stdout.write(
                _(
                    "Comptes justes : %(entries)s écritures, %(slips)s bordereaux, %(lines)s opérations bancaires."
                )
                % {"entries": found.entries, "slips": found.slips, "lines": found.lines}
            )


def _check_in_one_snapshot() -> Checked:
    """All the checks see the same instant while others keep working; a whole year may take minutes."""
    if connection.in_atomic_block:
        return check()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = '10min'")
        return check()
