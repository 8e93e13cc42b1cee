"""Writing postings down. The only place that creates ledger rows; the caller holds the transaction and the locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Q
from django.utils import timezone

from payments.models import LedgerAccount, LedgerEntry, LedgerLine
from payments.posting import Account, Posting
from portal.bulk import insert_rows, insert_values, made_from
from portal.models import User

_LINE_COLUMNS: Final = (
    "entry_id", "account_id", "debit", "credit", "period", "slip_id", "surcharge_id", "filing_penalty_id",
    "bank_line_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A posting, what it follows from (unique for ever), and its accounting day."""

    posting: Posting
    cause: str
    booked_on: date
    reversal_of: int | None = None
    value_on: date | None = None


def post(event: Event, *, actor: User | None) -> LedgerEntry:
    """Write one entry. A cause posted before raises IntegrityError: the caller claims its row first."""
    return post_all([event], actor=actor)[0]


def post_all(events: Sequence[Event], *, actor: User | None) -> list[LedgerEntry]:
    """Write entries in order, in a constant number of queries."""
    if not events:
        return []
    accounts = _accounts(line.account for event in events for line in event.posting.lines)
    posted_at, posted_by = timezone.now(), actor.pk if actor else None
    entries = [
        made_from(
            LedgerEntry,
            {
                "id": None,
                "kind": event.posting.kind.value,
                "booked_on": event.booked_on,
                "value_on": event.value_on,
                "posted_at": posted_at,
                "posted_by_id": posted_by,
                "cause": event.cause,
                "reversal_of_id": event.reversal_of,
            },
        )
        for event in events
    ]
    insert_rows(entries)
    # No object is made of a line: nobody reads it before the database does.
    insert_values(
        LedgerLine,
        _LINE_COLUMNS,
        (
            (
                entry.pk,
                accounts[line.account],
                line.debit,
                line.credit,
                line.period,
                line.slip,
                line.surcharge,
                line.filing_penalty,
                line.bank_line,
            )
            for entry, event in zip(entries, events, strict=True)
            for line in event.posting.lines
        ),
    )
    return entries


def _accounts(wanted: Iterable[Account]) -> dict[Account, int]:
    """The rows of these accounts, made when missing (twins are settled by the unique constraint)."""
    needed = set(wanted)
    found = _find(needed)
    missing = needed - found.keys()
    if missing:
        LedgerAccount.objects.bulk_create(
            (
                LedgerAccount(
                    kind=account.kind.value,
                    affiliate_id=account.affiliate,
                    bank_account_id=account.bank_account,
                )
                for account in sorted(missing, key=repr)
            ),
            ignore_conflicts=True,
        )
        found |= _find(missing)
    return found


def _find(needed: set[Account]) -> dict[Account, int]:
    affiliates = {account.affiliate for account in needed if account.affiliate}
    banks = {account.bank_account for account in needed if account.bank_account}
    rows = LedgerAccount.objects.filter(
        Q(affiliate_id__in=affiliates)
        | Q(bank_account_id__in=banks)
        | Q(affiliate=None, bank_account=None)
    )
    keys = {
        (account.kind.value, account.affiliate, account.bank_account): account for account in needed
    }
    return {
        keys[key]: row.pk
        for row in rows
        if (key := (row.kind, row.affiliate_id, row.bank_account_id)) in keys
    }
