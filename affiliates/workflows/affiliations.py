"""The request of a new employer: from the first form to the affiliation number and the first owner.

The applicant has no account: the signed link in the mail is what opens the request, and having received it is what
proves the address. Nothing told to the applicant depends on who else is affiliated. Locks: request, then the series.
"""

import datetime
from collections.abc import Sequence
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.urls import reverse

from affiliates.access import require_post
from affiliates.enums import FILE_ROLES, AffiliationState, LegalForm, RequestAct, RequestParty, Role
from affiliates.errors import FirmExists, ProofMissing
from affiliates.models import (
    Affiliate,
    AffiliationRequest,
    Agency,
)
from affiliates.rules import NewFirm, tidy_firm
from affiliates.transitions import move_affiliation
from affiliates.workflows.employers import register
from affiliates.workflows.invitations import invite
from affiliates.workflows.numbers import lock_affiliations, next_affiliation_number
from affiliates.workflows.steps import check_words, keep_pieces, take_step
from portal import audit, clock, mail
from portal.enums import Language
from portal.models import User
from portal.pieces import Upload
from regulation.parameters import value_at

_LINK = signing.Signer(salt="affiliates.affiliation")


def token_of_request(request: AffiliationRequest) -> str:
    """What the private link of a request holds."""
    return _LINK.sign(request.key.hex)


