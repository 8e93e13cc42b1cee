"""Is this the same person? Names compared as they sound, whatever the spelling, the order or the script.

Moroccan names have no single Latin spelling: MOHAMED and MOHAMMED, EL FASSI and ELFASSI, ABDERRAHMANE and
ABD RAHMAN are one name each, and محمد is the first of them. A name is reduced to two keys: its letters
(accents, doubles, articles and order set aside) and its consonants, the same from either script. Two people are
compared only when their card is the same or their days of birth could be mistaken for one another. What is found
is for a clerk to look at; it decides nothing. See docs/decisions/one-person-one-number.md.
"""

import datetime
import re
import unicodedata
from dataclasses import dataclass

from affiliates.enums import Likeness

# What each Arabic letter sounds like; vowels, weak letters and the hamza carry no consonant.
_ARABIC = {
    "ب": "B", "ت": "T", "ث": "T", "ج": "J", "ح": "H", "خ": "X", "د": "D", "ذ": "D", "ر": "R", "ز": "Z",
    "س": "S", "ش": "CH", "ص": "S", "ض": "D", "ط": "T", "ظ": "D", "غ": "G", "ف": "F", "ق": "K", "ك": "K",
    "ل": "L", "م": "M", "ن": "N", "ه": "H", "گ": "G", "ݣ": "G", "ڭ": "G", "ک": "K", "پ": "B", "ڤ": "V", "چ": "J",
    "ا": "A", "أ": "A", "إ": "A", "آ": "A", "ٱ": "A", "ء": "", "ؤ": "U", "ئ": "I", "ع": "A", "و": "U", "ي": "I",
    "ى": "A", "ی": "I", "ة": "A",
}  # fmt: skip
_LATIN = str.maketrans({"Æ": "AE", "Œ": "OE", "Ø": "O", "ß": "SS", "Ł": "L", "Đ": "D"})
# Two letters that write one sound, the longest first. C stands for the sound of « ch ».
_SOUNDS = (
    ("SCH", "C"), ("TCH", "C"), ("CH", "C"), ("SH", "C"), ("KH", "X"), ("GH", "G"), ("DJ", "J"), ("DH", "D"),
    ("TH", "T"), ("PH", "F"), ("GU", "G"), ("QU", "K"), ("Q", "K"),
)  # fmt: skip
_SOFT_C = re.compile("C(?=[EIY])")
_VOWELS = re.compile("[AEIOUYW]")
_DOUBLES = re.compile(r"(.)\1+")
# « abd al-rahman » is said « abderrahman »: the article melts into a sun letter.
_MELTED_ARTICLE = re.compile("^BDL(?=[DNRSTZC])")
_ARTICLES = {"EL", "AL", "L", "ER", "ES", "ET", "EN", "EZ"}
# Words that make one name with the next one.
_PARTICLES = {
    "ABD",
    "ABDEL",
    "ABDE",
    "BEN",
    "IBN",
    "BENT",
    "BINT",
    "AIT",
    "OULD",
    "BOU",
    "ABOU",
    "OUM",
    "SIDI",
}
_ARABIC_PARTICLES = {
    "عبد",
    "بن",
    "ابن",
    "إبن",
    "بنت",
    "أيت",
    "آيت",
    "ايت",
    "ولد",
    "بو",
    "أبو",
    "ابو",
    "أم",
    "سيدي",
}
_ARABIC_ARTICLE = "ال"


def name_key(*names: str) -> str:
    """The letters of Latin names, capitals without accents, particles joined, words in alphabetical order.

    A name in Arabic letters gives the consonants that stand for it. Empty for what holds no letter.
    """
    return " ".join(sorted(_DOUBLES.sub(r"\1", word) for word in _words(" ".join(names))))


def name_sound(*names: str) -> str:
    """The consonants of names in either script, words in alphabetical order: « FS MHMD » for محمد الفاسي."""
    sounds = (_sound(word) for word in _words(" ".join(names)))
    return " ".join(sorted(sound for sound in sounds if sound))


def _words(text: str) -> list[str]:
    """The names of a text, each in A–Z, articles dropped and particles joined to what follows."""
    found: list[str] = []
    glued, script = "", False
    for raw in re.findall(r"[^\W\d_]+", _plain(text)):
        arabic = raw[0] in _ARABIC
        if not arabic:
            # A doubled letter is one before anything is asked of the word: ALLLA is ALLA, and no article L with LA.
            raw = _DOUBLES.sub(r"\1", "".join(char for char in raw if "A" <= char <= "Z"))
        particle = raw in (_ARABIC_PARTICLES if arabic else _PARTICLES)
        article = not arabic and raw in _ARTICLES
        if (article and not glued) or not raw:
            continue
        if particle or (article and glued):
            glued, script = glued + raw, arabic
            continue
        if not glued:
            raw = _without_article(raw, arabic)
        found.append(_latin(glued + raw) if arabic or script else glued + raw)
        glued = ""
    if glued:
        found.append(_latin(glued) if script else glued)
    return [word for word in found if word]


