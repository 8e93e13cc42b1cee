"""The one way to send mail: a row written with the fact it tells, sent afterwards, whatever breaks meanwhile.

``write`` renders the letter in the language of who will read it and inserts a row in the caller's transaction: no
fact without its letter, no letter without its fact, and one letter per event (``key``) however often it is asked for.
``send_due`` runs every few seconds. A row is claimed by one run at a time and its outcome is written at once. A mail
server that is away costs nothing but time: the letter waits, longer and longer, and is never given up for that.

One doubt no program can remove: killed between the server's « 250 » and our commit, the letter leaves again. It then
carries the same Message-ID, by which mailboxes recognise a copy.
"""

import datetime
import hashlib
import logging
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.template import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils import translation

from portal import clock, jobs
from portal.enums import JobState, Language, MailOutcome
from portal.failpoints import failpoint
from portal.models import Mail, User
from portal.request_code import current_request_id

logger = logging.getLogger(__name__)

MOST_LOST = 3
#: A server that says « later » for this letter is asked again for as long as this.
GIVEN_UP_AFTER = datetime.timedelta(days=5)
#: One run of the task sends at most so many, then leaves the place to the next run.
A_RUN = 500
#: How long the text of a letter is kept once it has left; its line stays, so that it never leaves twice.
KEPT = datetime.timedelta(days=90)

_STOP = signing.Signer(salt="portal.mail.stop")


@dataclass(frozen=True, slots=True)
class Address:
    """Somebody who has no account yet."""

    email: str
    language: Language = Language.FRENCH


def write(
    *,
    key: str,
    to: User | Address,
    template: str,
    facts: Mapping[str, object],
    at: datetime.datetime,
    path: str = "",
    is_reminder: bool = False,
    is_secret: bool = False,
) -> None:
    """Write one letter, to be sent once the caller's transaction is committed.

    ``key`` names the event and who is told (« deadline:2045187:2026-10:7 »): a second letter of the same key is not
    written. ``template`` is a text template: its first line is the subject, the rest the letter without greeting,
    link or signature; ``facts`` are what it names, no more than the reader needs. ``path`` is the page to open, added
    as a full address under PUBLIC_URL. A reminder (``is_reminder``, for accounts only) can be stopped by its reader
    and is not written to who has stopped them. A secret letter is forgotten once sent.
    """
    account = to if isinstance(to, User) else None
    if account is not None and not (
        account.is_active and (account.wants_reminders or not is_reminder)
    ):
        return
    subject, text = _rendered(template, Language(to.language), facts, path)
    Mail.objects.bulk_create(
        [
            Mail(
                key=key,
                user=account,
                address=to.email,
                language=Language(to.language).value,
                is_reminder=is_reminder,
                is_secret=is_secret,
                subject=subject,
                text=text,
                created_at=at,
                due_at=at,
                request_id=current_request_id.get(),
            )
        ],
        ignore_conflicts=True,
    )


def _rendered(
    template: str, language: Language, facts: Mapping[str, object], path: str
) -> tuple[str, str]:
    with translation.override(language.value):
        said = _plain(template, dict(facts))
        subject, _line_feed, body = said.strip().partition("\n")
        link = settings.PUBLIC_URL + path if path else ""
        text = _plain("portal/mail/letter.txt", {"body": body.strip(), "link": link})
    return " ".join(subject.split())[:200], text.strip() + "\n"


def _plain(template: str, context: dict[str, Any]) -> str:
    """A text template, nothing escaped: it is not markup."""
    engine: Any = get_template(template)
    return str(engine.template.render(Context(context, autoescape=False)))


# -- sending -------------------------------------------------------------------------------------


def send_due() -> int:
    """Send the letters that are due, oldest first, over one connection; returns how many left.

    Stops at the first sign that the server is away: the letters stay due, and the next run tries again.
    """
    sent = 0
    connection = get_connection()
    try:
        for _turn in range(A_RUN):
            mail = _claim(clock.now())
            if mail is None:
                break
            failpoint("mail-claimed")
            try:
                answer = _send(mail, connection)
            except (OSError, smtplib.SMTPException) as away:
                logger.warning("mail server away: %s", type(away).__name__)
                _postpone(mail, clock.now(), type(away).__name__)
                break
            failpoint("mail-sent")
            sent += _conclude(mail, clock.now(), answer)
    finally:
        _close(connection)
    return sent


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException):
        logger.warning("mail server away while closing")


