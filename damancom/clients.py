"""The clients of a person who acts for several firms: one month of each, by where it stands."""

import datetime
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from affiliates.access import Actor, for_actor
from affiliates.enums import Scope
from affiliates.models import Affiliate
from affiliates.queries import search
from damancom.enums import CLIENT_STATES, URGENCY, ClientState, MonthState
from damancom.months import SHOWN_MONTHS, Month, months_of
from payments.enums import SlipState
from payments.models import PaymentSlip
from regulation.parameters import due_day
from regulation.periods import Period

#: Shown on one page; an office with more looks at the next page.
CLIENTS_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Client:
    """One firm and its month; ``behind`` when an earlier month is not paid."""

    affiliate: Affiliate
    month: Month
    state: MonthState
    sorted_as: ClientState
    behind: bool

    @property
    def urgency(self) -> tuple[bool, int]:
        """Sorts what presses first: late for this month or an earlier one, then by what is to be done."""
        late = self.sorted_as is ClientState.LATE or self.behind
        return not late, URGENCY.index(self.sorted_as)


@dataclass(frozen=True)
class Clients:
    """The clients of one page, how many stand in each state before filtering, and how many there are."""

    shown: list[Client]
    counts: Counter[ClientState]
    total: int


def month_to_show(text: str, today: datetime.date) -> Period:
    """The month that an address asks for, within those that are shown; by default the one to declare now."""
    current = Period.from_day(today)
    for rank in range(SHOWN_MONTHS + 1):
        if str(current - rank) == text:
            return current - rank
    return current.previous()


def clients_of(
    user: Actor,
    period: Period,
    *,
    today: datetime.date,
    text: str = "",
    state: ClientState | None = None,
    by_name: bool = True,
) -> Clients:
    """Every firm that ``user`` may look at, with its month ``period``; nine queries however many firms.

    By name, or what presses first and then by name.
    """
    mine = search(for_actor(user, on=today), text).order_by("name", "pk")
    affiliates = list(mine)
    every = clients_at(affiliates, period, today=today)
    shown = [client for client in every if state is None or client.sorted_as is state]
    if not by_name:
        shown.sort(key=lambda client: client.urgency)
    counts = Counter(client.sorted_as for client in every)
    return Clients(shown, counts, len(affiliates))


def clients_at(
    affiliates: Collection[Affiliate], period: Period, *, today: datetime.date
) -> list[Client]:
    """These firms with their month; those that were not affiliated yet are left out."""
    table = months_of(affiliates, today=today, only=period)
    behind = _behind(affiliates, period, today)
    found = []
    for affiliate in affiliates:
        for month in table[affiliate.pk]:
            state = month.state(today)
            found.append(
                Client(affiliate, month, state, CLIENT_STATES[state], affiliate.pk in behind)
            )
    return found


def _behind(
    affiliates: Collection[Affiliate], period: Period, today: datetime.date
) -> frozenset[int]:
    """The firms that still owe for an earlier month whose day has passed; the month before is judged by its day."""
    last = period.previous()
    while due_day(last) >= today:
        last = last.previous()
    rows = PaymentSlip.objects.filter(
        affiliate__in=affiliates, outstanding__gt=0, period__lte=last.first_day
    ).exclude(state__in=[SlipState.REPLACED.value, SlipState.CANCELLED.value])
    return frozenset(rows.values_list("affiliate", flat=True).distinct())


def with_scope(user: Actor, scope: Scope, *, today: datetime.date) -> frozenset[int]:
    """The keys of the firms for which ``user`` may do ``scope``."""
    return frozenset(for_actor(user, scope, on=today).values_list("pk", flat=True))


def chosen(clients: Iterable[Client], numbers: Collection[str]) -> list[Client]:
    """Those that were ticked; all of them when none was."""
    return [one for one in clients if not numbers or one.affiliate.affiliation_number in numbers]
