"""Links that let whoever holds them read one certificate for some days, without an account."""

import base64
import datetime
import uuid

from django.db import transaction
from django.utils.crypto import salted_hmac

from certificates import queries
from certificates.enums import SharedPart
from certificates.errors import IntentReused, SharesTooMany, ShareTooLong
from certificates.models import Certificate, ShareLink, ShareOpening
from certificates.numbers import TOKEN_LENGTH
from portal import audit
from portal.models import User

LONGEST_SHARE = datetime.timedelta(days=90)
MOST_SHARES = 10


def token_of(link: ShareLink) -> str | None:
    """The 28 letters and digits that open a link, for whoever made it; None once the key of this portal changed.

    They are worked out again from the secret of the installation: the database holds their digest alone, so that a
    copy of it opens nothing.
    """
    token = _token(link.intent)
    return token if queries.digest_of_token(token) == link.token_digest else None


def _token(intent: uuid.UUID) -> str:
    mark = salted_hmac("certificates.share", intent.hex, algorithm="sha256").digest()
    return base64.b32encode(mark).decode()[:TOKEN_LENGTH]


@transaction.atomic
def share(
    *,
    actor: User,
    certificate: Certificate,
    intent: uuid.UUID,
    label: str,
    lasting: datetime.timedelta,
    at: datetime.datetime,
) -> ShareLink:
    """Make a link that opens this certificate, with its paper, until ``at`` plus ``lasting`` (90 days at most).

    ``label`` says for whom (120 characters kept). The same intent again gives the first link. Refuses ShareTooLong,
    SharesTooMany above ten open links of one certificate, and IntentReused.
    """
    certificate = (
        Certificate.objects.select_for_update(of=("self",))
        .select_related("affiliate")
        .get(pk=certificate.pk)
    )
    earlier = ShareLink.objects.filter(intent=intent).first()
    if earlier is not None:
        if earlier.certificate_id != certificate.pk:
            raise IntentReused
        return earlier
    if not datetime.timedelta(0) < lasting <= LONGEST_SHARE:
        raise ShareTooLong(days=LONGEST_SHARE.days)
    if queries.open_links(certificate, at=at).count() >= MOST_SHARES:
        raise SharesTooMany(most=MOST_SHARES)
    link = ShareLink.objects.create(
        certificate=certificate,
        intent=intent,
        token_digest=queries.digest_of_token(_token(intent)),
        label=" ".join(label.split())[:120],
        made_by=actor,
        made_at=at,
        expires_at=at + lasting,
    )
    _record(actor, "certificate.shared", link, until=link.expires_at.isoformat())
    return link


@transaction.atomic
def withdraw(*, actor: User, link: ShareLink, at: datetime.datetime) -> ShareLink:
    """Close a link at once; already withdrawn, nothing changes."""
    link = _locked(link)
    if link.withdrawn_at is None:
        link.withdrawn_at, link.withdrawn_by = at, actor
        link.save(update_fields=["withdrawn_at", "withdrawn_by"])
        _record(actor, "certificate.share_withdrawn", link)
    return link


@transaction.atomic
def note_opening(*, link: ShareLink, part: SharedPart, at: datetime.datetime) -> None:
    """Write down that somebody read the page or fetched the paper through a link; the firm sees it."""
    ShareOpening.objects.create(link=link, part=part.value, at=at)
    _record(None, "certificate.share_opened", link, part=part.value)


def _locked(link: ShareLink) -> ShareLink:
    return (
        ShareLink.objects.select_for_update(of=("self",))
        .select_related("certificate__affiliate")
        .get(pk=link.pk)
    )


def _record(actor: User | None, action: str, link: ShareLink, **facts: object) -> None:
    certificate = link.certificate
    audit.record(
        actor=actor,
        action=action,
        subject=link,
        affiliation_number=certificate.affiliate.affiliation_number,
        number=certificate.number,
        label=link.label,
        **facts,
    )
