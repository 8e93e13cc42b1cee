"""Shapes of what people send to this room."""

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from certificates.enums import CertificateKind
from certificates.numbers import read_token
from disputes.forms.missions import PeriodField
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


class MonthField(PeriodField):
    """A month that may be left empty; gives a Period or None."""

    def clean(self, value: Any) -> Period | None:  # type: ignore[override]
        return super().clean(value) if value else None


class DeskForm(forms.Form):
    """What a member of staff asks for an affiliate, and why."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    affiliation_number = forms.CharField(
        label=_("Numéro d’affiliation"),
        max_length=7,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )
    purpose = forms.CharField(
        label=_("Motif"),
        help_text=_(
            "Qui demande ce document et pour quoi faire. L’affilié lit ce motif, avec votre nom."
        ),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    kind = forms.ChoiceField(
        label=_("Attestation"),
        choices=[(kind.value, capfirst(_(kind.label))) for kind in CertificateKind],
    )
    first = MonthField(
        label=_("Du mois de"),
        help_text=_("Pour la masse salariale, la liste des salariés et les salaires déclarés."),
        required=False,
    )
    last = MonthField(label=_("Au mois de"), required=False)
    about = forms.CharField(
        label=_("Salarié ou marché"),
        help_text=_(
            "Le numéro d’immatriculation du salarié, ou le marché de l’attestation pour marché public."
        ),
        max_length=160,
        required=False,
    )

    def clean_kind(self) -> CertificateKind:
        return CertificateKind(self.cleaned_data["kind"])

    def clean_about(self) -> str:
        return " ".join(ascii_digits(self.cleaned_data["about"]).split())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind is CertificateKind.EMPLOYEES:
            cleaned["last"] = cleaned.get("first")
        if kind is not None and kind.months_are_chosen:
            for name in ("first", "last"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, _("Choisissez le mois."))
        return cleaned


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


class ShareForm(forms.Form):
    """For whom a link is, and for how long."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    label = forms.CharField(
        label=_("Pour qui"),
        help_text=_(
            "Pour vous y retrouver : « ma banque », « le bailleur ». Le lecteur ne le voit pas."
        ),
        max_length=120,
    )
    days = forms.TypedChoiceField(
        label=_("Le lien reste ouvert"),
        choices=[
            ("1", _("un jour")),
            ("7", _("7 jours")),
            ("30", _("30 jours")),
            ("90", _("90 jours")),
        ],
        coerce=int,
        initial="7",
    )


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


class AlarmForm(forms.Form):
    """What a supervisor found behind an alarm."""

    note = forms.CharField(
        label=_("Ce qui a été constaté"), max_length=300, widget=forms.Textarea(attrs={"rows": 3})
    )