@transaction.atomic
def _claim(at: datetime.datetime) -> Mail | None:
    """The next letter to send, marked as in hand; letters nobody must get, or that kill, are put aside on the way."""
    rows = Mail.objects.select_for_update(of=("self",), skip_locked=True).select_related("user")
    mail = jobs.due(rows.filter(due_at__lte=at), at=at).order_by("due_at", "pk").first()
    if mail is None:
        return None
    mail.lost += mail.state == JobState.RUNNING
    mail.attempts += 1
    mail.state, mail.started_at = JobState.RUNNING.value, at
    mail.save(update_fields=["attempts", "lost", "state", "started_at"])
    return mail


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one letter: it left, or why not; ``is_final`` unless it is worth asking again."""

    outcome: MailOutcome | None = None
    is_final: bool = True
    said: str = ""


def _send(mail: Mail, connection: BaseEmailBackend) -> _Answer:
    """Hand one letter over. Raises OSError or SMTPException when the fault is the server's, not the letter's."""
    if mail.lost >= MOST_LOST:
        return _Answer(MailOutcome.POISON)
    if mail.user is not None and not mail.user.is_active:
        return _Answer(MailOutcome.CLOSED)
    if mail.user is not None and mail.is_reminder and not mail.user.wants_reminders:
        return _Answer(MailOutcome.STOPPED)
    connection.open()  # once; the letters after this one find it open
    try:
        letter(mail, connection).send()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _words in refused.recipients.values()]
        return _refusal(max(codes, default=550))
    except smtplib.SMTPDataError as refused:
        return _refusal(refused.smtp_code)
    except ValueError:
        # An address or a subject that no letter can carry (a line feed, a character outside the address's alphabet).
        logger.exception("mail %s cannot be written", mail.pk)
        return _Answer(MailOutcome.REFUSED, said="en-tête")
    return _Answer()


def _refusal(code: int) -> _Answer:
    return _Answer(MailOutcome.REFUSED, is_final=code >= 500, said=str(code))


def letter(mail: Mail, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """The letter as it leaves: text, the same as a simple page, and the headers that let mailboxes treat it well."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    mark = hashlib.sha256(mail.key.encode()).hexdigest()[:24]
    headers = {"Message-ID": f"<{mark}.{mail.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    if mail.request_id:
        headers["X-Request-Code"] = mail.request_id
    text, stop = mail.text, ""
    with translation.override(mail.language):
        if mail.is_reminder and mail.user_id is not None:
            stop = settings.PUBLIC_URL + reverse("portal:stop_reminders", args=[_token(mail)])
            headers["List-Unsubscribe"] = f"<{stop}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            text += _plain("portal/mail/stop.txt", {"stop": stop})
        page = get_template("portal/mail/letter.html").render(
            {"text": mail.text, "subject": mail.subject, "stop": stop}
        )
    message = EmailMultiAlternatives(
        mail.subject, text, to=[mail.address], headers=headers, connection=connection
    )
    message.attach_alternative(page, "text/html")
    return message


@transaction.atomic
def _conclude(mail: Mail, at: datetime.datetime, answer: _Answer) -> bool:
    """Write what became of a claimed letter; says whether it left. A claim that was taken over writes nothing."""
    if not answer.is_final and at - mail.created_at < GIVEN_UP_AFTER:
        _postpone(mail, at, answer.said)
        return False
    left = answer.outcome is None
    parked = answer.outcome in (MailOutcome.REFUSED, MailOutcome.POISON)
    changes: dict[str, object] = {
        "state": (JobState.PARKED if parked else JobState.DONE).value,
        "outcome": answer.outcome.value if answer.outcome else "",
        "answer": answer.said,
        "sent_at": at if left else None,
    }
    if mail.is_secret and not parked:
        changes["text"] = ""
    _mine(mail).update(**changes)
    return left


def _postpone(mail: Mail, at: datetime.datetime, said: str) -> None:
    """Ask again later: after half the age of the letter, between half a minute and an hour."""
    wait = min(
        max((at - mail.created_at) / 2, datetime.timedelta(seconds=30)), datetime.timedelta(hours=1)
    )
    _mine(mail).update(state=JobState.WAITING.value, due_at=at + wait, answer=said[:40])


def _mine(mail: Mail) -> Any:
    return Mail.objects.filter(pk=mail.pk, state=JobState.RUNNING.value, attempts=mail.attempts)


def forget_old(*, at: datetime.datetime, most: int) -> int:
    """Erase the text of at most so many letters finished or put aside long ago; returns how many.

    With it goes the address of whoever has no account. Their keys stay: none leaves twice.
    """
    old = Mail.objects.filter(
        state__in=[JobState.DONE.value, JobState.PARKED.value], created_at__lt=at - KEPT
    )
    named = Q(user__isnull=True) & ~Q(address="")
    found = list(old.filter(~Q(text="") | named).order_by("pk").values_list("pk", flat=True)[:most])
    rows = Mail.objects.filter(pk__in=found)
    rows.filter(user__isnull=True).update(address="")
    return rows.update(text="")


# -- stopping ------------------------------------------------------------------------------------


def _token(mail: Mail) -> str:
    return _STOP.sign(str(mail.user_id))


def reader_of(token: str) -> User | None:
    """Whose reminders the signed link of a letter stops; None for a link that we did not make."""
    try:
        number = _STOP.unsign(token)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=int(number), is_active=True).first()
