"""Shapes of what people send to this room."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from certificates.enums import CertificateKind
from certificates.numbers import read_token
from portal import formats
from regulation.periods import Period
from regulation.text import ascii_digits


class RangeForm(forms.Form):
    """From which month to which: two lists of months, the latest first."""

    first = forms.ChoiceField(label=_("Du mois de"))
    last = forms.ChoiceField(label=_("Au mois de"))

    def __init__(self, *args: Any, months: list[Period], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(month), formats.period(month)) for month in months]
        for name in ("first", "last"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = choices

    def clean_first(self) -> Period:
        return Period.parse(self.cleaned_data["first"])

    def clean_last(self) -> Period:
        return Period.parse(self.cleaned_data["last"])


class AskForm(RangeForm):
    """What a kind needs to know before it can answer: months, a call for tenders, an employee; or nothing."""

    about = forms.CharField(max_length=160)

    def __init__(
        self, *args: Any, kind: CertificateKind, months: list[Period], **kwargs: Any
    ) -> None:
        super().__init__(*args, months=months, **kwargs)
        kept = _ASKED[kind]
        for name in list(self.fields):
            if name not in kept:
                del self.fields[name]
        if kind is CertificateKind.EMPLOYEES:
            self.fields["first"].label = _("Mois")
        if kind is CertificateKind.TENDER:
            self.fields["about"].label = _("Marché")
            self.fields["about"].help_text = _(
                "Le numéro de l’appel d’offres et l’acheteur public, tels qu’ils doivent être imprimés."
            )
        elif "about" in self.fields:
            self.fields["about"].label = _("Numéro d’immatriculation du salarié")
            self.fields["about"].help_text = _("Neuf chiffres ; il est sur la page du salarié.")

    def clean_about(self) -> str:
        return " ".join(ascii_digits(self.cleaned_data["about"]).split())


_ASKED = {
    CertificateKind.STANDING: (),
    CertificateKind.TENDER: ("about",),
    CertificateKind.EMPLOYEES: ("first",),
    CertificateKind.EMPLOYEE: ("about",),
    CertificateKind.WAGES: ("about", "first", "last"),
}


class RequestForm(forms.Form):
    """One request, with the key that makes a second click harmless."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=CertificateKind.choices(), widget=forms.HiddenInput)
    first = forms.CharField(required=False, max_length=7, widget=forms.HiddenInput)
    last = forms.CharField(required=False, max_length=7, widget=forms.HiddenInput)
    about = forms.CharField(required=False, max_length=160, widget=forms.HiddenInput)

    def clean_kind(self) -> CertificateKind:
        return CertificateKind(self.cleaned_data["kind"])


class CodeForm(forms.Form):
    """The verification code as printed, with or without its dashes, or the whole address."""

    code = forms.CharField(
        label=_("Code de vérification"),
        help_text=_(
            "Les 28 lettres et chiffres imprimés sous le code QR ; les tirets sont facultatifs."
        ),
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "dir": "ltr",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )

    def clean_code(self) -> str:
        token = read_token(self.cleaned_data["code"])
        if token is None:
            raise forms.ValidationError(
                _(
                    "Ce code n’a pas la bonne forme : recopiez les 28 lettres et chiffres, par groupes de quatre."
                )
            )
        return token


class CompareForm(forms.Form):
    """The PDF to compare, and the code of the page one comes from."""

    file = forms.FileField(
        label=_("Le PDF reçu"),
        help_text=_(
            "Le fichier lui-même, tel que vous l’avez reçu : une photo ou une copie scannée n’a plus de sceau."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": "application/pdf,.pdf"}),
    )
    code = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)


class RevocationForm(forms.Form):
    """Why a certificate is revoked; the employer reads it."""

    reason = forms.CharField(
        label=_("Pourquoi ?"),
        help_text=_("L’employeur lira cette explication sur la page de l’attestation."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
    )
