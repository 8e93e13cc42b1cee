"""Requests to register a new hire: from the draft to the number.

An employer never learns from here whether a person is known elsewhere: what is refused to it follows from its own
list and its own requests alone, and a number is told in the same words whether it is new or not. Locks:
affiliate, then request, then the series of numbers.
"""

import datetime
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from affiliates import rules
from affiliates.access import require_post
from affiliates.enums import (
    FILE_ROLES,
    CardKind,
    Likeness,
    RegistrationState,
    RequestAct,
    RequestParty,
    Sex,
)
from affiliates.errors import (
    AlreadyYourEmployee,
    CardAlreadyRequested,
    NotSamePerson,
    PersonExists,
    PersonIncomplete,
    PieceMissing,
)
from affiliates.models import (
    OPEN_REGISTRATIONS,
    Affiliate,
    Employee,
    Employment,
    RegistrationPiece,
    RegistrationRequest,
    RegistrationStep,
)
from affiliates.models.requests import RequestStep
from affiliates.queries.registrations import hire_limits, people_like, requests_like
from affiliates.rules import MOROCCO, NewHire
from affiliates.transitions import move_registration
from affiliates.workflows.employees import hire as employ
from affiliates.workflows.numbers import lock_registrations, next_registration_number
from affiliates.workflows.steps import (
    check_words,
    keep_pieces,
    locked,
    readers_of_answer,
    take_step,
)
from portal import audit, clock, mail, storage
from portal.errors import constraints_refuse
from portal.models import User
from portal.pieces import Upload

#: Words of a person on a request.
#: How long a draft that is not sent is kept (docs/decisions/privacy.md).
DRAFT_KEPT = datetime.timedelta(days=90)


def save_request(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    intent: UUID,
    person: NewHire,
    pieces: Sequence[Upload] = (),
    request: RegistrationRequest | None = None,
) -> RegistrationRequest:
    """Keep a draft, or change one; nothing is judged yet but what concerns the firm's own list.

    Refuses a card that the firm already asks about (CardAlreadyRequested) or whose holder it already employs
    (AlreadyYourEmployee), a request already sent (RequestMoveRefused) and pieces that cannot be kept. Saved
    again with the same ``intent``, gives the first draft.
    """
    person = rules.tidy(person)
    refusals = {"registration_open_once": CardAlreadyRequested(number="…")}
    with constraints_refuse(refusals), transaction.atomic():
        affiliate = locked(affiliate)
        done = RegistrationRequest.objects.filter(affiliate=affiliate, intent=intent).first()
        if done is not None and request is None:
            return done
        row = _relock(request) if request is not None else _new(actor, at, affiliate, intent)
        if row.pk is not None:
            move_registration(RegistrationState(row.state), RequestAct.EDIT, RequestParty.APPLICANT)
        _check_own_list(affiliate, row, person)
        for name in NewHire.__dataclass_fields__:
            value = getattr(person, name)
            setattr(row, name, value.value if name in ("card_kind", "sex") else value)
        _cut(row)
        row.save()
        keep_pieces(row, pieces, stored_by=actor)
        audit.record(
            actor=actor,
            action=f"registration.{RequestAct.EDIT.value}",
            subject=row,
            affiliation_number=affiliate.affiliation_number,
            pieces=len(pieces),
        )
    return row


def _new(
    actor: User, at: datetime.datetime, affiliate: Affiliate, intent: UUID
) -> RegistrationRequest:
    # Counted from the last one: abandoned drafts are forgotten, and their numbers with them.
    last = affiliate.registration_requests.order_by("-pk").values_list("number", flat=True).first()
    rank = int(last.rsplit("-", 1)[1]) + 1 if last else 1
    return RegistrationRequest(
        number=f"I-{affiliate.affiliation_number}-{rank:03d}",
        affiliate=affiliate,
        intent=intent,
        created_at=at,
        created_by=actor,
    )


def _cut(row: RegistrationRequest) -> None:
    """A draft keeps what fits; what is too long is told when it is sent, from the form that still shows it."""
    for name in ("last_name", "first_name", "last_name_ar", "first_name_ar"):
        setattr(row, name, getattr(row, name)[:60])
    row.card_number = row.card_number[:8]
    row.phone, row.rib = row.phone[:16], row.rib[:24]


def _check_own_list(affiliate: Affiliate, row: RegistrationRequest, person: NewHire) -> None:
    card = {"card_kind": person.card_kind.value, "card_number": person.card_number}
    asked = (
        RegistrationRequest.objects.filter(
            affiliate=affiliate, state__in=OPEN_REGISTRATIONS, **card
        )
        .exclude(pk=row.pk)
        .first()
    )
    if asked is not None:
        raise CardAlreadyRequested(number=asked.number)
    here = (
        Employment.objects.filter(
            affiliate=affiliate,
            ended_on__isnull=True,
            employee__cin=person.card_number,
            employee__card_kind=person.card_kind.value,
            employee__registration_number__isnull=False,
        )
        .select_related("employee")
        .first()
    )
    if here is not None and person.card_number:
        raise AlreadyYourEmployee(registration_number=here.employee.registration_number)


