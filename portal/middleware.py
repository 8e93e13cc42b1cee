"""What holds for every request: a code to find it again, closed doors, private answers, pages that only read."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.messages import info
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.html import escape
from django.utils.translation import gettext as _

from portal import afterwards, audit, clock, incidents, metrics, security_log
from portal.errors import TooManyAttempts, is_conflict, message_of
from portal.request_code import current_request_id, new_request_code
from portal.security_log import SecurityEvent
from portal.wrong import wrong_page
from regulation.errors import DomainError

Next = Callable[[HttpRequest], HttpResponseBase]

# Answer even when the database does not; what they ask of it, they only count.
_WITHOUT_DATABASE = ("/healthz", "/metrics")
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def client_address(request: HttpRequest) -> str:
    """The address of the client: the connection's, or what our own proxies say, never what a client writes."""
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(forwarded) >= proxies and forwarded[-proxies]:
            return forwarded[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))


class RequestCode:
    """Gives each request its code: in the logs, in the audit trail, in a header, on error pages."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = current_request_id.set(new_request_code())
        audit.forget_doors()
        try:
            response = self.get_response(request)
            response.headers["X-Request-Code"] = current_request_id.get()
            incidents.write(request)
            return response
        finally:
            current_request_id.reset(token)


class PrivateAnswers:
    """Nothing that a person was shown stays in a cache; the page asks for no device."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        return response


class PlainAddress:
    """An address with a NUL in it leads nowhere: no text of the database can hold one, and asking would be an error.

    Forms refuse it by themselves.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., object], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        if "\0" not in request.path_info and "%00" not in request.META.get("QUERY_STRING", ""):
            return None
        if hasattr(view, "cls"):  # the programming interface
            told = {"code": "not_found", "message": _("Cette page n’existe pas"), "facts": {}}
            return JsonResponse(told, status=404)
        raise Http404


class SessionLimits:
    """Ends a session that is idle (30 minutes, staff 15) or old (12 hours), whatever its cookie says.

    The time of the last page is written at most once a minute, so that most pages write nothing.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated:
            now = int(clock.now().timestamp())
            session = request.session
            idle = settings.SESSION_IDLE_STAFF if user.is_staff else settings.SESSION_IDLE
            seen = session.get("seen_at", now)
            opened = session.setdefault("opened_at", now)
            if (
                now - seen > idle.total_seconds()
                or now - opened > settings.SESSION_ABSOLUTE.total_seconds()
            ):
                logout(request)
                info(
                    request,
                    _(
                        "Votre connexion a été fermée par sécurité. Reconnectez-vous pour continuer."
                    ),
                )
            elif "seen_at" not in session or now - seen >= timedelta(minutes=1).total_seconds():
                session["seen_at"] = now
        return self.get_response(request)


class Refusals:
    """A refusal that a view did not show itself becomes a page that says why, never an error 500."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _refused(request, error) if isinstance(error, DomainError) else None


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    answer = render(request, "portal/refused.html", {"sentence": message_of(error)}, status=409)
    if isinstance(error, TooManyAttempts):
        security_log.note(
            SecurityEvent.THROTTLED, user_id=request.user.pk, place=client_address(request)
        )
        metrics.count(metrics.THROTTLED)
        answer.status_code = 429
        answer["Retry-After"] = str(error.wait_seconds)
    return answer


class Conflicts:
    """A form whose transaction the database gave up for another's sake is taken again, three times in all.

    A deadlock or a serialization failure leaves nothing behind, and every workflow may run twice; so the person
    need not know. Tasks have the same from `PortalTask`. A body that was read as a stream cannot be read again:
    the programming interface answers 503 and its caller repeats the request.
    """

    tries = 3

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match = request.resolver_match
        # Django keeps a form it has read; inside an open transaction there is nothing to play again.
        if match is None or not hasattr(request, "_post") or connection.in_atomic_block:
            return None
        for _again in range(self.tries - 1):
            if not is_conflict(error):
                return None
            try:
                answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
            except DomainError as refusal:
                return _refused(request, refusal)
            except OperationalError as another:
                error = another
            else:
                return answer
        return None


class SaysWhatIsWrong:
    """What Django or a view answers without words gets them, and a page that came back with faults says so first.

    A method that an address does not take (405) is an empty page otherwise. The tab of a form to correct (422, 429)
    begins with « Erreur »: who listens to the page hears its title first.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not is_page or not isinstance(response, HttpResponse):
            return response
        if response.status_code == 405 and not response.content:
            page = wrong_page(405)
            page.headers["Allow"] = response.headers["Allow"]
            return page
        if response.status_code in (422, 429):
            marked = f"<title>{escape(_('Erreur :'))} ".encode()
            response.content = response.content.replace(b"<title>", marked, 1)
        return response


class ReadsOnly:
    """A page that is only looked at (GET, HEAD) runs in a read-only transaction: the database refuses writes.

    Stands last, so that it holds the view and its template, not the session or the messages. What must be
    written because something was read (staff looking at an affiliate's data) goes through
    ``audit.record_reading``: the entry is written here, after the view, or the page is not shown.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in _WITHOUT_DATABASE:
            return self.get_response(request)
        if request.method in {"GET", "HEAD"}:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                response = self.get_response(request)
                # Nothing to keep; and a statement that failed leaves nothing that could be committed.
                transaction.set_rollback(True)
        else:
            response = self.get_response(request)
        audit.write_readings(request)
        afterwards.run(request)
        return response
