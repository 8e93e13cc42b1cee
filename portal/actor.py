"""Who acts in a request."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from portal.models import User


def actor_of(request: HttpRequest) -> User:
    """The person signed in; a 403 for a visitor, should a page be open to visitors by mistake."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
