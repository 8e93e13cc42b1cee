"""The shape of what is typed in a dispute; what may be done is judged by the workflows."""

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from disputes.enums import Ground, Outcome
from disputes.models import DisputedItem
from disputes.rules import TEXT_LIMIT, Ruling
from portal import formats
from portal.forms import PiecesField
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
    """Contest lines of one slip: an amount by line, a ground, words and pieces."""

    ground = forms.ChoiceField(label=_("Motif"), widget=forms.RadioSelect)
    text = text_field(
        _("Expliquez en quelques phrases"),
        _("Qui est concerné, ce qui est faux, ce qui serait juste."),
    )
    pieces = PiecesField()

    def __init__(self, *args: Any, remaining: Mapping[int, Decimal], **kwargs: Any) -> None:
        """``remaining`` gives what is left to contest (DH) for each slip line id."""
        super().__init__(*args, **kwargs)
        self.fields["ground"].choices = [  # type: ignore[attr-defined]
            (ground.value, capfirst(_(ground.label))) for ground in Ground
        ]
        self.line_ids = [line for line, left in remaining.items() if left > ZERO]
        for line in self.line_ids:
            self.fields[self.amount_name(line)] = DirhamsField(
                label=_("Montant contesté (DH)"), required=False
            )

    @staticmethod
    def amount_name(line_id: int) -> str:
        return f"amount_{line_id}"

    def contested(self) -> dict[int, Decimal]:
        """The amounts typed (DH), by slip line id; those left empty are not there."""
        typed = {line: self.cleaned_data[self.amount_name(line)] for line in self.line_ids}
        return {line: amount for line, amount in typed.items() if amount > ZERO}


class ReplyForm(IntentForm):
    """Words and pieces added by the affiliate."""

    text = text_field(_("Votre message"), rows=4)
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
        self.item_ids = [item.pk for item in items]
        for pk in self.item_ids:
            self.fields[f"outcome_{pk}"] = forms.ChoiceField(
                label=_("Réponse"),
                choices=[(outcome.value, capfirst(_(outcome.label))) for outcome in Outcome],
                widget=forms.RadioSelect,
            )
            self.fields[f"granted_{pk}"] = DirhamsField(
                label=_("Montant accordé (DH)"),
                required=False,
                help_text=_("À remplir pour un accord partiel."),
            )

    def rulings(self) -> dict[int, Ruling]:
        """The answers, by item id; amounts in dirhams."""
        return {
            pk: Ruling(
                Outcome(self.cleaned_data[f"outcome_{pk}"]), self.cleaned_data[f"granted_{pk}"]
            )
            for pk in self.item_ids
        }
