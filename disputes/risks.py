"""What in the declarations of a firm calls for a look: each sign with its formula, its threshold and its weight.

A sign is not a fault and there is no bare score: a firm is shown with each sign that it gives, the figure behind it,
and what that figure counts for. The weights and thresholds are choices of the fund, written here for everyone.
"""

from dataclasses import dataclass
from decimal import Decimal

from disputes.enums import RiskSign
from regulation.text import Sentence, _

# The months looked at: the recent ones against those just before.
WINDOW_MONTHS = 12
RECENT_MONTHS = 3
# A sector is compared only when several firms make it.
SECTOR_FIRMS = 5
# A wage that grows by half or more is a jump.
JUMP = Decimal("1.5")


@dataclass(frozen=True, slots=True)
class Indicator:
    """How a sign is computed. ``threshold`` is inclusive; below it the sign is silent. ``weight`` is in points."""

    sign: RiskSign
    formula: str
    threshold: Decimal
    weight: int
    # Whether the sign speaks below the threshold rather than above it.
    falls: bool = False


INDICATORS: dict[RiskSign, Indicator] = {
    each.sign: each
    for each in (
        Indicator(
            RiskSign.NEVER_FILED,
            _("mois écoulés depuis l’affiliation, sans aucune déclaration"),
            Decimal(2),
            4,
        ),
        Indicator(
            RiskSign.BELOW_MINIMUM,
            _(
                "lignes payées moins que (SMIG mensuel ÷ 26 × jours), sur toutes les lignes de l’année"
            ),
            Decimal("0.10"),
            3,
        ),
        Indicator(
            RiskSign.RAISED_BEFORE_BENEFIT,
            _(
                "salariés dont le salaire a augmenté de moitié ou plus dans les trois mois précédant une maternité "
                "ou une maladie"
            ),
            Decimal(1),
            3,
        ),
        Indicator(
            RiskSign.SUDDEN_DROP,
            _("baisse de la masse salariale moyenne, trois derniers mois contre les neuf d’avant"),
            Decimal("0.30"),
            2,
        ),
        Indicator(
            RiskSign.SECTOR_OUTLIER,
            _("salaire moyen par jour, rapporté à la médiane de la même activité"),
            Decimal("0.60"),
            2,
            falls=True,
        ),
    )
}


def speaks(sign: RiskSign, value: Decimal) -> bool:
    """Whether the sign is given at this value."""
    indicator = INDICATORS[sign]
    return value <= indicator.threshold if indicator.falls else value >= indicator.threshold


def explained(sign: RiskSign, value: Decimal) -> Sentence:
    """The value in words, with its threshold."""
    indicator = INDICATORS[sign]
    if sign in {RiskSign.NEVER_FILED, RiskSign.RAISED_BEFORE_BENEFIT}:
        return Sentence(
            _("{value} ; le signe est donné à partir de {threshold}"),
            {"value": str(int(value)), "threshold": str(int(indicator.threshold))},
        )
    shown = {"value": str(round(value * 100)), "threshold": str(round(indicator.threshold * 100))}
    if indicator.falls:
        return Sentence(_("{value} % ; le signe est donné jusqu’à {threshold} %"), shown)
    return Sentence(_("{value} % ; le signe est donné à partir de {threshold} %"), shown)
