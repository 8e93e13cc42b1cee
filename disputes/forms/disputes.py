"""The shape of what is typed in a dispute; what may be done is judged by the workflows."""

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from disputes.enums import Ground, Outcome
from disputes.models import Dispute, DisputedItem
from disputes.rules import TEXT_LIMIT, Ruling, Subject
from portal import formats
from portal.enums import Language
from portal.forms import PiecesField
from portal.models import User
from regulation.errors import DomainError
from regulation.money import ZERO, parse_amount


class DirhamsField(forms.CharField):
    """An amount typed by a person; gives a Decimal, zero when left empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=30, **kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "dir": "ltr", "autocomplete": "off"}

    def clean(self, value: Any) -> Decimal:
        text = super().clean(value)
        if not text:
            return ZERO
        try:
            return parse_amount(text)
        except DomainError as refusal:
            raise ValidationError(formats.sentence(refusal), code=refusal.code) from refusal


def _intent() -> forms.UUIDField:
    return forms.UUIDField(widget=forms.HiddenInput)


def text_field(label: Any, help_text: Any = "", rows: int = 6) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": rows, "dir": "auto"}),
    )


class IntentForm(forms.Form):
    """A form whose second click finds what the first one did."""

    intent = _intent()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"intent": uuid.uuid4()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    @property
    def lost_files(self) -> bool:
        """Whether files were chosen and must be chosen again: a browser never gives them back."""
        return self.is_bound and bool(self.files) and bool(self.errors)


class OpenForm(IntentForm):
    """Contest: an amount by line, surcharge or penalty, the rest as a whole; a ground, words and pieces."""

    ground = forms.ChoiceField(label=_("Motif"), widget=forms.RadioSelect)
    text = text_field(
        _("Expliquez en quelques phrases"),
        _("Qui est concerné, ce qui est faux, ce qui serait juste."),
    )
    pieces = PiecesField()

    def __init__(
        self,
        *args: Any,
        remaining: Mapping[Subject, Decimal],
        wholes: Iterable[Subject] = (),
        **kwargs: Any,
    ) -> None:
        """``remaining`` gives what is left to contest (DH) of each sum; ``wholes`` are contested without an amount."""
        super().__init__(*args, **kwargs)
        self.wholes = list(wholes)
        self.fields["ground"].choices = [  # type: ignore[attr-defined]
            (ground.value, capfirst(_(ground.label))) for ground in Ground
        ]
        self.sums = [subject for subject, left in remaining.items() if left > ZERO]
        for subject in self.sums:
            self.fields[self.amount_name(subject)] = DirhamsField(
                label=_("Montant contesté (DH)"), required=False
            )

    @staticmethod
    def amount_name(subject: Subject) -> str:
        return f"amount_{subject}"

    def contested(self) -> dict[Subject, Decimal]:
        """The amounts typed (DH), by subject, and zero for what is contested as a whole; those left empty are out."""
        typed = {each: self.cleaned_data[self.amount_name(each)] for each in self.sums}
        return dict.fromkeys(self.wholes, ZERO) | {
            subject: amount for subject, amount in typed.items() if amount > ZERO
        }


class ReplyForm(IntentForm):
    """Words and pieces added by the affiliate."""

    text = text_field(_("Votre message"), rows=4)
    pieces = PiecesField()


class AppealForm(IntentForm):
    """What the affiliate says against a decision, and new pieces if there are."""

    text = text_field(
        _("Pourquoi cette décision est-elle fausse, selon vous ?"),
        _("Ce qui n’a pas été vu, ce qu’une pièce nouvelle montre."),
        rows=5,
    )
    pieces = PiecesField()


class AnswerForm(ReplyForm):
    """Words and pieces added by the fund."""

    text = text_field(_("Message à l’affilié"), rows=4)


class AskForm(IntentForm):
    """What the fund asks the affiliate for."""

    text = text_field(
        _("Pièce ou précision demandée"),
        _("L’affilié voit ce texte ; le délai de décision continue de courir."),
        rows=3,
    )


class AssignForm(forms.Form):
    """Whom a file is given to."""

    to = forms.ModelChoiceField(label=_("Confier à"), queryset=User.objects.none())

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = people  # type: ignore[attr-defined]


class TriageForm(AssignForm):
    """What is done with the files that were ticked: taken by oneself, or given to somebody."""

    to = forms.ModelChoiceField(label=_("Confier à"), queryset=User.objects.none(), required=False)
    rows = forms.ModelMultipleChoiceField(queryset=Dispute.objects.none())

    def __init__(self, *args: Any, disputes: QuerySet[Dispute], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rows"].queryset = disputes  # type: ignore[attr-defined]


class TemplateForm(forms.Form):
    """Words offered to the desk."""

    title = forms.CharField(
        label=_("Titre"), max_length=80, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    language = forms.ChoiceField(
        label=_("Langue"), choices=[(each.value, each.label) for each in Language]
    )
    ground = forms.ChoiceField(
        label=_("Motif"),
        required=False,
        choices=[("", _("Tous")), *((each.value, capfirst(_(each.label))) for each in Ground)],
    )
    text = text_field(_("Texte"), _("L’agent le complète avant de l’envoyer."), rows=6)


class MeetForm(IntentForm):
    """The record of a meeting with the affiliate."""

    held_on = forms.DateField(
        label=_("Jour de l’entretien"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    present = forms.CharField(
        label=_("Personnes présentes"),
        max_length=200,
        help_text=_("Nom et qualité de chacun, et le lieu."),
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    text = text_field(
        _("Compte rendu"),
        _("Ce qui a été dit et convenu. L’affilié le lit et peut y répondre."),
        rows=5,
    )
    pieces = PiecesField()


class DecideForm(IntentForm):
    """An answer by item, the reasons and the text applied."""

    reasons = text_field(
        _("Motifs"), _("L’affilié les lit tels quels : ce qui a été vérifié, ce qui en résulte."), 5
    )
    legal_ground = forms.CharField(
        label=_("Texte appliqué"),
        required=False,
        max_length=200,
        help_text=_("Obligatoire pour un refus, même partiel."),
        widget=forms.TextInput(attrs={"list": "legal-grounds", "dir": "auto"}),
    )

    def __init__(self, *args: Any, items: Iterable[DisputedItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_amount = {item.pk: item.amount is not None for item in items}
        for pk in self.has_amount:
            self.fields[f"outcome_{pk}"] = forms.ChoiceField(
                label=_("Réponse"),
                choices=[
                    (outcome.value, capfirst(_(outcome.label)))
                    for outcome in Outcome
                    if self.has_amount[pk] or outcome is not Outcome.PARTLY_UPHELD
                ],
                widget=forms.RadioSelect,
            )
            if not self.has_amount[pk]:
                continue
            self.fields[f"granted_{pk}"] = DirhamsField(
                label=_("Montant accordé (DH)"),
                required=False,
                help_text=_("À remplir pour un accord partiel."),
            )

    def rulings(self) -> dict[int, Ruling]:
        """The answers, by item id; amounts in dirhams."""
        return {
            pk: Ruling(
                Outcome(self.cleaned_data[f"outcome_{pk}"]),
                self.cleaned_data.get(f"granted_{pk}", ZERO),
            )
            for pk in self.has_amount
        }
