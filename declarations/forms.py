"""Forms of the declarations: shape only."""

from django import forms
from django.utils.translation import gettext_lazy as _


class UploadForm(forms.Form):
    """A declaration file. Whatever it holds is kept and checked: an empty one too has its finding."""

    file = forms.FileField(
        label=_("Fichier de déclaration"),
        help_text=_(
            "Le fichier « DS_… » ou « DSC…_… » produit par votre logiciel de paie, 16 Mo au plus."
        ),
        allow_empty_file=True,
        max_length=255,
        error_messages={"required": _("Choisissez d’abord le fichier à déposer.")},
    )


class SubmitForm(forms.Form):
    """The draft as it was shown: its version is the key of the intention."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
