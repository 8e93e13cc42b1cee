"""What a person looks for in a list: posted, kept in their session, named in the address by a key that says nothing.

A name or the number of a card that is typed into a search would otherwise stand in the address of the page, and so in
the history of a shared computer and in the logs of whatever stands between. The page that shows what was found keeps
an address: back, reload, filters and the pages of the result go on working, within the session.
"""

import secrets
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_POST

#: The word of an address, and of the box, that holds what is looked for.
SEARCH: Final = "q"
#: The field of the form that says which list is searched.
_LIST: Final = "vers"
_KEPT: Final = "searches"
#: Searches that a session remembers, the latest.
_MOST: Final = 20
_LONGEST: Final = 80
#: What a key begins with; a person types no such thing.
_MARK: Final = "~"


def key_of(request: HttpRequest) -> str:
    """What the address says of the search, to be said again by another; empty when there is none."""
    return request.GET.get(SEARCH, "")


def text_of(request: HttpRequest, said: str | None = None) -> str:
    """What is looked for, by the key that stands in the address (or by ``said``); empty when it is forgotten.

    What somebody wrote into the address by hand is taken as it stands.
    """
    text = (key_of(request) if said is None else said).strip()
    if text.startswith(_MARK):
        text = request.session.get(_KEPT, {}).get(text, "")
    return text[:_LONGEST]


def _keep(request: HttpRequest, text: str) -> str:
    kept: dict[str, str] = request.session.get(_KEPT, {})
    known = next((key for key, one in kept.items() if one == text), "")
    key = known or _MARK + secrets.token_urlsafe(6)
    former = [(one, words) for one, words in kept.items() if one != key]
    request.session[_KEPT] = dict([*former[1 - _MOST :], (key, text)])
    return key


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """Keep what was typed and lead to the list, whose other filters go along."""
    target = request.POST.get(_LIST, "")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(target, None):
        return redirect("home")
    text = request.POST.get(SEARCH, "").strip()[:_LONGEST]
    said = {
        name: str(value)
        for name, value in request.POST.items()
        if value and name not in (SEARCH, _LIST, "csrfmiddlewaretoken")
    }
    if text:
        said[SEARCH] = _keep(request, text)
    query = urlencode(said)
    return redirect(f"{target.partition('?')[0]}{'?' if query else ''}{query}")
