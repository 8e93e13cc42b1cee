"""``manage.py demo``: an invented world to visit, built through the workflows."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from damancom.demo.build import Demo, load
from portal import clock


class Command(BaseCommand):
    """Builds the demo once; later runs change nothing in the database and write the files again."""

    help = "Charge les données inventées de la démonstration (refusé en production)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_ALLOWED:
            raise CommandError(
                "La démonstration ne se charge que sur une machine de développement ou d’essai : "
                "elle crée des comptes dont le mot de passe est public."
            )
        demo = load(now=clock.now(), folder=settings.VAR / "demo")
        self.stdout.write(table(demo))


def table(demo: Demo) -> str:
    """The accounts in columns, the password, the address and the folder of the files."""
    width = max(len(account.email) for account in demo.accounts)
    lines = [
        f"Adresse        {settings.PUBLIC_URL}",
        f"Mot de passe   {demo.password}  (tous les comptes)",
    ]
    lines += [f"Fichiers       {demo.folder}", ""]
    for account in demo.accounts:
        lines.append(f"  {account.email:<{width}}  {account.who}")
        lines.append(f"  {'':<{width}}  → {account.try_this}")
    return "\n".join(lines)
