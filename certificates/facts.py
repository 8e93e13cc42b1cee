"""What a certificate or a receipt says, as plain frozen values: no model, no clock, no language.

The facts of a certificate are stored as JSON when it is issued and read back for ever after; their canonical
text is what the digest is made from.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from disputes.enums import Ground, Outcome
from regulation.periods import Period
from regulation.text import Sentence

VERSION = 1

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AffiliateFacts:
    """The employer as it was known on the day of the document."""

    affiliation_number: str
    name: str
    name_ar: str
    activity: str
    address: str
    postal_code: str
    city: str
    ice: str
    agency: str
    agency_ar: str
    affiliated_on: date
    # The French label of the state in the register, a message of the catalogue.
    state: str

    def to_json(self) -> dict[str, str]:
        return {
            "affiliation_number": self.affiliation_number,
            "name": self.name,
            "name_ar": self.name_ar,
            "activity": self.activity,
            "address": self.address,
            "postal_code": self.postal_code,
            "city": self.city,
            "ice": self.ice,
            "agency": self.agency,
            "agency_ar": self.agency_ar,
            "affiliated_on": self.affiliated_on.isoformat(),
            "state": self.state,
        }

    @classmethod
    def from_json(cls, stored: Stored) -> "AffiliateFacts":
        return cls(**{**stored, "affiliated_on": date.fromisoformat(stored["affiliated_on"])})


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """One declared month, its main and supplementary declarations together. Amounts in dirhams.

    ``receipts`` are the numbers of the declarations that the figures rest on.
    """

    period: Period
    employee_count: int
    days_declared: int
    wage_bill: Decimal
    capped_wage_bill: Decimal
    receipts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "period": str(self.period),
            "employee_count": self.employee_count,
            "days_declared": self.days_declared,
            "wage_bill": str(self.wage_bill),
            "capped_wage_bill": str(self.capped_wage_bill),
            "receipts": list(self.receipts),
        }

    @classmethod
    def from_json(cls, stored: Stored) -> "MonthFacts":
        return cls(
            period=Period.parse(stored["period"]),
            employee_count=stored["employee_count"],
            days_declared=stored["days_declared"],
            wage_bill=Decimal(stored["wage_bill"]),
            capped_wage_bill=Decimal(stored["capped_wage_bill"]),
            receipts=tuple(stored["receipts"]),
        )


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """A good standing: the part of the debts that a dispute holds (dirhams), and the last day it is worth."""

    held: Decimal
    valid_until: date


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """An employee as the register knows them, and since when they work for this employer, if it is known."""

    registration_number: str
    name: str
    name_ar: str
    employed_since: date | None


@dataclass(frozen=True, slots=True)
class PersonMonthFacts:
    """What was declared for one employee in one month, all declarations together. Amounts in dirhams."""

    period: Period
    days: int
    gross_wage: Decimal
    capped_wage: Decimal


@dataclass(frozen=True, slots=True)
class PersonLineFacts:
    """One line of a list of declared employees; the number is empty while it is awaited."""

    registration_number: str
    name: str
    days: int


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate attests: the employer, and what its kind adds.

    ``span`` is the first and the last month of a certificate that has a range; ``relied`` the numbers of the
    declarations that it rests on beside those of ``months``.
    """

    affiliate: AffiliateFacts
    months: tuple[MonthFacts, ...] = ()
    span: tuple[Period, Period] | None = None
    relied: tuple[str, ...] = ()
    about: str = ""
    standing: StandingFacts | None = None
    person: PersonFacts | None = None
    wages: tuple[PersonMonthFacts, ...] = ()
    people: tuple[PersonLineFacts, ...] = ()

    @property
    def wage_bill(self) -> Decimal:
        """The wage bill of all the months, in dirhams."""
        return sum((month.wage_bill for month in self.months), Decimal("0.00"))

    @property
    def capped_wage_bill(self) -> Decimal:
        """The capped wage bill of all the months, in dirhams."""
        return sum((month.capped_wage_bill for month in self.months), Decimal("0.00"))

    @property
    def days_declared(self) -> int:
        """The days declared over all the months."""
        return sum(month.days_declared for month in self.months)

    @property
    def receipts(self) -> frozenset[str]:
        """The numbers of every declaration relied upon."""
        return frozenset(self.relied).union(*(month.receipts for month in self.months))

    @property
    def gross_wages(self) -> Decimal:
        """The wages of one employee over all the months, in dirhams."""
        return sum((month.gross_wage for month in self.wages), Decimal("0.00"))

    def to_json(self) -> dict[str, Any]:
        """The stored form; what a kind does not have takes no key, so that older facts keep their digest."""
        return {
            "version": VERSION,
            "affiliate": self.affiliate.to_json(),
            "months": [month.to_json() for month in self.months],
            **{key: value for key, value in self._added().items() if value},
        }

    def _added(self) -> dict[str, Any]:
        standing, person = self.standing, self.person
        return {
            "span": [str(period) for period in self.span or ()],
            "relied": list(self.relied),
            "about": self.about,
            "standing": standing
            and {"held": str(standing.held), "valid_until": standing.valid_until.isoformat()},
            "person": person
            and {
                "registration_number": person.registration_number,
                "name": person.name,
                "name_ar": person.name_ar,
                "employed_since": person.employed_since and person.employed_since.isoformat(),
            },
            "wages": [
                [str(month.period), month.days, str(month.gross_wage), str(month.capped_wage)]
                for month in self.wages
            ],
            "people": [[one.registration_number, one.name, one.days] for one in self.people],
        }

    @classmethod
    def from_json(cls, stored: Stored) -> "CertificateFacts":
        return cls(
            affiliate=AffiliateFacts.from_json(stored["affiliate"]),
            months=tuple(MonthFacts.from_json(month) for month in stored["months"]),
            span=_span(stored.get("span")),
            relied=tuple(stored.get("relied", ())),
            about=stored.get("about", ""),
            standing=_standing(stored.get("standing")),
            person=_person(stored.get("person")),
            wages=tuple(
                PersonMonthFacts(Period.parse(period), days, Decimal(gross), Decimal(capped))
                for period, days, gross, capped in stored.get("wages", ())
            ),
            people=tuple(PersonLineFacts(*line) for line in stored.get("people", ())),
        )


