"""The production shape, as far as it can be judged without a container engine."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from damancom.celery import app
from damancom.start import OWN_ENVIRONMENT

FILE = settings.BASE_DIR / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "damancom"}


def test_the_whole_portal_is_there() -> None:
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    assert set(OURS) == {"migrate", "web", "worker", "beat"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
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
        "REDIS_PASSWORD",
        "EMAIL_HOST_PASSWORD",
    }
    assert all(rest.startswith((":?", "?")) for _, rest in secrets)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_obligatory_setting_is_passed_on(name: str) -> None:
    source = (settings.BASE_DIR / "damancom" / "settings" / "base.py").read_text("utf-8")
    obligatory = set(
        re.findall(
            r'env\.(?:text|secret|words|reference)\(\s*"(\w+)"(?:\)|, (?:minimum|longest))', source
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


def test_only_the_web_is_reachable_and_only_from_the_proxy() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_a_page_gives_up_long_before_a_worker_does() -> None:
    given = SERVICES["worker"]["environment"]["STATEMENT_TIMEOUT_SECONDS"]
    assert given == OWN_ENVIRONMENT["worker"]["STATEMENT_TIMEOUT_SECONDS"] == "300"
    assert "STATEMENT_TIMEOUT_SECONDS" not in SERVICES["web"]["environment"]
