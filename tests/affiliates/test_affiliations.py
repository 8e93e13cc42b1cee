"""A new employer: its form, its private page, the clerk's decision, the first owner's invitation."""

import datetime
import re
import uuid

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from affiliates import errors, workflows
from affiliates.enums import AffiliationState, LegalForm, Role
from affiliates.models import Affiliate, AffiliationRequest, Invitation, Membership
from affiliates.rules import NewFirm, faults_of_firm, tidy_firm
from portal import clock
from portal.enums import Language
from portal.models import Attempt, AuditEntry, Mail, User
from regulation.enums import KeySeries
from regulation.identifiers import affiliation_key
from tests.affiliates.factories import (
    AffiliateFactory,
    AgencyFactory,
    MembershipFactory,
    UserFactory,
    clerk_of_files,
)
from tests.disputes.factories import PDF, upload

pytestmark = pytest.mark.django_db

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
ICE = "002145783000034"
PASSWORD = "une phrase que je retiens"


def firm(**more) -> NewFirm:
    facts = {
        "legal_form": LegalForm.SARL,
        "name": "Menuiserie du Port",
        "name_ar": "نجارة الميناء",
        "ice": ICE,
        "tax_id": "14253647",
        "trade_register": "12345 Casablanca",
        "business_tax": "",
        "activity": "Menuiserie",
        "address": "5 quai des Pêcheurs",
        "city": "Casablanca",
        "postal_code": "20000",
        "first_hire_on": datetime.date(2026, 3, 1),
        "contact_name": "Rachid Amrani",
        "email": "Rachid@Menuiserie.example",
        "phone": "0612345678",
    }
    return NewFirm(**facts | more)


def begun(agency=None, at=AT, **more) -> AffiliationRequest:
    return workflows.begin_affiliation(
        at=at,
        intent=uuid.uuid4(),
        firm=firm(**more),
        agency=agency or AgencyFactory(),
        language=Language.FRENCH,
    )


def sent(agency=None, **more) -> AffiliationRequest:
    one = begun(agency, **more)
    return workflows.send_affiliation(at=AT, request=one, pieces=[upload("statuts.pdf", PDF)])


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ice", "1234"),
        ("tax_id", "12"),
        ("phone", "abc"),
        ("first_hire_on", datetime.date(2019, 1, 1)),
        ("first_hire_on", datetime.date(2026, 7, 1)),
    ],
)
def test_each_fault_stands_on_its_field(field, value) -> None:
    assert set(faults_of_firm(tidy_firm(firm(**{field: value})), AT.date())) == {field}
    assert faults_of_firm(tidy_firm(firm()), AT.date()) == {}


# ---------------------------------------------------------------- the workflows


def test_the_private_link_goes_to_the_address_and_nothing_is_sent_without_it() -> None:
    one = begun()
    assert one.state == AffiliationState.DRAFT
    letter = Mail.objects.get()
    assert letter.address == "rachid@menuiserie.example"
    assert settings.PUBLIC_URL + workflows.path_of(one) in letter.text
    assert letter.is_secret
    with pytest.raises(errors.PieceMissing):
        workflows.send_affiliation(at=AT, request=one, pieces=[])


def test_the_same_intent_keeps_one_request() -> None:
    intent, agency = uuid.uuid4(), AgencyFactory()
    facts = {"at": AT, "intent": intent, "firm": firm(), "agency": agency}
    rows = {workflows.begin_affiliation(**facts, language=Language.FRENCH).pk for _ in range(2)}
    assert len(rows) == 1
    assert Mail.objects.count() == 1


def test_a_clerk_accepts_and_the_owner_is_invited_once() -> None:
    clerk, one = clerk_of_files(), sent()
    for _ in range(2):
        one = workflows.accept_affiliation(actor=clerk, at=AT, request=one)
    affiliate = Affiliate.objects.get()
    assert affiliation_key(affiliate.affiliation_number) is KeySeries.FIRST
    assert (affiliate.ice, affiliate.tax_id, affiliate.name) == (
        ICE,
        "14253647",
        "MENUISERIE DU PORT",
    )
    invitation = Invitation.objects.get()
    assert (invitation.role, invitation.email) == (Role.OWNER.value, "rachid@menuiserie.example")
    assert AuditEntry.objects.filter(action="affiliation.grant").count() == 1


def test_a_firm_is_not_affiliated_twice_under_one_ice() -> None:
    clerk = clerk_of_files()
    first, second = sent(), sent()
    workflows.accept_affiliation(actor=clerk, at=AT, request=first)
    with pytest.raises(errors.FirmExists):
        workflows.accept_affiliation(actor=clerk, at=AT, request=second)
    with pytest.raises(errors.ReasonMissing):
        workflows.refuse_affiliation(actor=clerk, at=AT, request=second, text=" ")
    second = workflows.refuse_affiliation(actor=clerk, at=AT, request=second, text="Déjà affilié.")
    assert second.state == AffiliationState.REFUSED
    with pytest.raises(errors.RequestMoveRefused):
        workflows.accept_affiliation(actor=clerk, at=AT, request=second)


