import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regulation.enums import KeySeries, PaymentNature
from regulation.errors import DomainError
from regulation.identifiers import (
    affiliation_key,
    check_account,
    check_affiliation_number,
    check_cin,
    check_creditor_reference,
    check_iban,
    check_ice,
    check_order_reference,
    check_registration_number,
    check_rib,
    complete_affiliation_number,
    complete_registration_number,
    creditor_reference,
    find_payment_codes,
    format_rib,
    ice_key_matches,
    order_reference,
    payment_code,
    read_payment_code,
    registration_key,
    rib_key,
    slip_reference,
    transfer_identifier,
)
from regulation.periods import Period

JANUARY = Period(2026, 1)
RIBS = [
    "001810007800020110620318",
    "001810007800020110620221",
    "011519000001205000534921",
    "007780000123400000056749",
    "230780123456789012000038",
]


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def test_affiliation_key_vector() -> None:
    assert check_affiliation_number(" 1 234-567 ") == "1234567"
    assert affiliation_key("1234567") is KeySeries.FIRST
    assert affiliation_key("1234562") is KeySeries.SECOND
    assert affiliation_key("1234568") is KeySeries.UNKNOWN


@pytest.mark.parametrize("text", ["", "123456", "12345678", "12E4567", "1_34567", "१२३४५६७"])
def test_affiliation_number_shape_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_affiliation_number(text)
    assert refusal.value.code == "affiliation_number.invalid"


@pytest.mark.parametrize(
    ("number", "series"),
    [
        ("123456785", KeySeries.FIRST),
        ("112233441", KeySeries.FIRST),
        ("155667789", KeySeries.SECOND),
        ("177889908", KeySeries.FIRST),
        ("190011223", KeySeries.FIRST),
        ("123456786", KeySeries.UNKNOWN),
    ],
)
def test_registration_key_vectors(number: str, series: KeySeries) -> None:
    assert registration_key(number) is series


def test_registration_number_starting_with_nine_is_known_and_with_two_is_not() -> None:
    nine = complete_registration_number("91234567")
    assert registration_key(nine) is KeySeries.FIRST
    assert registration_key("2" + nine[1:]) is KeySeries.UNKNOWN


def test_special_registration_numbers() -> None:
    assert check_registration_number("000000000") == "000000000"
    assert check_registration_number("999999999") == "999999999"
    with pytest.raises(DomainError, match="100000000"):
        check_registration_number("100000000")


@given(digits(6))
def test_completed_affiliation_number_has_the_first_key(six: str) -> None:
    assert affiliation_key(complete_affiliation_number(six)) is KeySeries.FIRST


