"""Somebody's own data: asking for a copy of all of it, and fetching the copy while it is kept."""

from typing import BinaryIO

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from affiliates.access import affiliate_view
from affiliates.enums import CopyOf, Scope
from affiliates.models import Affiliate, DataCopy
from damancom import copying
from damancom.tasks import make_copy
from portal import audit, clock, downloads, limits, storage
from portal.actor import actor_of
from portal.fresh import fresh
from portal.tasks import wake

#: Copies shown on the page, the latest first.
SHOWN = 10


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """What may be asked about one's own account, and the copies that were."""
    rows = DataCopy.objects.filter(of=CopyOf.ACCOUNT.value, asked_by=actor_of(request))
    return render(request, "damancom/copy/mine.html", {"copies": rows[:SHOWN], "now": clock.now()})


@require_POST
@fresh
def ask_mine(request: HttpRequest) -> HttpResponse:
    """Have a copy made of one's own account."""
    _ask(request)
    return redirect("copies:mine")


@require_safe
@fresh
def my_copy(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One of one's own copies."""
    rows = DataCopy.objects.filter(of=CopyOf.ACCOUNT.value, asked_by=actor_of(request))
    return hand_out(request, get_object_or_404(rows, pk=pk))


@require_safe
@affiliate_view(Scope.MANAGE)
def firm(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """What an owner may ask about the data of the firm, and the copies that owners asked for."""
    rows = DataCopy.objects.filter(affiliate=affiliate).select_related("asked_by")
    context = {
        "copies": rows[:SHOWN],
        "rectifications": affiliate.rectifications.all()[:SHOWN],
        "now": clock.now(),
        "section": "access",
    }
    return render(request, "damancom/copy/firm.html", context)


@require_POST
@affiliate_view(Scope.MANAGE)
@fresh
def ask_firm(request: HttpRequest, affiliate: Affiliate) -> HttpResponse:
    """Have a copy made of all that is held on the firm."""
    _ask(request, affiliate)
    return redirect("affiliates:data", affiliation_number=affiliate.affiliation_number)


@require_safe
@affiliate_view(Scope.MANAGE)
@fresh
def firm_copy(request: HttpRequest, affiliate: Affiliate, pk: int) -> HttpResponseBase:
    """A copy of the firm's data, for the owner who asked for it."""
    rows = DataCopy.objects.filter(affiliate=affiliate, asked_by=actor_of(request))
    return hand_out(request, get_object_or_404(rows, pk=pk))


def _ask(request: HttpRequest, affiliate: Affiliate | None = None) -> None:
    actor = actor_of(request)
    limits.count(limits.COPIES, str(actor.pk))
    row = copying.ask(actor=actor, at=clock.now(), affiliate=affiliate)
    wake(make_copy, row.pk)
    messages.success(
        request, _("La copie se prépare. Un courriel vous prévient dès qu’elle est prête.")
    )


def hand_out(request: HttpRequest, row: DataCopy) -> FileResponse:
    """The archive, while it is kept; fetching it leaves its trace. A 404 once it has expired."""
    if not row.is_open_at(clock.now()):
        raise Http404
    audit.record_reading(
        request,
        action="copy.read",
        subject=row.employee or row,
        affiliation_number=row.affiliate.affiliation_number if row.affiliate else "",
        copy=row.pk,
    )
    pieces = copying.opened(row)
    stream: BinaryIO = storage.open_pieces(lambda _rank: next(pieces, b""))
    return downloads.attachment(
        stream, name=f"copie-{row.pk}.zip", content_type=copying.CONTENT_TYPE
    )
