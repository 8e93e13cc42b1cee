"""The shape of what is typed for an inspection; what may be done is judged by the workflows."""

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from disputes.enums import AssessmentRule, SelectionReason, StepKind
from disputes.forms.disputes import DirhamsField, IntentForm, text_field
from disputes.missions import FORMS, LINE_LIMIT
from disputes.models import Inspector
from portal import formats
from portal.forms import PiecesField
from regulation.errors import DomainError
from regulation.identifiers import check_registration_number
from regulation.periods import Period


class DayField(forms.DateField):
    """A day, with the calendar of the browser."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class PeriodField(forms.CharField):
    """A declared month typed or chosen as ``2026-01``; gives a Period."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-01", "dir": "ltr"})

    def clean(self, value: Any) -> Period:
        text = super().clean(value)
        try:
            return Period.parse(text)
        except DomainError as refusal:
            raise forms.ValidationError(formats.sentence(refusal), code=refusal.code) from refusal


class TeamField(forms.ModelMultipleChoiceField):
    """The inspectors in activity, each with the grade."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.user.full_name} — {_(obj.get_grade_display())}"


class OrderForm(IntentForm):
    """An order of mission: why, what, when, who."""

    affiliation_number = forms.CharField(
        label=_("Numéro d’affiliation"),
        max_length=7,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )
    reason = forms.ChoiceField(
        label=_("Motif de la sélection"),
        widget=forms.RadioSelect,
        choices=[(reason.value, capfirst(_(reason.label))) for reason in SelectionReason],
    )
    reason_facts = text_field(
        _("Ce qui l’a motivée"),
        _(
            "L’affilié le lit : l’indicateur et sa valeur, la date de la plainte, le rang du tirage."
        ),
        rows=2,
    )
    first = PeriodField(label=_("Premier mois examiné"))
    last = PeriodField(label=_("Dernier mois examiné"))
    scope = text_field(_("Objet"), _("Ce que la mission regarde."), rows=2)
    limits = text_field(_("Limites"), _("Ce qu’elle ne regarde pas, ce qu’elle ne fait pas."), 2)
    starts_on = DayField(label=_("Visites à partir du"))
    ends_on = DayField(label=_("Visites jusqu’au"))
    team = TeamField(
        label=_("Équipe"),
        queryset=Inspector.objects.filter(user__is_active=True)
        .select_related("user")
        .order_by("grade", "user__full_name"),
        help_text=_("Un inspecteur, un inspecteur principal et un inspecteur en chef."),
    )


class CancelForm(IntentForm):
    """Why an order is withdrawn."""

    reason = forms.CharField(
        label=_("Motif de l’annulation"),
        help_text=_("L’affilié le lit."),
        max_length=LINE_LIMIT,
    )


class StepForm(IntentForm):
    """One act in its fixed form: the blanks of its kind, and its day."""

    day = DayField(label=_("Jour de l’acte"))

    def __init__(self, *args: Any, kind: StepKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        for blank in FORMS[kind]:
            self.fields[blank.name] = (
                text_field(_(blank.label), rows=3)
                if blank.long
                else forms.CharField(label=_(blank.label), max_length=LINE_LIMIT)
            )

    def answers(self) -> dict[str, str]:
        """What was typed in the blanks, by their names."""
        return {blank.name: self.cleaned_data[blank.name] for blank in FORMS[self.kind]}


class ReplyForm(IntentForm):
    """What the firm answers to an act."""

    text = text_field(_("Votre réponse"), rows=4)
    pieces = PiecesField()


class ProposeForm(IntentForm):
    """One person's month as the mission established it. Wages in dirhams."""

    rule = forms.ChoiceField(
        label=_("Règle appliquée"),
        widget=forms.RadioSelect,
        choices=[(rule.value, f"{rule.value} — {rule.label}") for rule in AssessmentRule],
    )
    period = PeriodField(label=_("Période"))
    employee = forms.CharField(label=_("Nom et prénom du salarié"), max_length=120)
    registration_number = forms.CharField(
        label=_("Numéro d’immatriculation"),
        required=False,
        max_length=9,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )
    days = forms.IntegerField(label=_("Jours établis"), min_value=0, max_value=26)
    declared = DirhamsField(
        label=_("Salaire déclaré (DH)"), required=False, help_text=_("Vide s’il ne l’était pas.")
    )
    wage = DirhamsField(label=_("Salaire établi (DH)"))

    def clean_registration_number(self) -> str:
        """The number with its key checked; empty when the person has none yet."""
        text = self.cleaned_data["registration_number"]
        try:
            return check_registration_number(text) if text else ""
        except DomainError as refusal:
            raise forms.ValidationError(formats.sentence(refusal), code=refusal.code) from refusal


class CodeForm(forms.Form):
    """The code written on an order of mission."""

    code = forms.CharField(
        label=_("Code de vérification"),
        help_text=_("Dix lettres et chiffres, écrits sur l’ordre de mission."),
        max_length=20,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocapitalize": "characters"}),
    )

    def clean_code(self) -> str:
        """The code without spaces or dashes, in capitals."""
        return "".join(char for char in self.cleaned_data["code"].upper() if char.isalnum())
