"""What counts as a text, and what counts as a good translation of it."""

from pathlib import Path

import pytest

from damancom import messages

HEADER = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);\\n"
"""
PYTHON = """
from django.utils.translation import gettext as _, ngettext, pgettext
a = _("Un texte "
      "en deux morceaux")
b = ngettext("%(n)s salarié", "%(n)s salariés", n) % {"n": n}
c = pgettext("mois", "mai")
d = _(computed)
"""
TEMPLATE = """{% load i18n %}
{% translate "Le dépôt" %} {% translate "d'un fichier" as title %}
{% blocktranslate trimmed with total=total %}
    Il reste {{ total }}
    à payer.
{% endblocktranslate %}
{% blocktranslate count n=n %}{{ n }} mois{% plural %}{{ n }} mois de retard{% endblocktranslate %}
Un texte oublié.
"""


def test_texts_are_found_in_python() -> None:
    assert set(messages._in_python(PYTHON)) == {
        ("Un texte en deux morceaux", None),
        (("%(n)s salarié", "%(n)s salariés"), None),
        ("mai", "mois"),
    }


def test_texts_are_found_in_templates() -> None:
    assert set(messages._in_template(TEMPLATE, "page.html")) == {
        ("Le dépôt", None),
        ("d'un fichier", None),
        ("Il reste %(total)s à payer.", None),
        (("%(n)s mois", "%(n)s mois de retard"), None),
    }


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('msgid "Il reste {amount}"\nmsgstr "بقي {amount}"', None),
        ('msgid "Autre"\nmsgstr "آخر"', "not translated"),
        ('msgid "Il reste {amount}"\nmsgstr ""', "not translated"),
        ('#, fuzzy\nmsgid "Il reste {amount}"\nmsgstr "بقي {amount}"', "fuzzy"),
        ('msgid "Il reste {amount}"\nmsgstr "بقي {total}"', "placeholders differ"),
        ('msgid "Il reste {amount}"\nmsgstr "بقي"', "placeholders differ"),
        (
            'msgid "Il reste {amount}"\nmsgstr "بقي {amount}"\n\nmsgid "Fini"\nmsgstr "انتهى"',
            "no longer said",
        ),
        ('msgid "Il reste {amount}"\nmsgstr "بقي {amount}"\n\n' * 2, "written twice"),
    ],
)
def test_each_fault_of_the_catalogue_is_named(
    entry: str, complaint: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "django.po"
    catalogue.write_text(f"{HEADER}\n{entry.strip()}\n", "utf-8")
    monkeypatch.setattr(messages, "CATALOGUE", catalogue)
    monkeypatch.setattr(messages, "sources", lambda: {("Il reste {amount}", None): "page.py"})
    found = messages.complaints()
    if complaint is None:
        assert found == []
    else:
        assert any(complaint in line for line in found), found


def test_bringing_the_catalogue_up_to_date_keeps_what_is_said_and_drops_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "django.po"
    catalogue.write_text(
        f'{HEADER}\nmsgid "Gardé"\nmsgstr "محفوظ"\n\nmsgid "Fini"\nmsgstr "انتهى"\n', "utf-8"
    )
    monkeypatch.setattr(messages, "CATALOGUE", catalogue)
    monkeypatch.setattr(
        messages, "sources", lambda: {("Gardé", None): "a.py", ("Neuf", None): "b.py"}
    )
    assert messages.update() == 1
    text = catalogue.read_text("utf-8")
    assert 'msgid "Gardé"\nmsgstr "محفوظ"' in text
    assert 'msgid "Neuf"\nmsgstr ""' in text
    assert "Fini" not in text
    assert messages.update() == 0
    assert catalogue.read_text("utf-8") == text
