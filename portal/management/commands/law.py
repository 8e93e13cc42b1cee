"""manage.py law: what the law says on a day, with its text."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from portal import clock
from regulation.errors import DomainError
from regulation.parameters import Entry, choice_at, french_day, history, value_at
from regulation.periods import parse_day
from regulation.series import CHOICES, SERIES, Unit


class Command(BaseCommand):
    """Print one series with its history, or every series with its value of the day."""

    help = "Dit la valeur d’un paramètre de la loi un jour donné, et le texte qui la fonde."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="nom du paramètre, comme rate.pf.employer")
        parser.add_argument("--on", help="jour, comme 2026-01-31 ; aujourd’hui par défaut")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = parse_day(options["on"]) if options["on"] else clock.today()
            if options["name"]:
                self._print_one(options["name"], day)
                return
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        for name in sorted(SERIES):
            try:
                said = _value(name, day)
            except DomainError:
                said = "—"
            self.stdout.write(f"{name:45} {said:>14}  {_(SERIES[name].title)}")

    def _print_one(self, name: str, day: date) -> None:
        entries = history(name)
        found = choice_at(name, day) if _is_choice(name) else value_at(name, day)
        lines = [
            _(SERIES[name].title),
            f"  {french_day(day)} : {_value(name, day)}",
            f"  {_('en vigueur depuis le')} {french_day(found.effective_from)}",
            f"  {_('texte')} : {_(found.reference)}",
            f"  {_('confiance')} : {_(found.confidence.label)}",
            f"  {_('vérifié le')} {french_day(found.reviewed_on)}",
            f"{_('historique')} :",
            *(f"  {french_day(entry.effective_from)}  {_described(entry)}" for entry in entries),
        ]
        self.stdout.write("\n".join(lines))


def _is_choice(name: str) -> bool:
    return name in SERIES and SERIES[name].unit is Unit.CHOICE


def _value(name: str, day: date) -> str:
    if _is_choice(name):
        return _(CHOICES[choice_at(name, day).option])
    return f"{value_at(name, day).value} {_(SERIES[name].unit.label)}"


def _described(entry: Entry) -> str:
    if entry.unknown:
        return f"— ({_(entry.unknown)})"
    value = _(CHOICES[entry.choice]) if entry.choice else str(entry.number)
    return f"{value}  ({_(entry.reference)})"
