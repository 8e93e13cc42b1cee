"""Everything lost: two people of the agency, the link of the letter, a new passkey; then money asks again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from affiliates.enums import Role
from portal import second_factors
from portal.models import Mail, OpenSession, User
from tests.affiliates.factories import (
    PASSWORD,
    AffiliateFactory,
    MembershipFactory,
    StaffAssignmentFactory,
)
from tests.browser.test_second_factor import authenticator
from tests.running import Server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = "quatre lapins sous la pluie fine"


def sign_in(page: Page, home: str, user: User, password: str = PASSWORD, then: str = "") -> None:
    page.goto(f"{home}/connexion/?next={then or '/'}")
    page.get_by_label("Adresse électronique").fill(user.email)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter", exact=True).click()


def test_two_people_of_an_agency_open_the_account_again(open_page: Any, server: Server) -> None:
    home = server.url.replace("127.0.0.1", "localhost")
    firm = AffiliateFactory()
    owner: User = MembershipFactory(affiliate=firm, role=Role.OWNER.value).user
    clerk, colleague = (StaffAssignmentFactory(agency=firm.agency).user for _each in range(2))

    # The way in, for who has nothing left.
    lost: Page = open_page()
    lost.goto(f"{home}/connexion/")
    lost.get_by_role("link", name="J’ai perdu mes moyens de connexion").click()
    expect(lost.get_by_text(firm.agency.name)).to_be_visible()

    # At the counter, then the second person.
    desk: Page = open_page()
    sign_in(desk, home, clerk, then="/administration/affiliates/accountrecovery/ouvrir/")
    desk.get_by_label("Adresse électronique du compte").fill(owner.email)
    desk.get_by_label("Carte nationale d’identité").check()
    desk.get_by_label("Ce que la personne a perdu").fill("téléphone volé")
    desk.get_by_label("La personne est devant moi").check()
    desk.get_by_role("button", name="Demander l’accord d’un collègue").click()
    expect(desk.get_by_text("Un collègue doit approuver")).to_be_visible()
    second: Page = open_page()
    sign_in(second, home, colleague, then="/administration/affiliates/accountrecovery/")
    second.get_by_role("link", name=owner.full_name).click()
    second.get_by_role("button", name="J’ai vu la pièce : approuver").click()
    expect(second.get_by_text("Approuvée, lien envoyé")).to_be_visible()

    # The letter, a new password, a new passkey.
    letter = Mail.objects.get(user=owner, is_secret=True)
    link = re.search(r"/connexion/rouvrir/\S+", letter.text)
    assert link is not None
    authenticator(lost)
    lost.goto(home + link[0])
    lost.get_by_label("Nouveau mot de passe", exact=True).fill(NEW)
    lost.get_by_label("Nouveau mot de passe, une seconde fois").fill(NEW)
    lost.get_by_role("button", name="Rouvrir mon compte").click()
    lost.get_by_role("link", name="Ajouter une clé d’accès").click()
    lost.get_by_role("button", name="Créer la clé").click()
    expect(lost.get_by_role("heading", name="Vos codes de secours")).to_be_visible()
    codes = lost.locator("ol.dc-code li").all_inner_texts()

    # For two days no money moves; then what moves it asks again, and the passkey answers.
    invite = f"/affilies/{firm.affiliation_number}/acces/mandats/donner/"
    lost.goto(home + invite)
    expect(lost.get_by_text("Votre compte vient d’être rouvert par une agence")).to_be_visible()
    User.objects.filter(pk=owner.pk).update(quiet_until=timezone.now() - timedelta(seconds=1))
    session = OpenSession.objects.get(user=owner)
    data = session.get_decoded()
    old = int((timezone.now() - timedelta(minutes=20)).timestamp())
    session.session_data = OpenSession.objects.encode({**data, "fresh_at": old, "strong_at": old})
    session.save(update_fields=["session_data"])
    lost.goto(home + invite)
    lost.get_by_role("button", name="Se servir de ma clé d’accès").click()
    expect(lost.get_by_label("Numéro du cabinet")).to_be_visible()

    # The phone is lost again: one code on paper opens once.
    for expected in (0, 1):
        paper: Page = open_page()
        sign_in(paper, home, owner, NEW)
        paper.get_by_label("Code de votre application, ou code de secours").fill(codes[0])
        paper.get_by_role("button", name="Continuer").click()
        expect(paper.get_by_role("heading", name="Une seconde preuve")).to_have_count(expected)
    assert second_factors.held_by(owner).recovery_left == 9
