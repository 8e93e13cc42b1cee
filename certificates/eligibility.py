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
from regulation.parameters import due_day, value_at
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
class PersonStanding:
    """What the fund knows of an employee at one employer: whether they are theirs, and the months declared."""

    is_known: bool
    declared: frozenset[Period] = frozenset()


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
    about: str = "",
    person: PersonStanding | None = None,
) -> Eligibility:
    """Say whether ``kind`` may be issued.

    A certificate with a range covers ``first`` to ``last``, both included; those of good standing have their own
    (``standing_range``). ``about`` is the call for tenders, ``person`` the employee.
    """
    if kind is CertificateKind.REGISTRATION:
        return registration(standing)
    if kind is CertificateKind.STANDING:
        return good_standing(standing)
    if kind is CertificateKind.TENDER:
        return tender(standing, about)
    if kind is CertificateKind.EMPLOYEE:
        return employee(person)
    if first is None or last is None:
        raise ValueError(f"a certificate of kind {kind.value} has a first and a last period")
    if kind is CertificateKind.EMPLOYEES:
        return employees(standing, first, last)
    if kind is CertificateKind.WAGES:
        return wages(standing, first, last, person)
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
    return Eligibility((*_undeclared(standing, first, last), *_in_arrears(standing)))


def standing_range(standing: Standing) -> tuple[Period, Period] | None:
    """The months that a good standing looks at: the last ones whose due day has passed, after affiliation.

    How many is a policy (``certificate.standing_months``). None when nothing has fallen due yet.
    """
    last = standing.last_closed
    while due_day(last) >= standing.on:
        last = last.previous()
    affiliated = Period.from_day(standing.affiliated_on)
    if last < affiliated:
        return None
    months = int(value_at("certificate.standing_months", standing.on).value)
    return max(affiliated, last - (months - 1)), last


def good_standing(standing: Standing) -> Eligibility:
    """A good standing needs an open activity, every due month of its range declared, and no arrears at all."""
    closed = registration(standing)
    if not closed.granted:
        return closed
    span = standing_range(standing)
    if span is None:
        return Eligibility(
            (
                Refusal(
                    RefusalReason.RANGE,
                    _("Aucune déclaration n’est encore échue depuis l’affiliation."),
                    _(
                        "L’attestation pourra être délivrée après la première échéance, le {due}. D’ici là, "
                        "l’attestation d’affiliation est disponible."
                    ),
                    {"due": due_day(Period.from_day(standing.affiliated_on))},
                ),
            )
        )
    return Eligibility((*_undeclared(standing, *span), *_in_arrears(standing)))


def tender(standing: Standing, about: str) -> Eligibility:
    """A tender certificate is a good standing that names its call for tenders, so that it serves that one only."""
    refusals = good_standing(standing).refusals
    if not about.strip():
        refusals += (
            Refusal(
                RefusalReason.TENDER,
                _("Le marché n’est pas désigné."),
                _("Écrivez le numéro de l’appel d’offres et le nom de l’acheteur public."),
            ),
        )
    return Eligibility(refusals)


def employees(standing: Standing, first: Period, last: Period) -> Eligibility:
    """A list of declared employees is about one declared month; it clears nobody, so arrears do not stop it."""
    impossible = _range_refusals(standing, first, last)
    return Eligibility(impossible or _undeclared(standing, first, last))


def employee(person: PersonStanding | None) -> Eligibility:
    """An employee's registration is attested to the employer who employs or declared them."""
    return Eligibility(() if person is not None and person.is_known else (_unknown_person(),))


def wages(
    standing: Standing, first: Period, last: Period, person: PersonStanding | None
) -> Eligibility:
    """An employee's declared wages: a possible range, all of it declared, the employee in one month at least.

    What the employer owes is not the employee's fault: arrears do not stop it.
    """
    if person is None or not person.is_known:
        return Eligibility((_unknown_person(),))
    impossible = _range_refusals(standing, first, last)
    if impossible:
        return Eligibility(impossible)
    refusals = _undeclared(standing, first, last)
    if not any(first <= period <= last for period in person.declared):
        refusals += (
            Refusal(
                RefusalReason.PERSON,
                _("Ce salarié n’est déclaré dans aucun mois de la période demandée."),
                _(
                    "Choisissez une autre période ; s’il y travaillait, corrigez la déclaration du mois."
                ),
            ),
        )
    return Eligibility(refusals)


def _unknown_person() -> Refusal:
    return Refusal(
        RefusalReason.PERSON,
        _("Aucun salarié de cet employeur ne porte ce numéro d’immatriculation."),
        _("Relisez les neuf chiffres, ou ouvrez la fiche du salarié et demandez depuis sa page."),
    )


def _undeclared(standing: Standing, first: Period, last: Period) -> tuple[Refusal, ...]:
    missing = tuple(
        first + rank
        for rank in range(first.months_until(last) + 1)
        if first + rank not in standing.declared
    )
    if not missing:
        return ()
    return (
        Refusal(
            RefusalReason.UNDECLARED,
            _("Des mois de la période demandée n’ont pas de déclaration déposée : {count}."),
            _(
                "Déposez les déclarations de ces mois, ou choisissez une période qui ne les contient pas."
            ),
            {"count": len(missing)},
            missing,
        ),
    )


def _in_arrears(standing: Standing) -> tuple[Refusal, ...]:
    if not standing.arrears:
        return ()
    return (
        Refusal(
            RefusalReason.ARREARS,
            _("Des cotisations échues restent à payer : {amount} DH."),
            _(
                "Payez ces bordereaux, ou contestez la ligne que vous estimez fausse : un montant contesté "
                "ne bloque pas l’attestation."
            ),
            {"amount": sum((arrear.amount for arrear in standing.arrears), Decimal("0.00"))},
            tuple(arrear.period for arrear in standing.arrears),
        ),
    )


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
