"""The desk of the demo: money that waits for its second person, a credit asked back, a plan that runs, one refused."""

import datetime
from decimal import Decimal

from damancom.demo import world
from damancom.demo.register import Register
from payments.models import BankLine, PaymentSlip
from payments.queries import credit_of
from payments.workflows import acts, grace
from payments.workflows.allocations import Part
from payments.workflows.grace import Terms
from portal import clock
from regulation.identifiers import rib_key
from regulation.money import round_half_up

_BODY = "9224500000771200440019"


def live(register: Register, *, now: datetime.datetime) -> None:
    """Each page of the desk has one case to look at, and one to decide."""
    _waiting_money(register, now)
    _credit(register, now)
    _plan(register, now)
    _refusal(register, now)


def _waiting_money(register: Register, now: datetime.datetime) -> None:
    """The clerk has recognised the transfer without reference; it is too large for one person."""
    line = BankLine.objects.filter(verdict="ATT", free_text__contains="ATLAS MAILLE").first()
    owed = PaymentSlip.objects.filter(
        affiliate=register.affiliates["textile"], outstanding__gt=0
    ).first()
    if line is None or owed is None or owed.outstanding != line.amount:
        return
    acts.assign_or_propose(
        actor=register.clerk,
        line_id=line.pk,
        parts=[Part(line.amount, owed.payment_reference)],
        reason="Le montant est celui du bordereau ; Mme Naciri l’a confirmé au téléphone.",
        at=now - datetime.timedelta(days=1),
    )


def _credit(register: Register, now: datetime.datetime) -> None:
    """The clinic asks back half of what a corrected month gave it; nobody has answered yet."""
    affiliate = register.affiliates["clinic"]
    half = round_half_up(credit_of(affiliate) / 2)
    if half:
        acts.request_refund(
            actor=register.user(world.firm("clinic").members[2][0]),
            affiliate=affiliate,
            amount=half,
            rib=_BODY + rib_key(_BODY),
            at=now - datetime.timedelta(days=2),
        )


def _plan(register: Register, now: datetime.datetime) -> None:
    """The garage pays its debt in three instalments; half of its surcharges is forgiven if it keeps to them."""
    affiliate, asked_at = register.affiliates["garage"], now - datetime.timedelta(days=3)
    covered = grace.overdue(affiliate, clock.day_of(asked_at))
    extras = sum((one.amount for one in covered if not one.is_principal), Decimal("0.00"))
    if not covered:
        return
    first_on = clock.day_of(asked_at) + datetime.timedelta(days=20)
    made = grace.request_grace(
        actor=register.user(world.firm("garage").owner),
        affiliate=affiliate,
        terms=Terms(round_half_up(extras / 2), 3, first_on),
        reason="Un gros client a payé avec deux mois de retard ; le chantier suivant est signé.",
        at=asked_at,
    )
    grace.propose(
        actor=register.clerk,
        grace_id=made.pk,
        opinion="Première demande en dix ans ; la trésorerie des trois prochains mois suffit.",
        at=asked_at + datetime.timedelta(days=1),
    )
    grace.grant(
        actor=register.supervisor, grace_id=made.pk, at=asked_at + datetime.timedelta(days=2)
    )


def _refusal(register: Register, now: datetime.datetime) -> None:
    """Atlas Maille asks that the surcharges of its lost transfer be forgiven: another way is the right one."""
    affiliate, asked_at = register.affiliates["textile"], now - datetime.timedelta(days=6)
    covered = grace.overdue(affiliate, clock.day_of(asked_at))
    extras = sum((one.amount for one in covered if not one.is_principal), Decimal("0.00"))
    if not extras:
        return
    made = grace.request_grace(
        actor=register.user(world.firm("textile").owner),
        affiliate=affiliate,
        terms=Terms(extras, 1, clock.day_of(asked_at) + datetime.timedelta(days=15)),
        reason="Nous avons payé à temps, sans la référence.",
        at=asked_at,
    )
    grace.refuse(
        actor=register.supervisor,
        grace_id=made.pk,
        reason="Une remise n’est pas nécessaire : votre virement est retrouvé et comptera à sa date.",
        at=asked_at + datetime.timedelta(days=4),
    )
