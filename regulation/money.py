"""Dirhams: reading, rounding and splitting amounts without losing a centime.

Amounts are `Decimal` with two places.  The only way in from text is
`parse_amount`, whose pattern accepts ASCII digits alone: `Decimal()` itself
would take `1_000`, `1e5`, `-0` and the digits of twenty scripts.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from regulation.errors import DomainError
from regulation.text import _, ascii_digits

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LARGEST = Decimal("999999999999.99")

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_NUMBER = re.compile(r"([0-9]+|[0-9]{1,3}(?: [0-9]{3})+)(?:[.,]([0-9]+))?", re.ASCII)
_NEGATIVE = re.compile(r"[-\u2212\u2013] ?[0-9]", re.ASCII)


class UnreadableAmount(DomainError):
    """The text is not an amount in dirhams."""

    code = "amount.unreadable"
    message = _("Le montant « {value} » n’est pas lisible : écrivez-le comme 1234,56 ou 1 234,56.")


class NegativeAmount(DomainError):
    """The amount carries a minus sign."""

    code = "amount.negative"
    message = _("Le montant « {value} » est négatif : écrivez un montant égal ou supérieur à zéro.")


class TooManyDecimals(DomainError):
    """The amount has more than two decimals."""

    code = "amount.decimals"
    message = _(
        "Le montant « {value} » a plus de deux décimales : arrondissez-le au centime, "
        "comme 1234,56."
    )


class AmountTooLarge(DomainError):
    """The amount exceeds what the accounts can hold."""

    code = "amount.too_large"
    message = _("Le montant « {value} » dépasse la limite admise : vérifiez le nombre de chiffres.")


def round_half_up(amount: Decimal) -> Decimal:
    """Round to the centime, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def to_cents(amount: Decimal) -> int:
    """Return an amount in DH as whole centimes; more than two decimals is a programming error."""
    cents = amount.scaleb(2)
    whole = int(cents)
    if cents != whole:
        raise ValueError(f"{amount} is not a whole number of centimes")
    return whole


def from_cents(cents: int) -> Decimal:
    """Return whole centimes as an amount in DH with two places."""
    return Decimal(cents).scaleb(-2)


def parse_amount(text: str) -> Decimal:
    """Read an amount in DH typed or pasted by a person.

    Accepts `1234.56`, `1234,56`, `1 234,56` (any no-break space), at most two
    decimals, Arabic-Indic digits.  Refuses signs, exponents, underscores,
    thousands points, other scripts, and amounts above 999 999 999 999.99.
    """
    shown = text.strip()[:40]
    cleaned = ascii_digits(text.translate(_SPACES)).strip()
    if _NEGATIVE.match(cleaned):
        raise NegativeAmount(value=shown)
    match = _NUMBER.fullmatch(cleaned)
    if match is None:
        raise UnreadableAmount(value=shown)
    whole, decimals = match[1].replace(" ", ""), match[2] or ""
    if len(decimals) > 2:
        raise TooManyDecimals(value=shown)
    if len(whole.lstrip("0")) > 12:
        raise AmountTooLarge(value=shown)
    return Decimal(f"{whole}.{decimals.ljust(2, '0')}")


def check_amount(amount: Decimal) -> Decimal:
    """Return a computed or stored amount with two places; refuse negatives and a third decimal."""
    if not amount.is_finite():
        raise UnreadableAmount(value=str(amount))
    if amount.is_signed():
        raise NegativeAmount(value=str(amount))
    if amount > LARGEST:
        raise AmountTooLarge(value=str(amount))
    rounded = amount.quantize(CENT)
    if rounded != amount:
        raise TooManyDecimals(value=str(amount))
    return rounded


def split(total: Decimal, weights: Sequence[int | Decimal]) -> list[Decimal]:
    """Split an amount in proportion to `weights`; the parts add up to `total` exactly.

    The centimes left by rounding down go to the largest remainders, the first
    ones when equal.  Weights are not negative and not all zero.
    """
    exact = [Decimal(weight) for weight in weights]
    whole = sum(exact, Decimal(0))
    if whole <= 0 or any(weight < 0 for weight in exact):
        raise ValueError("weights must be positive")
    cents = to_cents(total)
    sign, cents = (-1, -cents) if cents < 0 else (1, cents)
    shares = [cents * weight / whole for weight in exact]
    parts = [int(share) for share in shares]
    left = cents - sum(parts)
    ranked = sorted(range(len(parts)), key=lambda rank: (parts[rank] - shares[rank], rank))
    for rank in ranked[:left]:
        parts[rank] += 1
    return [from_cents(sign * part) for part in parts]


def format_amount(amount: Decimal) -> str:
    """Write an amount the French way, with no-break spaces: `1 234,56`."""
    return f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",")


def format_rate(rate: Decimal) -> str:
    """Write a percentage the French way: `13,46 %`."""
    return f"{rate:.2f}".replace(".", ",") + "\u00a0%"
