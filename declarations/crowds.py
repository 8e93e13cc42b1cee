"""Questions asked of many filings at once, in as many queries as of one."""

import datetime
from collections.abc import Collection

from declarations.enums import DeclarationStatus, FileKind
from declarations.models import Declaration, Prefill, ReceivedFile
from portal.enums import JobState
from portal.storage import SMALL

#: An affiliate's key and the first day of a month.
AffiliateMonth = tuple[int, datetime.date]


def prefill_bytes(months: Collection[AffiliateMonth]) -> dict[AffiliateMonth, bytes]:
    """The prefills issued for these months; one query."""
    rows = Prefill.objects.filter(
        affiliate__in={affiliate for affiliate, _ in months}, period__in={day for _, day in months}
    ).values_list("affiliate_id", "period", "content")
    wanted = set(months)
    return {
        (affiliate, day): bytes(content)
        for affiliate, day, content in rows
        if (affiliate, day) in wanted
    }


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
