"""Killing a real worker, a real server or a real database at a named place, as a power cut would."""

import ast
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from kombu import Connection

from tests.running import Worker


def named_failpoints(folder: str) -> set[str]:
    """The places where a drill may stop the code of a room."""
    found = set()
    for path in (settings.BASE_DIR / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "failpoint":
                found.add(ast.literal_eval(node.args[0]))  # type: ignore[attr-defined]
    return found


def own_broker() -> str:
    """Another Redis database than the suite's: the message must reach the worker that is to be killed."""
    parts = urlsplit(settings.REDIS_URL)
    return parts._replace(path=f"/{int(parts.path.strip('/') or 0) + 8}").geturl()


def send_to(broker: str, task: Any, *args: int) -> None:
    """One message for the worker behind this broker."""
    with Connection(broker) as line:
        task.apply_async(args=args, connection=line)


def kill_a_worker_at(place: str, folder: Path, task: Any, *args: int) -> None:
    """A real worker takes the message and is killed, as by a power cut, at that place; nothing of it is left."""
    broker = own_broker()
    database = connection.settings_dict["NAME"]
    with Worker.running(folder, database, FAILPOINT=place, REDIS_URL=broker) as worker:
        send_to(broker, task, *args)
        deadline = time.monotonic() + 60
        while "signal 9 (SIGKILL)" not in worker.read_log():
            assert time.monotonic() < deadline, worker.read_log()[-2000:]
            time.sleep(0.05)
        worker.broker.flushdb()
        worker.child.process.kill()  # its message comes back for ever: no polite end