def test_a_piece_asked_and_answered() -> None:
    clerk, one = clerk_of_files(), sent()
    one = workflows.ask_applicant(actor=clerk, at=AT, request=one, text="Le modèle J.")
    one = workflows.answer_affiliation(
        at=AT, request=one, text="Voici", pieces=[upload("j.pdf", PDF)]
    )
    assert one.state == AffiliationState.SENT
    assert one.pieces.count() == 2
    assert Mail.objects.filter(key__startswith="affiliation:").count() == 2


def test_the_database_knows_that_accepted_means_a_number() -> None:
    one = sent()
    with pytest.raises(IntegrityError), transaction.atomic():
        AffiliationRequest.objects.filter(pk=one.pk).update(state="accepted")


# ---------------------------------------------------------------- invitations


def invited(**more) -> Invitation:
    facts = {"email": "Salma@Atelier.example", "full_name": "Salma Zniber", "role": Role.DECLARANT}
    return workflows.invite(
        **{"actor": UserFactory(), "at": AT, "affiliate": AffiliateFactory()} | facts | more
    )


def accept(one: Invitation, at=AT) -> User:
    return workflows.accept_with_password(
        at=at, invitation=one, full_name="Salma Zniber", password=PASSWORD
    )


def test_an_invitation_opens_once_for_some_days() -> None:
    one = invited()
    assert workflows.invitation_of(workflows.token_of(one)) == one
    assert workflows.invitation_of("x" + workflows.token_of(one)) is None
    late = AT + datetime.timedelta(days=7)
    with pytest.raises(errors.InvitationClosed):
        accept(one, at=late)
    user = accept(one, at=late - datetime.timedelta(seconds=1))
    assert user.check_password(PASSWORD)
    member = Membership.objects.get()
    assert (member.user, member.role) == (user, Role.DECLARANT.value)
    with pytest.raises(errors.InvitationClosed):
        accept(one)


def test_who_has_an_account_accepts_with_it_and_nobody_else_does() -> None:
    user = UserFactory(email="salma@atelier.example")
    one = invited()
    with pytest.raises(errors.InvitationForAnother):
        accept(one)
    with pytest.raises(errors.InvitationForAnother):
        workflows.accept_as(actor=UserFactory(), at=AT, invitation=one)
    assert workflows.accept_as(actor=user, at=AT, invitation=one).user == user
    with pytest.raises(errors.AlreadyMember):
        invited(affiliate=one.affiliate)


def test_a_new_invitation_closes_the_former_and_one_taken_back_opens_nothing() -> None:
    first = invited()
    second = invited(affiliate=first.affiliate)
    with pytest.raises(errors.InvitationClosed):
        accept(first)
    workflows.withdraw_invitation(actor=UserFactory(), at=AT, invitation=second)
    with pytest.raises(errors.InvitationClosed):
        accept(second)


# ---------------------------------------------------------------- the pages


def typed(agency, **more) -> dict:
    told = firm(**more)
    facts = {name: getattr(told, name) for name in NewFirm.__dataclass_fields__}
    day = f"{clock.today():%Y-%m-%d}"
    return facts | {"agency": agency.pk, "intent": str(uuid.uuid4()), "first_hire_on": day} | more


def test_a_visitor_asks_confirms_and_follows() -> None:
    agency, visitor = AgencyFactory(), Client()
    page = reverse("affiliates:new_firm")
    assert visitor.get(page).status_code == 200
    wrong = visitor.post(page, typed(agency, ice="12"))
    assert wrong.status_code == 422
    assert not AffiliationRequest.objects.exists()
    assert visitor.post(page, typed(agency)).url == reverse("affiliates:affiliation_begun")
    one = AffiliationRequest.objects.get()
    private = workflows.path_of(one)
    assert "Joindre les pièces" in visitor.get(private).content.decode()
    one.refresh_from_db()
    assert one.state == AffiliationState.DRAFT, "opening the link changes nothing"
    assert visitor.post(private, {"send": "1"}).status_code == 422
    bad = visitor.post(private, {"send": "1", "pieces": upload("x.pdf", b"MZ")})
    assert bad.status_code == 422
    good = visitor.post(private, {"send": "1", "pieces": upload("statuts.pdf", PDF)})
    assert good.status_code == 302
    assert "examine" in visitor.get(private).content.decode()
    assert visitor.post(private, {"withdraw": "1"}).status_code == 302
    one.refresh_from_db()
    assert one.state == AffiliationState.WITHDRAWN


