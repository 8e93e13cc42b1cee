"""A passkey in a real browser, with an authenticator that the browser itself plays."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.models import User
from tests.affiliates.factories import PASSWORD, UserFactory
from tests.running import Server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def authenticator(page: Page) -> Any:
    """A device that recognises its owner by finger, as Chromium imitates one."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
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
