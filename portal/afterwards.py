"""What must be written because a page was read, once the read-only guard of the page is over."""

from collections.abc import Callable

from django.http import HttpRequest

Act = Callable[[], None]


def note(request: HttpRequest, act: Act) -> None:
    """Do `act` after the view has answered: a use counted, never a change that the reader asked for."""
    request.__dict__.setdefault("_afterwards", []).append(act)


def run(request: HttpRequest) -> None:
    """Do what was noted; called by the middleware."""
    acts: list[Act] = request.__dict__.pop("_afterwards", [])
    for act in acts:
        act()
