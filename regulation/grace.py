"""Time and remission for what is overdue: the days and amounts of a plan, the campaigns open on a day.

A plan pays what remains in equal monthly instalments, none below the floor in force; the surcharges that would run
while it is honoured are forgiven (`plan.surcharge_remission`).  A campaign forgives a share of what already ran.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from regulation.errors import DomainError
from regulation.money import format_amount, round_half_up, split
from regulation.parameters import Campaign, CampaignRate, tables, value_at
from regulation.periods import Period
from regulation.text import _

MONTHS = 60
"""No plan or campaign found runs longer (decision 003/2022)."""

_HUNDRED = Decimal(100)


class TooManyInstalments(DomainError):
    """Instalments below the floor, or more months than any plan."""

    code = "grace.too_many_instalments"
    message = _(
        "Pour {total} DH, {count} échéances sont trop : une échéance est d’au moins {floor} DH. "
        "Demandez-en {most} au plus."
    )


class NothingOverdue(DomainError):
    """Grace asked for nothing."""

    code = "grace.nothing_overdue"
    message = _("Rien n’est en retard : il n’y a rien à remettre ni à échelonner.")


@dataclass(frozen=True, slots=True)
class Instalment:
    """What is to be paid by a day, in DH; rank from 1."""

    rank: int
    due_on: date
    amount: Decimal


def most_instalments(total: Decimal, on: date) -> int:
    """How many instalments `total` DH may be paid in: none below the floor, 60 at most, one at least."""
    floor = value_at("plan.minimum_instalment", on).value
    return max(1, min(MONTHS, int(total // floor)))


def instalments(total: Decimal, count: int, first_on: date) -> tuple[Instalment, ...]:
    """Split `total` DH over `count` months, the first on `first_on`; the parts add up exactly.

    Refuses TooManyInstalments.  A single payment has no floor.
    """
    if total <= 0:
        return ()
    most = most_instalments(total, first_on)
    if not 1 <= count <= most:
        raise TooManyInstalments(
            total=format_amount(total),
            count=count,
            floor=format_amount(value_at("plan.minimum_instalment", first_on).value),
            most=most,
        )
    parts = split(total, [1] * count)
    return tuple(
        Instalment(rank, _months_after(first_on, rank - 1), part)
        for rank, part in enumerate(parts, start=1)
    )


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


def open_campaign(period: Period, on: date) -> Campaign | None:
    """The campaign that covers a debt of `period` and is open on `on`; the last decided when there are several."""
    found = [
        campaign
        for campaign in tables().campaigns
        if campaign.rates
        and (campaign.opens_on or campaign.closes_on) <= on <= campaign.closes_on
        and (campaign.debts_from is None or campaign.debts_from <= period)
        and period <= campaign.debts_until
    ]
    return max(found, key=lambda campaign: campaign.decided_on or date.min, default=None)


_LONGEST = {
    "full_payment": 1,
    "plan_up_to_24_months": 24,
    "within_24_months": 24,
    "from_25_to_42_months": 42,
    "plan_up_to_60_months": 60,
    "longer_plan": MONTHS,
}


def rate_for(campaign: Campaign, count: int) -> CampaignRate | None:
    """The shares that a campaign forgives when the rest is paid in `count` months; None when it is too long."""
    fitting = [
        (longest, rate)
        for rate in campaign.rates
        if (longest := _LONGEST.get(rate.condition, 0)) >= count
    ]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def share(amount: Decimal, percent: Decimal) -> Decimal:
    """`percent` of an amount, to the centime."""
    return round_half_up(amount * percent / _HUNDRED)
