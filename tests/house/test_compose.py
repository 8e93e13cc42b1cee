"""The production shape, as far as it can be judged without a container engine."""

import contextlib
import os
import re
import subprocess
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest
import yaml
from django.conf import settings

from damancom.celery import app
from damancom.embedded import APPLICATION_ROLE, LENT_ROLES, QUIET_LOG, ROLE
from damancom.start import OWN_ENVIRONMENT
from payments.codecs.reading import LIMIT as BANK_FILE_LIMIT
from portal.uploads import MEGABYTE

FILE = settings.BASE_DIR / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "damancom"}
#: Run once and end.
BY_HAND = {"migrate", "backup", "restore"}
#: The only ones that may own the tables: none of them answers the network.
AS_OWNER = BY_HAND
DOOR = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text("utf-8")


def test_the_whole_portal_is_there() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "redis", "proxy"}
    assert set(OURS) == {"migrate", "web", "worker", "beat", "backup", "restore"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - BY_HAND))
def test_each_service_that_stays_is_watched_and_restarted(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_cannot_write_nor_gain_rights(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_an_ordinary_user() -> None:
    lines = (settings.BASE_DIR / "Dockerfile").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER damancom"]


def test_no_secret_has_a_value_or_a_default() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY)\w*)(.*?)\}", FILE.read_text("utf-8"))
    assert {name for name, _ in secrets} == {
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "OWNER_PASSWORD",
        "APPLICATION_PASSWORD",
        "TLS_KEY",
        "BACKUP_KEY",
        "REDIS_PASSWORD",
        "EMAIL_HOST_PASSWORD",
    }
    assert all(rest.startswith((":?", "?")) for _, rest in secrets)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_obligatory_setting_is_passed_on(name: str) -> None:
    source = (settings.BASE_DIR / "damancom" / "settings" / "base.py").read_text("utf-8")
    obligatory = set(
        re.findall(
            r'env\.(?:text|secret|address|words|reference)\(\s*"(\w+)"(?:\)|, (?:minimum|longest))',
            source,
        )
    )
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "PUBLIC_URL"} <= obligatory
    assert obligatory <= set(OURS[name]["environment"])


def test_the_queue_is_kept_protected_and_never_evicted() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    for line in (
        "requirepass",
        "appendonly yes",
        "maxmemory-policy noeviction",
        "rename-command CONFIG",
    ):
        assert line in command
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_every_queue_has_a_worker() -> None:
    command = OURS["worker"]["command"]
    served = set(command[command.index("--queues") + 1].split(","))
    assert served == {queue.name for queue in app.conf.task_queues}


def test_only_the_proxy_is_reachable() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "proxy": ["80:8080", "443:8443"]
    }
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "1"


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_answers_the_network_owns_no_table(name: str) -> None:
    told = OURS[name]["environment"]
    user = urlsplit(re.sub(r"\$\{.*?\}", "x", told["DATABASE_URL"])).username
    if name in AS_OWNER:
        assert (user, told["ROW_WALLS"]) == (ROLE, "pages")
    else:
        assert (user, told["ROW_WALLS"]) == (APPLICATION_ROLE, "whole")
        assert "OWNER_PASSWORD" not in str(told)
    assert "POSTGRES_PASSWORD" not in str(told)


def test_the_roles_of_the_server_are_those_that_the_tests_run_with() -> None:
    """deploy/roles.sql, run for real under other names, gives the roles of the private server."""
    text = (settings.BASE_DIR / "deploy" / "roles.sql").read_text("utf-8")
    names = [ROLE, APPLICATION_ROLE, *LENT_ROLES]
    made = {name: f"{name}_drawn" for name in names}
    for name in names:
        text = re.sub(rf"\b{name}\b", made[name], text)
    text = re.sub(r":'\w+'", "'only-for-this-transaction'", text)
    with contextlib.closing(as_superuser()) as outside, outside.cursor() as cursor:
        cursor.execute(text)
        roles = """
            SELECT rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,
                ARRAY(SELECT replace(roleid::regrole::text, '_drawn', '') FROM pg_auth_members
                    WHERE member = pg_roles.oid ORDER BY 1)
            FROM pg_roles WHERE rolname = %s"""
        for name in names:
            cursor.execute(roles, [name])
            expected = cursor.fetchone()
            cursor.execute(roles, [made[name]])
            assert cursor.fetchone() == expected
        quiet = sorted(f"{setting}={value}" for setting, value in QUIET_LOG.items())
        for name in (ROLE, APPLICATION_ROLE):
            cursor.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [made[name]])
            assert sorted(cursor.fetchone()[0]) == quiet
        outside.rollback()


