"""Whose data a bank line, an act or an entry of the ledger is: the numbers that the desk names in the trace."""

from collections.abc import Iterable

from affiliates.models import Affiliate
from payments.models import (
    Allocation,
    BankLine,
    ClerkAct,
    FilingPenalty,
    LedgerEntry,
    LedgerLine,
    PaymentSlip,
    Surcharge,
)


def of_lines(lines: Iterable[BankLine]) -> set[str]:
    """The firms that bank lines paid for, or may have: what the portal or a clerk proposed; five queries."""
    rows = list(lines)
    keys = [row.pk for row in rows]
    found = {one["affiliate"] for row in rows for one in row.proposals}
    paid = Allocation.objects.filter(bank_line__in=keys)
    found.update(paid.values_list("affiliate__affiliation_number", flat=True))
    acts = ClerkAct.objects.filter(bank_line__in=keys).select_related("affiliate")
    return (found | _named_by(acts)) - {""}


def of_acts(acts: Iterable[ClerkAct]) -> set[str]:
    """The firms that acts of two persons are about, by name, by code or by the bank line; eight queries."""
    rows = list(acts)
    return (_named_by(rows) | of_lines(row.bank_line for row in rows if row.bank_line)) - {""}


def _named_by(acts: Iterable[ClerkAct]) -> set[str]:
    rows = list(acts)
    named = {row.affiliate.affiliation_number for row in rows if row.affiliate}
    parts = [part for row in rows for part in row.parts]
    return (
        named | {part["affiliate"] for part in parts} | _of_codes({part["code"] for part in parts})
    )


def of_entries(entries: Iterable[LedgerEntry]) -> set[str]:
    """The firms whose accounts or dues entries of the ledger moved; one query."""
    lines = LedgerLine.objects.filter(entry__in=[entry.pk for entry in entries])
    holders = lines.order_by().values_list(
        "account__affiliate", "slip__affiliate", "surcharge__slip__affiliate", "filing_penalty__affiliate"
    )  # fmt: skip
    keys = {key for row in holders.distinct() for key in row if key}
    found = Affiliate.objects.filter(pk__in=keys)
    return set(found.values_list("affiliation_number", flat=True))


def _of_codes(codes: set[str]) -> set[str]:
    found: set[str] = set()
    if not codes - {""}:
        return found
    for model, path in (
        (PaymentSlip, "affiliate"),
        (Surcharge, "slip__affiliate"),
        (FilingPenalty, "affiliate"),
    ):
        rows = model._default_manager.filter(payment_reference__in=codes)
        found.update(rows.values_list(f"{path}__affiliation_number", flat=True))
    return found
