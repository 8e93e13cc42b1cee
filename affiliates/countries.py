"""The countries, by their ISO 3166 codes and their names in the languages of the portal."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from babel import Locale

from affiliates.rules import MOROCCO
from portal.enums import Language
from portal.sheets.table import plain_title

_NOT_COUNTRIES: Final = frozenset(("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"))


def countries_in(language: str) -> list[tuple[str, str]]:
    """Code and name of each country, Morocco first, in the alphabet of a language."""
    named = [
        (code, name)
        for code, name in Locale.parse(language).territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    ]
    named.sort(key=lambda pair: (pair[0] != MOROCCO, pair[1]))
    return named


@cache
def codes_by_name() -> Mapping[str, str]:
    """The code of each country by its code and by its names, as `plain_title` writes them."""
    found: dict[str, str] = {}
    for language in Language:
        for code, name in countries_in(language.value):
            found[plain_title(name)] = found[plain_title(code)] = code
    return found
