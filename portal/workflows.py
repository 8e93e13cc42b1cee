"""What a person does with an account: the password, the second factors, the browsers left open."""

import hmac
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.urls import reverse

from portal import audit, mail, second_factors
from portal.acts import words_of
from portal.enums import Language
from portal.errors import CodeRefused, LastFactor
from portal.models import AuditEntry, OpenSession, User


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
    _tell(user, audit.record(actor=actor, action="user.password_changed", subject=user))
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


# ---------------------------------------------------------------- second factors


@transaction.atomic
def add_application(*, actor: User, secret: str, code: str, at: datetime) -> list[str]:
    """Bind an application that counts to the account, once ``code`` shows that it holds ``secret``.

    Answers the recovery codes to write down, or nothing when the account had some. The code is spent. An application
    that the account had opens nothing any more: who changes phones is never without one. Refusal: CodeRefused.
    """
    user = _locked(actor)
    step = second_factors.step_of(secret, code, at=at)
    if step is None:
        raise CodeRefused
    Authenticator.objects.filter(user=user, type=second_factors.APPLICATION).delete()
    _keep(user, second_factors.APPLICATION, {"secret": second_factors.seal(secret), "step": step})
    _tell(user, audit.record(actor=actor, action="user.application_added", subject=user))
    return _first_recovery_codes(user)


@transaction.atomic
def add_passkey(*, actor: User, name: str, credential: dict[str, Any]) -> list[str]:
    """Bind a passkey, already verified by the caller, to the account; answers as ``add_application``."""
    user = _locked(actor)
    _keep(user, second_factors.PASSKEY, {"name": name, "credential": credential})
    _tell(user, audit.record(actor=actor, action="user.passkey_added", subject=user))
    return _first_recovery_codes(user)


@transaction.atomic
def remove_factor(*, actor: User, factor: Authenticator, keeps_one: bool) -> None:
    """Take a second factor away; with the last one the recovery codes go too. Twice is the same as once.

    ``keeps_one``: the account acts for others and must hold one: its last is refused (LastFactor).
    """
    user = _locked(actor)
    held = Authenticator.objects.filter(
        user=user, type__in=[second_factors.APPLICATION, second_factors.PASSKEY]
    )
    if keeps_one and not held.exclude(pk=factor.pk).exists():
        raise LastFactor
    removed, _by_model = Authenticator.objects.filter(user=user, pk=factor.pk).delete()
    if not removed:
        return
    if not second_factors.has_any(user):
        Authenticator.objects.filter(user=user).delete()
    entry = audit.record(
        actor=actor, action="user.factor_removed", subject=user, kind=str(factor.type)
    )
    _tell(user, entry)


@transaction.atomic
def renew_recovery_codes(*, actor: User) -> list[str]:
    """New recovery codes in the place of the former, which open nothing any more."""
    user = _locked(actor)
    Authenticator.objects.filter(user=user, type=second_factors.RECOVERY).delete()
    _tell(user, audit.record(actor=actor, action="user.recovery_codes_renewed", subject=user))
    return _first_recovery_codes(user)


@transaction.atomic
def spend_code(*, user: User, code: str, at: datetime) -> Authenticator:
    """Accept a code of the application or of the paper, once: a second request with it waits, then is refused.

    Answers what was used. Refusal: CodeRefused.
    """
    rows = Authenticator.objects.select_for_update(of=("self",)).filter(
        user_id=user.pk, type__in=[second_factors.APPLICATION, second_factors.RECOVERY]
    )
    for row in rows.order_by("pk"):
        if row.type == second_factors.APPLICATION:
            step = second_factors.step_of(
                second_factors.unseal(row.data["secret"]), code, at=at, after=row.data["step"]
            )
            if step is None:
                continue
            row.data["step"] = step
        else:
            typed = second_factors.digest_of(code)
            left = [kept for kept in row.data["digests"] if not hmac.compare_digest(kept, typed)]
            if len(left) == len(row.data["digests"]):
                continue
            row.data["digests"] = left
            entry = audit.record(
                actor=user, action="user.recovery_code_used", subject=user, left=len(left)
            )
            _tell(user, entry)
        row.last_used_at = at
        row.save(update_fields=["data", "last_used_at"])
        return row
    raise CodeRefused


def _tell(user: User, entry: AuditEntry) -> None:
    """Write to the person that what opens the account has changed: who did not do it should know."""
    mail.write(
        key=f"account:{entry.pk}",
        to=user,
        template="portal/mail/account_changed.txt",
        facts={"what": words_of(entry.action), "at": entry.at},
        at=entry.at,
        path=reverse("portal:security"),
    )


def _locked(actor: User) -> User:
    return User.objects.select_for_update(of=("self",)).get(pk=actor.pk)


def _keep(user: User, kind: Authenticator.Type, data: dict[str, Any]) -> None:
    Authenticator.objects.create(user=user, type=kind, data=data)


def _first_recovery_codes(user: User) -> list[str]:
    """Codes for an account that has none; what is kept of them is their digests."""
    if Authenticator.objects.filter(user=user, type=second_factors.RECOVERY).exists():
        return []
    codes = second_factors.new_recovery_codes()
    digests = [second_factors.digest_of(code) for code in codes]
    _keep(user, second_factors.RECOVERY, {"digests": digests})
    return codes


# ---------------------------------------------------------------- closing and opening again


@transaction.atomic
def close_account(*, actor: User, user: User, reason: str) -> User:
    """Close an account: nothing opens it, and every browser where it is open ends. Closed again changes nothing."""
    person = _locked(user)
    if not person.is_active:
        return person
    entry = audit.record(actor=actor, action="user.closed", subject=person, reason=reason[:200])
    _tell(person, entry)
    person.is_active = False
    person.save(update_fields=["is_active"])
    OpenSession.objects.filter(user=person).delete()
    return person


@transaction.atomic
def reopen_account(*, actor: User, user: User, reason: str) -> User:
    """Open a closed account again; no browser of before comes back with it, however it was closed."""
    person = _locked(user)
    if person.is_active:
        return person
    person.is_active = True
    person.save(update_fields=["is_active"])
    OpenSession.objects.filter(user=person).delete()
    _tell(
        person,
        audit.record(actor=actor, action="user.reopened", subject=person, reason=reason[:200]),
    )
    return person


# ---------------------------------------------------------------- browsers left open


@transaction.atomic
def close_sessions(*, actor: User, but: str | None = None, only: str | None = None) -> int:
    """Close the account's other browsers: all ``but`` this session key, or ``only`` that one. Answers how many."""
    rows = OpenSession.objects.filter(user=actor)
    if but is not None:
        rows = rows.exclude(session_key=but)
    if only is not None:
        rows = rows.filter(session_key=only)
    closed, _by_model = rows.delete()
    if closed:
        audit.record(actor=actor, action="user.sessions_closed", subject=actor, closed=closed)
    return closed
