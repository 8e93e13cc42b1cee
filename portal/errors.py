"""Refusals of the portal itself, and the one place where any refusal becomes words on a screen."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from django.contrib import messages
from django.db import IntegrityError, OperationalError
from django.forms import BaseForm
from django.http import HttpRequest

from portal import formats
from regulation.errors import DomainError
from regulation.text import _


class FileTooLargeError(DomainError):
    """A file larger than what this door takes."""

    code = "file_too_large"
    message = _(
        "Le fichier « {name} » dépasse {limit_mb} Mo. Rien n’a été gardé ; envoyez un fichier plus petit."
    )


class TooManyAttempts(DomainError):
    """Too many attempts from one place or on one account: wait ``minutes``."""

    code = "too_many_attempts"
    message = _(
        "Trop d’essais en peu de temps. Attendez {minutes} minutes, puis recommencez ; votre compte n’est pas bloqué."
    )

    @property
    def wait_seconds(self) -> int:
        return int(str(self.facts["minutes"])) * 60


class CodeRefused(DomainError):
    """A code that is wrong, too old or already used: the three are not told apart."""

    code = "code_refused"
    message = _(
        "Ce code n’est pas le bon, ou il a déjà servi. Attendez que l’application en montre un autre, puis écrivez-le."
    )


class PasskeyRefused(DomainError):
    """What the browser sent is not the answer of a passkey of this account to our question."""

    code = "passkey_refused"
    message = _(
        "La clé d’accès n’a pas été reconnue. Recommencez, ou servez-vous d’un autre moyen."
    )


class PasswordRefused(DomainError):
    """The password of the account was asked again, and another was written."""

    code = "password_refused"
    message = _("Le mot de passe ne correspond pas. Écrivez-le de nouveau.")


class AccountAtRest(DomainError):
    """The account was opened again at an agency a moment ago: money and rights wait until ``until``."""

    code = "account_at_rest"
    message = _(
        "Votre compte vient d’être rouvert par une agence : paiements, comptes bancaires et accès attendent le "
        "{until}. Un autre responsable de l’entreprise peut agir d’ici là."
    )


class AddressUnchanged(DomainError):
    """The address written is the one the account has."""

    code = "address.same"
    message = _("C’est déjà l’adresse de votre compte.")


class AddressLinkClosed(DomainError):
    """The link has served, has expired, was replaced by another, or the address has an account by now."""

    code = "address.closed"
    message = _(
        "Ce lien ne change plus rien : il a servi, a expiré ou a été remplacé. Demandez le changement de nouveau."
    )


class LastFactor(DomainError):
    """Whoever acts for others keeps a second factor: the last one is replaced, not removed."""

    code = "factor_last"
    message = _(
        "Vous agissez pour d’autres : votre compte garde un second facteur. Ajoutez-en un autre d’abord, puis "
        "retirez celui-ci."
    )


class TooManyPieces(DomainError):
    """More pieces than may be sent at once."""

    code = "piece.too_many"
    message = _("Joignez au plus {limit} fichiers à la fois ; vous en avez choisi {count}.")


class PieceEmpty(DomainError):
    """A file of zero bytes."""

    code = "piece.empty"
    message = _("Le fichier « {name} » est vide. Choisissez-le de nouveau.")


class PieceTypeRefused(DomainError):
    """The bytes are not those of an accepted type, whatever the name says."""

    code = "piece.type"
    message = _(
        "Le fichier « {name} » n’est ni un PDF, ni une image PNG ou JPEG. "
        "Enregistrez-le dans l’un de ces formats, puis joignez-le de nouveau."
    )


def message_of(error: DomainError) -> str:
    """The sentence of a refusal in the language of the current request."""
    return formats.sentence(error)


def add_to_form(form: BaseForm, error: DomainError, field: str | None = None) -> None:
    """Show a refusal on a form: on one field, or above all of them."""
    form.add_error(field, message_of(error))


def add_to_messages(request: HttpRequest, error: DomainError) -> None:
    """Show a refusal at the top of the next page."""
    messages.error(request, message_of(error))


def as_data(error: DomainError) -> dict[str, object]:
    """A refusal for a program: ``{code, message, facts}``, amounts and days as text."""
    return {
        "code": error.code,
        "message": message_of(error),
        "facts": {name: _plain(value) for name, value in error.facts.items()},
    }


def _plain(value: object) -> object:
    if isinstance(value, bool | int | str | type(None)):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


@contextmanager
def constraints_refuse(refusals: Mapping[str, DomainError]) -> Iterator[None]:
    """Turn the firing of a named database constraint into its refusal; any other one stays a bug.

    Put it around the whole ``transaction.atomic`` block, since the block must be rolled back first::

        with constraints_refuse({"mandate_no_overlap": MandateOverlaps(name=name)}), transaction.atomic():
    """
    try:
        yield
    except IntegrityError as error:
        refusal = refusals.get(constraint_of(error) or "")
        if refusal is None:
            raise
        raise refusal from error


def constraint_of(error: IntegrityError) -> str | None:
    """The name of the constraint that fired, as PostgreSQL reports it."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None)


# What PostgreSQL answers when a wait was cut short or when it is leaving: worth another try, later.
# lock_not_available, query_canceled, deadlock_detected, serialization_failure, too_many_connections,
# admin_shutdown, crash_shutdown, cannot_connect_now, idle_in_transaction_session_timeout.
_TRANSIENT_STATES = {
    "55P03", "57014", "40P01", "40001", "53300", "57P01", "57P02", "57P03", "25P03",
}  # fmt: skip


def is_transient(error: BaseException | None) -> bool:
    """Whether the database could not answer in time: a lock, a timeout, a lost connection."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "pgcode", None)
    # No state at all: the connection could not be opened or was lost.
    return state is None or state in _TRANSIENT_STATES


# deadlock_detected, serialization_failure: the other transaction is done, this one may be played again at once.
_CONFLICT_STATES = {"40P01", "40001"}


def is_conflict(error: BaseException | None) -> bool:
    """Whether the database gave up this transaction so that another could end: nothing of it remains."""
    cause = getattr(error, "__cause__", None)
    return isinstance(error, OperationalError) and (
        getattr(cause, "pgcode", None) in _CONFLICT_STATES
    )
