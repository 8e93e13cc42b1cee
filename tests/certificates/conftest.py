"""The clock of these tests: a morning of February 2026, after the month of January is over."""

import datetime
from collections.abc import Iterator

import pytest
import time_machine
from django.core.cache import cache

NOW = datetime.datetime(2026, 2, 20, 10, 0, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _no_limit_left_over() -> None:
    cache.clear()


@pytest.fixture
def now() -> Iterator[datetime.datetime]:
    with time_machine.travel(NOW, tick=False):
        yield NOW
