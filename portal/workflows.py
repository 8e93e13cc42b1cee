"""What a person does with an account."""

from django.db import transaction

from portal import audit
from portal.models import User


@transaction.atomic
def note_sign_in(*, actor: User) -> None:
    """Leave the trace of a person who came in."""
    audit.record(actor=actor, action="user.signed_in", subject=actor)


@transaction.atomic
def change_password(*, actor: User, new_password: str) -> User:
    """Give the account its new password, already judged by the form. Ends every other session of the account."""
    user = User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    user.set_password(new_password)
    user.save(update_fields=["password"])
    audit.record(actor=actor, action="user.password_changed", subject=user)
    return user