def _plain(text: str) -> str:
    """Capitals without accents; Arabic without vowel marks and stretching. Apostrophes and hyphens disappear."""
    decomposed = unicodedata.normalize("NFKD", text.upper().translate(_LATIN))
    kept = [
        char
        for char in decomposed
        if not unicodedata.combining(char) and char not in "\u0640\u200c\u200d\u200e\u200f"
    ]
    return re.sub(r"['’‘`ʼ´\-\u2010-\u2015]", " ", unicodedata.normalize("NFC", "".join(kept)))


def _without_article(word: str, arabic: bool) -> str:
    if arabic:
        return word[2:] if word.startswith(_ARABIC_ARTICLE) and len(word) > 4 else word
    # ELFASSI is EL FASSI; ALAOUI and ELIAS are whole names.
    if word.startswith(("EL", "AL")) and len(word) > 5 and not _VOWELS.match(word[2]):
        return word[2:]
    return word


def _latin(word: str) -> str:
    return "".join(_ARABIC.get(char, char if "A" <= char <= "Z" else "") for char in word)


def _sound(word: str) -> str:
    for written, sound in _SOUNDS:
        word = word.replace(written, sound) if sound != "C" else _ch(word, written)
    # A « c » that is not « ch » is an S before E, I, Y and a K otherwise; \0 stands for « ch » meanwhile.
    word = _SOFT_C.sub("S", word).replace("C", "K").replace("\0", "C")
    # The last H of ABDELLAH is a breath that FATIMAH or فاطمة may not write.
    consonants = _DOUBLES.sub(r"\1", _VOWELS.sub("", word.removesuffix("H")))
    return _DOUBLES.sub(r"\1", _MELTED_ARTICLE.sub("BD", consonants))


def _ch(word: str, written: str) -> str:
    return word.replace(written, "\0")


# ---------------------------------------------------------------- days of birth


def near_days(day: datetime.date) -> tuple[datetime.date, ...]:
    """The days that a hurried hand writes for ``day``: itself first, day and month swapped, one year off."""
    candidates = [day]
    if day.day <= 12 and day.day != day.month:
        candidates.append(day.replace(month=day.day, day=day.month))
    for year in (day.year - 1, day.year + 1):
        if day.month == 2 and day.day == 29:
            break
        candidates.append(day.replace(year=year))
    return tuple(candidates)


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a person: card number, names in Latin letters, names in Arabic, day of birth if known."""

    card: str
    names: str
    names_ar: str
    born_on: datetime.date | None


#: Trigrams in common, in hundredths, above which two spellings are near, or nearly the same.
NEAR, VERY_NEAR = 40, 70


def likeness(asked: Identity, known: Identity) -> Likeness | None:
    """How much ``known`` looks like ``asked``; None when nothing says that they are one person."""
    if asked.card and asked.card == known.card:
        return Likeness.SAME_CARD
    same_sound = bool(_sounds(asked) & _sounds(known))
    spelling = similarity(name_key(asked.names), name_key(known.names))
    if asked.born_on is None or known.born_on is None:
        return Likeness.NAME_ONLY if same_sound and spelling >= VERY_NEAR else None
    if asked.born_on == known.born_on:
        if same_sound:
            return Likeness.SAME_NAME_AND_DAY
        return Likeness.NEAR_NAME_SAME_DAY if spelling >= NEAR else None
    if known.born_on in near_days(asked.born_on) and (same_sound or spelling >= VERY_NEAR):
        return Likeness.SAME_NAME_NEAR_DAY
    return None


def _sounds(person: Identity) -> set[str]:
    return {sound for sound in (name_sound(person.names), name_sound(person.names_ar)) if sound}


def similarity(one: str, other: str) -> int:
    """The share of trigrams in common, in hundredths, as PostgreSQL counts them (pg_trgm)."""
    first, second = _trigrams(one), _trigrams(other)
    together = len(first | second)
    return 100 * len(first & second) // together if together else 0


def _trigrams(text: str) -> set[str]:
    found = set()
    for word in text.split():
        padded = f"  {word} "
        found |= {padded[start : start + 3] for start in range(len(padded) - 2)}
    return found
