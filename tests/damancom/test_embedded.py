"""The private PostgreSQL and Valkey: what they promise, and what they survive."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from damancom import embedded
from damancom.processes import CannotStart


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the servers' user may enter (pytest's own are closed to others), with nothing left after."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "with a space"
        yield folder
        embedded.reset(folder)


def ask(question: str) -> object:
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def postmaster(folder: Path) -> int:
    return json.loads((folder / "services.json").read_text())["children"]["postgres"]["pid"]


def test_data_is_kept_checked_and_guarded(folder: Path) -> None:
    with embedded.missing_services(folder):
        assert ask("SELECT current_setting('fsync')") == "on"
        assert ask("SELECT current_setting('full_page_writes')") == "on"
        assert ask("SELECT current_setting('synchronous_commit')") == "on"
        assert ask("SELECT current_setting('data_checksums')") == "on"
        assert ask("SELECT current_setting('listen_addresses')") == "127.0.0.1"
        assert ask("SELECT lower('ÉTÉ')") == "été"
        assert ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        ask("CREATE TABLE kept AS SELECT 42 AS number")
        url = urlsplit(os.environ["DATABASE_URL"])
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(
                host="127.0.0.1", port=url.port, user="damancom", dbname="damancom", password="x"
            )
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        psycopg2.connect(url.geturl())
    with embedded.missing_services(folder):
        assert ask("SELECT number FROM kept") == 42


def test_the_log_of_the_server_names_nobody(folder: Path) -> None:
    with embedded.missing_services(folder):
        ask("CREATE TABLE person (email text UNIQUE, card text CHECK (card <> 'BK778899'))")
        ask("INSERT INTO person VALUES ('salma@exemple.ma', '')")
        for refused in ("('salma@exemple.ma', '')", "('b@exemple.ma', 'BK778899')", "(salma, 1)"):
            with pytest.raises(psycopg2.Error):
                ask(f"INSERT INTO person VALUES {refused}")
        log = (embedded.find_home(folder).log_folder / "postgres.log").read_text("utf-8")
    assert "duplicate key value" in log
    assert [one for one in ("exemple.ma", "BK778899", "INSERT") if one in log] == []


def test_a_command_finds_what_runs_and_only_while_it_runs(folder: Path) -> None:
    def typed() -> "subprocess.CompletedProcess[str]":
        given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, "manage.py", "migrate", "--check", "--skip-checks"],
            cwd=embedded.CHECKOUT,
            env=given | {"VAR_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    with embedded.missing_services(folder):
        assert (folder / "addresses.json").stat().st_mode & 0o077 == 0
        # Reached, and told that nothing was migrated yet: no server would be another word.
        found = typed()
        assert (found.returncode, "refused" in found.stderr) == (1, False), found.stderr
    assert not (folder / "addresses.json").exists()
    assert "refused" in typed().stderr


def test_the_queue_is_kept_and_guarded(folder: Path) -> None:
    with embedded.missing_services(folder):
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            info = client.info()
            assert info["aof_enabled"] == 1
            assert info["maxmemory_policy"] == "noeviction"
            client.lpush("files", "message")
            with pytest.raises(redis.ResponseError, match="unknown command"):
                client.config_set("appendonly", "no")
        port = urlsplit(os.environ["REDIS_URL"]).port
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    with embedded.missing_services(folder), redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.lrange("files", 0, -1) == [b"message"]


def test_what_was_committed_survives_the_death_of_the_server(folder: Path) -> None:
    with embedded.missing_services(folder):
        ask("CREATE TABLE kept AS SELECT 42 AS number")
        os.kill(postmaster(folder), signal.SIGKILL)
    with embedded.missing_services(folder):
        assert ask("SELECT number FROM kept") == 42


def test_an_initialisation_cut_short_is_done_again(folder: Path) -> None:
    cut_short = embedded.find_home(folder).folder / "postgres.new"
    cut_short.mkdir()
    (cut_short / "PG_VERSION").write_text("18")
    with embedded.missing_services(folder):
        assert ask("SELECT 1") == 1
    assert not cut_short.exists()


def test_a_given_address_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/database")
    with embedded.missing_services(folder):
        assert os.environ["DATABASE_URL"] == "postgres://elsewhere/database"
        assert list(json.loads((folder / "services.json").read_text())["children"]) == ["valkey"]
    assert "REDIS_URL" not in os.environ


def test_a_second_user_of_the_folder_is_told_so(folder: Path) -> None:
    with embedded.missing_services(folder), pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL")
        with pytest.raises(CannotStart, match="Déjà en cours"), embedded.missing_services(folder):
            pytest.fail("two users")


def test_resetting_erases_the_data_and_starts_afresh(folder: Path) -> None:
    with embedded.missing_services(folder):
        ask("CREATE TABLE kept AS SELECT 42 AS number")
        with pytest.raises(CannotStart):
            embedded.reset(folder)
    assert embedded.reset(folder)
    assert embedded.reset(folder) == []
    with embedded.missing_services(folder):
        assert ask("SELECT to_regclass('kept')") is None
