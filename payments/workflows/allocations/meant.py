"""What a return may mean: the credits that its references name, what those paid, and what would not come back alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Final

from django.db.models import Count, Max, Min, QuerySet

from payments.enums import LineKind
from payments.matching import alone_in_entry
from payments.models import Allocation, BankLine, DebitOrder
from payments.workflows.allocations.spent import asked_of
from payments.workflows.debits.steps import due_codes_of
from payments.workflows.targets import Target
from regulation.money import ZERO

KEPT: Final = ("L14", "L28")
"""Verdicts of the lines whose excess became the credit of an employer."""


def credits_meant(lines: Sequence[BankLine]) -> dict[int, tuple[int, ...]]:
    """By return, the credits of its account that its references may mean: one, or two when there are more.

    Its original reference decides, of an operation or else of an entry without detail, else its end-to-end reference,
    else its batch and amount: the first that finds any.
    """
    found: dict[int, tuple[int, ...]] = {}
    for columns, cited_by in _WAYS:
        named = {line.pk: cited_by(line) for line in lines if line.pk not in found}
        asked = [line for line in lines if (named.get(line.pk) or ("",))[0]]
        if not asked:
            continue
        wanted: dict[str, object] = {
            f"{column}__in": {named[line.pk][place] for line in asked}
            for place, column in enumerate(columns)
        }
        if cited_by is _entry:
            wanted["details__whole"] = True
        credits = (
            BankLine.objects.filter(
                account_id__in={line.account_id for line in asked},
                kind=LineKind.CREDIT.value,
                repeats__isnull=True,
                **wanted,
            )
            .exclude(verdict="")
            .order_by()
            .values_list("account_id", *columns)
            .annotate(many=Count("pk"), first=Min("pk"), last=Max("pk"))
        )
        known = {tuple(row[:-3]): row[-3:] for row in credits}
        for line in asked:
            told = known.get((line.account_id, *named[line.pk]))
            if told is not None:
                many, first, last = told
                found[line.pk] = (first,) if many == 1 else (first, last)
    return found


def _operation(line: BankLine) -> tuple[str, ...]:
    return (line.original_bank_ref,)


def _entry(line: BankLine) -> tuple[str, ...]:
    return (alone_in_entry(line.original_bank_ref) if line.original_bank_ref else "",)


def _end_to_end(line: BankLine) -> tuple[str, ...]:
    return (line.end_to_end,)


def _batch(line: BankLine) -> tuple[str | Decimal, ...]:
    return (line.batch, line.amount)


_WAYS: Final[
    tuple[tuple[tuple[str, ...], Callable[[BankLine], tuple[str | Decimal, ...]]], ...]
] = (
    (("bank_ref",), _operation),
    (("bank_ref",), _entry),
    (("end_to_end",), _end_to_end),
    (("batch", "amount"), _batch),
)
"""How a return names its credit: the columns of the credit, and what the return says of them."""


def executed_or_kept(keys: Collection[int]) -> set[int]:
    """Of these credits, those that executed orders, or of which something is an employer's credit now."""
    orders = DebitOrder.objects.filter(bank_line_id__in=keys).order_by().distinct()
    credits = of_no_due().filter(bank_line_id__in=keys)
    return {
        key
        for rows in (orders, credits)
        for key in rows.values_list("bank_line_id", flat=True)
        if key is not None
    }


def odd_dues(
    returns: Iterable[tuple[Decimal, Collection[str]]],
    owners: Collection[int],
    targets: Sequence[Target],
) -> set[str]:
    """Of these dues, under lock: those that fell since they were paid, and those for which an excess is kept.

    `returns` are amounts that come back (dirhams), each with the dues that it may make owed again, by code.
    """
    asked = asked_of(targets)
    back = dict.fromkeys(asked, ZERO)
    for amount, codes in returns:
        for code in codes:
            back[code] += amount
    odd = {one.code for one in targets if one.outstanding + back[one.code] > asked[one.code]}
    kept = of_no_due().filter(affiliate_id__in=owners)
    cited = kept.filter(bank_line__verdict_code__in=KEPT)
    odd |= set(cited.values_list("bank_line__verdict_facts__ref", flat=True))
    return odd | due_codes_of(
        kept.filter(debit_order__isnull=False).values_list("debit_order_id", flat=True)
    )


def paid_by(keys: Collection[int]) -> tuple[dict[int, set[str]], set[int]]:
    """By credit the codes of the dues it ever paid, and the affiliates that any of them was allocated to."""
    codes: dict[int, set[str]] = defaultdict(set)
    owners: set[int] = set()
    rows = Allocation.objects.filter(bank_line_id__in=keys).values_list(
        "bank_line_id",
        "affiliate_id",
        "slip__payment_reference",
        "surcharge__payment_reference",
        "filing_penalty__payment_reference",
    )
    for key, owner, *several in rows:
        owners.add(owner)
        codes[key].update(code for code in several if code)
    return codes, owners


def of_no_due() -> QuerySet[Allocation]:
    """Money that is the credit of an employer."""
    return Allocation.objects.filter(
        slip=None, surcharge=None, filing_penalty=None, undoes=None, undone_by=None
    )
