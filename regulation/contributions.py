"""Contributions of a period: wages in, lines by branch out, each with its working.

Rounding (a management choice, `policy.rounding.unit`): cap each wage, sum, then
round half-up to the centime once per box of the payment slip (form 511-1-01).
Inside a box the employee share is rounded on its own rate and the employer
share is the rest; the last branch of a box takes what the others leave.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from regulation.enums import Box, Branch, ContributionStatus
from regulation.errors import DomainError
from regulation.money import ZERO, check_amount, format_amount, format_rate, round_half_up
from regulation.parameters import Choice, Value, Version, choice_at, french_day, value_at
from regulation.periods import Period
from regulation.series import CHOICES
from regulation.text import Sentence, _

HUNDRED = Decimal(100)
NO_RATE = Decimal("0.00")


class UnknownStatus(DomainError):
    """The status is not one of `ContributionStatus`."""

    code = "contributions.unknown_status"
    message = _("Le statut « {value} » n’existe pas : choisissez parmi {known}.")


class CappedAboveGross(DomainError):
    """A capped wage, or a sum of them, exceeds the real one."""

    code = "contributions.capped_above_gross"
    message = _(
        "Le salaire plafonné {capped} DH dépasse le salaire réel {gross} DH : corrigez l’un des deux."
    )


class TakeoverAboveTotal(DomainError):
    """Wages taken over by the State exceed all wages."""

    code = "contributions.takeover_above_total"
    message = _(
        "Les salaires pris en charge par l’État, {takeover} DH, dépassent le total de {total} DH : "
        "vérifiez les lignes concernées."
    )


@dataclass(frozen=True, slots=True)
class WageLine:
    """The wage of one employee in one month, in DH.

    `capped_wage` is given for casual labour only, where one line may stand for
    several people; otherwise the ceiling of the month applies.
    `state_takeover`: the State bears the employer share (TAHFIZ).
    """

    gross_wage: Decimal
    capped_wage: Decimal | None = None
    state_takeover: bool = False


@dataclass(frozen=True, slots=True)
class Bases:
    """Sums of a declaration in DH: real and capped wages, and those taken over by the State."""

    gross: Decimal
    capped: Decimal
    takeover_gross: Decimal = ZERO
    takeover_capped: Decimal = ZERO

    def to_json(self) -> dict[str, str]:
        """Return plain JSON values; amounts are texts."""
        return {
            "gross": str(self.gross),
            "capped": str(self.capped),
            "takeover_gross": str(self.takeover_gross),
            "takeover_capped": str(self.takeover_capped),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> "Bases":
        """Rebuild sums stored by `to_json`."""
        return cls(**{name: Decimal(amount) for name, amount in stored.items()})


@dataclass(frozen=True, slots=True)
class BranchRule:
    """Where a branch is paid, on which base, and the series of its rates."""

    branch: Branch
    box: Box
    capped: bool
    employer_series: str
    employee_series: str | None


RULES: tuple[BranchRule, ...] = (
    BranchRule(Branch.PF, Box.PF, False, "rate.pf.employer", None),
    BranchRule(Branch.CT, Box.SOCIAL_BENEFITS, True, "rate.ct.employer", "rate.ct.employee"),
    BranchRule(Branch.IPE, Box.SOCIAL_BENEFITS, True, "rate.ipe.employer", "rate.ipe.employee"),
    BranchRule(Branch.LT, Box.SOCIAL_BENEFITS, True, "rate.lt.employer", "rate.lt.employee"),
    BranchRule(Branch.AMO, Box.AMO, False, "rate.amo.employer", "rate.amo.employee"),
    BranchRule(
        Branch.AMO_SOLIDARITY, Box.AMO_SOLIDARITY, False, "rate.amo_solidarity.employer", None
    ),
    BranchRule(Branch.TFP, Box.TFP, False, "rate.tfp.employer", None),
)

# What no text settles and a line relies on, for a base of real wages and for one of capped wages.
_CHOICES_OF = {
    False: ("policy.rounding.unit",),
    True: (
        "policy.rounding.unit",
        "policy.ceiling.part_month",
        "policy.ceiling.several_employers",
    ),
}

_EXEMPTED = {ContributionStatus.AMO_EXEMPT: Branch.AMO, ContributionStatus.TFP_EXEMPT: Branch.TFP}

_BASE_GROSS = _("Assiette : salaires réels du mois, {base} DH.")
_BASE_CAPPED = _(
    "Assiette : salaires plafonnés à {ceiling} DH par salarié ({reference}), {base} DH."
)
_TOTAL = _("Total : {base} × {rate} = {exact}, arrondi à {total} DH.")
_TOTAL_REST = _("Total : reste de la rubrique de {box_total} DH, soit {total} DH.")
_EMPLOYER_ONLY = _("Entièrement à la charge de l’employeur.")
_SHARES = _(
    "Part salariale : {base} × {rate} = {exact}, arrondie à {employee} DH ; "
    "part patronale : le reste, {employer} DH."
)
_SHARES_REST = _(
    "Part salariale : reste de la rubrique, {employee} DH ; part patronale : {employer} DH."
)
_STATE = _(
    "L’État prend en charge la part patronale sur {base} DH, soit {state} DH ; "
    "il reste {employer} DH à l’employeur."
)
_LAW = _("Texte : {reference}, taux en vigueur depuis le {day}.")
_CHOICE = _("Choix de gestion : {choice}.")
_EXEMPT_NOTE = _("{branch} : rien n’est dû, l’affilié a le statut « {status} ».")


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """What one branch costs: base in DH, rates in percent, shares in DH.

    `state` is the part of the employer share that the State bears; `employer`
    no longer contains it.  `residue` is the exact amount less the amount due.
    """

    branch: Branch
    box: Box
    base: Decimal
    rate_employer: Decimal
    rate_employee: Decimal
    employer: Decimal
    employee: Decimal
    state: Decimal
    residue: Decimal
    working: tuple[Sentence, ...]
    versions: tuple[Version, ...]

    @property
    def total(self) -> Decimal:
        """What the affiliate owes for this branch, both shares."""
        return self.employer + self.employee

    @property
    def rate(self) -> Decimal:
        """Both rates together, in percent."""
        return self.rate_employer + self.rate_employee

    @property
    def text(self) -> str:
        """The working in French, as one paragraph."""
        return " ".join(str(sentence) for sentence in self.working)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; amounts and rates are texts."""
        return {
            "branch": self.branch.value,
            "box": self.box.value,
            "base": str(self.base),
            "rate_employer": str(self.rate_employer),
            "rate_employee": str(self.rate_employee),
            "employer": str(self.employer),
            "employee": str(self.employee),
            "state": str(self.state),
            "residue": str(self.residue),
            "working": [sentence.to_json() for sentence in self.working],
            "versions": [version.to_json() for version in self.versions],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ContributionLine":
        """Rebuild a line stored by `to_json`."""
        return cls(
            branch=Branch(stored["branch"]),
            box=Box(stored["box"]),
            base=Decimal(stored["base"]),
            rate_employer=Decimal(stored["rate_employer"]),
            rate_employee=Decimal(stored["rate_employee"]),
            employer=Decimal(stored["employer"]),
            employee=Decimal(stored["employee"]),
            state=Decimal(stored["state"]),
            residue=Decimal(stored["residue"]),
            working=tuple(Sentence.from_json(sentence) for sentence in stored["working"]),
            versions=tuple(Version.from_json(version) for version in stored["versions"]),
        )


@dataclass(frozen=True, slots=True)
class ContributionResult:
    """Contributions of a period, by branch, with all that is needed to explain and replay them."""

    period: Period
    statuses: tuple[ContributionStatus, ...]
    bases: Bases
    lines: tuple[ContributionLine, ...]
    notes: tuple[Sentence, ...]

    @property
    def total_employer(self) -> Decimal:
        """Employer shares that the affiliate owes."""
        return sum((line.employer for line in self.lines), ZERO)

    @property
    def total_employee(self) -> Decimal:
        """Employee shares, withheld by the affiliate."""
        return sum((line.employee for line in self.lines), ZERO)

    @property
    def total_state(self) -> Decimal:
        """Employer shares that the State bears."""
        return sum((line.state for line in self.lines), ZERO)

    @property
    def total(self) -> Decimal:
        """What the affiliate owes: both shares, without the part of the State."""
        return self.total_employer + self.total_employee

    @property
    def by_box(self) -> dict[Box, Decimal]:
        """What is owed in each box of the payment slip, in its printed order."""
        totals: dict[Box, Decimal] = {}
        for box in Box:
            owed = [line.total for line in self.lines if line.box is box]
            if owed:
                totals[box] = sum(owed, ZERO)
        return totals

    def line(self, branch: Branch) -> ContributionLine | None:
        """The line of a branch, or None when nothing is due for it."""
        return next((line for line in self.lines if line.branch is branch), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, to store beside the declaration or its slip."""
        return {
            "kind": "contributions",
            "period": str(self.period),
            "statuses": [status.value for status in self.statuses],
            "bases": self.bases.to_json(),
            "lines": [line.to_json() for line in self.lines],
            "notes": [note.to_json() for note in self.notes],
            "total_employer": str(self.total_employer),
            "total_employee": str(self.total_employee),
            "total_state": str(self.total_state),
            "total": str(self.total),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ContributionResult":
        """Rebuild a result stored by `to_json`."""
        return cls(
            period=Period.parse(stored["period"]),
            statuses=tuple(ContributionStatus(status) for status in stored["statuses"]),
            bases=Bases.from_json(stored["bases"]),
            lines=tuple(ContributionLine.from_json(line) for line in stored["lines"]),
            notes=tuple(Sentence.from_json(note) for note in stored["notes"]),
        )


def contributions(
    period: Period,
    wages: Iterable[WageLine],
    statuses: Iterable[ContributionStatus | str] = (ContributionStatus.ORDINARY,),
) -> ContributionResult:
    """Compute what an affiliate owes for the wages of a month.

    Amounts in DH.  Refuses a negative wage, a third decimal, a capped wage
    above the real one, an unknown status and a period outside the tables.
    """
    ceiling = value_at("ceiling.monthly", period.first_day).value
    return contributions_from_bases(period, sum_wages(wages, ceiling), statuses)


_GROSS = attrgetter("gross_wage")
_CAPPED = attrgetter("capped_wage")
_TAKEOVER = attrgetter("state_takeover")


def sum_wages(wages: Iterable[WageLine], ceiling: Decimal) -> Bases:
    """Cap each wage and add them up; refuse a wage that is not an amount."""
    lines = wages if isinstance(wages, Sequence) else list(wages)
    # Whole columns are summed and compared without a step of Python per line:
    # a big employer's preview is computed while he waits.
    gross = list(map(_GROSS, lines))
    given = list(map(_CAPPED, lines))
    some_given = given.count(None) != len(given)
    own = [capped for capped in given if capped is not None] if some_given else []
    total = sum(gross, ZERO)
    # A sum keeps the finest exponent of its terms: one look at it tells whether
    # any wage has a third decimal, and lines are examined only when one has.
    doubtful = total + sum(own, ZERO)
    if not doubtful.is_finite() or doubtful.as_tuple().exponent != -2:
        _check_lines(lines)
    if min(gross, default=ZERO) < 0 or min(own, default=ZERO) < 0:
        _check_lines(lines)
    capped = [wage if wage < ceiling else ceiling for wage in gross]  # noqa: FURB136 - 4 times faster
    if own:
        capped = [_own_cap(line, cap) for line, cap in zip(lines, capped, strict=True)]
    takeovers = list(map(_TAKEOVER, lines))
    taken = [rank for rank, yes in enumerate(takeovers) if yes] if any(takeovers) else []
    return Bases(
        total,
        sum(capped, ZERO),
        sum((gross[rank] for rank in taken), ZERO),
        sum((capped[rank] for rank in taken), ZERO),
    )


def _own_cap(line: WageLine, cap: Decimal) -> Decimal:
    if line.capped_wage is None:
        return cap
    if line.capped_wage > line.gross_wage:
        raise CappedAboveGross(
            capped=format_amount(line.capped_wage), gross=format_amount(line.gross_wage)
        )
    return line.capped_wage


def _check_lines(lines: Iterable[WageLine]) -> None:
    for line in lines:
        check_amount(line.gross_wage)
        if line.capped_wage is not None:
            check_amount(line.capped_wage)


def contributions_from_bases(
    period: Period,
    bases: Bases,
    statuses: Iterable[ContributionStatus | str] = (ContributionStatus.ORDINARY,),
) -> ContributionResult:
    """Compute what is owed from sums already made (same result as from the wages).

    Refuses as `contributions` does.
    """
    held = _known_statuses(statuses)
    bases = _check_bases(bases)
    exempted = {_EXEMPTED[status]: status for status in held if status in _EXEMPTED}
    lines: list[ContributionLine] = []
    for box in dict.fromkeys(rule.box for rule in RULES):
        rules = [rule for rule in RULES if rule.box is box and rule.branch not in exempted]
        lines += _box_lines(period, rules, bases)
    notes = tuple(
        Sentence(
            _EXEMPT_NOTE, {"branch": branch.label, "status": status.label}, ("branch", "status")
        )
        for branch, status in exempted.items()
    )
    return ContributionResult(period, held, bases, tuple(lines), notes)


def _known_statuses(statuses: Iterable[ContributionStatus | str]) -> tuple[ContributionStatus, ...]:
    known = {status.value for status in ContributionStatus}
    held = set()
    for status in statuses:
        if status not in known:
            raise UnknownStatus(value=str(status)[:40], known=", ".join(sorted(known)))
        held.add(ContributionStatus(status))
    return tuple(sorted(held - {ContributionStatus.ORDINARY})) or (ContributionStatus.ORDINARY,)


def _check_bases(bases: Bases) -> Bases:
    checked = Bases(
        check_amount(bases.gross),
        check_amount(bases.capped),
        check_amount(bases.takeover_gross),
        check_amount(bases.takeover_capped),
    )
    if checked.capped > checked.gross:
        raise CappedAboveGross(
            capped=format_amount(checked.capped), gross=format_amount(checked.gross)
        )
    if checked.takeover_gross > checked.gross or checked.takeover_capped > checked.capped:
        raise TakeoverAboveTotal(
            takeover=format_amount(checked.takeover_gross), total=format_amount(checked.gross)
        )
    return checked


@dataclass(frozen=True, slots=True)
class _Rates:
    """The rates of a branch on a day, with their versions."""

    rule: BranchRule
    employer: Value
    employee: Value | None

    @property
    def employee_rate(self) -> Decimal:
        return self.employee.value if self.employee else NO_RATE

    @property
    def total(self) -> Decimal:
        return self.employer.value + self.employee_rate


def _rates(period: Period, rules: Iterable[BranchRule]) -> list[_Rates]:
    day = period.first_day
    found = [
        _Rates(
            rule,
            value_at(rule.employer_series, day),
            value_at(rule.employee_series, day) if rule.employee_series else None,
        )
        for rule in rules
    ]
    # A rate of zero says that the branch did not exist yet.
    return [rates for rates in found if rates.total]


def _box_lines(
    period: Period, rules: Collection[BranchRule], bases: Bases
) -> Iterable[ContributionLine]:
    """Compute the branches of one box; the last one takes what the others leave."""
    rates = _rates(period, rules)
    if not rates:
        return
    base = bases.capped if rates[0].rule.capped else bases.gross
    box_total = _share(base, sum((one.total for one in rates), NO_RATE))
    box_employee = _share(base, sum((one.employee_rate for one in rates), NO_RATE))
    left_total, left_employee = box_total, box_employee
    for one in rates[:-1]:
        total, employee = _share(base, one.total), _share(base, one.employee_rate)
        left_total, left_employee = left_total - total, left_employee - employee
        yield _line(period, one, bases, total, employee, rest_of=None)
    rest_of = box_total if len(rates) > 1 else None
    yield _line(period, rates[-1], bases, left_total, left_employee, rest_of=rest_of)


def _share(base: Decimal, rate: Decimal) -> Decimal:
    return round_half_up(base * rate / HUNDRED)


def _line(
    period: Period,
    rates: _Rates,
    bases: Bases,
    total: Decimal,
    employee: Decimal,
    *,
    rest_of: Decimal | None,
) -> ContributionLine:
    capped = rates.rule.capped
    base = bases.capped if capped else bases.gross
    taken = bases.takeover_capped if capped else bases.takeover_gross
    employer = total - employee
    versions = [rates.employer.version]
    if rates.employee:
        versions.append(rates.employee.version)
    choices = [choice_at(name, period.first_day) for name in _CHOICES_OF[capped]]
    working = [_base_sentence(period, base, versions, capped=capped)]
    working += _share_sentences(rates, base, total, employee, rest_of)
    state = ZERO
    covered = choice_at("policy.takeover.branches", period.first_day) if taken else None
    if covered and rates.rule.branch.value in covered.option.split():
        # When every wage is taken over, nothing is left, not even a centime of rounding.
        state = employer if taken == base else min(employer, _share(taken, rates.employer.value))
        choices.append(covered)
    if state:
        employer -= state
        working.append(
            Sentence(
                _STATE,
                {
                    "base": format_amount(taken),
                    "state": format_amount(state),
                    "employer": format_amount(employer),
                },
            )
        )
    working.append(
        Sentence(
            _LAW,
            {
                "reference": rates.employer.reference,
                "day": french_day(rates.employer.effective_from),
            },
            ("reference",),
        )
    )
    working += [chosen(choice) for choice in choices]
    versions += [choice.version for choice in choices]
    return ContributionLine(
        branch=rates.rule.branch,
        box=rates.rule.box,
        base=base,
        rate_employer=rates.employer.value,
        rate_employee=rates.employee_rate,
        employer=employer,
        employee=employee,
        state=state,
        residue=base * rates.total / HUNDRED - total,
        working=tuple(working),
        versions=tuple(versions),
    )


def chosen(choice: Choice) -> Sentence:
    """Say that a choice of management was made where no text settles."""
    return Sentence(_CHOICE, {"choice": CHOICES[choice.option]}, ("choice",))


def _base_sentence(
    period: Period, base: Decimal, versions: list[Version], *, capped: bool
) -> Sentence:
    if not capped:
        return Sentence(_BASE_GROSS, {"base": format_amount(base)})
    ceiling = value_at("ceiling.monthly", period.first_day)
    versions.append(ceiling.version)
    return Sentence(
        _BASE_CAPPED,
        {
            "ceiling": format_amount(ceiling.value),
            "reference": ceiling.reference,
            "base": format_amount(base),
        },
        ("reference",),
    )


def _share_sentences(
    rates: _Rates, base: Decimal, total: Decimal, employee: Decimal, rest_of: Decimal | None
) -> list[Sentence]:
    shown = {"total": format_amount(total)}
    shares = {"employee": format_amount(employee), "employer": format_amount(total - employee)}
    if rest_of is not None:
        first = Sentence(_TOTAL_REST, shown | {"box_total": format_amount(rest_of)})
        second = Sentence(_SHARES_REST, shares)
    else:
        first = Sentence(_TOTAL, shown | _product(base, rates.total))
        second = Sentence(_SHARES, shares | _product(base, rates.employee_rate))
    if rates.employee is None:
        second = Sentence(_EMPLOYER_ONLY)
    return [first, second]


def _product(base: Decimal, rate: Decimal) -> dict[str, str]:
    return {
        "base": format_amount(base),
        "rate": format_rate(rate),
        "exact": format_exact(base * rate / HUNDRED),
    }


def format_exact(amount: Decimal) -> str:
    """Write an unrounded amount with all its decimals, two at least: `1 046,12288`."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{places}f}".replace(",", "\u00a0").replace(".", ",")