@pytest.mark.parametrize("number", ["001561191000066", "002136093000040", "000036794000036"])
def test_real_ice_keys_match(number: str) -> None:
    assert ice_key_matches(number)
    assert not ice_key_matches(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_ice_of_fourteen_digits_is_refused() -> None:
    with pytest.raises(DomainError, match="quinze"):
        check_ice("00156119100006")


@pytest.mark.parametrize("text", ["AB123456", "k12345", "Z 1", "BE٨٤٢١"])
def test_cin_shapes(text: str) -> None:
    assert check_cin(text).isascii()


@pytest.mark.parametrize("text", ["", "123456", "ABC12345", "AB1234567", "A", "AB12_4"])
def test_cin_refusals(text: str) -> None:
    with pytest.raises(DomainError):
        check_cin(text)


@pytest.mark.parametrize("rib", RIBS)
def test_rib_vectors(rib: str) -> None:
    assert check_rib(rib) == rib
    assert check_iban("MA64" + rib) == rib
    assert check_account(format_rib(rib)) == rib


def test_rib_key_on_two_digits() -> None:
    assert rib_key("2307800000000000000013") == "97"
    assert rib_key("2307800000000000000010") == "09"


def test_wrong_rib_key_names_the_right_one() -> None:
    with pytest.raises(DomainError) as refusal:
        check_rib("230780123456789012000039")
    assert refusal.value.code == "rib.key"
    assert refusal.value.facts["expected"] == "38"


@pytest.mark.parametrize(
    "text",
    [
        "MA37230780123456789012000039",
        "MA65230780123456789012000038",
        "FR64230780123456789012000038",
        "MA6423078012345678901200003",
    ],
)
def test_iban_refusals(text: str) -> None:
    with pytest.raises(DomainError):
        check_iban(text)


@pytest.mark.parametrize("text", ["23078012345678901200003", "23078012345678901200003A", "२" * 24])
def test_rib_shape_refusals(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_rib(text)
    assert refusal.value.code == "rib.invalid"


def test_arabic_indic_digits_are_the_same_number() -> None:
    arabic = "٢٣٠٧٨٠١٢٣٤٥٦٧٨٩٠١٢٠٠٠٠٣٨"
    assert check_rib(arabic) == "230780123456789012000038"
    assert check_iban("MA64 2307 8012 3456 7890 1200 0038") == "230780123456789012000038"
    assert check_affiliation_number("۱۲۳۴۵۶۷") == "1234567"


def test_reference_vectors() -> None:
    assert slip_reference("1234567", JANUARY) == "123456726010179"
    assert transfer_identifier("1234567", JANUARY) == "12345672601017"
    code = payment_code("1234567", JANUARY, nature=PaymentNature.BASKET, rank=1)
    assert code == "123456720260190135"
    assert creditor_reference("123456726010179") == "RF08123456726010179"
    assert creditor_reference(code) == "RF74123456720260190135"
    assert order_reference(2026, 1) == "T26000000136"


def test_codes_read_back() -> None:
    slip = read_payment_code("1234 5672 6010 179")
    assert (slip.affiliation_number, slip.period, slip.nature) == (
        "1234567",
        JANUARY,
        PaymentNature.SLIP,
    )
    basket = read_payment_code("RF74 1234 5672 0260 1901 35")
    assert (basket.nature, basket.rank) == (PaymentNature.BASKET, 1)
    with pytest.raises(DomainError):
        read_payment_code("RF75123456720260190135")
    with pytest.raises(DomainError):
        check_creditor_reference("RF08")
    assert check_order_reference("t26 0000 00136") == "T26000000136"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("VIREMENT 123456726010179 CNSS", ["123456726010179"]),
        ("REF 1234567.2601-01\n79", ["123456726010179"]),
        ("RF08123456726010179", ["123456726010179"]),
        ("RF08 1234 5672 6010 179", ["123456726010179"]),
        ("123456726010179 3694.86", ["123456726010179"]),
        ("1123456726010179", []),
        ("1234567260101790", []),
        ("123456726010178", []),
        ("123456726010179 ET 123456720260190135", ["123456726010179", "123456720260190135"]),
        ("123456726010179 123456726010179", ["123456726010179"]),
        ("١٢٣٤٥٦٧٢٦٠١٠١٧٩", ["123456726010179"]),
        ("", []),
    ],
)
def test_codes_are_found_in_free_text(text: str, codes: list[str]) -> None:
    assert find_payment_codes(text) == codes


def valid_numbers() -> st.SearchStrategy[tuple[str, str]]:
    """Pairs of (kind, valid number) protected by a modulus of 97."""
    rib = digits(22).map(lambda body: ("rib", body + rib_key(body)))
    months = st.builds(Period, st.integers(2000, 2099), st.integers(1, 12))
    slip = st.builds(lambda a, p: ("slip", slip_reference(a, p)), digits(7), months)
    code = st.builds(
        lambda a, p, n, r: ("code", payment_code(a, p, nature=n, rank=r)),
        digits(7),
        months,
        st.sampled_from(PaymentNature),
        st.integers(1, 99),
    )
    order = st.builds(
        lambda y, c: ("order", order_reference(y, c)),
        st.integers(2020, 2099),
        st.integers(1, 9999999),
    )
    return st.one_of(rib, slip, code, order)


def accepts(kind: str, number: str) -> bool:
    check = {"rib": check_rib, "order": check_order_reference}.get(kind, read_payment_code)
    try:
        check(number)
    except DomainError:
        return False
    return True


@given(valid_numbers(), st.data())
def test_every_single_digit_error_is_caught(valid: tuple[str, str], data: st.DataObject) -> None:
    kind, number = valid
    assert accepts(kind, number)
    at = data.draw(st.integers(1 if kind == "order" else 0, len(number) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    assume(digit != number[at])
    assert not accepts(kind, number[:at] + digit + number[at + 1 :])


@given(valid_numbers(), st.data())
def test_every_adjacent_swap_is_caught(valid: tuple[str, str], data: st.DataObject) -> None:
    kind, number = valid
    at = data.draw(st.integers(1 if kind == "order" else 0, len(number) - 2))
    assume(number[at] != number[at + 1])
    assert not accepts(kind, number[:at] + number[at + 1] + number[at] + number[at + 2 :])


@given(valid_numbers())
def test_creditor_reference_gives_its_code_back(valid: tuple[str, str]) -> None:
    kind, number = valid
    assume(kind in ("slip", "code"))
    assert check_creditor_reference(creditor_reference(number)) == number
    assert find_payment_codes(f"PAIEMENT {number} MERCI") == [number]


def test_check_digits_that_are_only_equal_modulo_97_are_refused() -> None:
    assert read_payment_code("123459320260190102").rank == 1
    with pytest.raises(DomainError):
        read_payment_code("123459320260190199")
