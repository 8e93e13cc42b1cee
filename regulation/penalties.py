"""What lateness costs: surcharges on what is paid late, penalty for what is filed late.

Months are counted from date to date, starting the day after the due day; a
month that has started counts (`policy.surcharge.months`, `.fraction`).  Each
month charges, at the rate in force on its first day, what was still unpaid
that morning, less what is held or exempted.  Rounding is half-up to the
centime, once per branch group.
"""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from regulation.contributions import chosen, format_exact
from regulation.enums import Branch, SurchargeGroup
from regulation.errors import DomainError
from regulation.money import ZERO, check_amount, format_amount, format_rate, round_half_up
from regulation.parameters import Value, Version, choice_at, french_day, value_at
from regulation.text import Sentence, _

HUNDRED = Decimal(100)

GROUP_OF: Mapping[Branch, SurchargeGroup] = {
    Branch.PF: SurchargeGroup.GENERAL,
    Branch.CT: SurchargeGroup.GENERAL,
    Branch.IPE: SurchargeGroup.GENERAL,
    Branch.LT: SurchargeGroup.GENERAL,
    Branch.AMO: SurchargeGroup.AMO,
    Branch.AMO_SOLIDARITY: SurchargeGroup.AMO,
    Branch.TFP: SurchargeGroup.TFP,
}

_SERIES = {
    SurchargeGroup.GENERAL: "surcharge.general",
    SurchargeGroup.AMO: "surcharge.amo",
    SurchargeGroup.TFP: "surcharge.tfp",
}

# What no text settles and every started month relies on.
_MONTH_CHOICES = ("policy.surcharge.months", "policy.surcharge.fraction")
_RATE_CHOICES = (*_MONTH_CHOICES, "policy.surcharge.rate_day")
_PENALTY_CHOICES = (
    "policy.filing_penalty.cap_scope",
    "policy.filing_penalty.scope",
    "policy.filing_penalty.employees",
)

_MONTH = _(
    "Mois {rank}, du {starts_on} au {ends_on} : {base} DH × {rate} = {exact} DH ({reference})."
)
_MONTH_HELD = _(
    "Mois {rank}, du {starts_on} au {ends_on} : {base} DH × {rate} = {exact} DH ({reference}) ; "
    "{held} DH contestés ne sont pas comptés."
)
_MONTH_EXEMPT = _(
    "Mois {rank}, du {starts_on} au {ends_on} : aucune majoration, mois exonéré ({reason})."
)
_MONTH_PAID = _("Mois {rank}, du {starts_on} au {ends_on} : plus rien à payer, aucune majoration.")
_NOT_LATE = _("Payé au plus tard à l’échéance du {due_on} : aucune majoration.")
_SUM = _("Somme : {exact} DH, arrondie à {amount} DH.")
_FILED_IN_TIME = _("Déclaré au plus tard à l’échéance du {due_on} : aucune astreinte.")
_PENALTY = _(
    "{employees} salariés × {per_employee} DH = {uncapped} DH par mois commencé, "
    "plafonnés à {cap} DH, soit {monthly} DH."
)
_PENALTY_MONTHS = _("{months} mois commencés du {starts_on} au {until} : {amount} DH.")
_LAW = _("Texte : {reference}.")


class PaidMoreThanDue(DomainError):
    """Payments exceed the principal of a group."""

    code = "penalties.more_paid_than_due"
    message = _(
        "{group} : les paiements ({paid} DH) dépassent le principal ({principal} DH) : "
        "vérifiez leur affectation."
    )
    translated = ("group",)


class NoEmployees(DomainError):
    """The number of employees is negative."""

    code = "penalties.employees"
    message = _("Le nombre de salariés « {value} » n’est pas possible : indiquez zéro ou plus.")


