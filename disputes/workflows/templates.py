"""The words that the staff use again: written by a supervisor, replaced or withdrawn, never rewritten in place."""

import datetime

from django.db import transaction

from affiliates.access import is_supervisor
from disputes import rules
from disputes.enums import Ground
from disputes.errors import NotSupervisor
from disputes.models import AnswerTemplate
from portal import audit
from portal.enums import Language
from portal.models import User


@transaction.atomic
def add_template(
    *,
    actor: User,
    title: str,
    language: Language,
    ground: Ground | None,
    text: str,
    at: datetime.datetime,
) -> AnswerTemplate:
    """Offer new words to the desk; the same title in the same language takes the place of the older one.

    Refuses anyone but a supervisor, and a title or a text without words.
    """
    _check(actor)
    title = rules.text_of(title)[:80]
    text = rules.text_of(text)
    older = AnswerTemplate.objects.select_for_update(of=("self",)).filter(
        title=title, language=language.value, withdrawn_at__isnull=True
    )
    wanted = ground.value if ground else ""
    for row in older.order_by("pk"):
        if (row.text, row.ground) == (text, wanted):
            return row
        _withdraw(row, actor, at)
    row = AnswerTemplate.objects.create(
        title=title,
        language=language.value,
        ground=wanted,
        text=text,
        written_by=actor,
        written_at=at,
    )
    audit.record(actor=actor, action="dispute.template_add", subject=row, title=title)
    return row


@transaction.atomic
def withdraw_template(*, actor: User, template_id: int, at: datetime.datetime) -> AnswerTemplate:
    """Offer these words no more. Twice changes nothing."""
    _check(actor)
    row = AnswerTemplate.objects.select_for_update(of=("self",)).get(pk=template_id)
    if row.withdrawn_at is None:
        _withdraw(row, actor, at)
    return row


def _withdraw(row: AnswerTemplate, actor: User, at: datetime.datetime) -> None:
    row.withdrawn_at = at
    row.save(update_fields=["withdrawn_at"])
    audit.record(actor=actor, action="dispute.template_withdraw", subject=row, title=row.title)


def _check(actor: User) -> None:
    if not is_supervisor(actor):
        raise NotSupervisor
