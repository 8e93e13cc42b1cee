"""The payment code of each slip, unique for ever."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from declarations.enums import DeclarationKind
from declarations.models import Declaration
from payments.models import PaymentSlip
from regulation.enums import PaymentNature
from regulation.identifiers import payment_code, slip_reference
from regulation.periods import Period

_FIRST_CORRECTION_RANK = 11
"""Ranks 1 to 9 of an 18-digit slip code are those of supplementary declarations; corrections follow."""


def references(declarations: Sequence[Declaration]) -> dict[int, str]:
    """By declaration's key: the 15-digit code of the main slip of a month, 18 digits for the others."""
    wanted = {one.pk: _first_code(one) for one in declarations}
    taken = _known_codes(wanted.values())
    for one in declarations:
        rank = _FIRST_CORRECTION_RANK
        while wanted[one.pk] in taken:
            wanted[one.pk] = _later_code(one, rank)
            taken |= _known_codes([wanted[one.pk]])
            rank += 1
        taken.add(wanted[one.pk])
    return wanted


def _known_codes(codes: Collection[str]) -> set[str]:
    rows = PaymentSlip.objects.filter(payment_reference__in=list(codes))
    return set(rows.values_list("payment_reference", flat=True))


def _first_code(declaration: Declaration) -> str:
    if declaration.kind == DeclarationKind.SUPPLEMENTARY.value:
        return _later_code(declaration, declaration.supplement_number)
    period = Period.from_day(declaration.period)
    return slip_reference(declaration.affiliate.affiliation_number, period)


def _later_code(declaration: Declaration, rank: int) -> str:
    number, period = declaration.affiliate.affiliation_number, Period.from_day(declaration.period)
    return payment_code(number, period, nature=PaymentNature.SLIP, rank=rank)
