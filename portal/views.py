"""Signing in and out, the password, and the page of a visitor."""

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.forms import NewPasswordForm, SignInForm


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What a visitor finds: what the service is for, the door, and the public pages."""
    return render(request, "portal/landing.html")


@method_decorator(login_not_required, name="dispatch")
class SignIn(auth_views.LoginView):
    template_name = "portal/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(auth_views.LogoutView):
    pass


class ChangePassword(auth_views.PasswordChangeView):
    template_name = "portal/password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("portal:home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        answer = super().form_valid(form)
        messages.success(self.request, _("Votre mot de passe est changé."))
        return answer
