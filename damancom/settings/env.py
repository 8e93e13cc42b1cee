"""Typed readers of the environment: a missing or nonsensical value stops the start with one clear sentence."""

import os
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXAMPLE_REFERENCES = {"CNSS", "EXAMPLE", "EXEMPLE"}
#: Set by the settings of development and of tests, whose keys are published with them.
takes_examples = False
_FEWEST_LETTERS = 8
EXAMPLE_VALUES = {"changeme", "change-me", "example", "secret", "password"}


def text(name: str, default: str | None = None) -> str:
    """A non-empty string, or ``default``; without either, starting is refused."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"La variable d'environnement {name} est obligatoire.")
    return default


def secret(name: str, *, minimum_length: int) -> str:
    """A secret without default: refused when short or when it is a well-known example."""
    value = text(name)
    if value.lower() in EXAMPLE_VALUES or len(value) < minimum_length or _is_made_up(value):
        raise ImproperlyConfigured(
            f"{name} doit être un secret propre à cette installation, d'au moins {minimum_length} caractères."
        )
    return value


def _is_made_up(value: str) -> bool:
    """One word said again and again, or few letters: what stands in examples, and in our own settings beside base."""
    again = re.fullmatch(r"(.{1,40}?)(?:[-_ ]?\1)+", value) is not None
    return not takes_examples and (again or len(set(value)) < _FEWEST_LETTERS)


def reference(name: str, *, longest: int) -> str:
    """Capitals and digits that somebody else gave this installation, without default; an example is refused."""
    value = text(name)
    if (
        not re.fullmatch(rf"[A-Z0-9]{{1,{longest}}}", value, re.ASCII)
        or value in EXAMPLE_REFERENCES
    ):
        raise ImproperlyConfigured(
            f"{name} doit être la référence reçue (1 à {longest} lettres capitales et chiffres), reçu « {value} »."
        )
    return value


def optional_secret(name: str, *, minimum_length: int) -> str:
    """A secret that may be absent; a weak one is refused all the same."""
    return secret(name, minimum_length=minimum_length) if text(name, "") else ""


def address(name: str) -> str:
    """Where a service is, its password included; the password of an example, or the user's own name, is refused."""
    value = text(name)
    parts = urlsplit(value)
    if not takes_examples and (parts.password or "").lower() in EXAMPLE_VALUES | {parts.username}:
        raise ImproperlyConfigured(
            f"{name} porte un mot de passe d'exemple : donnez celui de cette installation."
        )
    return value


def integer(name: str, default: int) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} doit être un nombre entier, reçu « {value} ».")
    return int(value)


def boolean(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false"}:
        raise ImproperlyConfigured(f"{name} doit valoir 0 ou 1, reçu « {value} ».")
    return value in {"1", "true"}


def choice(name: str, among: tuple[str, ...], default: str) -> str:
    """One of a few words."""
    value = text(name, default).lower()
    if value not in among:
        raise ImproperlyConfigured(
            f"{name} doit valoir {', '.join(among[:-1])} ou {among[-1]}, reçu « {value} »."
        )
    return value


def words(name: str, default: str | None = None) -> list[str]:
    """A comma-separated list without empty items."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def database(url: str, *, statement_timeout_s: int) -> dict[str, Any]:
    """Django's database settings from ``postgres://user:password@host:port/name?option=…``.

    ``host`` may be a query argument, as libpq allows, for a Unix socket. Waits are bounded here:
    statements, locks and idle transactions each have their limit (seconds).
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL doit avoir la forme postgres://utilisateur:secret@hôte:port/base."
        )
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            **query,
            "options": (
                f"-c statement_timeout={statement_timeout_s}s -c lock_timeout=5s"
                " -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
            ),
        },
    }
