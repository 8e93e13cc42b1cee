"""Forms of payments: shape only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from payments.enums import KeyScope
from payments.models import Bank
from regulation.periods import InvalidPeriod, Period


class BankFileForm(forms.Form):
    """A file of a bank. Whatever it holds is kept and answered: an empty one too has its return file."""

    file = forms.FileField(
        label=_("Fichier de règlement"),
        help_text=_(
            "camt.054, camt.053, pain.002, CFONB 120, 160 ou 240, MT940 ou CP1, tel quel ou dans une archive zip ; "
            "100 Mo au plus."
        ),
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


_MONTH = forms.TextInput(attrs={"type": "month", "placeholder": "2026-04"})


class SpanForm(forms.Form):
    """From one month to another, both included; either may be left out."""

    du = forms.CharField(label=_("Du mois"), required=False, widget=_MONTH)
    au = forms.CharField(label=_("au mois"), required=False, widget=_MONTH)

    def clean_du(self) -> Period | None:
        """The first month."""
        return _month(self.cleaned_data["du"])

    def clean_au(self) -> Period | None:
        """The last month."""
        return _month(self.cleaned_data["au"])

    @property
    def asked(self) -> str:
        """The same question for another address."""
        first, last = self.bounds()
        named = (("du", first), ("au", last))
        return urlencode({key: str(month) for key, month in named if month})

    def bounds(self) -> tuple[Period | None, Period | None]:
        """The months asked, or the whole account when what was typed is no month."""
        if not self.is_valid():
            return None, None
        return self.cleaned_data["du"], self.cleaned_data["au"]


def _month(typed: str) -> Period | None:
    if not typed:
        return None
    try:
        return Period.parse(typed)
    except InvalidPeriod as error:
        raise forms.ValidationError(_("Écrivez le mois comme 2026-04.")) from error


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
    reason = forms.CharField(
        label=_("Pourquoi"),
        help_text=_("Nécessaire quand une seconde personne doit valider."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )


class MoveForm(AssignForm):
    """Take back an allocation; where its money goes instead may be left empty: it then waits again."""

    field_order = ("reason", "code_1", "amount_1", "code_2", "amount_2", "credit_affiliate")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].help_text = ""


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Pourquoi"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )


class WriteOffForm(forms.Form):
    """The due whose small rest is to be given up."""

    code = forms.CharField(label=_("Référence du bordereau"), max_length=40)
    reason = forms.CharField(
        label=_("Pourquoi"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )


class RefundForm(forms.Form):
    """How much of the credit to give back, and to which account."""

    amount = forms.CharField(
        label=_("Montant (DH)"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr"}),
    )
    rib = forms.CharField(
        label=_("RIB du compte à créditer"),
        help_text=_("24 chiffres, au nom de l’entreprise."),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )


class GraceForm(forms.Form):
    """What an employer asks of what is overdue; the same form simulates and sends."""

    remise = forms.CharField(
        label=_("Remise demandée (DH)"),
        help_text=_("Sur les majorations et astreintes ; zéro pour un simple échelonnement."),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr"}),
    )
    echeances = forms.IntegerField(
        label=_("Nombre d’échéances mensuelles"),
        min_value=1,
        max_value=60,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )
    premiere = forms.DateField(
        label=_("Première échéance le"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        error_messages={"invalid": _("Écrivez la date comme 25/04/2026.")},
    )
    motif = forms.CharField(
        label=_("Pourquoi vous le demandez"),
        help_text=_("En quelques phrases : ce qui s’est passé, ce qui permet de tenir le plan."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


class BankKeyForm(forms.Form):
    """A key for a bank's machine."""

    bank = forms.ModelChoiceField(
        label=_("Banque"), queryset=Bank.objects.all(), empty_label=_("Choisissez une banque")
    )
    label = forms.CharField(
        label=_("Usage"), help_text=_("Par exemple : dépôt de nuit."), max_length=60
    )
    scopes = forms.MultipleChoiceField(
        label=_("Droits"),
        choices=[(scope.value, capfirst(_(scope.label))) for scope in KeyScope],
        initial=["send", "read"],
        widget=forms.CheckboxSelectMultiple,
    )
    networks = forms.CharField(
        label=_("Adresses d’où elle appelle"),
        required=False,
        max_length=400,
        help_text=_(
            "Adresses ou réseaux que la banque annonce, séparés par des espaces : 192.0.2.10 198.51.100.0/24. "
            "Vide : de partout."
        ),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )
    public_key = forms.CharField(
        label=_("Clé publique de la banque"),
        required=False,
        max_length=400,
        help_text=_(
            "Le bloc « PUBLIC KEY » (Ed25519) que la banque a fait elle-même : chaque appel de cette clé est alors "
            "signé, et rien de secret ne suffit à l’imiter."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr", "class": "dc-code"}),
    )
    days = forms.IntegerField(label=_("Valable (jours)"), min_value=1, max_value=400, initial=365)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["public_key"].required = settings.BANK_SIGNATURES_REQUIRED


class BankProfileForm(forms.Form):
    """A new version of what was agreed with a bank."""

    bank = forms.ModelChoiceField(
        label=_("Banque"), queryset=Bank.objects.all(), empty_label=_("Choisissez une banque")
    )
    convention = forms.JSONField(
        label=_("Convention (JSON)"),
        required=False,
        initial=dict,
        widget=forms.Textarea(attrs={"rows": 12, "dir": "ltr", "class": "dc-code"}),
        error_messages={"invalid": _("Ce texte n’est pas du JSON.")},
    )
    agreement = forms.CharField(label=_("Référence de l’accord écrit"), max_length=120)
    effective_from = forms.DateField(
        label=_("En vigueur le"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        error_messages={"invalid": _("Écrivez la date comme 25/04/2026.")},
    )


class AuthorityForm(forms.Form):
    """An account that the fund may debit."""

    rib = forms.CharField(
        label=_("RIB ou IBAN du compte"),
        help_text=_("24 chiffres, comme sur votre chéquier ; la clé est vérifiée tout de suite."),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr", "autocomplete": "off"}),
    )
    titulaire = forms.CharField(
        label=_("Titulaire du compte"),
        help_text=_("En lettres latines, comme à la banque."),
        max_length=70,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    plafond = forms.CharField(
        label=_("Plus gros prélèvement accepté (DH)"),
        help_text=_("Un ordre au-dessus de ce plafond est refusé par le portail, toujours."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr"}),
    )


class BankRefusalForm(forms.Form):
    """Why a bank does not confirm an authority."""

    motif = forms.CharField(label=_("Motif du refus"), max_length=140)
