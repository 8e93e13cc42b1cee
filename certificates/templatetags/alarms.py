"""The alarms that wait for a supervisor, on the first page of the desk."""

from django import template
from django.template import Context

from affiliates.access import is_supervisor
from certificates.models import UsageAlarm

register = template.Library()


@register.simple_tag(takes_context=True)
def open_alarms(context: Context) -> int | None:
    """`{% open_alarms as alarms %}`: how many wait; None for whoever does not examine them."""
    user = context["request"].user
    if not is_supervisor(user):
        return None
    return UsageAlarm.objects.filter(closed_at__isnull=True).count()