def test_a_link_that_we_did_not_make_is_not_found() -> None:
    one = begun()
    for token in ("abc", f"{one.key.hex}:forged", workflows.token_of_request(one)[:-1] + "_"):
        assert Client().get(reverse("affiliates:affiliation", args=[token])).status_code == 404
        assert Client().get(reverse("affiliates:invitation", args=[token])).status_code == 404
    other = workflows.token_of_request(one)
    assert Client().get(reverse("affiliates:invitation", args=[other])).status_code == 404, (
        "a key of one door opens no other"
    )


def test_the_answer_is_the_same_for_a_firm_that_is_affiliated() -> None:
    agency = AgencyFactory()
    AffiliateFactory(ice=ICE)
    page = reverse("affiliates:new_firm")
    known = Client().post(page, typed(agency))
    unknown = Client().post(page, typed(agency, ice="001884002000068"))
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_a_visitor_is_slowed_down() -> None:
    Attempt.objects.all().delete()
    agency = AgencyFactory()
    answers = [
        Client().post(reverse("affiliates:new_firm"), typed(agency)).status_code for _ in range(11)
    ]
    assert answers == [302] * 10 + [429]


def test_the_invited_owner_chooses_a_password_and_is_at_home() -> None:
    one = workflows.accept_affiliation(
        actor=clerk_of_files(), at=clock.now(), request=sent(first_hire_on=clock.today())
    )
    visitor = Client()
    link = re.search(r"/invitation/\S+", Mail.objects.get(key__startswith="invitation:").text)
    assert link is not None
    page = link[0]
    assert "Ouvrir mon compte" in visitor.get(page).content.decode()
    weak = {"full_name": "Rachid Amrani", "password": "court", "again": "autre"}
    assert visitor.post(page, weak).status_code == 422
    assert not User.objects.filter(email=one.email).exists()
    done = visitor.post(page, weak | {"password": PASSWORD, "again": PASSWORD})
    assert done.url == reverse("affiliates:home", args=[one.affiliate.affiliation_number])
    assert visitor.get(done.url).status_code == 200
    assert "n’ouvre plus rien" in Client().get(page).content.decode()


def test_another_account_cannot_use_the_link() -> None:
    one = invited(at=clock.now())
    UserFactory(email="salma@atelier.example")
    page = reverse("affiliates:invitation", args=[workflows.token_of(one)])
    assert "déjà un compte" in Client().get(page).content.decode()
    stranger = Client()
    stranger.force_login(UserFactory())
    assert "autre compte" in stranger.get(page).content.decode()
    stranger.post(page)
    assert not Membership.objects.exists()
    mine = Client()
    mine.force_login(User.objects.get(email="salma@atelier.example"))
    assert mine.post(page).status_code == 302
    assert Membership.objects.get().affiliate == one.affiliate


def test_an_owner_invites_a_colleague_and_takes_it_back(cast) -> None:
    number = {"affiliation_number": cast.affiliate.affiliation_number}
    page, owner = reverse("affiliates:invite", kwargs=number), Client()
    owner.force_login(cast.owner)
    told = {"full_name": "Amine", "email": "amine@exemple.ma", "role": "payer"}
    assert owner.post(page, told).status_code == 302
    assert owner.post(page, told | {"email": cast.owner.email}).status_code == 422
    invitation = Invitation.objects.get()
    access = reverse("affiliates:access", kwargs=number)
    assert "amine@exemple.ma" in owner.get(access).content.decode()
    back = reverse(
        "affiliates:withdraw_invitation", kwargs={**number, "invitation_id": invitation.pk}
    )
    for user in cast.outsiders:
        client = Client()
        client.force_login(user)
        assert client.post(page, told).status_code == 404
        assert client.post(back).status_code == 404
    for user in (
        cast.fiduciaire,
        MembershipFactory(affiliate=cast.affiliate, role=Role.READER.value).user,
    ):
        client = Client()
        client.force_login(user)
        assert client.post(page, told).status_code == 403
        assert "amine@exemple.ma" not in client.get(access).content.decode()
    assert owner.post(back).status_code == 302
    invitation.refresh_from_db()
    assert invitation.withdrawn_at is not None


# ---------------------------------------------------------------- the desk


def desk(row: AffiliationRequest, act: str = "change", *more) -> str:
    return reverse(f"admin:affiliates_affiliationrequest_{act}", args=[row.pk, *more])


