"""What every template of an affiliate's pages knows."""

from typing import Any

from django.http import HttpRequest


def current_affiliate(request: HttpRequest) -> dict[str, Any]:
    """``affiliate`` and ``scopes`` (values such as "pay") on pages opened by ``access.affiliate_view``."""
    affiliate = getattr(request, "affiliate", None)
    if affiliate is None:
        return {"affiliate": None, "scopes": frozenset()}
    return {"affiliate": affiliate, "scopes": request.affiliate_scopes}  # type: ignore[attr-defined]
