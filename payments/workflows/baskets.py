"""Several dues under one code, to be paid in one go at any channel (bank-files §1.2, §10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from affiliates.models import Affiliate
from payments.errors import NothingChosen, TooManyBaskets, UnknownReference
from payments.models import Basket
from payments.queries.dues import open_dues
from portal import audit, clock
from portal.models import User
from regulation.enums import PaymentNature
from regulation.identifiers import payment_code
from regulation.periods import Period

_RANKS = 99
_ORDER = {"slip": 0, "surcharge": 1, "penalty": 2}


@transaction.atomic
def make_basket(*, actor: User, affiliate: Affiliate, codes: Sequence[str], at: datetime) -> str:
    """The code that pays these dues together: their own when there is one, an 18-digit basket code otherwise.

    The same dues again give the same code, whatever their order. A code is never used for anything else. Refuses
    NothingChosen, UnknownReference for what is not an open due of this affiliate, TooManyBaskets.
    """
    affiliate = Affiliate.objects.select_for_update(of=("self",)).get(pk=affiliate.pk)
    wanted = set(codes)
    if not wanted:
        raise NothingChosen
    dues = [due for due in open_dues(affiliate) if due.code in wanted]
    unknown = wanted - {due.code for due in dues}
    if unknown:
        raise UnknownReference(reference=min(unknown)[:40])
    # The order in which a short payment pays: oldest period, and in a period the principal before the rest.
    dues.sort(key=lambda due: (due.period, _ORDER[due.kind], due.code))
    ordered = [due.code for due in dues]
    if len(ordered) == 1:
        return ordered[0]
    known = Basket.objects.filter(affiliate=affiliate, codes=ordered).first()
    if known is not None:
        return known.payment_reference
    period = Period.from_day(clock.day_of(at))
    used = set(
        Basket.objects.filter(affiliate=affiliate).values_list("payment_reference", flat=True)
    )
    for rank in range(1, _RANKS + 1):
        code = payment_code(
            affiliate.affiliation_number, period, nature=PaymentNature.BASKET, rank=rank
        )
        if code not in used:
            break
    else:
        raise TooManyBaskets
    basket = Basket.objects.create(
        affiliate=affiliate, payment_reference=code, made_by=actor, made_at=at, codes=ordered
    )
    audit.record(
        actor=actor,
        action="payments.basket_made",
        subject=basket,
        affiliation_number=affiliate.affiliation_number,
        reference=code,
        dues=ordered,
    )
    return code
