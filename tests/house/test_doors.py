"""Closed by default: every address asks for a login, or stands on this short list."""

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny

from damancom.celery import app

PUBLIC = {
    "metrics",  # a 404 for whoever does not bring the token
    "home",  # the visitor's first page; a person who is known goes on to their own
    "portal:language",
    "portal:login",
    "portal:second_factor",  # after the right password only
    "portal:passkey",
    "portal:new_browser",  # the signed link of a letter: it opens nothing
    "portal:healthz",
    "portal:stop_reminders",  # the signed link of a letter, one click
    # the law, for everybody
    "portal:rule",
    "portal:rule_series",
    "portal:simulator",
    # a declaration file is checked by whoever writes payroll software
    "declarations:validator",
    # whoever is visited checks that the inspectors are real
    "disputes:check_mission",
    # what became of the disputes, without the counts that could point at a firm
    "disputes:figures",
    # a certificate is checked by whoever holds it
    "certificates:verify",
    "certificates:verification",
    "certificates:compare",
    "certificates:check_receipt",
    # what a firm shared with whoever holds the link, until its day
    "certificates:shared",
    "certificates:shared_pdf",
    "certificates:shared_prepare",
    "certificates:shared_progress",
    # what a bank's programmer reads first
    "payments:api_description",
    # a firm that is not affiliated yet has no account; the private links open one request, or one invitation
    "affiliates:new_firm",
    "affiliates:affiliation_begun",
    "affiliates:affiliation",
    "affiliates:correct_affiliation",
    "affiliates:invitation",
    # who lost every means of signing in; the private links open one account again, or stop that
    "affiliates:lost_access",
    "affiliates:recover",
    "affiliates:stop_recovery",
    "admin:login",
}


def addresses(
    resolver: URLResolver, prefix: str = "", names: str = ""
) -> Iterator[tuple[str, str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{names}{pattern.namespace}:" if pattern.namespace else names
            yield from addresses(pattern, route, inner)
        elif isinstance(pattern, URLPattern):
            yield route, f"{names}{pattern.name or ''}", pattern.callback


def is_open(view: Callable[..., Any]) -> bool:
    """Whether the view may be reached without a login: it says so, or it is an API view that lets everybody in."""
    api_view = getattr(view, "cls", None)
    if api_view is not None and hasattr(api_view, "permission_classes"):
        return not api_view.permission_classes or AllowAny in api_view.permission_classes
    return not getattr(view, "login_required", True)


def test_an_open_address_is_on_the_list_and_the_list_is_true() -> None:
    found = {name or route for route, name, view in addresses(get_resolver()) if is_open(view)}
    assert found == PUBLIC


def test_every_address_has_a_name() -> None:
    unnamed = [
        route
        for route, name, _ in addresses(get_resolver())
        if name.endswith(":") or not name
        if not route.startswith("administration/")
    ]
    assert unnamed == []


def test_every_task_goes_to_a_queue_that_is_served() -> None:
    app.loader.import_default_modules()
    served = {queue.name for queue in app.conf.task_queues}
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    queues = {name: app.amqp.router.route({}, name)["queue"].name for name in ours}
    assert "declarations.tasks.check_file" in ours
    assert queues["declarations.tasks.check_file"] == "files"
    assert {name: queue for name, queue in queues.items() if queue not in served} == {}


def test_every_route_and_every_hour_of_the_schedule_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled | set(app.conf.task_routes) <= set(app.tasks)
