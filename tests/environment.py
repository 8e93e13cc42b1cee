"""Gives the suite its database, its broker and its settings, before any module of ours is imported.

Imported once, first, by tests/conftest.py. The process that leads the run starts a private PostgreSQL and Valkey for
what DATABASE_URL and REDIS_URL do not name; the parallel processes inherit their addresses and take a Redis database
each, as pytest-django gives each its own PostgreSQL database.
"""

import atexit
import contextlib
import os
from urllib.parse import urlsplit, urlunsplit

import django

from damancom import embedded, messages

_services = contextlib.ExitStack()
PARALLEL_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw0", "gw1"… or empty


def stop() -> None:
    """Stop what this run started."""
    _services.close()


def forget_settings() -> None:
    """Stop naming the settings to child processes: they would read them before this module has run there."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


if PARALLEL_PROCESS:
    parts = urlsplit(os.environ["REDIS_URL"])
    number = int(PARALLEL_PROCESS.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = urlunsplit(parts._replace(path=f"/{number}"))
else:
    _services.enter_context(
        embedded.missing_services(embedded.VAR / "test", durable=False, wait_seconds=600)
    )
    atexit.register(stop)
    messages.compile_catalogues()

os.environ["DJANGO_SETTINGS_MODULE"] = "damancom.settings.test"
django.setup()
