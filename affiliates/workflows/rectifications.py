"""Correcting what the register says: asked by the firm with a proof, decided by a clerk, applied, told.

What stood there before is kept with the request; declarations already filed keep what they said. Bank details and
representatives are not corrected here: a new debit authority and a mandate say them. Locks: affiliate, then request,
then employee.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse

from affiliates.access import require_post
from affiliates.enums import FILE_ROLES, RectificationState, RequestAct, RequestParty
from affiliates.errors import (
    CardOfAnother,
    NothingToRectify,
    ProofMissing,
    RectificationOpen,
    ValueRefused,
)
from affiliates.models import (
    Affiliate,
    Employee,
    RectificationRequest,
)
from affiliates.queries.rectifications import said_of
from affiliates.transitions import move_rectification
from affiliates.workflows.numbers import lock_registrations
from affiliates.workflows.steps import (
    check_words,
    keep_pieces,
    locked,
    readers_of_answer,
    take_step,
)
from portal import audit, mail
from portal.errors import constraints_refuse
from portal.models import User
from portal.pieces import Upload
from regulation.errors import DomainError
from regulation.identifiers import check_cin, check_ice

#: What may be corrected, in the order of the form.
OF_THE_FIRM: Final = (
    "name", "name_ar", "legal_form", "activity", "address", "city", "postal_code", "ice", "tax_id", "trade_register",
)  # fmt: skip
OF_A_PERSON: Final = (
    "last_name", "first_name", "last_name_ar", "first_name_ar", "card_kind", "cin", "born_on", "birth_place", "sex",
    "nationality",
)  # fmt: skip
#: What the firm is shown of either record: told the same, it asks for nothing. The rest it does not see, and a
#: request must not tell it whether it guessed right.
SHOWN: Final = frozenset({*OF_THE_FIRM, "last_name", "first_name"})
#: What no record is without.
_NEVER_EMPTY: Final = frozenset({"name", "address", "city", "last_name", "first_name"})


def ask_rectification(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    employee: Employee | None,
    intent: UUID,
    told: Mapping[str, str],
    text: str,
    pieces: Sequence[Upload],
) -> RectificationRequest:
    """Ask for a correction of the firm's record, or of the identity of ``employee``, whom the caller found there.

    ``told`` gives by field what is right; what the register already says is left out. Refuses nothing to change
    (NothingToRectify), a value that does not fit (ValueRefused), no words (ReasonMissing), no proof (ProofMissing) and
    a second request for the same record (RectificationOpen). The same ``intent`` gives the first one.
    """
    refusals = {"rectification_open_once": RectificationOpen()}
    with constraints_refuse(refusals), transaction.atomic():
        affiliate = locked(affiliate)
        done = RectificationRequest.objects.filter(affiliate=affiliate, intent=intent).first()
        if done is not None:
            return done
        asked = _differences(employee or affiliate, told)
        if not asked:
            raise NothingToRectify()
        check_words(text)
        if not pieces:
            raise ProofMissing()
        row = RectificationRequest.objects.create(
            number=f"RECT-{affiliate.affiliation_number}-{affiliate.rectifications.count() + 1:03d}",
            affiliate=affiliate,
            employee=employee,
            asked=asked,
            intent=intent,
            sent_at=at,
            created_by=actor,
        )
        keep_pieces(row, pieces, stored_by=actor)
        _note(row, RequestAct.SEND, RequestParty.APPLICANT, actor, at, text, fields=sorted(asked))
    return row


def fields_of(employee: Employee | None) -> tuple[str, ...]:
    """The fields of a record that may be corrected."""
    return OF_A_PERSON if employee is not None else OF_THE_FIRM


def _differences(record: Affiliate | Employee, told: Mapping[str, str]) -> dict[str, str]:
    employee = record if isinstance(record, Employee) else None
    asked = {}
    for field in fields_of(employee):
        if field in told:
            value = _tidy(record, field, " ".join(told[field].split()))
            if field not in SHOWN or value != said_of(record, field):
                asked[field] = value
    return asked


def _tidy(record: models.Model, field: str, value: str) -> str:
    """The value as the register writes it; refuses one that it cannot hold."""
    model_field: Any = record._meta.get_field(field)
    refusal = ValueRefused(field=str(model_field.verbose_name), value=value[:60])
    if not value:
        if field in _NEVER_EMPTY:
            raise refusal
        return value
    try:
        if field == "ice":
            value = check_ice(value)
        elif field == "cin" and getattr(record, "card_kind", "") == "cin":
            value = check_cin(value)
        model_field.clean(model_field.to_python(value), record)
    except (ValidationError, DomainError) as fault:
        raise refusal from fault
    return value


@transaction.atomic
def answer_rectification(
    *,
    actor: User,
    at: datetime.datetime,
    request: RectificationRequest,
    text: str,
    pieces: Sequence[Upload],
) -> RectificationRequest:
    """Give the piece that the fund asked for. Refuses an answer without a piece (ProofMissing)."""
    row = _relocked(request)
    state = _next(row, RequestAct.ANSWER, RequestParty.APPLICANT)
    if not pieces:
        raise ProofMissing()
    keep_pieces(row, pieces, stored_by=actor)
    return _move(row, state, RequestAct.ANSWER, RequestParty.APPLICANT, actor, at, text)


@transaction.atomic
def withdraw_rectification(
    *, actor: User, at: datetime.datetime, request: RectificationRequest
) -> RectificationRequest:
    """Take a request back. Withdrawn again, changes nothing."""
    row = _relocked(request)
    if row.state == RectificationState.WITHDRAWN:
        return row
    state = _next(row, RequestAct.WITHDRAW, RequestParty.APPLICANT)
    return _move(row, state, RequestAct.WITHDRAW, RequestParty.APPLICANT, actor, at)


@transaction.atomic
def ask_for_proof(
    *, actor: User, at: datetime.datetime, request: RectificationRequest, text: str
) -> RectificationRequest:
    """Ask the firm for a piece, in words (ReasonMissing without). Refuses PostMissing."""
    require_post(actor, FILE_ROLES)
    row = _relocked(request)
    state = _next(row, RequestAct.ASK_FOR_PIECE, RequestParty.CLERK)
    check_words(text)
    return _move(row, state, RequestAct.ASK_FOR_PIECE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def refuse_rectification(
    *, actor: User, at: datetime.datetime, request: RectificationRequest, text: str
) -> RectificationRequest:
    """Refuse, with a reason that the firm reads (ReasonMissing without). Refused again, changes nothing.

    Refuses whoever handles no files (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    row = _relocked(request)
    if row.state == RectificationState.REFUSED:
        return row
    state = _next(row, RequestAct.REFUSE, RequestParty.CLERK)
    check_words(text)
    return _move(row, state, RequestAct.REFUSE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def apply_rectification(
    *, actor: User, at: datetime.datetime, request: RectificationRequest
) -> RectificationRequest:
    """Write in the register what was asked, and keep what stood there. Applied again, changes nothing.

    Refuses a card that somebody else in the register holds (CardOfAnother).
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    row = _relocked(request)
    if row.state == RectificationState.APPLIED:
        return row
    state = _next(row, RequestAct.GRANT, RequestParty.CLERK)
    record: Affiliate | Employee = row.affiliate
    if row.employee_id is not None:
        # Nobody else writes a card while the register is looked at.
        lock_registrations()
        record = Employee.objects.select_for_update(of=("self",)).get(pk=row.employee_id)
        _check_card(record, row.asked)
    row.replaced = {field: said_of(record, field) for field in row.asked}
    for field, value in row.asked.items():
        model_field: Any = record._meta.get_field(field)
        setattr(
            record, field, model_field.to_python(value) if value or not model_field.null else None
        )
    record.save()
    return _move(
        row, state, RequestAct.GRANT, RequestParty.CLERK, actor, at, fields=sorted(row.asked)
    )


def _check_card(person: Employee, asked: Mapping[str, str]) -> None:
    card = asked.get("cin", person.cin)
    kind = asked.get("card_kind", person.card_kind)
    same = Employee.objects.filter(cin=card, card_kind=kind).exclude(pk=person.pk)
    if card and {"cin", "card_kind"} & set(asked) and same.exists():
        raise CardOfAnother()


# ---------------------------------------------------------------- shared


def _relocked(request: RectificationRequest) -> RectificationRequest:
    affiliate = locked(request.affiliate)
    row = RectificationRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    row.affiliate = affiliate
    return row


def _next(row: RectificationRequest, act: RequestAct, party: RequestParty) -> RectificationState:
    return move_rectification(RectificationState(row.state), act, party)


def _move(
    row: RectificationRequest,
    state: RectificationState,
    act: RequestAct,
    party: RequestParty,
    actor: User,
    at: datetime.datetime,
    text: str = "",
    **facts: object,
) -> RectificationRequest:
    row.state = state.value
    open_still = state in (RectificationState.SENT, RectificationState.PIECE_ASKED)
    row.decided_at = None if open_still else at
    row.save(update_fields=["state", "decided_at", "replaced"])
    _note(row, act, party, actor, at, text, **facts)
    return row


def _note(
    row: RectificationRequest,
    act: RequestAct,
    party: RequestParty,
    actor: User,
    at: datetime.datetime,
    text: str,
    **facts: object,
) -> None:
    """The step, its trace (which fields, never their values), and a letter to who asked when the fund acted."""
    step = take_step(row, act, party, actor, at, text)
    number = row.affiliate.affiliation_number
    audit.record(
        actor=actor,
        action=f"rectification.{act.value}",
        subject=row,
        affiliation_number=number,
        **facts,
    )
    if party is RequestParty.CLERK:
        for reader in readers_of_answer(row, at=at):
            mail.write(
                key=f"rectification:{row.pk}:{step.pk}:{reader.pk}",
                to=reader,
                template="affiliates/mail/rectification_moved.txt",
                facts={"number": row.number, "state": RectificationState(row.state)},
                at=at,
                path=reverse("affiliates:rectification", args=[number, row.number]),
            )
