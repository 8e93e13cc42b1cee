"""``make run``: the portal, its worker and its clock with demonstration data, under one supervisor.

The order is: lock, leftovers of a crash, port, private services, schema, translations, demonstration data, then the
three long-lived processes. Ctrl-C, SIGTERM and a closed terminal undo it in the opposite order.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection

from damancom import messages, row_walls
from damancom.embedded import CHECKOUT, VAR, missing_services
from damancom.processes import CannotStart, Child, Family, exclusive

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOGS = VAR / "log"
READY_SECONDS = 60
# A process that ends by itself is started again, unless it does so this often within this time.
RESTARTS, RESTART_SECONDS = 3, 60
# A page that waits ten seconds is broken; a bank file of a hundred thousand lines is one long commit.
OWN_ENVIRONMENT = {"worker": {"STATEMENT_TIMEOUT_SECONDS": "300"}}


class Stopped(Exception):
    """Somebody asked us to stop."""


class Asked:
    """Whether somebody asked us to stop. A signal only leaves its mark; who waits looks at it between two steps.

    An exception thrown by the handler itself would strike anywhere: between the birth of a child and its name in our
    list, say, and that child would outlive us.
    """

    to_stop = False

    @classmethod
    def note(cls, _number: int, _frame: object) -> None:
        cls.to_stop = True

    @classmethod
    def look(cls) -> None:
        """Raise Stopped if somebody asked."""
        if cls.to_stop:
            raise Stopped


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["prepare"]:
            prepare()
            return 0
        for number in SIGNALS:
            signal.signal(number, Asked.note)
        run()
    except Stopped:
        print("\nArrêté.", flush=True)
        return 0
    except CannotStart as reason:
        print(reason, file=sys.stderr, flush=True)
        return 1
    except subprocess.CalledProcessError as failure:
        print(
            f"La préparation des données a échoué (code {failure.returncode}) ; le message ci-dessus dit pourquoi.",
            file=sys.stderr,
        )
        return 1


def run() -> NoReturn:
    """Start everything and watch over it; ends only by an exception, having stopped what it started."""
    host, port = os.environ.get("HOST") or "127.0.0.1", _port()
    with exclusive(VAR / "run.lock"):
        family = Family(VAR / "run.json")
        family.stop_survivors()
        _refuse_a_taken_port(host, port)
        os.environ["DJANGO_SETTINGS_MODULE"] = "damancom.settings.dev"
        os.environ["PORT"] = str(port)
        os.environ.setdefault("SECRET_KEY", _secret_key())
        with missing_services(VAR) as services:
            accounts = _prepared()
            try:
                _watch(family, services, host, port, accounts)
            finally:
                print("\nArrêt en cours…", flush=True)
                family.stop_all()


def _prepared() -> str:
    """What a process of its own prints while it prepares: ours stays small, and what it starts shares nothing with it.

    Whoever asks us to stop meanwhile is not kept waiting for the end of the demonstration.
    """
    command = [sys.executable, "-m", "damancom.start", "prepare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as preparing:
        while True:
            try:
                said, _ = preparing.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if Asked.to_stop:
                    preparing.terminate()
    Asked.look()
    if preparing.returncode != 0:
        raise subprocess.CalledProcessError(preparing.returncode, command)
    return said


def prepare() -> None:
    """The schema, the translations and the demonstration data; each does nothing when it is there already."""
    try:
        django.setup()
        connection.ensure_connection()
        row_walls.make_roles()
    except row_walls.RolesMissing as reason:
        raise CannotStart(str(reason)) from None
    except (ImproperlyConfigured, OperationalError) as reason:
        raise CannotStart(f"La base de données ne répond pas : {str(reason).strip()}") from None
    call_command("migrate", verbosity=0, skip_checks=True)
    messages.compile_catalogues()
    call_command("demo", skip_checks=True)


def _watch(family: Family, services: Family, host: str, port: int, accounts: str) -> NoReturn:
    starts: dict[str, list[float]] = {}

    def start(name: str) -> Child:
        now = time.monotonic()
        recent = [moment for moment in starts.get(name, []) if now - moment < RESTART_SECONDS]
        if len(recent) >= RESTARTS:
            raise CannotStart(
                f"{name} s'arrête sans cesse ; la fin de {LOGS / name}.log dit pourquoi."
            )
        starts[name] = [*recent, now]
        return family.start(
            name,
            [sys.executable, "-m", *commands[name]],
            log=LOGS / f"{name}.log",
            environment=os.environ | OWN_ENVIRONMENT.get(name, {}),
            cwd=CHECKOUT,
            grace_seconds=20,
        )

    commands = _commands(host, port)
    Asked.look()
    # Alone first: somebody waits for the page, and the others need the processor for seconds before they are ready.
    _await_answer(start("web"), f"http://{host}:{port}/")
    start("worker")
    start("beat")
    print(f"\n{accounts.strip()}\n", flush=True)
    print(f"Journaux : {os.path.relpath(LOGS)}/ — Ctrl-C pour arrêter.", flush=True)
    while True:
        Asked.look()
        time.sleep(0.2)
        for name, service in services.children.items():
            if service.process.poll() is not None:
                # Without it nothing works, and starting it again under living connections would hide why it ended.
                raise CannotStart(
                    f"{name} s'est arrêté (code {service.process.returncode}) : tout s'arrête."
                    f" La fin de {LOGS / name}.log dit pourquoi ; « make run » relance tout, rien n'est perdu."
                )
        for name, child in list(family.children.items()):
            if child.process.poll() is not None:
                print(
                    f"{name} s'est arrêté (code {child.process.returncode}) : redémarrage.",
                    flush=True,
                )
                family.stop(name)
                start(name)


def _commands(host: str, port: int) -> dict[str, list[str]]:
    """The three long-lived programs."""
    celery = ["celery", "--app", "damancom.celery"]
    return {
        "worker": [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"],
        "beat": [*celery, "beat", "--schedule", str(VAR / "beat"), "--pidfile=", "--loglevel", "INFO"],
        "web": [
            "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "2",
            "--blocking-threads", "1", "--no-ws", "--workers-kill-timeout", "5", "--respawn-failed-workers",
            "damancom.wsgi:application",
        ],
    }  # fmt: skip


def _await_answer(web: Child, address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while web.process.poll() is None and time.monotonic() < deadline:
        Asked.look()
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own address
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CannotStart(
        f"Le serveur web n'a pas démarré ; la fin de {LOGS / 'web.log'} dit pourquoi."
    )


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CannotStart(f"PORT doit être un nombre entre 1 et 65535, pas « {text} ».")
    return int(text)


def _refuse_a_taken_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as reason:
            raise CannotStart(
                f"Le port {port} n'est pas libre ({reason.strerror}) : « make run PORT=8001 » en prend un autre."
            ) from None


def _secret_key() -> str:
    """This checkout's own signing key, made on first start."""
    path = Path(VAR / "secret_key")
    if not path.exists():
        with open(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as handle:
            handle.write(secrets.token_urlsafe(64))
    return path.read_text("ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