@dataclass(frozen=True, slots=True)
class LateMonth:
    """A started month of lateness: rank from 1, first and last day."""

    rank: int
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received for a branch group on a day, in DH."""

    group: SurchargeGroup
    paid_on: date
    amount: Decimal

    def to_json(self) -> dict[str, str]:
        """Return plain JSON values, to replay the surcharge."""
        return {
            "group": self.group.value,
            "paid_on": self.paid_on.isoformat(),
            "amount": str(self.amount),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> "Payment":
        """Rebuild a payment stored by `to_json`."""
        return cls(
            SurchargeGroup(stored["group"]),
            date.fromisoformat(stored["paid_on"]),
            Decimal(stored["amount"]),
        )


@dataclass(frozen=True, slots=True)
class HeldAmount:
    """A contested part of a group's principal, left out of months that start while it is held."""

    group: SurchargeGroup
    amount: Decimal
    since: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        """Whether the hold is in place on `day`."""
        return self.since <= day and (self.until is None or day <= self.until)

    def to_json(self) -> dict[str, str | None]:
        """Return plain JSON values, to replay the surcharge."""
        return {
            "group": self.group.value,
            "amount": str(self.amount),
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "HeldAmount":
        """Rebuild a hold stored by `to_json`."""
        return cls(
            SurchargeGroup(stored["group"]),
            Decimal(stored["amount"]),
            date.fromisoformat(stored["since"]),
            date.fromisoformat(stored["until"]) if stored["until"] else None,
        )


@dataclass(frozen=True, slots=True)
class Exemption:
    """A decision that no surcharge runs for months starting between two days, both included.

    `group` None: every group.  `reason` is the French text that says why.
    """

    since: date
    until: date
    reason: str
    group: SurchargeGroup | None = None

    def covers(self, group: SurchargeGroup, day: date) -> bool:
        """Whether a month of `group` starting on `day` is exempted."""
        return self.group in (None, group) and self.since <= day <= self.until

    def to_json(self) -> dict[str, str | None]:
        """Return plain JSON values, to replay the surcharge."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "reason": self.reason,
            "group": self.group.value if self.group else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Exemption":
        """Rebuild an exemption stored by `to_json`."""
        return cls(
            date.fromisoformat(stored["since"]),
            date.fromisoformat(stored["until"]),
            stored["reason"],
            SurchargeGroup(stored["group"]) if stored["group"] else None,
        )


@dataclass(frozen=True, slots=True)
class MonthCharge:
    """What one started month adds: base in DH, rate in percent, unrounded amount in DH."""

    month: LateMonth
    base: Decimal
    held: Decimal
    rate: Decimal
    exact: Decimal
    working: Sentence
    version: Version | None


@dataclass(frozen=True, slots=True)
class GroupSurcharge:
    """The surcharge of one branch group: months, amount in DH, working, versions used."""

    group: SurchargeGroup
    principal: Decimal
    months: tuple[MonthCharge, ...]
    amount: Decimal
    working: tuple[Sentence, ...]
    versions: tuple[Version, ...]

    @property
    def rate(self) -> Decimal:
        """The sum of the monthly rates that were charged, in percent."""
        return sum((month.rate for month in self.months), ZERO)

    @property
    def text(self) -> str:
        """The working in French, as one paragraph."""
        return " ".join(str(sentence) for sentence in self.working)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; amounts are texts, days are ISO."""
        return {
            "group": self.group.value,
            "principal": str(self.principal),
            "rate": str(self.rate),
            "amount": str(self.amount),
            "months": [
                {
                    "rank": charge.month.rank,
                    "starts_on": charge.month.starts_on.isoformat(),
                    "ends_on": charge.month.ends_on.isoformat(),
                    "base": str(charge.base),
                    "held": str(charge.held),
                    "rate": str(charge.rate),
                    "exact": str(charge.exact),
                    "version": charge.version.to_json() if charge.version else None,
                }
                for charge in self.months
            ],
            "working": [sentence.to_json() for sentence in self.working],
            "versions": [version.to_json() for version in self.versions],
        }


@dataclass(frozen=True, slots=True)
class SurchargeResult:
    """Surcharges of a slip if what remains is paid on `until`."""

    due_on: date
    until: date
    groups: tuple[GroupSurcharge, ...]
    payments: tuple[Payment, ...] = ()
    holds: tuple[HeldAmount, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    @property
    def total(self) -> Decimal:
        """All groups together, in DH."""
        return sum((group.amount for group in self.groups), ZERO)

    @property
    def started_months(self) -> int:
        """How many months of lateness have started on `until`."""
        return len(late_months(self.due_on, self.until))

    def group(self, group: SurchargeGroup) -> GroupSurcharge | None:
        """The surcharge of a group, or None when it owes no principal."""
        return next((item for item in self.groups if item.group is group), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, to store beside the surcharge."""
        return {
            "due_on": self.due_on.isoformat(),
            "until": self.until.isoformat(),
            "kind": "surcharge",
            "groups": [group.to_json() for group in self.groups],
            "payments": [payment.to_json() for payment in self.payments],
            "holds": [hold.to_json() for hold in self.holds],
            "exemptions": [exemption.to_json() for exemption in self.exemptions],
            "total": str(self.total),
        }


@dataclass(frozen=True, slots=True)
class FilingPenaltyResult:
    """The penalty of a declaration filed late, in DH, with its working."""

    due_on: date
    filed_on: date
    employees: int
    months: int
    amount: Decimal
    working: tuple[Sentence, ...]
    versions: tuple[Version, ...]

    @property
    def text(self) -> str:
        """The working in French, as one paragraph."""
        return " ".join(str(sentence) for sentence in self.working)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, to store beside the penalty."""
        return {
            "kind": "filing_penalty",
            "due_on": self.due_on.isoformat(),
            "filed_on": self.filed_on.isoformat(),
            "employees": self.employees,
            "months": self.months,
            "amount": str(self.amount),
            "working": [sentence.to_json() for sentence in self.working],
            "versions": [version.to_json() for version in self.versions],
        }


def _months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last day when it is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


def late_months(due_on: date, until: date) -> tuple[LateMonth, ...]:
    """Return the months of lateness that have started on `until`, the first one on the next day.

    Due on 10 February and paid on 25 April: three months have started.
    """
    first = due_on + timedelta(days=1)
    months: list[LateMonth] = []
    while (starts_on := _months_after(first, len(months))) <= until:
        ends_on = _months_after(first, len(months) + 1) - timedelta(days=1)
        months.append(LateMonth(len(months) + 1, starts_on, ends_on))
    return tuple(months)


def by_group(principal: Mapping[Branch, Decimal]) -> dict[SurchargeGroup, Decimal]:
    """Add up the principal of each surcharge group, in DH."""
    totals: dict[SurchargeGroup, Decimal] = {}
    for branch, amount in principal.items():
        group = GROUP_OF[branch]
        totals[group] = totals.get(group, ZERO) + check_amount(amount)
    return {group: totals[group] for group in SurchargeGroup if group in totals}


def surcharge(
    principal: Mapping[SurchargeGroup, Decimal],
    *,
    due_on: date,
    until: date,
    payments: Iterable[Payment] = (),
    holds: Iterable[HeldAmount] = (),
    exemptions: Iterable[Exemption] = (),
) -> SurchargeResult:
    """Compute the surcharges of a slip if what remains is paid on `until`.

    `principal` in DH by group, as due on `due_on`; `payments` already received
    reduce the base of the months that start after their day.  Refuses payments
    above the principal and months outside the tables.
    """
    payments, holds, exemptions = tuple(payments), tuple(holds), tuple(exemptions)
    months = late_months(due_on, until)
    groups = []
    for group, amount in principal.items():
        paid = [payment for payment in payments if payment.group is group]
        _check_paid(group, check_amount(amount), paid)
        contested = [hold for hold in holds if hold.group is group]
        charges = tuple(
            _charge(group, amount, month, paid, contested, exemptions) for month in months
        )
        groups.append(_group_surcharge(group, amount, charges, due_on))
    return SurchargeResult(due_on, until, tuple(groups), payments, holds, exemptions)


def _check_paid(group: SurchargeGroup, principal: Decimal, payments: Iterable[Payment]) -> None:
    paid = sum((check_amount(payment.amount) for payment in payments), ZERO)
    if paid > principal:
        raise PaidMoreThanDue(
            group=group.label, paid=format_amount(paid), principal=format_amount(principal)
        )


def _monthly_rate(group: SurchargeGroup, month: LateMonth) -> Value:
    which = "first_month" if month.rank == 1 else "next_months"
    return value_at(f"{_SERIES[group]}.{which}", month.starts_on)


def _charge(
    group: SurchargeGroup,
    principal: Decimal,
    month: LateMonth,
    payments: Iterable[Payment],
    holds: Iterable[HeldAmount],
    exemptions: Iterable[Exemption],
) -> MonthCharge:
    shown = {
        "rank": str(month.rank),
        "starts_on": french_day(month.starts_on),
        "ends_on": french_day(month.ends_on),
    }
    received = (payment.amount for payment in payments if payment.paid_on < month.starts_on)
    residual = principal - sum(received, ZERO)
    exempted = next((item for item in exemptions if item.covers(group, month.starts_on)), None)
    if not residual or exempted:
        working = (
            Sentence(_MONTH_EXEMPT, shown | {"reason": exempted.reason})
            if residual and exempted
            else Sentence(_MONTH_PAID, shown)
        )
        return MonthCharge(month, ZERO, ZERO, ZERO, ZERO, working, None)
    held = min(residual, sum((hold.amount for hold in holds if hold.covers(month.starts_on)), ZERO))
    rate = _monthly_rate(group, month)
    base = residual - held
    exact = base * rate.value / HUNDRED
    shown |= {
        "base": format_amount(base),
        "rate": format_rate(rate.value),
        "exact": format_exact(exact),
        "reference": rate.reference,
    }
    working = (
        Sentence(_MONTH_HELD, shown | {"held": format_amount(held)}, ("reference",))
        if held
        else Sentence(_MONTH, shown, ("reference",))
    )
    return MonthCharge(month, base, held, rate.value, exact, working, rate.version)


def _group_surcharge(
    group: SurchargeGroup, principal: Decimal, charges: tuple[MonthCharge, ...], due_on: date
) -> GroupSurcharge:
    exact = sum((charge.exact for charge in charges), ZERO)
    amount = round_half_up(exact)
    if not charges:
        in_time = Sentence(_NOT_LATE, {"due_on": french_day(due_on)})
        return GroupSurcharge(group, principal, charges, amount, (in_time,), ())
    choices = [choice_at(name, charges[0].month.starts_on) for name in _RATE_CHOICES]
    facts = {"exact": format_exact(exact), "amount": format_amount(amount)}
    working = (
        *(charge.working for charge in charges),
        Sentence(_SUM, facts),
        *(chosen(choice) for choice in choices),
    )
    used = [charge.version for charge in charges if charge.version]
    versions = (*dict.fromkeys(used), *(choice.version for choice in choices))
    return GroupSurcharge(group, principal, charges, amount, working, versions)


def filing_penalty(*, employees: int, due_on: date, filed_on: date) -> FilingPenaltyResult:
    """Compute the penalty of a declaration filed on `filed_on` (art. 26).

    An amount per employee, capped, for each started month of lateness; the cap
    holds for each month (`policy.filing_penalty.cap_scope`).
    """
    if employees < 0:
        raise NoEmployees(value=employees)
    months = late_months(due_on, filed_on)
    if not months:
        in_time = Sentence(_FILED_IN_TIME, {"due_on": french_day(due_on)})
        return FilingPenaltyResult(due_on, filed_on, employees, 0, ZERO, (in_time,), ())
    first_day = months[0].starts_on
    per_employee = value_at("filing_penalty.per_employee", first_day)
    cap = value_at("filing_penalty.cap", first_day)
    choices = [choice_at(name, first_day) for name in (*_MONTH_CHOICES, *_PENALTY_CHOICES)]
    uncapped = employees * per_employee.value
    monthly = min(uncapped, cap.value)
    amount = round_half_up(monthly * len(months))
    working = [
        Sentence(
            _PENALTY,
            {
                "employees": str(employees),
                "per_employee": format_amount(per_employee.value),
                "uncapped": format_amount(uncapped),
                "cap": format_amount(cap.value),
                "monthly": format_amount(monthly),
            },
        ),
        Sentence(
            _PENALTY_MONTHS,
            {
                "months": str(len(months)),
                "starts_on": french_day(first_day),
                "until": french_day(filed_on),
                "amount": format_amount(amount),
            },
        ),
        Sentence(_LAW, {"reference": per_employee.reference}, ("reference",)),
        *(chosen(choice) for choice in choices),
    ]
    versions = (per_employee.version, cap.version, *(choice.version for choice in choices))
    return FilingPenaltyResult(
        due_on, filed_on, employees, len(months), amount, tuple(working), versions
    )
