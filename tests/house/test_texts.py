"""What people read: every label French and translated, every template in use."""

import importlib
import pkgutil
import re
from enum import StrEnum

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from regulation.enums import LabelledEnum
from tests.house.test_code import HOUSE, ROOMS


def labelled_enums() -> list[type[LabelledEnum]]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if module.name.rpartition(".")[2] == "enums":
                importlib.import_module(module.name)
    return [
        found for found in LabelledEnum.__subclasses__() if found.__module__.split(".")[0] in ROOMS
    ]


ARABIC = re.compile(r"[\u0600-\u06ff]")
ACRONYM = re.compile(r"[A-Za-z]*[A-Z0-9][A-Z0-9 ./-]*|%")
MEMBERS = [member for found in labelled_enums() for member in found]


def test_there_are_enums_to_judge() -> None:
    assert len(MEMBERS) > 50


def test_every_label_is_written_for_people() -> None:
    """Not a name for programs; whether each has a translation is `make check`'s to say."""
    bare = [
        f"{type(member).__name__}.{member.name}: {member.label!r}"
        for member in MEMBERS
        if not member.label.strip() or "_" in member.label
        if not ACRONYM.fullmatch(member.label)
    ]
    assert bare == []


def test_an_arabic_reader_reads_arabic() -> None:
    with translation.override("ar"):
        readings = {member: gettext(member.label) for member in MEMBERS}
    french = [
        f"{type(member).__name__}.{member.name}: {reading!r}"
        for member, reading in readings.items()
        if not ARABIC.search(reading) and not ACRONYM.fullmatch(reading)
    ]
    assert french == []


def test_every_enum_of_an_enums_module_has_labels() -> None:
    plain = [
        found
        for found in StrEnum.__subclasses__()
        if found.__module__ in {f"{room}.enums" for room in ROOMS}
        if found is not LabelledEnum
    ]
    assert plain == []


def test_no_template_is_unused() -> None:
    folder = settings.BASE_DIR / "templates"
    texts = [path.read_text("utf-8") for path in folder.rglob("*.*ml")]
    texts += [path.read_text("utf-8") for room in ROOMS for path in (HOUSE / room).rglob("*.py")]
    everything = "\n".join(texts)
    # Found by Django itself, by name.
    found_by_name = {"400.html", "403.html", "403_csrf.html", "404.html", "500.html"}
    unused = []
    for path in sorted(folder.rglob("*.*ml")):
        name = path.relative_to(folder).as_posix()
        if (
            name in found_by_name
            or path.name == "_README.html"
            or name.startswith(("admin/", "registration/"))
        ):
            continue
        if f'"{name}"' not in everything and f"'{name}'" not in everything:
            unused.append(name)
    assert unused == []


def test_no_text_says_of_before_a_month_that_may_begin_with_a_vowel() -> None:
    """« de octobre »: formats.of_period says « d’octobre », and a period is « la période octobre 2026 »."""
    wrong = re.compile(r"\b[Dd]e (?:%\((?:period|month)\)s|\{(?:period|month)\})")
    assert wrong.findall("Déclaration de %(period)s, le mois de {period}") != []
    catalogue = (HOUSE / "locale/ar/LC_MESSAGES/django.po").read_text()
    assert wrong.findall(catalogue) == []