def person_of(row: RegistrationRequest) -> NewHire:
    """The person of a request as the rules read them."""
    facts = {name: getattr(row, name) for name in NewHire.__dataclass_fields__}
    facts |= {"card_kind": CardKind(row.card_kind), "sex": Sex(row.sex)}
    return NewHire(**facts)


@transaction.atomic
def send_request(
    *, actor: User, at: datetime.datetime, request: RegistrationRequest
) -> RegistrationRequest:
    """Send a draft to the fund. Sent again, changes nothing.

    Refuses what the rules find (PersonIncomplete), no copy of the card (PieceMissing) and a request that is not
    a draft any more (RequestMoveRefused).
    """
    locked(request.affiliate)
    row = _relock(request)
    if row.state == RegistrationState.SENT:
        return row
    state = move_registration(RegistrationState(row.state), RequestAct.SEND, RequestParty.APPLICANT)
    if rules.faults_of(person_of(row), hire_limits(row.affiliate, clock.day_of(at))):
        raise PersonIncomplete()
    if not row.pieces.exists():
        raise PieceMissing()
    row.sent_at = at
    return _move(row, state, RequestAct.SEND, RequestParty.APPLICANT, actor, at)


@transaction.atomic
def send_with_pieces(
    *,
    actor: User,
    at: datetime.datetime,
    request: RegistrationRequest,
    pieces: Sequence[Upload],
) -> RegistrationRequest:
    """Join the copies of the card to a draft and send it; nothing is joined when it cannot be sent.

    Refuses what `send_request` refuses, and pieces that cannot be kept. Sent already, changes nothing.
    """
    locked(request.affiliate)
    row = _relock(request)
    if row.state == RegistrationState.SENT:
        return row
    keep_pieces(row, pieces, stored_by=actor)
    return send_request(actor=actor, at=at, request=row)


@transaction.atomic
def answer_request(
    *,
    actor: User,
    at: datetime.datetime,
    request: RegistrationRequest,
    text: str,
    pieces: Sequence[Upload],
) -> RegistrationRequest:
    """Give the fund the piece it asked for. Refuses an answer without a piece (PieceMissing)."""
    locked(request.affiliate)
    row = _relock(request)
    state = move_registration(
        RegistrationState(row.state), RequestAct.ANSWER, RequestParty.APPLICANT
    )
    if not pieces:
        raise PieceMissing()
    keep_pieces(row, pieces, stored_by=actor)
    return _move(row, state, RequestAct.ANSWER, RequestParty.APPLICANT, actor, at, text)


@transaction.atomic
def withdraw_request(
    *, actor: User, at: datetime.datetime, request: RegistrationRequest
) -> RegistrationRequest:
    """Take a request back before the number. Withdrawn again, changes nothing."""
    locked(request.affiliate)
    row = _relock(request)
    if row.state == RegistrationState.WITHDRAWN:
        return row
    state = move_registration(
        RegistrationState(row.state), RequestAct.WITHDRAW, RequestParty.APPLICANT
    )
    return _move(row, state, RequestAct.WITHDRAW, RequestParty.APPLICANT, actor, at)


@transaction.atomic
def forget_registration_drafts(*, at: datetime.datetime, most: int) -> int:
    """Delete at most so many drafts that were begun long ago and never sent, with the files joined; how many.

    What nobody sent was never asked of the fund: nothing rests on it.
    """
    stale = RegistrationRequest.objects.select_for_update(of=("self",), skip_locked=True).filter(
        state=RegistrationState.DRAFT.value, created_at__lt=at - DRAFT_KEPT
    )
    drafts = list(stale.order_by("pk").values_list("pk", flat=True)[:most])
    pieces = RegistrationPiece.objects.filter(request__in=drafts)
    files = list(pieces.values_list("stored", flat=True))
    pieces.delete()
    storage.forget(files)
    RegistrationStep.objects.filter(request__in=drafts).delete()
    RegistrationRequest.objects.filter(pk__in=drafts).delete()
    return len(drafts)


