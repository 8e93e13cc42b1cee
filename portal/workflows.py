"""What a person does with an account."""

from django.db import transaction

from portal import audit
from portal.enums import Language
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


@transaction.atomic
def set_preferences(*, actor: User, language: Language, wants_reminders: bool) -> User:
    """Keep how a person wants to be spoken to. Saying again what is kept leaves no trace."""
    user = User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    if (user.language, user.wants_reminders) == (language.value, wants_reminders):
        return user
    user.language, user.wants_reminders = language.value, wants_reminders
    user.save(update_fields=["language", "wants_reminders"])
    audit.record(
        actor=actor,
        action="user.preferences_set",
        subject=user,
        language=language.value,
        wants_reminders=wants_reminders,
    )
    return user
