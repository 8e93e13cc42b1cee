"""Forms of payments: shape only."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class BankFileForm(forms.Form):
    """A file of a bank. Whatever it holds is kept and answered: an empty one too has its return file."""

    file = forms.FileField(
        label=_("Fichier de règlement"),
        help_text=_("camt.054, camt.053 (XML) ou CP1 (texte), 100 Mo au plus."),
        allow_empty_file=True,
        max_length=255,
        error_messages={"required": _("Choisissez d’abord le fichier à déposer.")},
    )


class PaidOnForm(forms.Form):
    """« If I pay on this day »."""

    paye_le = forms.DateField(
        label=_("Si je paie le"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        error_messages={"invalid": _("Écrivez la date comme 25/04/2026.")},
    )


class AssignForm(forms.Form):
    """What a clerk says of money that waits: up to three dues, the rest to an affiliate's credit."""

    code_1 = forms.CharField(
        label=_("Référence du bordereau"), max_length=40, required=False, strip=True
    )
    amount_1 = forms.CharField(label=_("Montant (DH)"), max_length=20, required=False)
    code_2 = forms.CharField(label=_("Autre référence"), max_length=40, required=False)
    amount_2 = forms.CharField(label=_("Montant (DH)"), max_length=20, required=False)
    credit_affiliate = forms.CharField(
        label=_("Le reste au crédit de l’affilié n°"), max_length=20, required=False
    )
