"""What must be true of a person to register, or of a firm to affiliate: judged on plain values.

The form and the spreadsheet ask the same function, so a person is judged the same way through both doors.
"""

import datetime
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields

from affiliates.enums import CardKind, LegalForm, Sex
from affiliates.errors import (
    BirthRefused,
    CardKindRefused,
    CardRefused,
    FirstHireRefused,
    HireDayRefused,
    NameMissing,
    NameNotArabic,
    NameNotLatin,
    PhoneRefused,
    TaxIdRefused,
)
from regulation.errors import DomainError
from regulation.identifiers import check_account, check_cin, check_ice, normalise

MOROCCO = "MA"
#: A name fills thirty columns of the exchanged file.
NAME_LIMIT = 30
_CARD = re.compile("[A-Z0-9]{4,8}", re.ASCII)
_PHONE = re.compile(r"0[5-8][0-9]{8}|\+[1-9][0-9]{7,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewHire:
    """A person as an employer tells them: texts trimmed, nothing judged yet."""

    card_kind: CardKind
    card_number: str
    last_name: str
    first_name: str
    last_name_ar: str
    first_name_ar: str
    born_on: datetime.date
    birth_place: str
    sex: Sex
    nationality: str
    address: str
    city: str
    phone: str
    rib: str
    hired_on: datetime.date


@dataclass(frozen=True, slots=True)
class HireLimits:
    """The days and ages that the law, the firm and the calendar set."""

    minimum_age: int
    first_day: datetime.date
    last_day: datetime.date


def tidy(hire: NewHire) -> NewHire:
    """The same person with the card, the telephone and the account as the register writes them.

    What cannot be written so is kept as typed: `faults_of` says why.
    """
    written = {field.name: getattr(hire, field.name) for field in fields(hire)}
    for name in ("last_name", "first_name"):
        written[name] = " ".join(unicodedata.normalize("NFC", written[name]).upper().split())
    for name in ("last_name_ar", "first_name_ar"):
        written[name] = " ".join(unicodedata.normalize("NFC", written[name]).split())
    written["card_number"] = normalise(hire.card_number)[:40]
    written["phone"] = re.sub(r"[()/]", "", normalise(hire.phone))[:40]
    if hire.rib:
        try:
            written["rib"] = check_account(hire.rib)
        except DomainError:
            written["rib"] = normalise(hire.rib)[:40]
    return NewHire(**written)


def faults_of(hire: NewHire, limits: HireLimits) -> dict[str, DomainError]:
    """Everything wrong with a person, by field; empty when the request may be sent. Takes a tidy person."""
    faults: dict[str, DomainError] = {}
    moroccan = hire.nationality == MOROCCO
    if moroccan != (hire.card_kind is CardKind.CIN):
        faults["card_kind"] = CardKindRefused()
    fault = _card_fault(hire)
    if fault:
        faults["card_number"] = fault
    for field in ("last_name", "first_name"):
        _judge_name(faults, field, getattr(hire, field), _is_latin, NameNotLatin, required=True)
    for field in ("last_name_ar", "first_name_ar"):
        _judge_name(
            faults, field, getattr(hire, field), _is_arabic, NameNotArabic, required=moroccan
        )
    age = age_on(hire.born_on, hire.hired_on)
    if not limits.minimum_age <= age <= 100:
        faults["born_on"] = BirthRefused(born=hire.born_on, age=age, minimum=limits.minimum_age)
    if not limits.first_day <= hire.hired_on <= limits.last_day:
        faults["hired_on"] = HireDayRefused(first=limits.first_day, last=limits.last_day)
    if not _PHONE.fullmatch(hire.phone):
        faults["phone"] = PhoneRefused(value=hire.phone[:20])
    if hire.rib:
        try:
            check_account(hire.rib)
        except DomainError as refusal:
            faults["rib"] = refusal
    return faults


def _card_fault(hire: NewHire) -> DomainError | None:
    if hire.card_kind is CardKind.CIN:
        try:
            check_cin(hire.card_number)
        except DomainError as refusal:
            return refusal
        return None
    # No published pattern: the place it has in the exchanged file, and what fits in it.
    return None if _CARD.fullmatch(hire.card_number) else CardRefused(value=hire.card_number[:20])


def _judge_name(
    faults: dict[str, DomainError],
    field: str,
    text: str,
    is_written: Callable[[str], bool],
    refusal: type[DomainError],
    *,
    required: bool,
) -> None:
    if not text:
        if required:
            faults[field] = refusal(value="") if refusal is NameNotArabic else NameMissing()
    elif len(text) > NAME_LIMIT or not is_written(text):
        faults[field] = refusal(value=text[:NAME_LIMIT])


def _is_latin(text: str) -> bool:
    return _letters_of(text, "LATIN")


def _is_arabic(text: str) -> bool:
    return _letters_of(text, "ARABIC")


def _letters_of(text: str, script: str) -> bool:
    """Letters of one script, with blanks, hyphens and apostrophes between them."""
    letters = [char for char in text if char not in " -'’"]
    return bool(letters) and all(
        unicodedata.category(char)[0] in "LM"
        and unicodedata.name(char, "").startswith((script, "COMBINING"))
        for char in letters
    )


def age_on(born_on: datetime.date, day: datetime.date) -> int:
    """Whole years lived on a day; negative before the birth."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


# ---------------------------------------------------------------- firms

_TAX_ID = re.compile("[0-9]{7,8}", re.ASCII)
#: A firm that comes late is affiliated all the same: four years back is what contributions may be asked for.
_LATEST_COMER = datetime.timedelta(days=4 * 365)
_ANNOUNCED = datetime.timedelta(days=60)


@dataclass(frozen=True, slots=True)
class NewFirm:
    """A firm as it tells itself: texts trimmed, nothing judged yet."""

    legal_form: LegalForm
    name: str
    name_ar: str
    ice: str
    tax_id: str
    trade_register: str
    business_tax: str
    activity: str
    address: str
    city: str
    postal_code: str
    first_hire_on: datetime.date
    contact_name: str
    email: str
    phone: str


def tidy_firm(firm: NewFirm) -> NewFirm:
    """The same firm with its numbers as the register writes them; what cannot be is kept as typed."""
    written = {field.name: getattr(firm, field.name) for field in fields(firm)}
    for name in ("ice", "tax_id", "business_tax", "postal_code"):
        written[name] = normalise(written[name])
    written["phone"] = re.sub(r"[()/]", "", normalise(firm.phone))
    written["email"] = firm.email.strip().lower()
    written["name"] = " ".join(firm.name.upper().split())
    return NewFirm(**written)


def faults_of_firm(firm: NewFirm, today: datetime.date) -> dict[str, DomainError]:
    """Everything wrong with a tidy firm, by field. The key of the ICE is only a warning: no text gives it."""
    faults: dict[str, DomainError] = {}
    try:
        check_ice(firm.ice)
    except DomainError as refusal:
        faults["ice"] = refusal
    if not _TAX_ID.fullmatch(firm.tax_id):
        faults["tax_id"] = TaxIdRefused(value=firm.tax_id[:20])
    if not _PHONE.fullmatch(firm.phone):
        faults["phone"] = PhoneRefused(value=firm.phone[:20])
    first, last = today - _LATEST_COMER, today + _ANNOUNCED
    if not first <= firm.first_hire_on <= last:
        faults["first_hire_on"] = FirstHireRefused(first=first, last=last)
    return faults
