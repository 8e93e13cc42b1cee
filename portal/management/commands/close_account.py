"""Close the account of a person, or open it again: a theft that is told, somebody who left."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from portal.commands import RehearsedCommand
from portal.models import User
from portal.workflows import close_account, reopen_account


class Command(RehearsedCommand):
    """``close_account EMAIL --by EMAIL --reason TEXT [--reopen]``: whoever asks is another, and stands in the trace."""

    help = "Ferme un compte et toutes ses connexions, ou le rouvre (répétition sans --apply)."

    def add_more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--by", required=True, help="adresse du compte qui demande")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--reopen", action="store_true")

    def work(self, **options: Any) -> list[str]:
        user, actor = (self._account(options[name]) for name in ("email", "by"))
        if user == actor or not actor.is_active:
            raise CommandError("Un autre compte ouvert doit le demander.")
        act = reopen_account if options["reopen"] else close_account
        done = act(actor=actor, user=user, reason=options["reason"])
        return [f"{done.email}: {'ouvert' if done.is_active else 'fermé'}"]

    def _account(self, email: str) -> User:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"Aucun compte n’a l’adresse {email}.")
        return user