@transaction.atomic
def ask_for_piece(
    *, actor: User, at: datetime.datetime, request: RegistrationRequest, text: str
) -> RegistrationRequest:
    """Ask the employer for a piece, in words (ReasonMissing without). Refuses PostMissing."""
    require_post(actor, FILE_ROLES)
    locked(request.affiliate)
    row = _relock(request)
    state = move_registration(
        RegistrationState(row.state), RequestAct.ASK_FOR_PIECE, RequestParty.CLERK
    )
    check_words(text)
    return _move(row, state, RequestAct.ASK_FOR_PIECE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def refuse_request(
    *, actor: User, at: datetime.datetime, request: RegistrationRequest, text: str
) -> RegistrationRequest:
    """Refuse, with a reason that the employer reads (ReasonMissing without).

    Refuses whoever handles no files (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    locked(request.affiliate)
    row = _relock(request)
    if row.state == RegistrationState.REFUSED:
        return row
    state = move_registration(RegistrationState(row.state), RequestAct.REFUSE, RequestParty.CLERK)
    check_words(text)
    row.decided_at = at
    return _move(row, state, RequestAct.REFUSE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def issue_number(
    *,
    actor: User,
    at: datetime.datetime,
    request: RegistrationRequest,
    known: Employee | None = None,
) -> RegistrationRequest:
    """Tell the employer the number: a new one, or that of ``known``, whom the clerk recognised.

    The person then works for the employer from the hire day. Issued again, changes nothing. Refuses a second
    number for a card that has one (PersonExists) and a known person whom nothing likens to the one asked about
    (NotSamePerson).
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    locked(request.affiliate)
    row = _relock(request)
    if row.state == RegistrationState.ISSUED:
        return row
    state = move_registration(RegistrationState(row.state), RequestAct.GRANT, RequestParty.CLERK)
    lock_registrations()
    alike = people_like(row)
    if known is not None and known.pk not in {one.person.pk for one in alike}:
        raise NotSamePerson(registration_number=known.registration_number)
    if known is None:
        holder = next((one for one in alike if one.likeness is Likeness.SAME_CARD), None)
        if holder is not None:
            raise PersonExists(registration_number=holder.person.registration_number)
    return _issue(row, state, RequestParty.CLERK, actor, at, known)


@transaction.atomic
def issue_automatically(*, at: datetime.datetime, request: RegistrationRequest) -> bool:
    """Give a new number without a clerk when nothing asks for one; whether it was given.

    A Moroccan with a national card and a copy of it, whom nobody in the register and no other request looks
    like. Everything else, or a request that moved meanwhile, is left as it is.
    """
    locked(request.affiliate)
    row = _relock(request)
    if row.state != RegistrationState.SENT:
        return False
    if row.nationality != MOROCCO or row.card_kind != CardKind.CIN or not row.pieces.exists():
        return False
    lock_registrations()
    if people_like(row) or requests_like(row):
        return False
    state = move_registration(RegistrationState(row.state), RequestAct.GRANT, RequestParty.PORTAL)
    _issue(row, state, RequestParty.PORTAL, None, at, None)
    return True


def _issue(
    row: RegistrationRequest,
    state: RegistrationState,
    party: RequestParty,
    actor: User | None,
    at: datetime.datetime,
    known: Employee | None,
) -> RegistrationRequest:
    """Under the lock of the series: nobody else creates a person meanwhile."""
    row.is_new_number = known is None
    row.employee = known or Employee.objects.create(
        registration_number=next_registration_number(),
        last_name=row.last_name,
        first_name=row.first_name,
        last_name_ar=row.last_name_ar,
        first_name_ar=row.first_name_ar,
        cin=row.card_number,
        card_kind=row.card_kind,
        born_on=row.born_on,
        birth_place=row.birth_place,
        sex=row.sex,
        nationality=row.nationality,
    )
    row.decided_at = at
    done = _move(
        row,
        state,
        RequestAct.GRANT,
        party,
        actor,
        at,
        registration_number=row.employee.registration_number,
        is_new_number=row.is_new_number,
    )
    here = Employment.objects.filter(
        affiliate=row.affiliate, employee=row.employee, ended_on__isnull=True
    )
    if not here.exists():
        employ(
            actor=actor,
            at=at,
            affiliate=row.affiliate,
            employee=row.employee,
            started_on=row.hired_on,
        )
    return done


# ---------------------------------------------------------------- shared


def _relock(request: RegistrationRequest) -> RegistrationRequest:
    row = RegistrationRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    row.affiliate = request.affiliate
    return row


def _move(
    row: RegistrationRequest,
    state: RegistrationState,
    act: RequestAct,
    party: RequestParty,
    actor: User | None,
    at: datetime.datetime,
    text: str = "",
    **facts: object,
) -> RegistrationRequest:
    """Write the new state, its step and its trace."""
    row.state = state.value
    row.save()
    step = take_step(row, act, party, actor, at, text)
    audit.record(
        actor=actor,
        action=f"registration.{act.value}",
        subject=row,
        affiliation_number=row.affiliate.affiliation_number,
        **facts,
    )
    if party is not RequestParty.APPLICANT:
        _tell_the_employer(row, step, at)
    return row


def _tell_the_employer(row: RegistrationRequest, step: RequestStep, at: datetime.datetime) -> None:
    """A letter to who wrote the request: its number and its state, nothing about the person."""
    place = [row.affiliate.affiliation_number, row.number]
    for reader in readers_of_answer(row, at=at):
        mail.write(
            key=f"registration:{row.number}:{step.pk}:{reader.pk}",
            to=reader,
            template="affiliates/mail/registration_moved.txt",
            facts={"number": row.number, "state": RegistrationState(row.state)},
            at=at,
            path=reverse("affiliates:registration", args=place),
        )
