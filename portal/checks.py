"""Settings that would fail silently are found when the program starts."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from portal import clock
from portal.models import User


@register()
def silent_settings(
    app_configs: Sequence[AppConfig] | None, **options: Any
) -> Iterable[CheckMessage]:
    """The doors are closed, sessions survive Redis, pages cannot write, tasks cannot run twice for long."""
    middleware = list(settings.MIDDLEWARE)
    api: dict[str, Any] = settings.REST_FRAMEWORK
    options_of_broker: dict[str, Any] = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    rules = [
        (
            "portal.E001",
            "django.contrib.auth.middleware.LoginRequiredMiddleware" in middleware,
            "Pages must ask for a person unless they say otherwise: LoginRequiredMiddleware is missing.",
        ),
        (
            "portal.E002",
            bool(middleware) and middleware[-1] == "portal.middleware.ReadsOnly",
            "ReadsOnly must stand last, else it would refuse the session's own writes.",
        ),
        (
            "portal.E003",
            "rest_framework.permissions.IsAuthenticated"
            in api.get("DEFAULT_PERMISSION_CLASSES", []),
            "LoginRequiredMiddleware skips API views: DRF itself must ask for authentication.",
        ),
        (
            "portal.E004",
            settings.SESSION_ENGINE == "portal.sessions",
            "Sessions must live in the database: signing in works while Redis is away.",
        ),
        (
            "portal.E005",
            list(settings.CELERY_ACCEPT_CONTENT) == ["json"],
            "Celery must take JSON only.",
        ),
        (
            "portal.E006",
            options_of_broker["visibility_timeout"] >= settings.CELERY_TASK_TIME_LIMIT * 2,
            "A task may outlive its message and run twice: keep the time limit under half the visibility timeout.",
        ),
        (
            "portal.E007",
            settings.CELERY_TASK_ACKS_LATE and settings.CELERY_TASK_REJECT_ON_WORKER_LOST,
            "A killed worker must give its task back: acks_late and reject_on_worker_lost.",
        ),
    ]
    return [Error(words, id=code) for code, holds, words in rules if not holds]


#: A repair takes a day or two; whoever comes more often works as a superuser.
_A_REPAIR_AGO = timedelta(days=30)


@register(Tags.database)
def no_superuser_at_work(databases: Sequence[str] | None, **options: Any) -> Iterable[CheckMessage]:
    """No open superuser's account came in lately; asked before each migration, hence before each deployment.

    Such an account has no desk; between two repairs at the console it is closed (docs/operations.md).
    """
    if not databases or User._meta.db_table not in connection.introspection.table_names():
        return []
    lately = User.objects.filter(
        is_superuser=True, is_active=True, last_login__gte=clock.now() - _A_REPAIR_AGO
    ).count()
    words = (
        f"{lately} superuser account(s) open and used within thirty days: close them (is_active) and give the people "
        "a post of their own."
    )
    return [Error(words, id="portal.E010")] if lately else []
