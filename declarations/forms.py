"""Forms of the declarations: shape only."""

from collections.abc import Callable

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from declarations.enums import FormColumn, LineSituation
from portal.errors import message_of
from regulation.errors import DomainError
from regulation.identifiers import check_cin, check_registration_number


class UploadForm(forms.Form):
    """A declaration file. Whatever it holds is kept and checked: an empty one too has its finding."""

    file = forms.FileField(
        label=_("Fichier de déclaration"),
        help_text=_(
            "Le fichier « DS_… » ou « DSC…_… » de votre logiciel de paie, ou le tableur du mois rempli (.xlsx, "
            ".csv) ; 16 Mo au plus."
        ),
        allow_empty_file=True,
        max_length=255,
        error_messages={"required": _("Choisissez d’abord le fichier à déposer.")},
    )


class ValidatorForm(forms.Form):
    """What the public check is given, and in which form it answers."""

    file = forms.FileField(
        label=_("Fichier de déclaration"),
        help_text=_("Le fichier « DS_… » ou « DSC…_… » de votre logiciel de paie, 16 Mo au plus."),
        allow_empty_file=True,
        max_length=255,
        error_messages={"required": _("Choisissez d’abord le fichier à contrôler.")},
    )
    prefill = forms.FileField(
        label=_("Préétabli auquel il répond"),
        help_text=_("Facultatif. Avec lui, chaque salarié et chaque allocation sont comparés."),
        required=False,
        allow_empty_file=True,
        max_length=255,
    )
    name = forms.CharField(
        label=_("Nom sous lequel il sera déposé"),
        help_text=_("Facultatif. Avec lui, le nom est contrôlé aussi."),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )
    sortie = forms.ChoiceField(
        choices=[("page", ""), ("json", ""), ("repare", "")],
        required=False,
        widget=forms.HiddenInput,
    )


class RepairForm(forms.Form):
    """The repair as it was shown: its digest is the key of the intention."""

    digest = forms.CharField(min_length=64, max_length=64, widget=forms.HiddenInput)


class SubmitForm(forms.Form):
    """The draft as it was shown: its version is the key of the intention."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class NewHireForm(SubmitForm):
    """Somebody the prefill does not know: a registration number or, while there is none, an identity card."""

    registration_number = forms.CharField(
        label=_("Numéro d’immatriculation"),
        required=False,
        max_length=20,
        help_text=_("Neuf chiffres. Laissez vide si la personne n’en a pas encore."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    cin = forms.CharField(
        label=_("Numéro de CIN"),
        required=False,
        max_length=12,
        help_text=_("Indispensable sans numéro d’immatriculation."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    last_name = forms.CharField(label=_("Nom"), max_length=30)
    first_name = forms.CharField(label=_("Prénom"), max_length=30)

    def clean_registration_number(self) -> str:
        return _checked(check_registration_number, self.cleaned_data["registration_number"])

    def clean_cin(self) -> str:
        return _checked(check_cin, self.cleaned_data["cin"])

    def clean(self) -> None:
        super().clean()
        typed = [self.cleaned_data.get(name, "?") for name in ("registration_number", "cin")]
        if not any(typed):
            self.add_error(
                "registration_number", _("Donnez le numéro d’immatriculation ou, à défaut, la CIN.")
            )


def _checked(check: Callable[[str], str], text: str) -> str:
    if not text.strip():
        return ""
    try:
        return check(text)
    except DomainError as refusal:
        raise ValidationError(message_of(refusal)) from refusal


class PasteForm(SubmitForm):
    """A column copied from a spreadsheet, and where it goes."""

    column = forms.ChoiceField(
        label=_("Colonne"),
        choices=[(one.value, one.label) for one in FormColumn],
        initial=FormColumn.WAGE.value,
    )
    first_line = forms.IntegerField(min_value=0, initial=0, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Valeurs, une par ligne"),
        strip=False,
        max_length=2_000_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_(
            "Dans l’ordre de la liste affichée, à partir de la première personne. Une ligne vide vaut zéro ; "
            "plusieurs colonnes à la fois conviennent."
        ),
    )


class NoWorkForm(SubmitForm):
    """Why nobody worked in the month."""

    situation = forms.ChoiceField(
        label=_("Situation de tous les salariés"),
        choices=[
            (one.value, one.label)
            for one in (
                LineSituation.UNPAID_LEAVE,
                LineSituation.KEPT_UNPAID,
                LineSituation.LEFT,
            )
        ],
    )


class ReopeningForm(forms.Form):
    """Why a clerk opens closed months to corrections again. Named apart from the column « raison » of the rows."""

    because = forms.CharField(
        label=_("Pourquoi rouvrir ?"),
        help_text=_("Une phrase qui reste au dossier : qui l’a demandé, ce qui doit être corrigé."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
    )
