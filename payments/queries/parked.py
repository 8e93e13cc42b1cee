"""Work that three attempts did not finish, and that waits for a person."""

from __future__ import annotations

from django.db.models import QuerySet

from payments.models import BankFile, DebitRun
from portal.enums import JobState


def files() -> QuerySet[BankFile]:
    """Bank files set aside, oldest first."""
    rows = BankFile.objects.filter(state=JobState.PARKED.value)
    return rows.select_related("bank", "stored").order_by("pk")


def runs() -> QuerySet[DebitRun]:
    """Runs of debits set aside, the nearest day first."""
    rows = DebitRun.objects.filter(state=JobState.PARKED.value)
    return rows.select_related("bank_account__bank", "released_by").order_by("collect_on", "pk")


def count() -> int:
    """How many wait for a decision; a file that staff left has its own already."""
    undecided = BankFile.objects.filter(state=JobState.PARKED.value).exclude(
        faults__contains=[{"code": "F29"}]
    )
    return undecided.count() + runs().count()
