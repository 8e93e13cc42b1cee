"""What a firm is told of a certificate that stopped being valid without its asking."""

import datetime

from django.urls import reverse

from affiliates.access import who_may
from affiliates.enums import ROLE_SCOPES, Role, Scope
from affiliates.models import Membership
from certificates.enums import ReasonKind
from certificates.models import Certificate
from portal import mail
from portal.clock import day_of
from portal.models import User

_HOLDING = [role.value for role in Role if Scope.CERTIFICATES in ROLE_SCOPES[role]]


def tell_issue(certificate: Certificate, *, at: datetime.datetime) -> None:
    """One letter to each reader when a member of staff issued it for them, in the transaction of the issue."""
    firm = certificate.affiliate
    for reader in _members(certificate):
        mail.write(
            key=f"certificate:{certificate.number}:issued:{reader.pk}",
            to=reader,
            template="certificates/mail/issued.txt",
            facts={"certificate": certificate, "firm": firm},
            at=at,
            path=reverse(
                "certificates:certificate", args=[firm.affiliation_number, certificate.number]
            ),
        )


def tell_end(certificate: Certificate, *, at: datetime.datetime) -> None:
    """One letter to each reader, in the transaction that ends the certificate; none when the firm renewed it."""
    reason = ReasonKind(certificate.ended_because)
    if reason is ReasonKind.RENEWED:
        return
    firm = certificate.affiliate
    for reader in _readers(certificate, at=at):
        mail.write(
            key=f"certificate:{certificate.number}:{reason.value}:{reader.pk}",
            to=reader,
            template="certificates/mail/ended.txt",
            facts={
                "certificate": certificate,
                "firm": firm,
                "reason": reason.label,
                "is_corrected": reason is ReasonKind.DECLARATION_CORRECTED,
            },
            at=at,
            path=reverse(
                "certificates:certificate", args=[firm.affiliation_number, certificate.number]
            ),
        )


def _readers(certificate: Certificate, *, at: datetime.datetime) -> list[User]:
    """Who asks for certificates in the firm's name, and whoever asked for this one if they still may."""
    found = {member.pk: member for member in _members(certificate)}
    asker = certificate.issued_by
    pairs = who_may(Scope.READ, [asker], on=day_of(at))
    if (asker.pk, certificate.affiliate_id) in pairs:
        found[asker.pk] = asker
    return list(found.values())


def _members(certificate: Certificate) -> list[User]:
    members = Membership.objects.filter(
        affiliate=certificate.affiliate, role__in=_HOLDING, ended_at__isnull=True
    ).select_related("user")
    return [member.user for member in members.order_by("pk")]
