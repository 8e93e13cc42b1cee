"""A passkey in a real browser, with an authenticator that the browser itself plays."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from portal import second_factors
from portal.models import AuditEntry, OpenSession, User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.running import Server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def authenticator(page: Page, **other: bool) -> Any:
    """A device that recognises its owner by finger, as Chromium imitates one; ``other`` changes what it does."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **other,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


def test_a_passkey_is_added_opens_the_door_and_confirms(open_page: Any, server: Server) -> None:
    user: User = UserFactory(email="patronne@exemple.ma")
    # Passkeys belong to a name: browsers refuse them to a bare address.
    home = server.url.replace("127.0.0.1", "localhost")
    page: Page = open_page()
    session, device = authenticator(page)

    page.goto(f"{home}/connexion/?next=/ma-securite/")
    page.get_by_label("Adresse électronique").fill(user.email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter", exact=True).click()
    page.get_by_role("link", name="Ajouter une clé d’accès").click()
    page.get_by_label("Le nom de cet appareil").fill("téléphone de Nadia")
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_role("heading", name="Vos codes de secours")).to_be_visible()
    assert page.locator("ol.dc-code li").count() == 10
    page.goto(f"{home}/ma-securite/")
    expect(page.get_by_text("téléphone de Nadia")).to_be_visible()

    # The door, without a password.
    page.locator(".dc-menu summary").first.click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.goto(f"{home}/connexion/?next=/mes-preferences/")
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_role("heading", name="Mes préférences")).to_be_visible()

    # After the password, instead of a code; a finger that is not recognised opens nothing.
    page.locator(".dc-menu summary").first.click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.goto(f"{home}/connexion/")
    page.get_by_label("Adresse électronique").fill(user.email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter", exact=True).click()
    expect(page.get_by_role("heading", name="Une seconde preuve")).to_be_visible()
    page.get_by_role("button", name="Se servir de ma clé d’accès").click()
    expect(page.get_by_role("heading", name="Une seconde preuve")).to_have_count(0)
    assert Authenticator.objects.get(user=user, type="webauthn").last_used_at is not None
    assert AuditEntry.objects.filter(action="user.signed_in", actor=user).count() == 3

    # Confirming in an open session.
    page.goto(f"{home}/connexion/confirmer/?next=/mes-preferences/&fort=1")
    expect(page.get_by_label("Votre mot de passe")).to_have_count(0)
    page.get_by_role("button", name="Se servir de ma clé d’accès").click()
    expect(page.get_by_role("heading", name="Mes préférences")).to_be_visible()

    # Another device, that holds no key of this account.
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})
    authenticator(page)
    page.goto(f"{home}/connexion/confirmer/?next=/mes-preferences/&fort=1")
    page.get_by_role("button", name="Se servir de ma clé d’accès").click()
    expect(page.locator("[data-passkey-said]")).to_be_visible()
    expect(page.get_by_role("button", name="Se servir de ma clé d’accès")).to_be_enabled()


def sign_in(page: Page, home: str, user: User, then: str = "/") -> None:
    page.goto(f"{home}/connexion/?next={then}")
    page.get_by_label("Adresse électronique").fill(user.email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter", exact=True).click()


def test_a_device_that_does_not_recognise_its_owner_adds_nothing_and_opens_nothing(
    open_page: Any, server: Server
) -> None:
    """The finger of somebody else: the browser says no, the page says so, and nothing is kept."""
    user: User = UserFactory(email="patronne@exemple.ma")
    home = server.url.replace("127.0.0.1", "localhost")
    page: Page = open_page()
    session, device = authenticator(page, isUserVerified=False)
    sign_in(page, home, user, "/ma-securite/cle/")
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.locator("[data-passkey-said]")).to_be_visible()
    assert not Authenticator.objects.exists()

    # The owner's finger makes the key; then another's tries the door with it.
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_role("heading", name="Vos codes de secours")).to_be_visible()
    assert Authenticator.objects.filter(user=user, type="webauthn").count() == 1
    page.context.clear_cookies()
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto(f"{home}/connexion/")
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.locator("[data-passkey-said]")).to_be_visible()
    assert OpenSession.objects.filter(user=user).count() == 1, (
        "the one of before, whose cookie is gone"
    )
    assert AuditEntry.objects.filter(action="user.signed_in", actor=user).count() == 1


def test_a_prompt_that_is_cancelled_says_so_and_may_be_tried_again(
    open_page: Any, server: Server
) -> None:
    user: User = UserFactory(email="patronne@exemple.ma")
    home = server.url.replace("127.0.0.1", "localhost")
    page: Page = open_page()
    # What a browser answers when its window is closed, the first time it is asked.
    page.add_init_script(
        """
        const plain = navigator.credentials.create.bind(navigator.credentials);
        let cancelled = false;
        navigator.credentials.create = (asked) => {
          if (cancelled) return plain(asked);
          cancelled = true;
          return Promise.reject(new DOMException("cancelled", "NotAllowedError"));
        };
        """
    )
    authenticator(page)
    sign_in(page, home, user, "/ma-securite/cle/")
    create = page.get_by_role("button", name="Créer la clé")
    create.click()
    expect(page.locator("[data-passkey-said]")).to_be_visible()
    expect(create).to_be_enabled()
    assert not Authenticator.objects.exists()
    create.click()
    expect(page.get_by_role("heading", name="Vos codes de secours")).to_be_visible()
    assert Authenticator.objects.filter(user=user, type="webauthn").count() == 1


def test_a_browser_that_knows_no_passkeys_says_so_and_another_way_opens(
    open_page: Any, server: Server
) -> None:
    user: User = UserFactory(email="patronne@exemple.ma")
    home = server.url.replace("127.0.0.1", "localhost")
    phone: Page = open_page()
    authenticator(phone)
    sign_in(phone, home, user, "/ma-securite/cle/")
    phone.get_by_role("button", name="Créer la clé").click()
    expect(phone.get_by_role("heading", name="Vos codes de secours")).to_be_visible()
    code = phone.locator("ol.dc-code li").first.inner_text()

    page: Page = open_page()
    page.add_init_script("delete window.PublicKeyCredential;")
    said = page.get_by_text("Ce navigateur ne connaît pas les clés d’accès")
    page.goto(f"{home}/connexion/")
    expect(said).to_be_visible()
    expect(page.get_by_role("button", name="Se connecter avec une clé d’accès")).to_have_count(0)
    sign_in(page, home, user, "/ma-securite/cle/")
    expect(page.get_by_role("heading", name="Une seconde preuve")).to_be_visible()
    expect(said).to_be_visible()
    page.get_by_label("Code de votre application, ou code de secours").fill(code)
    page.get_by_role("button", name="Continuer").click()
    # Adding a key there: asked again for nothing, told why there is no button.
    expect(page.get_by_role("heading", name="Ajouter une clé d’accès")).to_be_visible()
    expect(said).to_be_visible()
    expect(page.get_by_role("button", name="Créer la clé")).to_have_count(0)
    assert second_factors.held_by(user).recovery_left == 9
