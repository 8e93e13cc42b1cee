"""Counters and gauges in the text that Prometheus reads; who may read them is decided where they are shown.

Counters live in Redis, because each web process would otherwise know only its own; they are written when something
rare happens, never at each page. What waits, and how long, is asked of the database when it is read.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

_KEY: Final = "damancom:counters"
FAILED: Final = "damancom_pages_failed_total"
THROTTLED: Final = "damancom_sign_in_throttled_total"
SIGN_IN_REFUSED: Final = "damancom_sign_in_refused_total"
KEY_REFUSED: Final = "damancom_bank_key_refused_total"
COUNTERS: Final = {
    FAILED: "Pages that ended in an error of ours.",
    THROTTLED: "Sign-ins refused for being too many.",
    SIGN_IN_REFUSED: "Sign-ins with a wrong address or password.",
    KEY_REFUSED: "Calls of the programming interface with an unknown key.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the text: a name, its labels, its value."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def count(name: str) -> None:
    """Add one to a counter; without Redis it is not counted, and nobody waits for it."""
    try:
        with _client() as client:
            client.hincrby(_KEY, name, 1)
    except redis.RedisError:
        logger.warning("no cache, %s is not counted", name)


def counted() -> dict[str, int]:
    """Each counter so far; empty without Redis."""
    try:
        with _client() as client:
            found = client.hgetall(_KEY)
    except redis.RedisError:
        return {}
    known = {name.decode(): int(value) for name, value in found.items()}
    return {name: known.get(name, 0) for name in COUNTERS}


def exposition(samples: Iterable[Sample], helps: dict[str, str]) -> str:
    """The text format 0.0.4: help and type once a name, then its lines."""
    lines, told = [], set()
    for sample in sorted(samples, key=lambda one: (one.name, one.labels)):
        if sample.name not in told:
            told.add(sample.name)
            kind = "counter" if sample.name.endswith("_total") else "gauge"
            lines += [f"# HELP {sample.name} {helps[sample.name]}", f"# TYPE {sample.name} {kind}"]
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels)
        lines.append(f"{sample.name}{'{' + labels + '}' if labels else ''} {sample.value:g}")
    return "\n".join(lines) + "\n"


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
