"""What a new password must be (promise 18): long enough, and not one that everybody thinks of.

No rule of composition and no end date. Django's own list holds few passwords of twelve letters or more; people make
long ones from a short common one, by writing it twice, by adding a year, by swapping a letter for a digit. So what is
judged is what remains once that is taken away.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Any, Final

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LEAST: Final = 12
LEAST_FOR_STAFF: Final = 15

_AROUND_US: Final = """
    damancom daman dhaman cnss caisse securitesociale declaration cotisation affilie bordereau salaire paie
    employeur fiduciaire comptable comptabilite cabinet societe entreprise directeur direction gestion
    maroc morocco casablanca casa rabat marrakech fes tanger agadir meknes oujda kenitra tetouan safi sale
    raja wydad barcelona realmadrid messi ronaldo hakimi mohamed fatima youssef ahmed khadija hassan
    motdepasse motdepass mdp azerty azertyuiop qwertyuiop bonjour soleil jetaime administrateur admin
    utilisateur bienvenue inchallah hamdoullah bismillah alhamdulillah password secret sesame bebe musulman
    jesuismusulman michaeljordan leonardodicaprio unbelievable correcthorsebatterystaple
"""
#: What is on everybody's lips here, besides the twenty thousand of Django.
AROUND_US: Final = frozenset(_AROUND_US.split())
_OWN: Final = re.compile(r"(?:mon|mes|ma|les|le|la)(?=[a-z]{4})")
_SWAPPED: Final = str.maketrans("@4301!$57", "aaeoiisst")
_ROWS: Final = (
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
)


class LongEnough:
    """Twelve characters, fifteen for staff."""

    def validate(self, password: str, user: Any = None) -> None:
        least = LEAST_FOR_STAFF if getattr(user, "is_staff", False) else LEAST
        if len(password) < least:
            raise ValidationError(
                _("Ce mot de passe est trop court : il en faut %(least)d caractères ou plus.")
                % {"least": least},
                code="password_too_short",
            )

    def get_help_text(self) -> str:
        return _("Douze caractères ou plus, quinze pour le personnel de la Caisse.")


class NotCommon(CommonPasswordValidator):
    """Neither a common password nor one dressed up."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        for core in cores_of(password):
            if len(core) < 4 or core in AROUND_US or core in self.passwords or _is_a_row(core):
                raise ValidationError(
                    _(
                        "Ce mot de passe est de ceux qu’on essaie en premier : écrivez plutôt une phrase, "
                        "quatre mots sans rapport conviennent très bien."
                    ),
                    code="password_too_common",
                )

    def get_help_text(self) -> str:
        return _("Une phrase que vous retenez convient très bien.")


def cores_of(password: str) -> set[str]:
    """What remains of a password without case, accents, digits and signs around it, and repetitions."""
    plain = unicodedata.normalize("NFKD", password.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if not any(letter.isalpha() for letter in plain):
        # Digits and signs alone: what does not repeat of them.
        steps = {ord(after) - ord(before) for before, after in pairwise(plain)}
        easy = len(set(plain)) < 6 or steps <= {1, -9} or steps <= {-1, 9}
        return {""} if easy else {plain}
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    swapped = re.sub(r"[\W\d_]+", "", bare.translate(_SWAPPED))
    letters = re.sub(r"[\W\d_]+", "", bare)
    cores = {core for text in (bare, letters, swapped) if text for core in _units(text)}
    # « monmotdepasse » is « motdepasse ».
    return cores | {_OWN.sub("", core) for core in cores if _OWN.match(core)} or {""}


def _units(text: str) -> set[str]:
    """What is written several times: « sesamesesame » is « sesame »; « bonbonbonbon » is « bon », « bonbon »…"""
    for size in range(1, len(text) // 2 + 1):
        unit = text[:size]
        if (unit * (len(text) // size + 1))[: len(text)] == text:
            return {unit * times for times in range(1, len(text) // size + 1)}
    return {text}


def _is_a_row(core: str) -> bool:
    """Keys side by side, one way or the other."""
    return any(core in row or core[::-1] in row for row in _ROWS)
