"""How much a page may be sent, judged before anything of it is read, so that no disk and no memory fills.

Django would first put a large file in the temporary folder and ask its form afterwards. Here the length that the
request states is compared with what its page takes; of one that states none, nothing is read
(docs/decisions/uploads.md).
"""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.shortcuts import render

from portal.errors import message_of
from regulation.errors import DomainError
from regulation.text import _

MEGABYTE: Final = 1_048_576
#: Beside the file, a form has its other fields and the lines between them.
_FIELDS: Final = 65_536
#: A page that says nothing of its own: whoever is known may join a few documents, anyone else fills small forms.
KNOWN_LIMIT: Final = 40 * MEGABYTE
STRANGER_LIMIT: Final = 1 * MEGABYTE
# Read and thrown away, so that a browser, which only looks at the answer once it has sent everything, sees it.
_THROWN_AWAY: Final = 64 * MEGABYTE
_THROWN_AWAY_SECONDS: Final = 20
_PIECE: Final = 65_536

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class BodyTooLarge(DomainError):
    """More than this page takes in one go."""

    code = "body.too_large"
    message = _(
        "Cet envoi dépasse {limit_mb} Mo, le plus que cette page reçoit. Il n’a pas été lu et rien n’a été gardé : "
        "envoyez un fichier plus petit."
    )


class LengthMissing(DomainError):
    """The length is not stated in advance (chunked transfer): it could have no end."""

    code = "body.length_missing"
    message = _(
        "Cet envoi n’annonce pas sa taille. Il n’a pas été lu et rien n’a été gardé : envoyez-le depuis un "
        "navigateur, ou avec un en-tête Content-Length."
    )


def takes_files(limit: int) -> Callable[[View], View]:
    """Let a page take files of ``limit`` bytes together; put it above the page's other decorators."""

    def mark(view: View) -> View:
        view.body_limit = limit + _FIELDS  # type: ignore[attr-defined]
        return view

    return mark


class BoundedBody:
    """Refuses a request that is too large for its page (413), or that does not say how large it is (411).

    Stands before whatever reads the body, the check of the form's token included.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return None
        stated = request.META.get("CONTENT_LENGTH") or ""
        if not (stated.isascii() and stated.isdecimal()):
            # Nothing is read of a body without a length: an act without a body, or a mistake to be told.
            if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
                return _refusal(request, LengthMissing(), 411)
            return None
        limit = getattr(view, "body_limit", None)
        if limit is None:
            limit = KNOWN_LIMIT if request.user.is_authenticated else STRANGER_LIMIT
        if int(stated) <= limit:
            return None
        if int(stated) <= _THROWN_AWAY:
            _throw_away(request)
        return _refusal(request, BodyTooLarge(limit_mb=limit // MEGABYTE), 413)


def _throw_away(request: HttpRequest) -> None:
    end = time.monotonic() + _THROWN_AWAY_SECONDS
    try:
        while time.monotonic() < end and request.read(_PIECE):
            pass
    except UnreadablePostError:
        return  # whoever sent it has left


def _refusal(request: HttpRequest, error: DomainError, status: int) -> HttpResponse:
    return render(request, "portal/refused.html", {"sentence": message_of(error)}, status=status)
