"""Who acts for others shows a second factor: until then only the pages that give one are open."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse

from affiliates.models import Representative
from payments.models import BankMembership
from portal import second_factors
from portal.models import User

# What is reached without one: to take one, to leave, to read in one's language.
_OPEN = {
    "portal:security",
    "portal:add_application",
    "portal:add_passkey",
    "portal:close_session",
    "portal:close_other_sessions",
    "portal:confirm",
    "portal:language",
    "portal:logout",
    "portal:healthz",
}


def must_hold_one(user: User) -> bool:
    """Staff, users of a bank, people of an accountant's office: who acts in the name of others."""
    return (
        user.is_staff
        or BankMembership.objects.filter(user=user, ended_at__isnull=True).exists()
        or Representative.objects.filter(members=user).exists()
    )


class SecondFactorRequired:
    """Leads whoever must hold a second factor to the page that gives one, at each request until it is done.

    The session remembers that a second factor was shown in it. A right given a second ago counts at once: for
    whoever showed none, the question is asked again at each request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._elsewhere(request) or self.get_response(request)

    def _elsewhere(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        if not settings.SECOND_FACTOR_REQUIRED or not isinstance(user, User):
            return None
        name, has_shown = _view_name(request), request.session.get("second_factor")
        if (
            (has_shown and name != "portal:remove_factor")
            or name in _OPEN
            or not must_hold_one(user)
        ):
            return None
        if has_shown:
            # The page that takes one away does not know for whom people act.
            request.must_hold_a_factor = True  # type: ignore[attr-defined]
            return None
        if second_factors.has_any(user):
            # This session was opened without showing it: it begins again at the door.
            logout(request)
            return redirect("portal:login")
        return redirect(f"{reverse('portal:security')}?requis")


def _view_name(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return ""
