"""Signing in and the password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.utils.translation import gettext_lazy as _


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
        self.fields["new_password1"].help_text = _(
            "Douze caractères ou plus ; une phrase que vous retenez convient très bien."
        )
        self.fields["new_password2"].label = _("Nouveau mot de passe, une seconde fois")
        self.fields["new_password2"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs["dir"] = "ltr"
