"""Signing in and the password; files joined to a request."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal import formats
from portal.enums import Language
from portal.errors import FileTooLargeError
from portal.pieces import MEBIBYTE, PIECE_LIMIT_BYTES, PIECES_AT_ONCE, shown_name


class SignInForm(AuthenticationForm):
    """Address and password. Says the same thing for an unknown account and for a wrong password."""

    error_messages = {
        "invalid_login": _(
            "L’adresse ou le mot de passe ne correspondent pas. Vérifiez les deux, puis recommencez."
        ),
        "inactive": _(
            "L’adresse ou le mot de passe ne correspondent pas. Vérifiez les deux, puis recommencez."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = forms.EmailField(
            label=_("Adresse électronique"),
            max_length=254,
            widget=forms.EmailInput(
                attrs={"autocomplete": "username", "autofocus": True, "dir": "ltr"}
            ),
        )
        self.fields["password"].label = _("Mot de passe")
        self.fields["password"].widget.attrs["dir"] = "ltr"


class NewPasswordForm(PasswordChangeForm):
    """The old password, then the new one twice."""

    error_messages = {
        "password_mismatch": _(
            "Les deux nouveaux mots de passe sont différents : écrivez deux fois le même."
        ),
        "password_incorrect": _(
            "Le mot de passe actuel ne correspond pas : écrivez-le de nouveau."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Mot de passe actuel")
        self.fields["new_password1"].label = _("Nouveau mot de passe")
        self.fields["new_password1"].help_text = (
            _("Quinze caractères ou plus ; une phrase que vous retenez convient très bien.")
            if self.user.is_staff
            else _("Douze caractères ou plus ; une phrase que vous retenez convient très bien.")
        )
        self.fields["new_password2"].label = _("Nouveau mot de passe, une seconde fois")
        self.fields["new_password2"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs["dir"] = "ltr"


class FilesInput(forms.FileInput):
    """Lets several files be chosen at once."""

    allow_multiple_selected = True


class PiecesField(forms.FileField):
    """Several files at once. What they really are is told from their bytes by the workflow."""

    widget = FilesInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"})

    def __init__(self, *, most: int = PIECES_AT_ONCE, **kwargs: Any) -> None:
        self.most = most
        super().__init__(
            label=_("Pièces jointes"),
            required=False,
            help_text=format_lazy(
                _("Au plus {count} fichiers PDF, PNG ou JPEG de {size} Mo chacun."),
                count=most,
                size=PIECE_LIMIT_BYTES // MEBIBYTE,
            ),
            **kwargs,
        )

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > self.most:
            raise ValidationError(
                ngettext(
                    "Joignez au plus %(limit)d fichier.",
                    "Joignez au plus %(limit)d fichiers ; vous en avez choisi %(count)d.",
                    self.most,
                )
                % {"limit": self.most, "count": len(files)}
            )
        for upload in files:
            # Said before any row is locked; the workflow counts the bytes again as it keeps them.
            if upload.size > PIECE_LIMIT_BYTES:
                refusal = FileTooLargeError(
                    name=shown_name(upload.name), limit_mb=PIECE_LIMIT_BYTES // MEBIBYTE
                )
                raise ValidationError(formats.sentence(refusal), code=refusal.code)
        return list(files)


class PreferencesForm(forms.Form):
    """How a person wants to be spoken to."""

    language = forms.ChoiceField(
        label=_("Langue des écrans et des courriels"),
        choices=[("fr", "Français"), ("ar", "العربية")],
        widget=forms.RadioSelect,
    )
    wants_reminders = forms.BooleanField(
        label=_("Me rappeler par courriel les échéances qui approchent"),
        required=False,
        help_text=_(
            "Les courriels que vous devez recevoir (une décision, un rejet, une invitation) partent toujours."
        ),
    )

    def clean_language(self) -> Language:
        return Language(self.cleaned_data["language"])
