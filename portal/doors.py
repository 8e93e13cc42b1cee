"""How django-allauth behaves here: one stage after the password, our own pages, no messages or mails of its own."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from portal import second_factors


class SecondFactorStage(AuthenticateStage):
    """After the password: whoever holds a second factor shows it, on our page."""

    urlname = "portal:second_factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if not self._should_handle(self.request):
            return None, True
        self.state["authentication_required"] = True
        return redirect(self.urlname), True


class AccountAdapter(DefaultAccountAdapter):
    """The stages of signing in, and where it leads."""

    def get_login_stages(self) -> list[str]:
        return ["portal.doors.SecondFactorStage"]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(
        self, request: HttpRequest, user: Any, *, redirect_url: str | None, **_said: Any
    ) -> HttpResponse:
        inside = url_has_allowed_host_and_scheme(redirect_url or "", {request.get_host()})
        return redirect(redirect_url if redirect_url and inside else "/")


class FactorAdapter(DefaultMFAAdapter):
    """The name shown by the device, and sealed secrets."""

    def encrypt(self, text: str) -> str:
        return second_factors.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return second_factors.unseal(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": second_factors.ISSUER}
