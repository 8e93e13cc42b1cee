"""What the demo's firms asked for: certificates of both kinds, one renewed, one revoked."""

import datetime
import uuid

from certificates import workflows as certifying
from certificates.enums import CertificateKind
from damancom.demo.register import Register
from portal.clock import CASABLANCA

_NAMES = uuid.UUID("6f1d2c0e-58b1-4c7e-9a57-0d1f3c0a2026")


def intent(name: str) -> uuid.UUID:
    """The same intention at each run, so that asking again finds what was made."""
    return uuid.uuid5(_NAMES, name)


def certificates(register: Register, *, now: datetime.datetime) -> None:
    """Asked over the last weeks: what is valid, what a newer one replaced, what was issued in error."""
    clinic, textile = register.affiliates["clinic"], register.affiliates["textile"]
    bakery = register.affiliates["bakery"]
    directors = {
        "bakery": register.people["nadia@boulangerie.example"],
        "clinic": register.people["direction@clinique.example"],
        "textile": register.people["direction@atlasmaille.example"],
    }
    first, last = register.first_month, register.last_month

    def ago(days: int, hour: int) -> datetime.datetime:
        day = now.astimezone(CASABLANCA).date() - datetime.timedelta(days=days)
        at = datetime.datetime.combine(day, datetime.time(hour), CASABLANCA)
        return min(at.astimezone(datetime.UTC), now)

    certifying.request(
        actor=directors["bakery"],
        affiliate=bakery,
        kind=CertificateKind.REGISTRATION,
        intent=intent("bakery registration"),
        at=ago(40, 10),
    )
    for name, days in (("clinic payroll", 25), ("clinic payroll again", 6)):
        certifying.request(
            actor=directors["clinic"],
            affiliate=clinic,
            kind=CertificateKind.PAYROLL,
            intent=intent(name),
            at=ago(days, 11),
            first=first,
            last=last - 2,
        )
    certifying.request(
        actor=directors["clinic"],
        affiliate=clinic,
        kind=CertificateKind.EMPLOYEES,
        intent=intent("clinic employees"),
        at=ago(5, 15),
        first=last - 2,
        last=last - 2,
    )
    wrong = certifying.request(
        actor=directors["textile"],
        affiliate=textile,
        kind=CertificateKind.REGISTRATION,
        intent=intent("textile registration"),
        at=ago(12, 9),
    )
    certifying.revoke(
        actor=register.supervisor,
        certificate=wrong,
        reason="L’adresse imprimée n’est plus celle du siège.",
        at=ago(9, 15),
    )
