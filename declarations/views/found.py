"""What the address of a page names, or a 404."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from affiliates.models import Affiliate
from declarations.models import Declaration, ReceivedFile
from regulation.periods import InvalidPeriod, Period

SECTION = {"section": "declarations"}


def period_or_404(text: str) -> Period:
    try:
        return Period.parse(text)
    except InvalidPeriod:
        raise Http404 from None


def file_or_404(affiliate: Affiliate, pk: int) -> ReceivedFile:
    rows = ReceivedFile.objects.select_related("stored", "received_by")
    return get_object_or_404(rows, affiliate=affiliate, pk=pk)


def declaration_or_404(affiliate: Affiliate, pk: int) -> Declaration:
    rows = Declaration.objects.select_related(
        "affiliate", "received_file__stored", "submitted_by", "corrects"
    )
    return get_object_or_404(rows, affiliate=affiliate, pk=pk)
