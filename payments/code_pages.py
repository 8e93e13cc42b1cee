"""One code to pay with, anywhere: on screen, to print, with its QR."""

from __future__ import annotations

import base64
import io
from decimal import Decimal

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from affiliates.access import affiliate_view
from affiliates.enums import Scope
from affiliates.models import Affiliate
from payments.models import Basket
from payments.queries.debits import FreeDue, free_dues
from portal import clock
from regulation.identifiers import creditor_reference
from regulation.money import ZERO


@require_safe
@affiliate_view(Scope.READ)
def code_page(request: HttpRequest, affiliate: Affiliate, code: str) -> HttpResponse:
    """What a code of this affiliate pays now, how to use it, and its QR."""
    dues = _dues(affiliate, code)
    total: Decimal = sum((one.free for one in dues), ZERO)
    context = {
        "section": "payments",
        "code": code,
        "creditor_reference": creditor_reference(code),
        "dues": dues,
        "total": total,
        "qr": qr(creditor_reference(code)),
        "today": clock.today(),
    }
    return render(request, "payments/code.html", context)


def _dues(affiliate: Affiliate, code: str) -> list[FreeDue]:
    """The open dues behind a code, less what is contested or ordered; a 404 for a code that is not this affiliate's."""
    opened = free_dues(affiliate)
    own = [one for one in opened if one.due.code == code]
    if own:
        return own
    basket = Basket.objects.filter(affiliate=affiliate, payment_reference=code).first()
    if basket is None:
        raise Http404
    return [one for one in opened if one.due.code in basket.codes]


def qr(text: str) -> str:
    """A QR code as an image address that a page may carry without any other file."""
    # Only who draws a square pays its three megabytes: the worker draws none.
    import segno

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=2, scale=4, xmldecl=False)
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")
