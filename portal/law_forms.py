"""What the simulator asks: a month, wages, a status, and days when something is late."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import sentence
from regulation.contributions import WageLine
from regulation.errors import DomainError
from regulation.money import parse_amount
from regulation.periods import Period, parse_day

MOST_WAGES = 200
_BETWEEN_WAGES = re.compile(r"[\n\r;\t]+")


class PeriodField(forms.CharField):
    """A month, as the browser's month box sends it: ``2026-01``."""

    widget = forms.TextInput(attrs={"type": "month", "dir": "ltr", "placeholder": "2026-01"})

    def clean(self, value: str | None) -> Period:
        """Return the period, or say how to write it."""
        text = super().clean(value)
        try:
            return Period.parse(text)
        except DomainError as refusal:
            raise ValidationError(sentence(refusal), code=refusal.code) from refusal


class DayField(forms.CharField):
    """A day, as the browser's day box sends it: ``2026-04-25``."""

    widget = forms.TextInput(attrs={"type": "date", "dir": "ltr", "placeholder": "2026-04-25"})

    def clean(self, value: str | None) -> date | None:
        """Return the day, None when empty, or say how to write it."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_day(text)
        except DomainError as refusal:
            raise ValidationError(sentence(refusal), code=refusal.code) from refusal


class WagesField(forms.CharField):
    """Wages typed or pasted, one per line (or separated by semicolons or tabulations)."""

    widget = forms.Textarea(attrs={"rows": 5, "dir": "ltr", "inputmode": "decimal"})

    def clean(self, value: str | None) -> list[Decimal]:
        """Return the wages in DH; say every line that cannot be read."""
        text = super().clean(value)
        written = [piece for piece in _BETWEEN_WAGES.split(text) if piece.strip()]
        if len(written) > MOST_WAGES:
            raise ValidationError(
                _("Le simulateur prend %(most)d salaires au plus : gardez-en moins.")
                % {"most": MOST_WAGES}
            )
        wages, faults = [], []
        for rank, piece in enumerate(written, start=1):
            try:
                wages.append(parse_amount(piece))
            except DomainError as refusal:
                faults.append(
                    _("Salaire %(rank)d. %(fault)s") % {"rank": rank, "fault": sentence(refusal)}
                )
        if faults:
            raise ValidationError(faults)
        return wages


class SimulatorForm(forms.Form):
    """The month and its wages; days of payment and filing only to see what lateness adds."""

    period = PeriodField(label=gettext_lazy("Période"))
    wages = WagesField(
        label=gettext_lazy("Salaires réels, en dirhams"),
        help_text=gettext_lazy("Un salaire par ligne, comme 4\u00a0000 ou 12\u00a0345,67."),
        required=False,
    )
    takeover_wages = WagesField(
        label=gettext_lazy("Salaires dont l’État prend en charge la part patronale (TAHFIZ)"),
        help_text=gettext_lazy("Seulement si une décision vous l’accorde. Un salaire par ligne."),
        required=False,
    )
    amo_exempt = forms.BooleanField(
        label=gettext_lazy("Couverture médicale privée (exonéré de l’AMO)"), required=False
    )
    tfp_exempt = forms.BooleanField(
        label=gettext_lazy("Exonéré de la taxe de formation professionnelle"), required=False
    )
    paid_on = DayField(label=gettext_lazy("Payé le"), required=False)
    filed_on = DayField(label=gettext_lazy("Déclaré le"), required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for at least one wage, whichever box it is in."""
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors and not cleaned["wages"] and not cleaned["takeover_wages"]:
            self.add_error("wages", _("Écrivez au moins un salaire."))
        return cleaned

    def lines(self) -> list[WageLine]:
        """Every wage typed, each with who bears the employer share."""
        return [
            *(WageLine(wage) for wage in self.cleaned_data["wages"]),
            *(WageLine(wage, state_takeover=True) for wage in self.cleaned_data["takeover_wages"]),
        ]
