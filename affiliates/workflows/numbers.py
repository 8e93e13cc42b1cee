"""Giving out numbers: one after the other, each once, with a valid key."""

from affiliates.enums import NumberSeries
from affiliates.errors import NumbersExhausted
from affiliates.models import Affiliate, Employee, NumberCounter
from regulation.identifiers import complete_affiliation_number, complete_registration_number

# Bodies without their key. The first registration digit is 1 (e-BDS §6.2), which leaves seven.
_FIRST = {NumberSeries.REGISTRATION: 5_000_000, NumberSeries.AFFILIATION: 800_000}
_LAST = {NumberSeries.REGISTRATION: 9_999_999, NumberSeries.AFFILIATION: 999_999}


def next_registration_number() -> str:
    """Nine digits that no insured person has; must run in the transaction that uses them."""
    counter = _locked(NumberSeries.REGISTRATION)
    while True:
        number = complete_registration_number(f"1{_step(counter):07}")
        if not Employee.objects.filter(registration_number=number).exists():
            return number


def next_affiliation_number() -> str:
    """Seven digits that no affiliate has; must run in the transaction that uses them."""
    counter = _locked(NumberSeries.AFFILIATION)
    while True:
        number = complete_affiliation_number(f"{_step(counter):06}")
        if not Affiliate.objects.filter(affiliation_number=number).exists():
            return number


def lock_registrations() -> None:
    """Wait until nobody else gives a person a number: what is read next stays true until the commit."""
    _locked(NumberSeries.REGISTRATION)


def lock_affiliations() -> None:
    """The same for affiliates."""
    _locked(NumberSeries.AFFILIATION)


def _locked(series: NumberSeries) -> NumberCounter:
    NumberCounter.objects.get_or_create(series=series.value, defaults={"last": _FIRST[series]})
    return NumberCounter.objects.select_for_update(of=("self",)).get(series=series.value)


def _step(counter: NumberCounter) -> int:
    series = NumberSeries(counter.series)
    if counter.last >= _LAST[series]:
        raise NumbersExhausted(series=series)
    counter.last += 1
    counter.save(update_fields=["last"])
    return counter.last
