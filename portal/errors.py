"""Refusals of the portal itself, and the one place where any refusal becomes words on a screen."""

from django.utils.translation import gettext

from regulation.errors import DomainError
from regulation.text import _


class FileTooLargeError(DomainError):
    """A file larger than what this door takes."""

    code = "file_too_large"
    message = _(
        "Le fichier « {name} » dépasse {limit_mb} Mo. Rien n’a été gardé ; envoyez un fichier plus petit."
    )


def message_of(error: DomainError) -> str:
    """The sentence of a refusal in the language of the current request."""
    return gettext(error.message).format(**error.facts)
