"""Requests for corrections: what the desk sees, and what each would change."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from affiliates.access import Actor, staff_affiliates
from affiliates.models import RectificationRequest
from portal import formats, veils


@dataclass(frozen=True, slots=True)
class Change:
    """One field: its name in words, what stands or stood in the register, and what is asked."""

    label: str
    before: str
    after: str


def staff_rectifications(user: Actor) -> QuerySet[RectificationRequest]:
    """The requests of the affiliates on the desk of a member of staff."""
    return RectificationRequest.objects.filter(affiliate__in=staff_affiliates(user))


def said_of(record: Model, field: str) -> str:
    """What the register says there, as text; nothing where it says nothing."""
    value = getattr(record, field)
    return "" if value is None else str(value)


def changes_of(
    row: RectificationRequest, *, shown: Collection[str] | None = None, is_veiled: bool = False
) -> list[Change]:
    """What the request changes, field by field; of one that is applied, what it replaced.

    ``shown`` names the fields whose value in the register the reader may see; all of them for None. ``is_veiled``
    keeps but the end of what the desk shows on demand only.
    """
    record: Any = row.employee or row.affiliate
    found = []
    for name, after in row.asked.items():
        field = record._meta.get_field(name)
        labels = dict(field.flatchoices)
        before = row.replaced.get(name, said_of(record, name))
        if shown is not None and name not in shown:
            before = "…"
        kept = veils.kept_of(type(record), name) if is_veiled else None
        if kept is not None:
            before, after = veils.veiled(before, kept), veils.veiled(after, kept)
        said = [formats.label(labels[one]) if one in labels else one for one in (before, after)]
        found.append(Change(str(field.verbose_name), *said))
    return found
