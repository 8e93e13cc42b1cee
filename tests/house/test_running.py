"""The fixtures that start real processes do so."""

import urllib.error
import urllib.request

import pytest

from damancom.celery import app
from tests.running import Server, Worker


def test_the_worker_answers_on_the_tests_own_broker(worker: Worker) -> None:
    assert app.control.ping(timeout=5)


def test_the_server_answers(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(server.url + "/nowhere/")
    with answer.value as page:
        assert page.code == 404
