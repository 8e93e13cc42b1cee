"""Questions asked of many filings at once, in as many queries as of one."""

import datetime
import io
from collections.abc import Collection
from typing import BinaryIO

from django.db.models import BinaryField, F, Func

from declarations.enums import DeclarationStatus, FileKind
from declarations.models import Declaration, Prefill, ReceivedFile
from portal.enums import JobState
from portal.storage import CHUNK_BYTES, SMALL, open_pieces

#: An affiliate's key and the first day of a month.
AffiliateMonth = tuple[int, datetime.date]


def _piece(index: int) -> Func:
    start = index * CHUNK_BYTES + 1
    return Func(F("content"), start, CHUNK_BYTES, function="SUBSTRING", output_field=BinaryField())


def prefills(months: Collection[AffiliateMonth]) -> dict[AffiliateMonth, BinaryIO]:
    """The prefills issued for these months, as streams; one query, and one more a piece of a large one."""
    rows = Prefill.objects.filter(
        affiliate__in={affiliate for affiliate, _ in months}, period__in={day for _, day in months}
    ).values_list("pk", "affiliate_id", "period", _piece(0))
    wanted = set(months)
    return {
        (affiliate, day): _prefill_stream(key, bytes(opening))
        for key, affiliate, day, opening in rows
        if (affiliate, day) in wanted
    }


def _prefill_stream(key: int, opening: bytes) -> BinaryIO:
    if len(opening) < CHUNK_BYTES:
        return io.BytesIO(opening)
    rows = Prefill.objects.filter(pk=key)

    def piece(index: int) -> bytes:
        return bytes(rows.values_list(_piece(index), flat=True).get()) if index else opening

    return open_pieces(piece)


def months_filed(months: Collection[AffiliateMonth]) -> set[AffiliateMonth]:
    """Those of these months for which something was submitted; one query."""
    rows = Declaration.objects.filter(
        affiliate__in={affiliate for affiliate, _ in months},
        period__in={day for _, day in months},
        status=DeclarationStatus.SUBMITTED.value,
    )
    return set(rows.values_list("affiliate_id", "period")) & set(months)


def small_files_waiting(limit: int) -> list[int]:
    """The oldest files that wait for their first check and are small enough to be checked together."""
    rows = ReceivedFile.objects.filter(
        state=JobState.WAITING.value,
        attempts=0,
        stored__size__lte=SMALL,
        kind=FileKind.E_BDS.value,
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
