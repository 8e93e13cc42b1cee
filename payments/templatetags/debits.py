"""What of a month is already ordered, for the page of the month."""

from django import template

from affiliates.models import Affiliate
from payments.models import DebitOrder
from payments.queries import debits
from regulation.periods import Period

register = template.Library()


@register.simple_tag
def debits_of_month(affiliate: Affiliate, period: Period) -> list[DebitOrder]:
    """The debits on their way for the slips of this month, nearest first; one query."""
    return debits.of_month(affiliate, period)
