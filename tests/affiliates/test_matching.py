"""Names that are one name, and people who may be one person."""

import datetime
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from affiliates.enums import Likeness
from affiliates.matching import (
    Identity,
    likeness,
    name_key,
    name_sound,
    near_days,
    similarity,
)

BORN = datetime.date(1994, 3, 8)


@pytest.mark.parametrize(
    ("latin", "arabic"),
    [
        ("Mohammed El Fassi", "محمد الفاسي"),
        ("MOHAMED ELFASSI", "مُحَمَّد الفاسي"),
        ("FASSI MOHAMED", "محمد الفاسي"),
        ("ABDERRAHMANE BENALI", "عبد الرحمان بن علي"),
        ("Abd Rahman Ben Ali", "عبدالرحمان بن علي"),
        ("ABDELLAH ALAOUI", "عبد الله العلوي"),
        ("ABDESSALAM TAZI", "عبد السلام التازي"),
        ("ABDELAZIZ BENNANI", "عبد العزيز بناني"),
        ("CHAIMAE IDRISSI", "شيماء الإدريسي"),
        ("KHADIJA AIT OUAHMANE", "خديجة آيت وحمان"),
        ("HOUSSAINE CHRAIBI", "الحسين الشرايبي"),
        ("FATIMA-ZAHRA CHAHID", "فاطمة الزهراء شهيد"),
        ("Ghizlane JABRI", "غـزلان الجابري"),
        ("YOUSSEF QADIRI", "يوسف القادري"),
    ],
)
def test_a_name_sounds_the_same_in_both_scripts(latin: str, arabic: str) -> None:
    assert name_sound(latin) == name_sound(arabic) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MOHAMED ALAMI", "SALMA BERRADA"),
        ("YOUSSEF TAZI", "YASMINE FILALI"),
        ("KARIM BENJELLOUN", "KARIM BENNANI"),
    ],
)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert name_sound(one) != name_sound(other)
    assert similarity(name_key(one), name_key(other)) < 70


def test_a_key_is_plain_letters() -> None:
    assert name_key("El Fâssi", "Zaïnab-Élodie") == "ELODIE FASI ZAINAB"
    assert name_sound("12 - ؟") == ""


# ---------------------------------------------------------------- what normalisation must not depend on

latin_names = st.lists(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=9), min_size=1, max_size=4
)
arabic_names = st.lists(
    st.text("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", min_size=3, max_size=8), min_size=1, max_size=4
)
MARKS = "\u064b\u064e\u064f\u0650\u0651\u0652\u0640"


# Words that join their neighbour, where the order of words does count.
JOINING = re.compile(
    "B+E+N+T*|B+O+U+|A+B+D+(E+L*)?|A+I+T+|O+U+M+|I+B+N+|O+U+L+D+|B+I+N+T+|A+B+O+U+|S+I+D+I+"
)


@given(latin_names.filter(lambda words: not any(map(JOINING.fullmatch, words))), st.randoms())
def test_order_case_accents_and_blanks_do_not_count(words: list[str], random) -> None:
    told = " ".join(words)
    shuffled = list(words)
    random.shuffle(shuffled)
    accented = "  ".join(shuffled).lower().replace("e", "é").replace("c", "ç").replace("a", "â")
    assert name_key(accented) == name_key(told)
    assert name_sound(accented) == name_sound(told)


@example(["ALLA"])
@given(latin_names)
def test_a_letter_written_twice_is_one(words: list[str]) -> None:
    twice = " ".join(
        "".join(char * 2 if char in "MLNT" else char for char in word) for word in words
    )
    assert name_key(twice) == name_key(" ".join(words))


@given(arabic_names)
def test_vowel_marks_and_stretching_do_not_count(words: list[str]) -> None:
    marked = " ".join(
        "".join(char + MARKS[rank % len(MARKS)] for rank, char in enumerate(word)) for word in words
    )
    assert name_sound(marked) == name_sound(" ".join(words))


@given(st.text(max_size=60))
def test_any_text_gives_capitals_or_nothing(text: str) -> None:
    for key in (name_key(text), name_sound(text)):
        assert all("A" <= char <= "Z" or char == " " for char in key)
        assert key == key.strip()


@given(st.dates(datetime.date(1930, 1, 1), datetime.date(2011, 12, 31)))
def test_a_day_is_near_itself_and_nearness_goes_both_ways(day: datetime.date) -> None:
    assert near_days(day)[0] == day
    assert all(day in near_days(other) or other.day == 29 for other in near_days(day))


# ---------------------------------------------------------------- people


def identity(names: str = "MOHAMED EL FASSI", card: str = "cin:AB123456", **more) -> Identity:
    return Identity(**{"card": card, "names": names, "names_ar": "", "born_on": BORN} | more)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (identity(), Likeness.SAME_CARD),
        (identity("SOMEONE ELSE", born_on=None), Likeness.SAME_CARD),
        (identity("Elfassi Mohammed", card="cin:K1"), Likeness.SAME_NAME_AND_DAY),
        (identity("X", card="", names_ar="محمد الفاسي"), Likeness.SAME_NAME_AND_DAY),
        (identity("MOHAMED FARSI", card=""), Likeness.NEAR_NAME_SAME_DAY),
        (identity(card="", born_on=datetime.date(1994, 8, 3)), Likeness.SAME_NAME_NEAR_DAY),
        (identity(card="", born_on=datetime.date(1995, 3, 8)), Likeness.SAME_NAME_NEAR_DAY),
        (identity(card="", born_on=None), Likeness.NAME_ONLY),
        (identity("SALMA BERRADA", card=""), None),
        (identity(card="", born_on=datetime.date(1994, 3, 9)), None),
        (identity("MOHAMED FARSI", card="", born_on=None), None),
        (identity(card="residence:AB123456", names="SALMA BERRADA"), None),
    ],
)
def test_who_looks_like_whom(known: Identity, expected: Likeness | None) -> None:
    assert likeness(identity(), known) is expected


def test_two_empty_cards_are_not_the_same_card() -> None:
    assert likeness(identity("A B", card=""), identity("SALMA BERRADA", card="")) is None
