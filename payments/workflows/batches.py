"""The same entry told twice, once whole and once in detail: it is one sum of money.

A statement may show a batch as one line whose operations a notice details, before or after it. Details win, since only
they can be matched: a whole entry that still waits gives way to them; one that was already placed makes them repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db.models import Q

from payments import posting
from payments.codecs.records import CanonicalLine
from payments.enums import LineKind, LineVerdict
from payments.models import BankAccount, BankLine
from payments.queries import suspense_of
from payments.workflows.ledger import Event, post


class Entries:
    """Recognises the other form of an entry; remembers its answer for the lines of one entry."""

    def __init__(self) -> None:
        self._entry = ""
        self._answer: BankLine | None = None
        self._told: set[tuple[int, str]] = set()

    def look_ahead(
        self, chunk: Iterable[CanonicalLine], accounts: Mapping[str, BankAccount]
    ) -> None:
        """Learn, in one query, which entries of these lines are in the books by their reference, in any form."""
        asked = [line for line in chunk if line.entry_ref and (line.whole or line.entry_count > 1)]
        self._told = set()
        if asked:
            rows = BankLine.objects.filter(
                Q(details__entry_index=1) | Q(details__whole=True),
                account_id__in={accounts[line.our_account].pk for line in asked},
                entry_ref__in={line.entry_ref for line in asked},
            )
            self._told = set(rows.values_list("account_id", "entry_ref"))

    def other_form(self, line: CanonicalLine, account: BankAccount) -> BankLine | None:
        """The stored line that already stands for this one, or None when this line is to be taken.

        Runs in the transaction that stages the line, after `look_ahead`. May take a waiting whole entry out of
        suspense.
        """
        if line.entry_ref and (account.pk, line.entry_ref) not in self._told:
            return None
        if line.whole:
            return _details_of(line, account)
        if line.entry_count == 1 or line.entry_amount is None:
            return None
        if line.source_path != self._entry:
            self._entry = line.source_path
            self._answer = _placed_whole_of(line, account)
        return self._answer


def _same_entry(line: CanonicalLine) -> Q | None:
    """The same entry by its reference, else its batch, else its day and number of operations; None: not sayable."""
    if line.entry_ref:
        return Q(entry_ref=line.entry_ref)
    if line.batch:
        return Q(batch=line.batch)
    if line.entry_count > 1:
        return Q(booking_day=line.booking_day, entry_count=line.entry_count)
    return None


def _details_of(line: CanonicalLine, account: BankAccount) -> BankLine | None:
    """The first stored detail of an entry that now comes whole."""
    same = _same_entry(line)
    if same is None:
        return None
    return (
        BankLine.objects.filter(
            same,
            account=account,
            repeats__isnull=True,
            details__entry_index=1,
            details__entry_amount=str(line.amount),
        )
        .select_related("bank_file")
        .order_by("pk")
        .first()
    )


def _placed_whole_of(line: CanonicalLine, account: BankAccount) -> BankLine | None:
    """The whole entry that these details repeat; None when there is none or when it just gave way to them."""
    same = _same_entry(line)
    if same is None:
        return None
    whole = (
        BankLine.objects.filter(
            same,
            account=account,
            amount=line.entry_amount or line.amount,
            details__whole=True,
        )
        .exclude(verdict=LineVerdict.DUPLICATE.value)
        .select_related("bank_file")
        .select_for_update(of=("self",))
        .order_by("pk")
        .first()
    )
    if whole is None or not _gives_way(whole):
        return whole
    if whole.kind == LineKind.CREDIT.value and whole.verdict:
        received = posting.suspense_received(whole.account_id, whole.pk, whole.amount)
        event = Event(posting.reversal(received.lines), f"detailed:{whole.pk}", line.booking_day)
        post(event, actor=None)
    whole.verdict = LineVerdict.DUPLICATE.value
    whole.verdict_code, whole.verdict_facts = "L29", {"rang": str(whole.rank)}
    whole.save(update_fields=["verdict", "verdict_code", "verdict_facts"])
    return None


def _gives_way(whole: BankLine) -> bool:
    """A whole entry gives way while nobody has placed its money: not answered, waiting in full, or without effect."""
    if whole.verdict in ("", LineVerdict.INFORMATION.value):
        return True
    if whole.verdict != LineVerdict.WAITING.value:
        return False
    expected = whole.amount if whole.kind == LineKind.CREDIT.value else Decimal("0.00")
    return suspense_of(whole.pk) == expected
