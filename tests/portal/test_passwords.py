"""New passwords: long enough for who they open, and none of those that are tried first."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from portal import workflows
from portal.forms import NewPasswordForm
from portal.models import Mail, User
from portal.passwords import LEAST, LEAST_FOR_STAFF, NotCommon, cores_of
from tests.affiliates.factories import UserFactory

ANYBODY = User(email="x@exemple.ma", full_name="Aya Zahra")
STAFF = User(email="y@exemple.ma", full_name="Aya Zahra", is_staff=True)


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password2026!", "motdepasse2026", "M0tdep@sse2026", "azertyuiop123", "Damancom2026!!",
        "cnss-cnss-cnss", "casablanca2026", "CASABLANCA-1234", "aaaaaaaaaaaaaa", "sesamesesame", "123456789012",
        "111111222222", "abcdefghijkl", "lkjhgfdsq2026", "Fiduciaire2026", "Wydad1937wydad", "marocmarocmaroc",
        "........................", "201220122012", "Administrateur1", "Bismillah12345",
        "monmotdepasse", "LeMotDePasse2026", "bonbonbonbon", "michaeljordan",
    ],
)  # fmt: skip
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, ANYBODY)


@pytest.mark.parametrize(
    "password",
    [
        "une-phrase-de-passe-pour-les-essais", "cheval agrafe batterie", "Trois chats dorment", "xk7Qm2vP9rLt",
        "le maroc gagne toujours", "ثلاث قطط تنام هنا", "8362915074638", "damancom est mon portail",
    ],
)  # fmt: skip
def test_a_phrase_is_welcome(password: str) -> None:
    validate_password(password, ANYBODY)


def test_thousands_of_common_ones_that_are_long_enough_are_refused() -> None:
    """As people lengthen the twenty thousand of Django: a year, twice, capitals and signs (ASVS asks for 3,000)."""
    judge = NotCommon()
    known = sorted(word for word in judge.passwords if re.fullmatch("[a-z]{4,}", word))
    tried: dict[str, list[bool]] = {"everybody": [], "staff": []}
    for word in known[::3]:
        for made in (f"{word}2026", word * 2, f"{word.capitalize()}!2026!", f"1234{word}{word}99"):
            for who, least in (("everybody", LEAST), ("staff", LEAST_FOR_STAFF)):
                if len(made) >= least:
                    tried[who].append(_is_refused(judge, made))
    assert all(tried["everybody"])
    assert all(tried["staff"])
    assert min(len(tried["everybody"]), len(tried["staff"])) >= 3_000


def _is_refused(judge: NotCommon, password: str) -> bool:
    try:
        judge.validate(password)
    except ValidationError:
        return True
    return False


def test_nothing_hinders_a_paste_or_a_manager() -> None:
    """No field stops a paste, none asks for figures or signs, and each says what it is to a manager of passwords."""
    person = User(email="x@exemple.ma", full_name="Aya Zahra")
    form = NewPasswordForm(person)
    told = {name: field.widget.attrs for name, field in form.fields.items()}
    assert [told[name].get("autocomplete") for name in told] == [
        "current-password", "new-password", "new-password",
    ]  # fmt: skip
    for attributes in told.values():
        assert not {"onpaste", "pattern", "maxlength"} & set(attributes)
    scripts = [path.read_text("utf-8") for path in (settings.BASE_DIR / "static/js").glob("*.js")]
    assert scripts
    hindered = [text for text in scripts if re.search(r'"paste"', text) and "password" in text]
    assert hindered == []


def test_twelve_for_everybody_and_fifteen_for_staff() -> None:
    for password, user, code in (
        ("xk7Qm2vP9rL", ANYBODY, "password_too_short"),
        ("xk7Qm2vP9rLtZw", STAFF, "password_too_short"),
    ):
        with pytest.raises(ValidationError) as refused:
            validate_password(password, user)
        assert [error.code for error in refused.value.error_list] == [code]
    validate_password("xk7Qm2vP9rLt", ANYBODY)
    validate_password("xk7Qm2vP9rLtZwy", STAFF)


def test_what_is_taken_away_before_judging() -> None:
    assert "sesame" in cores_of("Sésame-sésame 99")
    assert "motdepasse" in cores_of("M0tdep@sse2026")


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_who_owns_the_account_is_told_when_its_password_changes(db: None, language: str) -> None:
    person = UserFactory(language=language)
    workflows.change_password(actor=person, new_password="cheval agrafe batterie")
    letter = Mail.objects.get(user=person)
    assert ("Mot de passe changé" in letter.subject) is (language == "fr")
    assert "/ma-securite/" in letter.text