def test_the_clerk_reads_compares_and_decides(cast) -> None:
    agency = cast.affiliate.agency
    one = sent(agency)
    known = AffiliateFactory(ice=ICE, name="MENUISERIE ANCIENNE")
    staff = Client()
    staff.force_login(cast.staff)
    queue = reverse("admin:affiliates_affiliationrequest_changelist")
    assert one.number in staff.get(queue).content.decode()
    assert "MENUISERIE ANCIENNE" in staff.get(desk(one)).content.decode()
    assert staff.get(desk(one, "piece", one.pieces.get().pk)).status_code == 200
    assert staff.post(desk(one, "ask"), {"ask-text": "Le bail."}).status_code == 302
    assert staff.post(desk(one, "refuse"), {"refuse-text": ""}).status_code == 422
    staff.post(desk(one, "grant"))
    one.refresh_from_db()
    assert one.affiliate is None, "the same ICE"
    known.delete()
    staff.post(desk(one, "grant"))
    one.refresh_from_db()
    assert one.state == AffiliationState.ACCEPTED
    assert AuditEntry.objects.filter(action="affiliation.read").exists()


def test_only_the_staff_of_the_agency_reach_it(cast) -> None:
    here, elsewhere = sent(cast.affiliate.agency), sent()
    draft = begun(cast.affiliate.agency)
    for user in (cast.owner, cast.fiduciaire, cast.bank, cast.stranger):
        client = Client()
        client.force_login(user)
        assert client.get(desk(here), follow=True).status_code == 404
        assert client.post(desk(here, "grant"), follow=True).status_code == 404
    staff = Client()
    staff.force_login(cast.staff)
    for row in (elsewhere, draft):
        assert staff.get(desk(row)).status_code == 404
        assert staff.post(desk(row, "grant")).status_code == 404


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_both_languages(language) -> None:
    visitor = Client()
    visitor.cookies["django_language"] = language
    one = begun()
    for page in (
        reverse("affiliates:new_firm"),
        reverse("affiliates:affiliation_begun"),
        workflows.path_of(one),
        reverse("affiliates:invitation", args=[workflows.token_of(invited(at=clock.now()))]),
    ):
        answer = visitor.get(page)
        assert answer.status_code == 200
        assert f'lang="{language}"' in answer.content.decode()


# ---------------------------------------------------------------- corrected, or forgotten


def retyped(**more) -> dict:
    facts = {name: getattr(firm(), name) for name in NewFirm.__dataclass_fields__}
    facts |= {"legal_form": "SARL", "first_hire_on": f"{clock.today():%Y-%m-%d}"}
    return facts | {"intent": str(uuid.uuid4())} | more


def test_a_draft_is_corrected_through_its_private_page() -> None:
    one = begun(at=clock.now())
    page = reverse(
        "affiliates:correct_affiliation", kwargs={"token": workflows.token_of_request(one)}
    )
    assert page in Client().get(workflows.path_of(one)).content.decode()
    assert "MENUISERIE DU PORT" in Client().get(page).content.decode()
    typed = retyped(name="Menuiserie de la Rade", email="autre@exemple.ma", agency=one.agency_id)
    response = Client().post(page, typed)
    assert response.status_code == 302
    one.refresh_from_db()
    assert one.name == "MENUISERIE DE LA RADE"
    assert one.email == "rachid@menuiserie.example", "the address is the one that the link proved"
    assert AuditEntry.objects.filter(action="affiliation.edit").count() == 1

    wrong = Client().post(page, typed | {"ice": "12"})
    assert wrong.status_code == 422
    one.refresh_from_db()
    assert one.ice == ICE


def test_a_request_already_sent_is_not_corrected_and_no_other_link_opens_it() -> None:
    one = sent()
    token = workflows.token_of_request(one)
    page = reverse("affiliates:correct_affiliation", kwargs={"token": token})
    assert Client().get(page).status_code == 302
    assert Client().post(page, retyped(name="Autre", agency=one.agency_id)).status_code == 302
    one.refresh_from_db()
    assert one.name == "MENUISERIE DU PORT"
    with pytest.raises(errors.RequestMoveRefused):
        workflows.correct_affiliation(request=one, firm=firm(name="Autre"), agency=one.agency)
    other = reverse("affiliates:correct_affiliation", kwargs={"token": token[:-2] + "zz"})
    assert Client().get(other).status_code == 404
    assert Client().post(other, retyped()).status_code == 404


def test_a_draft_never_sent_is_forgotten_after_thirty_days() -> None:
    old, kept = begun(at=AT - datetime.timedelta(days=31)), sent()
    recent = begun(at=AT - datetime.timedelta(days=29))
    assert workflows.forget_drafts(at=AT, most=10) == 1
    assert workflows.forget_drafts(at=AT, most=10) == 0
    assert set(AffiliationRequest.objects.values_list("pk", flat=True)) == {kept.pk, recent.pk}
    assert AuditEntry.objects.get(action="affiliation.forgotten").subject_id == str(old.pk)
