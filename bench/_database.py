"""A private, durable database for the measurements that need one."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def database() -> Iterator[None]:
    """Set Django up on an empty database of its own; dropped at the end."""
    from damancom import embedded

    with embedded.missing_services(embedded.VAR / "bench", durable=True, wait_seconds=600):
        os.environ["DJANGO_SETTINGS_MODULE"] = "damancom.settings.test"
        # A whole country is looked over, and dropped, in more than the ten seconds of a page.
        os.environ["STATEMENT_TIMEOUT_SECONDS"] = "0"
        import django

        django.setup()
        from django.test.utils import setup_databases, teardown_databases

        created = setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            teardown_databases(created, verbosity=0)
