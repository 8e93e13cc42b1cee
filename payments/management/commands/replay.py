"""manage.py replay: recompute every stored statement with the law of its day, to the centime."""

import datetime
from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from declarations.enums import DeclarationStatus
from declarations.models import ContributionLine, Declaration
from payments.enums import AccountKind
from payments.models import FilingPenalty, LedgerLine, SlipLine, Surcharge
from payments.workflows.corrections import called_lines, live_slips
from regulation.errors import DomainError
from regulation.periods import Period
from regulation.replay import Difference, replay

# The columns of a line, of a declaration or of a slip, and where the working holds them.
_COLUMNS = {"base": "base", "employer_share": "employer", "employee_share": "employee"}


class Command(BaseCommand):
    """Say every figure that today's tables no longer give; exit 1 when there is one."""

    help = "Recalcule chaque décompte enregistré avec la loi de son jour et signale tout écart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--period", help="une seule période, comme 2026-01")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            period = Period.parse(options["period"]) if options["period"] else None
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        statements = differing = 0
        for name, found in _statements(period.first_day if period else None):
            statements += 1
            differing += bool(found)
            for difference in found:
                self.stdout.write(
                    f"{name} {difference.where} : {difference.stored} → {difference.replayed}"
                )
        said = _("%(statements)d décomptes recalculés, %(differing)d différents.") % {
            "statements": statements,
            "differing": differing,
        }
        if differing:
            raise CommandError(said)
        self.stdout.write(said)


def _statements(month: datetime.date | None) -> Iterator[tuple[str, list[Difference]]]:
    """Each stored statement with what differs, declarations first."""
    # Corrected since or not: what was computed once is computed for ever.
    declarations = Declaration.objects.filter(submitted_at__isnull=False)
    surcharges = Surcharge.objects.select_related("slip")
    penalties = FilingPenalty.objects.all()
    if month:
        declarations = declarations.filter(period=month)
        surcharges = surcharges.filter(slip__period=month)
        penalties = penalties.filter(period=month)
    for declaration in declarations.order_by("pk").iterator():
        yield f"{declaration.receipt_number}", _of_declaration(declaration)
    called: dict[int, Decimal] = {}
    for surcharge in surcharges.order_by("pk").iterator():
        found = replay(surcharge.working)
        # A working tells the whole delay; each row is what its month added to the earlier ones.
        called[surcharge.slip_id] = called.get(surcharge.slip_id, Decimal(0)) + surcharge.standing
        if called[surcharge.slip_id] != Decimal(surcharge.working["total"]) and not _fell_whole(
            surcharge
        ):
            found.append(
                Difference("amount", str(called[surcharge.slip_id]), surcharge.working["total"])
            )
        yield f"{surcharge.payment_reference}", found
    for penalty in penalties.order_by("pk").iterator():
        found = replay(penalty.working)
        if str(penalty.amount) != penalty.working["amount"]:
            found.append(Difference("amount", str(penalty.amount), penalty.working["amount"]))
        yield f"{penalty.payment_reference}", found


def _fell_whole(surcharge: Surcharge) -> bool:
    """A month that a correction took off whole on a slip of which surcharges were forgiven.

    The forgiven months kept their amounts, so this one fell in their place; once a remission is undone they fall
    too, and the next month asks the rest. This one asks nothing: only its working is to be found again.
    """
    if surcharge.standing or not surcharge.taken_back:
        return False
    return LedgerLine.objects.filter(
        surcharge__slip=surcharge.slip_id, account__kind=AccountKind.REMISSIONS.value
    ).exists()


def _of_declaration(declaration: Declaration) -> list[Difference]:
    """What differs in the working, and between the working and the columns beside it."""
    working = declaration.working
    if not working:
        return [Difference("working", "", "")]
    kept = {
        "total": (declaration.contributions_total, working["total"]),
        "bases.gross": (declaration.wage_bill, working["bases"]["gross"]),
        "bases.capped": (declaration.capped_wage_bill, working["bases"]["capped"]),
    }
    beside = [
        Difference(where, str(column), stored)
        for where, (column, stored) in kept.items()
        if str(column) != stored
    ]
    computed = {line["branch"]: line for line in working["lines"]}
    lines: list[ContributionLine | SlipLine] = [*declaration.contribution_lines.all()]
    lines += _slip_lines(declaration)
    for line in lines:
        expected = computed.get(line.branch, {})
        for column, key in _COLUMNS.items():
            if Decimal(expected.get(key, "-1")) != getattr(line, column):
                where = f"{line._meta.model_name}.{line.branch}.{column}"
                beside.append(Difference(where, str(getattr(line, column)), expected.get(key, "")))
    if declaration.status == DeclarationStatus.SUBMITTED and declaration.slip_issued_at:
        beside += _of_slips(declaration, computed)
    return beside + replay(working)


def _of_slips(declaration: Declaration, computed: dict[str, Any]) -> Iterator[Difference]:
    """What stands of the slips of its place is what the declaration asks, branch by branch."""
    standing: dict[str, Decimal] = dict.fromkeys(computed, Decimal(0))
    for line in called_lines(live_slips(declaration)):
        standing[line.branch.value] = standing.get(line.branch.value, Decimal(0)) + line.amount
    for branch, amount in standing.items():
        line_of = computed.get(branch, {"employer": "0", "employee": "0"})
        asked = Decimal(line_of["employer"]) + Decimal(line_of["employee"])
        if amount != asked:
            yield Difference(f"slips.{branch}", str(amount), str(asked))


def _slip_lines(declaration: Declaration) -> Iterator[SlipLine]:
    """The lines of its slip, which are those of the declaration, branch by branch, unless it is a complement."""
    slip = getattr(declaration, "slip", None)
    return iter(slip.lines.all() if slip and slip.complements_id is None else ())
