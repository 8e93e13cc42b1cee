"""Which state of a declaration may follow which, and by which act. The only place that says so."""

from declarations.enums import DeclarationStatus
from declarations.errors import MoveRefused
from regulation.enums import LabelledEnum
from regulation.text import _


class Act(LabelledEnum):
    """What is done to a declaration; the label is the verb a person reads."""

    FILL = "fill", _("remplir")
    SUBMIT = "submit", _("déposer")
    CANCEL = "cancel", _("abandonner")
    REPLACE = "replace", _("remplacer")
    RESTORE = "restore", _("reprendre")
    CORRECT = "correct", _("corriger")


DRAFT, SUBMITTED = DeclarationStatus.DRAFT, DeclarationStatus.SUBMITTED
REPLACED, CANCELLED = DeclarationStatus.REPLACED, DeclarationStatus.CANCELLED

MOVES: dict[tuple[DeclarationStatus, Act], DeclarationStatus] = {
    (DRAFT, Act.FILL): DRAFT,
    (DRAFT, Act.SUBMIT): SUBMITTED,
    (DRAFT, Act.CANCEL): CANCELLED,
    (DRAFT, Act.REPLACE): REPLACED,
    # Another declaration of the same place, submitted, takes over: this one stays readable, with its receipt.
    (SUBMITTED, Act.CORRECT): REPLACED,
    # The same file checked again takes its draft back to life.
    (CANCELLED, Act.RESTORE): DRAFT,
    (REPLACED, Act.RESTORE): DRAFT,
    (DRAFT, Act.RESTORE): DRAFT,
}


def after(status: DeclarationStatus, act: Act) -> DeclarationStatus:
    """The state that follows `act`; raises MoveRefused when the table has no such move."""
    try:
        return MOVES[status, act]
    except KeyError:
        raise MoveRefused(status=status, act=act) from None