def as_superuser() -> "psycopg2.extensions.connection":
    """The private server, as who made it: the same password, in var/."""
    here = urlsplit(os.environ["DATABASE_URL"])
    return psycopg2.connect(
        host=here.hostname, port=here.port, user="postgres", password=unquote(here.password or ""),
        dbname="postgres",
    )  # fmt: skip


def test_the_server_makes_them_when_its_volume_is_empty() -> None:
    assert (
        "./deploy/roles.sh:/docker-entrypoint-initdb.d/roles.sh:ro"
        in SERVICES["postgres"]["volumes"]
    )
    script = settings.BASE_DIR / "deploy" / "roles.sh"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    asked = set(re.findall(r"\$(\w+)", script.read_text("utf-8")))
    assert asked == {"OWNER_PASSWORD", "APPLICATION_PASSWORD"}
    assert asked <= set(SERVICES["postgres"]["environment"])


def test_the_door_caps_buffers_and_cuts() -> None:
    (most,) = re.findall(r"client_max_body_size (\d+)m;", DOOR)
    # The largest file that any page takes passes, with the rest of its form.
    assert BANK_FILE_LIMIT < int(most) * MEGABYTE < BANK_FILE_LIMIT + 8 * MEGABYTE
    seconds = dict(re.findall(r"(\w+_timeout) (\d+)s;", DOOR))
    assert {name: int(value) for name, value in seconds.items()} == {
        "client_header_timeout": 10, "client_body_timeout": 15, "send_timeout": 30, "keepalive_timeout": 30,
        "proxy_connect_timeout": 3, "proxy_read_timeout": 60,
    }  # fmt: skip
    for line in (
        "proxy_request_buffering on;",
        "limit_conn by_address 40;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto https;",
        "proxy_pass http://web:8000;",
    ):
        assert line in DOOR
    # Paths without their query, no header of a client, nobody's agent or referrer.
    (logged,) = re.findall(r"log_format portal (.*?);", DOOR, re.DOTALL)
    assert set(re.findall(r"\$(\w+)", logged)) == {
        "time_iso8601", "remote_addr", "request_method", "uri", "status", "body_bytes_sent", "request_time",
        "sent_http_x_request_code",
    }  # fmt: skip
    assert DOOR.count("{") == DOOR.count("}")


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_backups_have_their_programs_their_key_and_their_place(name: str) -> None:
    service = OURS[name]
    assert service["command"] == ["python", "manage.py", name]
    assert service["environment"]["BACKUP_KEY_FILE"] == "/run/secrets/backup_key"
    assert "backup_key" in service["secrets"]
    assert service["volumes"] == ["backups:/backups"]
    assert service["environment"]["BACKUP_DIR"] == "/backups"
    image = (settings.BASE_DIR / "Dockerfile").read_text("utf-8")
    (version,) = re.findall(r"^postgres:(\d+)$", SERVICES["postgres"]["image"])
    assert f"postgresql-client-{version}" in image
    assert f"POSTGRES_PROGRAMS=/usr/lib/postgresql/{version}/bin" in image
    assert "install --directory --owner damancom --mode 0700 /backups /heads" in image


def test_the_heads_of_the_trace_are_written_where_something_stays() -> None:
    assert OURS["worker"]["environment"]["AUDIT_HEADS_FILE"].startswith("/heads/")
    assert "heads:/heads" in OURS["worker"]["volumes"]


def test_a_page_gives_up_long_before_a_worker_does() -> None:
    given = SERVICES["worker"]["environment"]["STATEMENT_TIMEOUT_SECONDS"]
    assert given == OWN_ENVIRONMENT["worker"]["STATEMENT_TIMEOUT_SECONDS"] == "300"
    assert "STATEMENT_TIMEOUT_SECONDS" not in SERVICES["web"]["environment"]
