"""People and their letters, on the clerks' desk: looking at one is looking at the firms they work for.

Here and not with the frame: only the register knows who belongs to which firm.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from affiliates.models import Membership
from portal.admin import StaffAdmin
from portal.models import Mail, User


def firms_of(people: Iterable[int | None]) -> set[str]:
    """The numbers of the firms that these people (keys) belong to, or belonged to; one query."""
    found = Membership.objects.filter(user__in=[key for key in people if key])
    return set(found.values_list("affiliate__affiliation_number", flat=True))


class OfPeople(StaffAdmin):
    """Rows that name a person."""

    @abstractmethod
    def people_of(self, rows: Sequence[Any]) -> Iterable[int | None]:
        """The keys of the people that these rows name."""

    def affiliation_numbers_of(self, rows: Sequence[Any]) -> set[str]:
        """The firms that these people belong to, or belonged to."""
        return firms_of(self.people_of(rows))


@admin.register(User)
class UserAdmin(OfPeople):
    list_display = ("full_name", "email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("=email", "full_name")
    fields = ("full_name", "email", "language", "is_staff", "is_active", "last_login", "created_at")

    def people_of(self, rows: Sequence[User]) -> Iterable[int | None]:
        return [row.pk for row in rows]


@admin.register(Mail)
class MailAdmin(OfPeople):
    """Which letters left, and which the mail server refused. What they say is between the portal and the person."""

    list_display = ("created_at", "event", "user", "state", "outcome", "answer", "sent_at")
    list_filter = ("state", "outcome", "is_reminder", "language")
    search_fields = ("=key", "=user__email", "=address", "=request_id")
    list_select_related = ("user",)
    # The subject and the whole name of the event may name a firm that the person only works for.
    exclude = ("key", "subject", "text")

    @admin.display(description=_("événement"), ordering="key")
    def event(self, row: Mail) -> str:
        return row.event

    def people_of(self, rows: Sequence[Mail]) -> Iterable[int | None]:
        return [row.user_id for row in rows]