def request_of_token(token: str) -> AffiliationRequest | None:
    """The request behind a link that we made; None for any other."""
    try:
        key = UUID(hex=_LINK.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return AffiliationRequest.objects.select_related("agency", "affiliate").filter(key=key).first()


def path_of(request: AffiliationRequest) -> str:
    """The private page of a request."""
    return reverse("affiliates:affiliation", kwargs={"token": token_of_request(request)})


@transaction.atomic
def begin_affiliation(
    *,
    at: datetime.datetime,
    intent: UUID,
    firm: NewFirm,
    agency: Agency,
    language: Language,
) -> AffiliationRequest:
    """Keep what a visitor told, and send the private link to the address given. The same intent gives the first one."""
    told = tidy_firm(firm)
    facts = {name: getattr(told, name) for name in NewFirm.__dataclass_fields__}
    facts["legal_form"] = told.legal_form.value
    row, created = AffiliationRequest.objects.get_or_create(
        intent=intent,
        defaults={**facts, "agency": agency, "language": language.value, "created_at": at},
    )
    if created:
        audit.record(actor=None, action="affiliation.begun", subject=row)
        _tell(row, "begun", at)
    return row


@transaction.atomic
def correct_affiliation(
    *, request: AffiliationRequest, firm: NewFirm, agency: Agency
) -> AffiliationRequest:
    """Write what the firm tells anew before it sends its request; the same again changes nothing.

    The address stays: having received the link there is what proves it. Refuses once sent (RequestMoveRefused).
    """
    row = _relock(request)
    move_affiliation(AffiliationState(row.state), RequestAct.EDIT, RequestParty.APPLICANT)
    told = tidy_firm(firm)
    facts: dict[str, object] = {name: getattr(told, name) for name in NewFirm.__dataclass_fields__}
    facts |= {"legal_form": told.legal_form.value, "email": row.email, "agency": agency}
    changed = sorted(name for name, value in facts.items() if getattr(row, name) != value)
    if not changed:
        return row
    for name in changed:
        setattr(row, name, facts[name])
    row.save(update_fields=changed)
    audit.record(actor=None, action="affiliation.edit", subject=row, fields=changed)
    return row


@transaction.atomic
def forget_drafts(*, at: datetime.datetime, most: int) -> int:
    """Delete at most so many drafts that nobody sent in the days the register keeps them; how many.

    Nobody proved the address of such a request: nothing allows keeping what was typed there.
    """
    days = int(value_at("affiliation.draft_days", clock.day_of(at)).value)
    stale = AffiliationRequest.objects.select_for_update(of=("self",), skip_locked=True).filter(
        state=AffiliationState.DRAFT.value, created_at__lt=at - datetime.timedelta(days=days)
    )
    rows = list(stale.order_by("pk")[:most])
    for row in rows:
        audit.record(actor=None, action="affiliation.forgotten", subject=row)
        row.delete()
    return len(rows)


@transaction.atomic
def send_affiliation(
    *, at: datetime.datetime, request: AffiliationRequest, pieces: Sequence[Upload]
) -> AffiliationRequest:
    """Confirm the address and send the request with its pieces (ProofMissing without). Sent again, changes nothing."""
    row = _relock(request)
    if row.state == AffiliationState.SENT:
        return row
    state = move_affiliation(AffiliationState(row.state), RequestAct.SEND, RequestParty.APPLICANT)
    _keep_pieces(row, pieces)
    row.sent_at = at
    return _move(row, state, RequestAct.SEND, RequestParty.APPLICANT, None, at)


@transaction.atomic
def answer_affiliation(
    *, at: datetime.datetime, request: AffiliationRequest, text: str, pieces: Sequence[Upload]
) -> AffiliationRequest:
    """Give the fund the piece it asked for (ProofMissing without)."""
    row = _relock(request)
    state = move_affiliation(AffiliationState(row.state), RequestAct.ANSWER, RequestParty.APPLICANT)
    _keep_pieces(row, pieces)
    return _move(row, state, RequestAct.ANSWER, RequestParty.APPLICANT, None, at, text)


@transaction.atomic
def withdraw_affiliation(
    *, at: datetime.datetime, request: AffiliationRequest
) -> AffiliationRequest:
    """Take the request back. Withdrawn again, changes nothing."""
    row = _relock(request)
    if row.state == AffiliationState.WITHDRAWN:
        return row
    state = move_affiliation(
        AffiliationState(row.state), RequestAct.WITHDRAW, RequestParty.APPLICANT
    )
    return _move(row, state, RequestAct.WITHDRAW, RequestParty.APPLICANT, None, at)


@transaction.atomic
def ask_applicant(
    *, actor: User, at: datetime.datetime, request: AffiliationRequest, text: str
) -> AffiliationRequest:
    """Ask the applicant for a piece, in words (ReasonMissing without). Refuses PostMissing."""
    require_post(actor, FILE_ROLES)
    row = _relock(request)
    state = move_affiliation(
        AffiliationState(row.state), RequestAct.ASK_FOR_PIECE, RequestParty.CLERK
    )
    check_words(text)
    return _move(row, state, RequestAct.ASK_FOR_PIECE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def refuse_affiliation(
    *, actor: User, at: datetime.datetime, request: AffiliationRequest, text: str
) -> AffiliationRequest:
    """Refuse, with a reason that the applicant reads (ReasonMissing without). Refused again, changes nothing.

    Refuses whoever handles no files (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    row = _relock(request)
    if row.state == AffiliationState.REFUSED:
        return row
    state = move_affiliation(AffiliationState(row.state), RequestAct.REFUSE, RequestParty.CLERK)
    check_words(text)
    row.decided_at = at
    return _move(row, state, RequestAct.REFUSE, RequestParty.CLERK, actor, at, text)


@transaction.atomic
def accept_affiliation(
    *, actor: User, at: datetime.datetime, request: AffiliationRequest
) -> AffiliationRequest:
    """Affiliate the firm under a new number and invite its first owner. Accepted again, changes nothing.

    Refuses a second affiliation of the same ICE (FirmExists).
    Whoever handles no files is refused (PostMissing).
    """
    require_post(actor, FILE_ROLES)
    row = _relock(request)
    if row.state == AffiliationState.ACCEPTED:
        return row
    state = move_affiliation(AffiliationState(row.state), RequestAct.GRANT, RequestParty.CLERK)
    lock_affiliations()
    same = Affiliate.objects.filter(ice=row.ice).first()
    if same is not None:
        raise FirmExists(name=same.name, number=same.affiliation_number)
    affiliate = register(
        actor=actor,
        at=at,
        affiliation_number=next_affiliation_number(),
        name=row.name,
        name_ar=row.name_ar,
        activity=row.activity,
        address=row.address,
        city=row.city,
        postal_code=row.postal_code,
        ice=row.ice,
        agency=row.agency,
        affiliated_on=row.first_hire_on,
    )
    affiliate.legal_form = LegalForm(row.legal_form).value
    affiliate.tax_id, affiliate.trade_register = row.tax_id, row.trade_register
    affiliate.save(update_fields=["legal_form", "tax_id", "trade_register"])
    row.affiliate, row.decided_at = affiliate, at
    done = _move(
        row,
        state,
        RequestAct.GRANT,
        RequestParty.CLERK,
        actor,
        at,
        affiliation_number=affiliate.affiliation_number,
    )
    invite(
        actor=actor,
        at=at,
        affiliate=affiliate,
        email=row.email,
        full_name=row.contact_name,
        role=Role.OWNER,
        language=Language(row.language),
    )
    return done


# ---------------------------------------------------------------- shared


def _relock(request: AffiliationRequest) -> AffiliationRequest:
    row = AffiliationRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    row.agency = request.agency
    return row


def _keep_pieces(row: AffiliationRequest, uploads: Sequence[Upload]) -> None:
    if not uploads:
        raise ProofMissing()
    keep_pieces(row, uploads, stored_by=None)


def _move(
    row: AffiliationRequest,
    state: AffiliationState,
    act: RequestAct,
    party: RequestParty,
    actor: User | None,
    at: datetime.datetime,
    text: str = "",
    affiliation_number: str = "",
) -> AffiliationRequest:
    row.state = state.value
    row.save()
    step = take_step(row, act, party, actor, at, text)
    audit.record(
        actor=actor,
        action=f"affiliation.{act.value}",
        subject=row,
        affiliation_number=affiliation_number,
    )
    if party is RequestParty.CLERK:
        _tell(row, str(step.pk), at)
    return row


def _tell(row: AffiliationRequest, event: str, at: datetime.datetime) -> None:
    """A letter with the private link; the link opens the request, so the text is forgotten once sent."""
    mail.write(
        key=f"affiliation:{row.pk}:{event}",
        to=mail.Address(row.email, Language(row.language)),
        template=f"affiliates/mail/affiliation_{'begun' if event == 'begun' else 'moved'}.txt",
        facts={"name": row.name, "number": row.number, "state": AffiliationState(row.state)},
        at=at,
        path=path_of(row),
        is_secret=True,
    )
