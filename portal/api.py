"""Refusals as answers of the programming interface."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

from portal.errors import TooManyAttempts, as_data, is_transient
from regulation.errors import DomainError


def refusal_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer ``{code, message, facts}`` for every refusal: ours (409 or 429) and DRF's own (its status)."""
    if isinstance(error, TooManyAttempts):
        wait = {"Retry-After": str(error.wait_seconds)}
        return Response(as_data(error), status=429, headers=wait)
    if isinstance(error, DomainError):
        return Response(as_data(error), status=409)
    if is_transient(error):
        body = {
            "code": "busy",
            "message": _(
                "Le service est très demandé : rien n’a été enregistré, recommencez dans un instant."
            ),
            "facts": {},
        }
        return Response(body, status=503, headers={"Retry-After": "5"})
    answer = exception_handler(error, context)
    if answer is not None:
        detail = answer.data.get("detail") if isinstance(answer.data, dict) else None
        if isinstance(detail, ErrorDetail):
            answer.data = {"code": str(detail.code), "message": str(detail), "facts": {}}
        else:
            answer.data = {
                "code": "invalid",
                "message": _("Des champs sont à corriger."),
                "facts": {"fields": answer.data},
            }
    return answer
