"""What every template of an affiliate's pages knows."""

from typing import Any

from django.http import HttpRequest


def current_affiliate(request: HttpRequest) -> dict[str, Any]:
    """On pages opened by ``access.affiliate_view``: ``affiliate``, ``scopes`` (values such as "pay"), ``several``.

    ``several`` says whether the person acts for other affiliates too.
    """
    affiliate = getattr(request, "affiliate", None)
    if affiliate is None:
        return {"affiliate": None, "scopes": frozenset(), "several": False}
    return {
        "affiliate": affiliate,
        "scopes": request.affiliate_scopes,  # type: ignore[attr-defined]
        "several": affiliate.has_siblings,
    }
