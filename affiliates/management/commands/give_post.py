"""Give a member of the fund's staff a post: the first ones are given here, at the console."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from affiliates.enums import StaffRole
from affiliates.models import Agency
from affiliates.workflows import give_post
from portal import clock
from portal.commands import RehearsedCommand
from portal.models import User


class Command(RehearsedCommand):
    """``give_post EMAIL AGENCY ROLE --by EMAIL``: whoever gives is another person, and stands in the trace."""

    help = "Donne un poste du personnel à un compte (répétition sans --apply)."

    def add_more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("agency", help="code de l’agence")
        parser.add_argument("role", choices=[role.value for role in StaffRole])
        parser.add_argument("--by", required=True, help="adresse du compte qui donne")

    def work(self, **options: Any) -> list[str]:
        user, giver = (self._account(options[name]) for name in ("email", "by"))
        agency = Agency.objects.filter(code=options["agency"]).first()
        if agency is None:
            raise CommandError(f"Aucune agence n’a le code {options['agency']}.")
        post = give_post(
            actor=giver, at=clock.now(), user=user, agency=agency, role=StaffRole(options["role"])
        )
        return [f"{user.email}: {post.role}, {agency}"]

    def _account(self, email: str) -> User:
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"Aucun compte ouvert n’a l’adresse {email}.")
        return user
