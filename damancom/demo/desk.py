"""The desk of the demo: money that waits for its second person, a credit asked back, plans and remissions decided."""

import datetime
from decimal import Decimal

from affiliates.enums import ReviewVerdict
from affiliates.models import StaffAssignment
from affiliates.workflows import review_post
from damancom.demo import world
from damancom.demo.register import Register
from payments.models import BankLine, PaymentSlip
from payments.queries import credit_of
from payments.workflows import acts, grace
from payments.workflows.allocations import Part
from payments.workflows.grace import Terms
from portal import clock
from regulation.grace import most_instalments
from regulation.identifiers import rib_key
from regulation.money import round_half_up

_BODY = "9224500000771200440019"


def live(register: Register, *, now: datetime.datetime) -> None:
    """Each page of the desk has one case to look at, and one to decide."""
    _waiting_money(register, now)
    _credit(register, now)
    _plans(register, now)
    _refusal(register, now)
    _posts(register, now)


def _waiting_money(register: Register, now: datetime.datetime) -> None:
    """The treasurer has recognised the transfer without reference; it is too large for one person."""
    line = BankLine.objects.filter(verdict="ATT", free_text__contains="ATLAS MAILLE").first()
    owed = PaymentSlip.objects.filter(
        affiliate=register.affiliates["textile"], outstanding__gt=0
    ).first()
    if line is None or owed is None or owed.outstanding != line.amount:
        return
    acts.assign_or_propose(
        actor=register.treasurer,
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


def _plans(register: Register, now: datetime.datetime) -> None:
    """The riad pays in instalments; half of the garage’s surcharges is forgiven if it pays the rest at once."""
    _granted(
        register,
        "riad",
        forgiven=0,
        count=3,
        asked_at=now - datetime.timedelta(days=4),
        reason="La saison a commencé avec deux mois de retard ; les réservations d’hiver sont fermes.",
        opinion="Toujours à jour avant l’automne ; la trésorerie des prochains mois suffit.",
    )
    _granted(
        register,
        "garage",
        forgiven=2,
        count=1,
        asked_at=now - datetime.timedelta(days=3),
        reason="Un gros client a payé avec deux mois de retard.",
        opinion="Première demande en dix ans, et le reste est payé d’un coup.",
    )


def _granted(
    register: Register,
    key: str,
    *,
    forgiven: int,
    count: int,
    asked_at: datetime.datetime,
    reason: str,
    opinion: str,
) -> None:
    """One request, proposed the next day by the treasurer and granted the day after; 1/`forgiven` is forgiven."""
    firm, affiliate, day = (
        world.firm(key),
        register.affiliates[key],
        datetime.timedelta(days=1),
    )
    on = clock.day_of(asked_at)
    covered = grace.overdue(affiliate, on)
    extras = sum((one.amount for one in covered if not one.is_principal), Decimal("0.00"))
    debt = sum((one.amount for one in covered), Decimal("0.00"))
    remitted = round_half_up(extras / forgiven) if forgiven else Decimal("0.00")
    count = min(count, most_instalments(debt - remitted, on))
    if not covered or (not remitted and count < 2):
        return
    made = grace.request_grace(
        actor=register.user(firm.owner),
        affiliate=affiliate,
        terms=Terms(remitted, count, on + 20 * day),
        reason=reason,
        at=asked_at,
    )
    grace.propose(actor=register.treasurer, grace_id=made.pk, opinion=opinion, at=asked_at + day)
    grace.grant(actor=register.supervisor, grace_id=made.pk, at=asked_at + 2 * day)


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


def _posts(register: Register, now: datetime.datetime) -> None:
    """Somebody looked at each post this autumn, except at one."""
    supervisor, deputy = register.user(world.SUPERVISOR), register.user(world.DEPUTY)
    for post in StaffAssignment.objects.select_related("user").order_by("pk"):
        if post.user.email != world.TREASURER.email:
            review_post(
                actor=deputy if post.user_id == supervisor.pk else supervisor,
                at=now - datetime.timedelta(days=40),
                post=post,
                verdict=ReviewVerdict.KEPT,
                reason="Toujours à ce poste, vu avec son responsable.",
            )
