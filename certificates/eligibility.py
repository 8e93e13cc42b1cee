"""Which certificate may be issued today: facts in, granted or refused with every reason and its remedy.

Pure: the same answer before asking, at the request, and for a member of staff. No public text gives the conditions;
what is known is that the fund asks for arrears to be settled first, and that contributions under dispute are not
arrears (docs/decisions/certificates.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from affiliates.enums import AffiliateState
from certificates.enums import CertificateKind, RefusalReason
from regulation.periods import Period
from regulation.text import _

LONGEST_RANGE = 36


@dataclass(frozen=True, slots=True)
class Arrear:
    """What remains due on a slip past its due day, without the part that is on hold. Amount in dirhams."""

    period: Period
    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """What the fund knows of an affiliate on the day ``on``: its state, the months it declared, its arrears."""

    on: date
    state: AffiliateState
    affiliated_on: date
    declared: frozenset[Period] = frozenset()
    arrears: tuple[Arrear, ...] = ()

    @property
    def last_closed(self) -> Period:
        """The last month that is over."""
        return Period.from_day(self.on).previous()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, in words, with what to do about it; ``periods`` are the months it is about."""

    reason: RefusalReason
    message: str
    remedy: str
    facts: Mapping[str, object] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Granted when nothing stands against it."""

    refusals: tuple[Refusal, ...] = ()

    @property
    def granted(self) -> bool:
        return not self.refusals


def decide(
    kind: CertificateKind,
    standing: Standing,
    *,
    first: Period | None = None,
    last: Period | None = None,
) -> Eligibility:
    """Say whether ``kind`` may be issued; a payroll certificate covers ``first`` to ``last``, both included."""
    if kind is CertificateKind.REGISTRATION:
        return registration(standing)
    if first is None or last is None:
        raise ValueError("a payroll certificate has a first and a last period")
    return payroll(standing, first, last)


def registration(standing: Standing) -> Eligibility:
    """A registration certificate needs an affiliate whose activity has not ended."""
    if standing.state is AffiliateState.CLOSED:
        return Eligibility(
            (
                Refusal(
                    RefusalReason.CLOSED,
                    _(
                        "L’activité de cet employeur est cessée : il n’est plus affilié aujourd’hui."
                    ),
                    _("Pour une attestation portant sur le passé, adressez-vous à votre agence."),
                ),
            )
        )
    return Eligibility()


def payroll(standing: Standing, first: Period, last: Period) -> Eligibility:
    """A payroll certificate needs a possible range, every month of it declared, and no arrears.

    The range: first not after last, at most 36 months, from the month of affiliation to the last month that is
    over. An impossible range hides the other reasons, which would make no sense.
    """
    impossible = _range_refusals(standing, first, last)
    if impossible:
        return Eligibility(impossible)
    refusals = []
    missing = tuple(
        first + rank
        for rank in range(first.months_until(last) + 1)
        if first + rank not in standing.declared
    )
    if missing:
        refusals.append(
            Refusal(
                RefusalReason.UNDECLARED,
                _("Des mois de la période demandée n’ont pas de déclaration déposée : {count}."),
                _(
                    "Déposez les déclarations de ces mois, ou choisissez une période qui ne les contient pas."
                ),
                {"count": len(missing)},
                missing,
            )
        )
    if standing.arrears:
        refusals.append(
            Refusal(
                RefusalReason.ARREARS,
                _("Des cotisations échues restent à payer : {amount} DH."),
                _(
                    "Payez ces bordereaux, ou contestez la ligne que vous estimez fausse : un montant contesté "
                    "ne bloque pas l’attestation."
                ),
                {"amount": sum((arrear.amount for arrear in standing.arrears), Decimal("0.00"))},
                tuple(arrear.period for arrear in standing.arrears),
            )
        )
    return Eligibility(tuple(refusals))


def _range_refusals(standing: Standing, first: Period, last: Period) -> tuple[Refusal, ...]:
    affiliated = Period.from_day(standing.affiliated_on)
    if first > last:
        message = _("La période commence après sa fin.")
        remedy = _("Inversez les deux mois.")
    elif last > standing.last_closed:
        message = _("Le mois {last} n’est pas encore terminé.")
        remedy = _("Choisissez une période qui finit au plus tard en {closed}.")
    elif first < affiliated:
        message = _("L’employeur est affilié depuis {affiliated} seulement.")
        remedy = _("Choisissez une période qui commence au plus tôt en {affiliated}.")
    elif first.months_until(last) >= LONGEST_RANGE:
        message = _("Une attestation couvre {longest} mois au plus.")
        remedy = _("Choisissez une période plus courte, ou demandez plusieurs attestations.")
    else:
        return ()
    facts = {
        "last": last,
        "closed": standing.last_closed,
        "affiliated": affiliated,
        "longest": LONGEST_RANGE,
    }
    return (Refusal(RefusalReason.RANGE, message, remedy, facts),)
