"""The shape of what is typed about people and firms; what may be done is judged by the rules and the workflows."""

import datetime
import uuid
from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.text import capfirst, format_lazy
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from affiliates.countries import countries_in
from affiliates.enums import (
    MANDATE_SCOPES,
    AbsenceKind,
    CardKind,
    LeaveReason,
    LegalForm,
    ReviewVerdict,
    Role,
    Scope,
    Sex,
)
from affiliates.errors import MandateInThePast
from affiliates.models import Agency, Representative
from affiliates.rules import MOROCCO, NewFirm, NewHire
from portal.formats import sentence
from portal.forms import PiecesField
from portal.law_forms import DayField
from portal.models import User
from regulation.enums import LabelledEnum
from regulation.errors import DomainError
from regulation.identifiers import check_affiliation_number

_TEXT_LIMIT = 1_000
#: Copies of cards sent together, for forty people or fewer.
MOST_PIECES = 40


def choices_of(enum: type[LabelledEnum], *, blank: str = "") -> list[tuple[str, Any]]:
    """The members of an enum for a choice, in the language of the screen."""
    found: list[tuple[str, Any]] = [(each.value, capfirst(_(each.label))) for each in enum]
    return [("", blank), *found] if blank else found


def _latin(label: Any, limit: int, **kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=limit, widget=forms.TextInput(attrs={"dir": "auto"}), **kwargs
    )


def _code(label: Any, help_text: Any = "", **kwargs: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, max_length=40, widget=widget, **kwargs)


class IntentForm(forms.Form):
    """A form whose second click finds what the first one did."""

    intent = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"intent": uuid.uuid4()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)


class NewHireForm(IntentForm):
    """A person to register: who they are, how to reach them, since when they work."""

    card_kind = forms.ChoiceField(label=_("Pièce d’identité"), widget=forms.RadioSelect)
    card_number = _code(_("Numéro de la pièce"), _("Comme AB123456, sans espace."))
    last_name = _latin(_("Nom, en lettres latines"), 60)
    first_name = _latin(_("Prénom, en lettres latines"), 60)
    last_name_ar = forms.CharField(
        label=_("Nom, en arabe"),
        max_length=60,
        required=False,
        help_text=_("Obligatoire pour un Marocain, comme sur sa carte."),
        widget=forms.TextInput(attrs={"dir": "rtl", "lang": "ar"}),
    )
    first_name_ar = forms.CharField(
        label=_("Prénom, en arabe"),
        max_length=60,
        required=False,
        help_text=_("Obligatoire pour un Marocain, comme sur sa carte."),
        widget=forms.TextInput(attrs={"dir": "rtl", "lang": "ar"}),
    )
    sex = forms.ChoiceField(label=_("Sexe"), widget=forms.RadioSelect)
    born_on = DayField(label=_("Né(e) le"))
    birth_place = _latin(_("Né(e) à"), 60)
    nationality = forms.ChoiceField(label=_("Nationalité"))
    address = _latin(_("Adresse"), 120)
    city = _latin(_("Ville"), 40)
    phone = _code(_("Téléphone"), _("Comme 0612345678, ou +33612345678."))
    rib = _code(
        _("RIB"), _("Vingt-quatre chiffres ; pour les prestations, facultatif."), required=False
    )
    hired_on = DayField(label=_("Embauché(e) le"))
    pieces = PiecesField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["card_kind"].choices = choices_of(CardKind)
        fields["sex"].choices = choices_of(Sex)
        fields["nationality"].choices = countries_in(get_language() or "fr")
        fields["pieces"].label = _("Copie de la pièce d’identité, recto et verso")
        fields["pieces"].help_text = format_lazy(
            "{} {}",
            _("Nécessaire pour envoyer, pas pour un brouillon."),
            fields["pieces"].help_text,
        )
        self.initial.setdefault("card_kind", CardKind.CIN.value)
        self.initial.setdefault("nationality", MOROCCO)

    def person(self) -> NewHire:
        """The person as typed, once the shape is right."""
        told = {name: self.cleaned_data[name] for name in NewHire.__dataclass_fields__}
        told |= {"card_kind": CardKind(told["card_kind"]), "sex": Sex(told["sex"])}
        return NewHire(**told)


