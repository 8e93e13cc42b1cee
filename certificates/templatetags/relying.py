"""The certificates that a correction would end, for the page where it is signed."""

from django import template

from certificates import queries
from certificates.models import Certificate
from declarations.models import Declaration

register = template.Library()


@register.simple_tag
def certificates_relying_on(declaration: Declaration) -> list[Certificate]:
    """Valid certificates whose figures rest on this declaration, the latest first."""
    return queries.relying_on(declaration)