def _span(stored: list[str] | None) -> tuple[Period, Period] | None:
    return (Period.parse(stored[0]), Period.parse(stored[1])) if stored else None


def _standing(stored: Stored | None) -> StandingFacts | None:
    if stored is None:
        return None
    return StandingFacts(Decimal(stored["held"]), date.fromisoformat(stored["valid_until"]))


def _person(stored: Stored | None) -> PersonFacts | None:
    if stored is None:
        return None
    since = stored["employed_since"]
    return PersonFacts(**{**stored, "employed_since": since and date.fromisoformat(since)})


def digest(stored: Stored) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the canonical text of stored facts.

    Canonical: JSON in UTF-8, keys sorted, no blank between tokens. The same facts give the same digest
    whatever the order in which the database returns their keys.
    """
    canonical = json.dumps(stored, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PaymentLineFacts:
    """A part of a received payment and what it paid. Amount in dirhams; label a French msgid."""

    label: str
    reference: str
    period: Period | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """Money received from an employer through a bank and where it went. Amounts in dirhams."""

    affiliate: AffiliateFacts
    number: str
    amount: Decimal
    paid_on: date
    booked_on: date
    bank: str
    bank_reference: str
    payer: str
    lines: tuple[PaymentLineFacts, ...]


@dataclass(frozen=True, slots=True)
class DecidedItemFacts:
    """One contested thing and the answer to it. Amounts in dirhams; none where no amount is at stake."""

    period: Period | None
    what: Sentence
    outcome: Outcome
    contested: Decimal | None
    granted: Decimal | None


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """What the fund answered to a dispute. Amounts in dirhams."""

    affiliate: AffiliateFacts
    number: str
    opened_at: datetime
    decided_at: datetime
    decided_by: str
    ground: Ground
    outcome: Outcome
    items: tuple[DecidedItemFacts, ...]
    reasons: str
    legal_ground: str
    # Whether something was refused, and within how many months conciliation may then be asked for.
    may_appeal: bool
    conciliation_months: int
    # The last day to ask other persons of the fund to look again; none after a second instance.
    appeal_until: date | None = None

    @property
    def contested(self) -> Decimal:
        return sum((item.contested or Decimal(0) for item in self.items), Decimal("0.00"))

    @property
    def granted(self) -> Decimal:
        return sum((item.granted or Decimal(0) for item in self.items), Decimal("0.00"))