class HireSheetForm(IntentForm):
    """A filled spreadsheet of new hires."""

    file = forms.FileField(
        label=_("Tableur rempli"),
        help_text=_("Un fichier .xlsx ou .csv, de 2 Mo au plus."),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
    )


class ManyPiecesForm(forms.Form):
    """The copies of the cards of several drafts, each named by its card."""

    pieces = PiecesField(most=MOST_PIECES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pieces"].label = _("Copies des pièces d’identité")
        self.fields["pieces"].help_text = format_lazy(
            "{} {}",
            _(
                "Nommez chaque fichier par le numéro de la pièce, comme AB123456.pdf ou AB123456-verso.jpg."
            ),
            self.fields["pieces"].help_text,
        )


class AnswerForm(forms.Form):
    """The piece that the fund asked for, with a word."""

    text = forms.CharField(
        label=_("Votre message"),
        required=False,
        max_length=_TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    pieces = PiecesField()


class WordsForm(forms.Form):
    """What a clerk writes to who asked."""

    text = forms.CharField(
        label=_("Ce que le demandeur lira"),
        max_length=_TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


class LeaveForm(forms.Form):
    """The last day of an employment and why it ended."""

    ended_on = DayField(label=_("Dernier jour travaillé"))
    reason = forms.ChoiceField(label=_("Motif de sortie"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reason: Any = self.fields["reason"]
        reason.choices = choices_of(LeaveReason)


class AbsenceForm(forms.Form):
    """From when to when someone does not work, and why."""

    kind = forms.ChoiceField(label=_("Motif de l’absence"))
    starts_on = DayField(label=_("Premier jour"))
    ends_on = DayField(
        label=_("Dernier jour"),
        required=False,
        help_text=_("Laissez vide tant que vous ne le connaissez pas."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind: Any = self.fields["kind"]
        kind.choices = choices_of(AbsenceKind)


class NewFirmForm(IntentForm):
    """A firm that asks to be affiliated, and who answers for it."""

    name = _latin(_("Raison sociale"), 120)
    name_ar = forms.CharField(
        label=_("Raison sociale, en arabe"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"dir": "rtl", "lang": "ar"}),
    )
    legal_form = forms.ChoiceField(label=_("Forme juridique"))
    ice = _code(_("ICE"), _("Quinze chiffres, sur vos factures."))
    tax_id = _code(_("Identifiant fiscal (IF)"))
    trade_register = forms.CharField(
        label=_("Registre du commerce : numéro et tribunal"), max_length=40, required=False
    )
    business_tax = forms.CharField(
        label=_("Taxe professionnelle (patente)"),
        max_length=8,
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric"}),
    )
    activity = _latin(_("Activité"), 80)
    address = _latin(_("Adresse"), 120)
    city = _latin(_("Ville"), 40)
    postal_code = forms.CharField(
        label=_("Code postal"),
        max_length=6,
        required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric"}),
    )
    agency = forms.ModelChoiceField(
        label=_("Agence la plus proche"),
        queryset=Agency.objects.none(),
        empty_label=_("Choisissez une agence"),
    )
    first_hire_on = DayField(label=_("Jour de la première embauche"))
    contact_name = _latin(_("Nom et prénom du responsable"), 120)
    email = forms.EmailField(
        label=_("Son adresse électronique"),
        max_length=254,
        help_text=_(
            "Un lien privé y est envoyé : il sert à joindre les pièces et à suivre la demande."
        ),
        widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "email"}),
    )
    phone = _code(_("Son téléphone"), _("Comme 0612345678, ou +33612345678."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["legal_form"].choices = choices_of(LegalForm)
        fields["agency"].queryset = Agency.objects.order_by("name")
        fields["agency"].label_from_instance = lambda agency: agency.shown_name

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Its fields in the order of a person's papers: the firm, where it is, who answers for it."""
        parts = (
            (
                _("L’entreprise"),
                (
                    "name",
                    "name_ar",
                    "legal_form",
                    "activity",
                    "ice",
                    "tax_id",
                    "trade_register",
                    "business_tax",
                    "first_hire_on",
                ),
            ),
            (_("Où elle travaille"), ("address", "city", "postal_code", "agency")),
            (_("Qui en répond"), ("contact_name", "email", "phone")),
        )
        return [(str(title), [self[name] for name in names]) for title, names in parts]

    def firm(self) -> NewFirm:
        """The firm as typed, once the shape is right."""
        told = {name: self.cleaned_data[name] for name in NewFirm.__dataclass_fields__}
        return NewFirm(**told | {"legal_form": LegalForm(told["legal_form"])})


class FirmPiecesForm(forms.Form):
    """The pieces of a firm that asks to be affiliated."""

    pieces = PiecesField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pieces"].label = _(
            "Statuts ou extrait du registre du commerce, et pièce d’identité du responsable"
        )


class InviteForm(forms.Form):
    """Who is invited to act for an affiliate, and for what."""

    full_name = _latin(_("Nom et prénom"), 120)
    email = forms.EmailField(
        label=_("Adresse électronique"),
        max_length=254,
        widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Rôle"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        # None is chosen in advance: the first one opens everything.
        role.choices = [("", _("Choisissez un rôle")), *choices_of(Role)]


class RoleForm(forms.Form):
    """What a person of the firm may do."""

    role = forms.ChoiceField(label=_("Rôle"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        role.choices = choices_of(Role)


class OfficeNumberForm(forms.Form):
    """Which office, by the number it gave."""

    cabinet = _code(
        _("Numéro du cabinet"),
        _("Comme M-00012 : le cabinet le lit en haut de sa page « Mandats »."),
    )


class MandateForm(forms.Form):
    """What an office may do, from when to when."""

    scopes = forms.MultipleChoiceField(
        label=_("Ce que le cabinet peut faire"),
        help_text=_("Consulter va toujours avec. Gérer les accès reste à l’entreprise."),
        widget=forms.CheckboxSelectMultiple,
    )
    starts_on = DayField(label=_("À partir du"))
    ends_on = DayField(
        label=_("Jusqu’au"),
        required=False,
        help_text=_("Compris. Laissez vide pour un mandat sans date de fin."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes: Any = self.fields["scopes"]
        scopes.choices = [(scope.value, capfirst(_(scope.label))) for scope in MANDATE_SCOPES]

    def check_start(self, today: datetime.date) -> None:
        """Refuse a day before today (MandateInThePast)."""
        if self.cleaned_data["starts_on"] < today:
            raise MandateInThePast(today=f"{today:%d/%m/%Y}")

    def told(self) -> dict[str, Any]:
        """The scopes and the days, once the shape is right."""
        return {
            "scopes": [Scope(value) for value in self.cleaned_data["scopes"]],
            "starts_on": self.cleaned_data["starts_on"],
            "ends_on": self.cleaned_data["ends_on"],
        }


class AskMandateForm(MandateForm):
    """Of which firm, and for which of one's offices, a mandate is asked."""

    office = forms.ModelChoiceField(label=_("Cabinet"), queryset=Representative.objects.none())
    affiliation_number = _code(_("Numéro d’affiliation de l’entreprise"), _("Sept chiffres."))
    field_order = ("office", "affiliation_number", "scopes", "starts_on", "ends_on")

    def __init__(self, *args: Any, offices: Collection[Representative], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        office: Any = self.fields["office"]
        office.queryset = Representative.objects.filter(pk__in=[one.pk for one in offices])
        self.initial["office"] = next(iter(offices)).pk
        if len(offices) == 1:
            office.widget = forms.HiddenInput()

    def clean_affiliation_number(self) -> str:
        try:
            return check_affiliation_number(self.cleaned_data["affiliation_number"])
        except DomainError as refusal:
            raise ValidationError(sentence(refusal), code=refusal.code) from refusal


def _judge_password(form: forms.Form, told: dict[str, Any], owner: User) -> None:
    """Written twice alike, and good enough for its owner; what is wrong is said beside its field."""
    password = told.get("password")
    if not password:
        return
    if password != told.get("again"):
        form.add_error(
            "again", _("Les deux mots de passe sont différents : écrivez deux fois le même.")
        )
    try:
        validate_password(password, owner)
    except ValidationError as refusal:
        form.add_error("password", refusal)


class OpenAccountForm(forms.Form):
    """The name and the password of somebody who accepts an invitation and has no account yet."""

    full_name = _latin(_("Nom et prénom"), 120)
    password = forms.CharField(
        label=_("Mot de passe"),
        help_text=_("Douze caractères ou plus ; une phrase que vous retenez convient très bien."),
        strip=False,
        widget=forms.PasswordInput(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Mot de passe, une seconde fois"),
        strip=False,
        widget=forms.PasswordInput(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        _judge_password(self, told, User(email=self.email, full_name=told.get("full_name", "")))
        return told


class RectifyForm(IntentForm):
    """What the register should say, field by field, why, and the proof. ``shown`` fields come with what it says now."""

    def __init__(
        self, *args: Any, record: Any, names: Collection[str], shown: Collection[str], **kwargs: Any
    ) -> None:
        kwargs["initial"] = {one: getattr(record, one) for one in names if one in shown}
        super().__init__(*args, **kwargs)
        self._shown = [name for name in names if name in shown]
        self._names = list(names)
        for name in names:
            self.fields[name] = self._field(record._meta.get_field(name), is_shown=name in shown)
        self.fields["text"] = forms.CharField(
            label=_("Ce qui est faux, et depuis quand"),
            max_length=_TEXT_LIMIT,
            widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        )
        self.fields["pieces"] = PiecesField()
        self.fields["pieces"].label = _("Ce qui le prouve")

    def _field(self, of: Any, *, is_shown: bool) -> forms.Field:
        label = capfirst(of.verbose_name)
        hint = "" if is_shown else _("Laissez vide si rien n’est à corriger ici.")
        choices: list[tuple[str, Any]] = [(v, capfirst(_(str(t)))) for v, t in of.flatchoices]
        if of.name == "nationality":
            choices = list(countries_in(get_language() or "fr"))
        if choices:
            return forms.ChoiceField(
                label=label, help_text=hint, choices=[("", "—"), *choices], required=False
            )
        if of.name == "born_on":
            return DayField(label=label, help_text=hint, required=False)
        direction = "rtl" if of.name.endswith("_ar") else "auto"
        widget = forms.TextInput(attrs={"dir": direction})
        return forms.CharField(
            label=label, help_text=hint, max_length=of.max_length, required=False, widget=widget
        )

    def told(self) -> dict[str, str]:
        """What was written: each field that is shown, and of the others those that were filled."""
        found = {name: str(self.cleaned_data[name] or "") for name in self._names}
        return {name: text for name, text in found.items() if text or name in self._shown}


class NewMeansForm(forms.Form):
    """The new password of an account that an agency opened again."""

    password = forms.CharField(
        label=_("Nouveau mot de passe"),
        strip=False,
        widget=forms.PasswordInput(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Nouveau mot de passe, une seconde fois"),
        strip=False,
        widget=forms.PasswordInput(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].help_text = (
            _("Quinze caractères ou plus ; une phrase que vous retenez convient très bien.")
            if user.is_staff
            else _("Douze caractères ou plus ; une phrase que vous retenez convient très bien.")
        )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        _judge_password(self, told, self.user)
        return told


class OpenRecoveryForm(forms.Form):
    """What a clerk writes when somebody at the counter has lost every means of signing in."""

    email = forms.EmailField(
        label=_("Adresse électronique du compte"),
        max_length=254,
        widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    document = forms.ChoiceField(
        label=_("Pièce d’identité que vous avez en main"),
        help_text=_("Rien n’en est copié : ni le numéro, ni l’image."),
        widget=forms.RadioSelect,
    )
    lost = forms.CharField(
        label=_("Ce que la personne a perdu"),
        max_length=200,
        help_text=_("Par exemple : téléphone volé, codes de secours introuvables."),
    )
    seen = forms.BooleanField(
        label=_("La personne est devant moi, et la photo de la pièce est la sienne."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        document: Any = self.fields["document"]
        document.choices = [(one.value, capfirst(gettext(one.label))) for one in CardKind]

    def clean_document(self) -> CardKind:
        return CardKind(self.cleaned_data["document"])


class RefuseRecoveryForm(forms.Form):
    """Why the recovery of an account stops."""

    words = forms.CharField(label=_("Motif du refus"), max_length=200)


class ReviewForm(forms.Form):
    """Whether a post is still needed, and why."""

    verdict = forms.ChoiceField(label=_("Votre avis"), widget=forms.RadioSelect)
    reason = forms.CharField(label=_("Motif"), max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        verdict: Any = self.fields["verdict"]
        verdict.choices = [(one.value, capfirst(gettext(one.label))) for one in ReviewVerdict]

    def clean_verdict(self) -> ReviewVerdict:
        return ReviewVerdict(self.cleaned_data["verdict"])
