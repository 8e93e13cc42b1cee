"""manage.py simulate: what some wages cost, branch by branch, and what lateness would add."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from regulation.contributions import WageLine
from regulation.enums import ContributionStatus
from regulation.errors import DomainError
from regulation.money import format_amount, parse_amount
from regulation.periods import Period, parse_day
from regulation.simulation import Simulation, simulate


class Command(BaseCommand):
    """Compute without storing anything: the same function serves the page and the worker."""

    help = "Calcule les cotisations d’un mois à partir de salaires, et les pénalités de retard."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--period", required=True, help="période, comme 2026-01")
        parser.add_argument(
            "--wage", action="append", default=[], help="salaire réel en DH ; à répéter"
        )
        parser.add_argument(
            "--takeover-wage",
            action="append",
            default=[],
            help="salaire dont l’État prend en charge la part patronale (TAHFIZ) ; à répéter",
        )
        parser.add_argument("--amo-exempt", action="store_true", help="couverture médicale privée")
        parser.add_argument("--tfp-exempt", action="store_true", help="exonéré de la TFP")
        parser.add_argument("--status", action="append", default=[], help="statut, par son code")
        parser.add_argument("--paid-on", help="jour du paiement, comme 2026-04-25")
        parser.add_argument("--filed-on", help="jour du dépôt, comme 2026-04-25")
        parser.add_argument("--json", action="store_true", help="réponse en JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        statuses = list(options["status"])
        if options["amo_exempt"]:
            statuses.append(ContributionStatus.AMO_EXEMPT.value)
        if options["tfp_exempt"]:
            statuses.append(ContributionStatus.TFP_EXEMPT.value)
        if not options["wage"] and not options["takeover_wage"]:
            raise CommandError(_("Écrivez au moins un salaire."))
        try:
            found = simulate(
                Period.parse(options["period"]),
                [
                    *(WageLine(parse_amount(wage)) for wage in options["wage"]),
                    *(
                        WageLine(parse_amount(wage), state_takeover=True)
                        for wage in options["takeover_wage"]
                    ),
                ],
                statuses,
                paid_on=parse_day(options["paid_on"]) if options["paid_on"] else None,
                filed_on=parse_day(options["filed_on"]) if options["filed_on"] else None,
            )
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join(_described(found)))


def _described(found: Simulation) -> list[str]:
    result = found.result
    lines = []
    for line in result.lines:
        lines += [
            f"{line.branch.value:15} {format_amount(line.employer):>15} {format_amount(line.employee):>15}",
            f"    {line.text}",
        ]
    lines += [str(note) for note in result.notes]
    lines += [
        f"{_('Part patronale')} : {format_amount(result.total_employer)} DH",
        f"{_('Part salariale')} : {format_amount(result.total_employee)} DH",
        f"{_('Total')} : {format_amount(result.total)} DH",
    ]
    if result.total_state:
        lines.append(f"{_('Pris en charge par l’État')} : {format_amount(result.total_state)} DH")
    if found.surcharges:
        lines += [
            f"{_(group.group.label)} : {format_amount(group.amount)} DH. {group.text}"
            for group in found.surcharges.groups
        ]
    if found.filing_penalty:
        lines.append(found.filing_penalty.text)
    return lines
