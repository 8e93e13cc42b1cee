"""What a correction would do to the account, for the page where it is signed."""

from django import template

from declarations.models import Declaration
from payments.workflows.corrections import Effect, effect_of
from portal import clock
from regulation.contributions import ContributionResult
from regulation.errors import DomainError

register = template.Library()


@register.simple_tag
def correction_effect(declaration: Declaration, result: ContributionResult) -> Effect | None:
    """The effect of a draft today; None for a month whose surcharges the law's tables do not give."""
    try:
        return effect_of(declaration, result, on=clock.today())
    except DomainError:
        return None
