"""Affiliation, registration, company, person, bank and payment numbers.

`check_*` functions return the normalised text (ASCII, no separator) or refuse
with a `DomainError`.  Where the key formula is not official for every number in
circulation, the shape is refused when wrong but the key is only reported
(`affiliation_key`, `registration_key`, `ice_key_matches`): the caller warns.
Sources: docs/formats/identifiers.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from regulation.enums import KeySeries, PaymentNature
from regulation.errors import DomainError
from regulation.periods import Period
from regulation.text import _, ascii_digits

NO_NUMBER_YET = "000000000"
CASUAL_LABOUR = "999999999"
REFUSED_REGISTRATION = "100000000"

_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015\u200e\u200f]+")
_SEVEN = re.compile(r"[0-9]{7}", re.ASCII)
_NINE = re.compile(r"[0-9]{9}", re.ASCII)
_ICE = re.compile(r"[0-9]{15}", re.ASCII)
_RIB = re.compile(r"[0-9]{24}", re.ASCII)
_IBAN = re.compile(r"MA[0-9]{26}", re.ASCII)
_CIN = re.compile(r"[A-Z]{1,2}[0-9]{1,7}", re.ASCII)
_CODE = re.compile(r"[0-9]{15}|[0-9]{18}", re.ASCII)
_CREDITOR_REFERENCE = re.compile(r"RF([0-9]{2})([0-9]{15}|[0-9]{18})", re.ASCII)
_ORDER = re.compile(r"T[0-9]{11}", re.ASCII)


class InvalidAffiliationNumber(DomainError):
    """Not seven digits."""

    code = "affiliation_number.invalid"
    message = _(
        "Le numéro d’affiliation « {value} » n’est pas valide : il compte sept chiffres, "
        "comme 1234567."
    )


class InvalidRegistrationNumber(DomainError):
    """Not nine digits, or the number that is always refused."""

    code = "registration_number.invalid"
    message = _(
        "Le numéro d’immatriculation « {value} » n’est pas valide : il compte neuf chiffres, "
        "comme 123456785 (100000000 est toujours refusé)."
    )


class InvalidIce(DomainError):
    """Not fifteen digits."""

    code = "ice.invalid"
    message = _("L’ICE « {value} » n’est pas valide : il compte quinze chiffres.")


class InvalidCin(DomainError):
    """Not one or two letters followed by digits, eight characters at most."""

    code = "cin.invalid"
    message = _(
        "Le numéro de carte nationale « {value} » n’est pas valide : une ou deux lettres "
        "puis des chiffres, huit caractères au plus, comme AB123456."
    )


class InvalidRib(DomainError):
    """Not twenty-four digits."""

    code = "rib.invalid"
    message = _("Le RIB « {value} » n’est pas valide : il compte vingt-quatre chiffres.")


class WrongRibKey(DomainError):
    """The two last digits do not match the others."""

    code = "rib.key"
    message = _(
        "La clé du RIB « {value} » est {key} alors que {expected} est attendue : "
        "recopiez le RIB depuis votre chéquier ou votre relevé."
    )


class InvalidIban(DomainError):
    """Not a Moroccan IBAN of twenty-eight characters starting with MA64."""

    code = "iban.invalid"
    message = _(
        "L’IBAN « {value} » n’est pas valide : un IBAN marocain commence par MA64 "
        "et compte 28 caractères."
    )


class InvalidPaymentCode(DomainError):
    """Neither a 15-digit slip reference nor an 18-digit payment code."""

    code = "payment_code.invalid"
    message = _(
        "La référence de paiement « {value} » n’est pas valide : recopiez les 15 ou 18 chiffres "
        "imprimés sur le bordereau."
    )


class InvalidOrderReference(DomainError):
    """Not a 12-character order reference with right check digits."""

    code = "order_reference.invalid"
    message = _(
        "La référence d’ordre « {value} » n’est pas valide : elle compte T et onze chiffres."
    )


def normalise(text: str) -> str:
    """Remove spaces, dots and dashes, write digits in ASCII and letters in capitals."""
    return _SEPARATORS.sub("", ascii_digits(text)).upper()


def _alternate_sum_key(digits: str) -> int:
    # Specification of the e-BDS file, §IV: even ranks count twice, the sum is
    # completed to the next ten.
    total = sum(int(digit) * (2 if rank % 2 else 1) for rank, digit in enumerate(digits))
    return -total % 10


def _series(key: int, digit: str) -> KeySeries:
    if int(digit) == key:
        return KeySeries.FIRST
    if int(digit) == 9 - key:
        return KeySeries.SECOND
    return KeySeries.UNKNOWN


def check_affiliation_number(text: str) -> str:
    """Return the seven digits of an affiliation number, leading zeros kept.

    Refuses a wrong shape only; ask `affiliation_key` about the key (e-BDS §6.3:
    warn, do not block).
    """
    number = normalise(text)
    if not _SEVEN.fullmatch(number):
        raise InvalidAffiliationNumber(value=text[:40])
    return number


def affiliation_key(number: str) -> KeySeries:
    """Say which of the two formulas in circulation the seventh digit obeys (e-BDS §6.1, §6.3)."""
    number = check_affiliation_number(number)
    return _series(_alternate_sum_key(number[:6]), number[6])


def complete_affiliation_number(six_digits: str) -> str:
    """Return six digits followed by their key of the first series."""
    return six_digits + str(_alternate_sum_key(six_digits))


def check_registration_number(text: str) -> str:
    """Return the nine digits of an insured person's number.

    `000000000` (no number yet) and `999999999` (casual labour) pass;
    `100000000` is always refused.  The key is only reported, by
    `registration_key`.
    """
    number = normalise(text)
    if not _NINE.fullmatch(number) or number == REFUSED_REGISTRATION:
        raise InvalidRegistrationNumber(value=text[:40])
    return number


def registration_key(number: str) -> KeySeries:
    """Say which formula the ninth digit obeys; the first digit is left out (e-BDS §6.2, §6.3).

    A number that starts with neither 1 nor 9 belongs to no known series.
    """
    number = check_registration_number(number)
    if number[0] not in "19":
        return KeySeries.UNKNOWN
    # Leaving out the first digit gives the second one weight two.
    return _series(_alternate_sum_key("0" + number[1:8]), number[8])


def complete_registration_number(eight_digits: str) -> str:
    """Return eight digits followed by their key of the first series."""
    return eight_digits + str(_alternate_sum_key("0" + eight_digits[1:]))


def check_ice(text: str) -> str:
    """Return the fifteen digits of an ICE; the key is only reported, by `ice_key_matches`."""
    number = normalise(text)
    if not _ICE.fullmatch(number):
        raise InvalidIce(value=text[:40])
    return number


def ice_key_matches(number: str) -> bool:
    """Whether the fifteen digits are a multiple of 97, as every known ICE is.

    No published text gives the formula: a mismatch deserves a warning, not a
    refusal.
    """
    return int(check_ice(number)) % 97 == 0


def check_cin(text: str) -> str:
    """Return a national identity card number in capitals: letters, then digits, eight at most."""
    number = normalise(text)
    if len(number) > 8 or not _CIN.fullmatch(number):
        raise InvalidCin(value=text[:40])
    return number


def rib_key(first_22_digits: str) -> str:
    """Return the two-digit key, 01 to 97, of the 22 digits before it."""
    return f"{97 - int(first_22_digits) * 100 % 97:02}"


def check_rib(text: str) -> str:
    """Return the 24 digits of a Moroccan bank account; refuse a wrong shape or key."""
    number = normalise(text)
    if not _RIB.fullmatch(number):
        raise InvalidRib(value=text[:40])
    expected = rib_key(number[:22])
    if number[22:] != expected:
        raise WrongRibKey(value=number, key=number[22:], expected=expected)
    return number


def format_rib(rib: str) -> str:
    """Return a RIB in groups of 3, 3, 16 and 2 digits."""
    return f"{rib[:3]} {rib[3:6]} {rib[6:22]} {rib[22:]}"


def check_iban(text: str) -> str:
    """Return the RIB inside a Moroccan IBAN.

    A right RIB key makes the IBAN check digits 64 always, so any other prefix
    is refused, and the RIB key is what is verified.
    """
    number = normalise(text)
    if not _IBAN.fullmatch(number):
        raise InvalidIban(value=text[:40])
    rib = check_rib(number[4:])
    if number[2:4] != "64":
        raise InvalidIban(value=text[:40])
    return rib


def check_account(text: str) -> str:
    """Return the RIB given as 24 digits or inside a Moroccan IBAN."""
    return check_iban(text) if normalise(text).startswith("MA") else check_rib(text)


def _slip_root(affiliation_number: str, period: Period) -> str:
    return f"{check_affiliation_number(affiliation_number)}{period.compact[2:]}01"


def slip_reference(affiliation_number: str, period: Period) -> str:
    """Return the 15-digit reference printed on the slip of a main declaration.

    Affiliate (7), year and month (4), `01`, then the first thirteen digits
    modulo 97 on two digits: `123456726010179`.
    """
    root = _slip_root(affiliation_number, period)
    return f"{root}{int(root) % 97:02}"


def transfer_identifier(affiliation_number: str, period: Period) -> str:
    """Return the N_Identif_Transfert of a prefill: the first 14 digits of the slip reference."""
    return slip_reference(affiliation_number, period)[:14]


def _mod_97_10(body: str) -> str:
    # ISO 7064 MOD 97-10; letters count 10 to 35.
    return f"{98 - _number(body) * 100 % 97:02}"


def _number(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text))


def payment_code(
    affiliation_number: str, period: Period, *, nature: PaymentNature, rank: int
) -> str:
    """Return an 18-digit payment code: `123456720260190135`.

    Affiliate (7), period (6), nature (1), rank 1 to 99 (2), ISO 7064 digits (2).
    """
    if not 0 < rank <= 99:
        raise ValueError(f"rank {rank} does not fit on two digits")
    body = f"{check_affiliation_number(affiliation_number)}{period.compact}{nature.value}{rank:02}"
    return body + _mod_97_10(body)


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """What a payment code says: whose money, for which period, for what."""

    text: str
    affiliation_number: str
    period: Period
    nature: PaymentNature
    rank: int


def read_payment_code(text: str) -> PaymentCode:
    """Read a 15-digit slip reference, an 18-digit code or either inside an RF reference."""
    code = normalise(text)
    if code.startswith("RF"):
        code = check_creditor_reference(code)
    parsed = _parse_code(code)
    if parsed is None:
        raise InvalidPaymentCode(value=text[:40])
    return parsed


def _parse_code(code: str) -> PaymentCode | None:
    if not _CODE.fullmatch(code):
        return None
    if len(code) == 15:
        valid = code[11:13] == "01" and int(code[:13]) % 97 == int(code[13:])
        year, month, nature, rank = 2000 + int(code[7:9]), int(code[9:11]), PaymentNature.SLIP, 1
    else:
        valid = int(code) % 97 == 1 and code[16:] == _mod_97_10(code[:16])
        year, month, rank = int(code[7:11]), int(code[11:13]), int(code[14:16])
        valid = valid and code[13] in "1579" and rank > 0 and 1900 <= year <= 2999
        nature = PaymentNature(code[13]) if valid else PaymentNature.SLIP
    if not valid or not 1 <= month <= 12:
        return None
    return PaymentCode(code, code[:7], Period(year, month), nature, rank)


def creditor_reference(code: str) -> str:
    """Return the ISO 11649 reference of a payment code: `RF08123456726010179`."""
    return f"RF{98 - _number(code + 'RF00') % 97:02}{code}"


def check_creditor_reference(text: str) -> str:
    """Return the payment code inside an RF reference of ours; refuse a wrong key."""
    reference = normalise(text)
    match = _CREDITOR_REFERENCE.fullmatch(reference)
    if match is None or creditor_reference(match[2]) != reference:
        raise InvalidPaymentCode(value=text[:40])
    return match[2]


def order_reference(year: int, counter: int) -> str:
    """Return the 12-character reference of a debit order: `T26000000136`."""
    if not 0 < counter <= 9_999_999:
        raise ValueError(f"counter {counter} does not fit on seven digits")
    body = f"T{year % 100:02}{counter:07}"
    return body + _mod_97_10(body)


def check_order_reference(text: str) -> str:
    """Return a 12-character order reference in capitals; refuse wrong check digits."""
    reference = normalise(text)
    if not _ORDER.fullmatch(reference) or reference[10:] != _mod_97_10(reference[:10]):
        raise InvalidOrderReference(value=text[:40])
    return reference


_RUN = re.compile(r"[0-9]+(?:[\s.\-]{1,3}[0-9]+)*", re.ASCII)
_GROUP = re.compile(r"[0-9]+", re.ASCII)


def find_payment_codes(text: str) -> list[str]:
    """Return the valid payment codes written in a free text, each once, in order.

    Spaces, dots, dashes and line breaks inside a code are skipped, but a code
    starts and ends where a group of digits does: part of a longer number is
    never taken (bank files §8, R4).  `RF..` references count.
    """
    cleaned = ascii_digits(text.replace("\u00a0", " ").replace("\u202f", " ")).upper()
    found: dict[str, None] = {}
    for run in _RUN.finditer(cleaned):
        groups = _GROUP.findall(run[0])
        if cleaned[: run.start()].endswith("RF") and len(groups[0]) > 2:
            groups[0] = groups[0][2:]
        for candidate in _joined(groups):
            if _parse_code(candidate):
                found.setdefault(candidate)
    return list(found)


def _joined(groups: list[str]) -> Iterator[str]:
    """Yield every join of neighbouring groups that has the length of a code."""
    for start in range(len(groups)):
        candidate = ""
        for group in groups[start:]:
            candidate += group
            if len(candidate) > 18:
                break
            if len(candidate) in (15, 18):
                yield candidate
