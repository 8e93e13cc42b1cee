"""From the draft of a registration to the number, and what an employer must not learn on the way."""

import dataclasses
import datetime
import uuid

import pytest
from django.db import IntegrityError, transaction

from affiliates import errors, workflows
from affiliates.enums import CardKind, Likeness, RegistrationState, RequestParty, Sex
from affiliates.matching import VERY_NEAR, name_key, similarity
from affiliates.models import Employee, Employment, RegistrationRequest
from affiliates.queries.registrations import hire_limits, people_like, requests_like
from affiliates.rules import NewHire, faults_of, tidy
from portal.errors import PieceTypeRefused
from portal.models import AuditEntry
from regulation.enums import KeySeries
from regulation.identifiers import registration_key
from tests.affiliates.factories import (
    AffiliateFactory,
    EmployeeFactory,
    EmploymentFactory,
    UserFactory,
    clerk_of_files,
)
from tests.disputes.factories import PDF, upload

AT = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
TODAY = AT.date()


def new_hire(**more) -> NewHire:
    facts = {
        "card_kind": CardKind.CIN,
        "card_number": "bk 204.518",
        "last_name": "el  Fassi",
        "first_name": "Mohamed",
        "last_name_ar": "الفاسي",
        "first_name_ar": "محمد",
        "born_on": datetime.date(1994, 3, 8),
        "birth_place": "FES",
        "sex": Sex.MALE,
        "nationality": "MA",
        "address": "3 RUE DES FIGUIERS",
        "city": "CASABLANCA",
        "phone": "06 12 34 56 78",
        "rib": "",
        "hired_on": datetime.date(2026, 3, 2),
    }
    return NewHire(**facts | more)


def request_of(affiliate=None, *, sent: bool = True, **more) -> RegistrationRequest:
    affiliate = affiliate or AffiliateFactory()
    actor = UserFactory()
    one = workflows.save_request(
        actor=actor,
        at=AT,
        affiliate=affiliate,
        intent=uuid.uuid4(),
        person=new_hire(**more),
        pieces=[upload("carte.pdf", PDF)],
    )
    if sent:
        one = workflows.send_request(actor=actor, at=AT, request=one)
    return one


def grant(one: RegistrationRequest, known: Employee | None = None) -> RegistrationRequest:
    return workflows.issue_number(actor=clerk_of_files(), at=AT, request=one, known=known)


# ---------------------------------------------------------------- what is told of a person


def limits():
    return hire_limits(AffiliateFactory.build(affiliated_on=datetime.date(2015, 3, 1)), TODAY)


def test_a_sound_person_has_no_fault_and_is_written_as_the_register_writes() -> None:
    person = tidy(new_hire(rib="MA64 011 519 0000012050005348 77".replace("MA64 ", "")))
    assert (person.card_number, person.last_name, person.phone) == (
        "BK204518",
        "EL FASSI",
        "0612345678",
    )
    assert set(faults_of(tidy(new_hire()), limits())) == set()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("card_number", "12345678"),
        ("card_number", "AB1234567890"),
        ("last_name", ""),
        ("first_name", "محمد"),
        ("first_name", "A" * 31),
        ("first_name", "MOHAMED2"),
        ("last_name_ar", ""),
        ("first_name_ar", "Mohamed"),
        ("born_on", datetime.date(2011, 3, 3)),
        ("born_on", datetime.date(1890, 1, 1)),
        ("hired_on", datetime.date(2015, 2, 28)),
        ("hired_on", datetime.date(2026, 4, 10)),
        ("phone", "12"),
        ("phone", "٠٦x"),
        ("rib", "1" * 24),
    ],
)
def test_each_fault_stands_on_its_field(field: str, value: object) -> None:
    assert set(faults_of(tidy(new_hire(**{field: value})), limits())) == {field}


def test_every_fault_is_told_at_once() -> None:
    person = new_hire(card_number="?", phone="", last_name="", hired_on=datetime.date(2030, 1, 1))
    assert set(faults_of(tidy(person), limits())) == {
        "card_number",
        "phone",
        "last_name",
        "hired_on",
    }


def test_a_foreigner_has_a_residence_card_and_may_have_no_arabic_name() -> None:
    person = new_hire(
        nationality="SN",
        card_kind=CardKind.RESIDENCE,
        card_number="c-12345x",
        last_name_ar="",
        first_name_ar="",
    )
    assert faults_of(tidy(person), limits()) == {}
    assert set(faults_of(tidy(dataclasses.replace(person, nationality="MA")), limits())) >= {
        "card_kind"
    }


def test_arabic_digits_are_digits() -> None:
    person = tidy(new_hire(phone="٠٦١٢٣٤٥٦٧٨", card_number="BK٢٠٤٥١٨"))
    assert (person.phone, person.card_number) == ("0612345678", "BK204518")


# ---------------------------------------------------------------- the employer's side

pytestmark = pytest.mark.django_db


def test_a_draft_is_kept_sent_and_withdrawn_each_once() -> None:
    affiliate, actor, intent = AffiliateFactory(), UserFactory(), uuid.uuid4()
    facts = {"actor": actor, "at": AT, "affiliate": affiliate, "intent": intent}
    one = workflows.save_request(**facts, person=new_hire(), pieces=[upload("c.pdf", PDF)])
    again = workflows.save_request(**facts, person=new_hire(), pieces=[upload("c.pdf", PDF)])
    assert again.pk == one.pk
    assert one.pieces.count() == 1
    assert one.number == f"I-{affiliate.affiliation_number}-001"
    changed = workflows.save_request(**facts, person=new_hire(city="FES"), request=one)
    assert (changed.pk, changed.city) == (one.pk, "FES")
    for _ in range(2):
        one = workflows.send_request(actor=actor, at=AT, request=one)
        assert one.state == RegistrationState.SENT
    with pytest.raises(errors.RequestMoveRefused):
        workflows.save_request(**facts, person=new_hire(), request=one)
    for _ in range(2):
        one = workflows.withdraw_request(actor=actor, at=AT, request=one)
        assert one.state == RegistrationState.WITHDRAWN
    assert AuditEntry.objects.filter(action__startswith="registration.").count() == 4


def test_a_request_with_faults_or_without_the_card_is_not_sent() -> None:
    actor = UserFactory()
    faulty = request_of(sent=False, phone="12")
    with pytest.raises(errors.PersonIncomplete):
        workflows.send_request(actor=actor, at=AT, request=faulty)
    bare = workflows.save_request(
        actor=actor,
        at=AT,
        affiliate=AffiliateFactory(),
        intent=uuid.uuid4(),
        person=new_hire(),
    )
    with pytest.raises(errors.PieceMissing):
        workflows.send_request(actor=actor, at=AT, request=bare)


def test_a_program_called_a_card_is_refused_and_nothing_is_kept() -> None:
    with pytest.raises(PieceTypeRefused):
        workflows.save_request(
            actor=UserFactory(),
            at=AT,
            affiliate=AffiliateFactory(),
            intent=uuid.uuid4(),
            person=new_hire(),
            pieces=[upload("carte.pdf", b"MZ\x90\x00")],
        )
    assert not RegistrationRequest.objects.exists()


def test_a_firm_is_told_of_its_own_list_and_of_nothing_else() -> None:
    """The oracle: what another firm, or the register, holds changes no answer."""
    ours = AffiliateFactory()
    EmploymentFactory(employee=EmployeeFactory(cin="BK204518"))  # somewhere else
    request_of()  # another firm asks for the same card
    first = request_of(ours)
    assert first.state == RegistrationState.SENT
    with pytest.raises(errors.CardAlreadyRequested, match=first.number):
        request_of(ours)
    workflows.withdraw_request(actor=UserFactory(), at=AT, request=first)
    mine = EmployeeFactory(cin="BK204518")
    EmploymentFactory(employee=mine, affiliate=ours)
    with pytest.raises(errors.AlreadyYourEmployee, match=str(mine.registration_number)):
        request_of(ours)


def test_a_piece_asked_is_answered_with_a_piece() -> None:
    one, clerk, actor = request_of(), clerk_of_files(), UserFactory()
    with pytest.raises(errors.ReasonMissing):
        workflows.ask_for_piece(actor=clerk, at=AT, request=one, text="  ")
    one = workflows.ask_for_piece(actor=clerk, at=AT, request=one, text="Le verso de la carte.")
    with pytest.raises(errors.PieceMissing):
        workflows.answer_request(actor=actor, at=AT, request=one, text="voici", pieces=[])
    one = workflows.answer_request(
        actor=actor, at=AT, request=one, text="voici", pieces=[upload("verso.pdf", PDF)]
    )
    assert one.state == RegistrationState.SENT
    assert one.pieces.count() == 2
    assert [step.text for step in one.steps.all()] == ["", "Le verso de la carte.", "voici"]


def test_a_refusal_says_why_and_closes() -> None:
    one, clerk = request_of(), clerk_of_files()
    with pytest.raises(errors.ReasonMissing):
        workflows.refuse_request(actor=clerk, at=AT, request=one, text="")
    one = workflows.refuse_request(actor=clerk, at=AT, request=one, text="Carte illisible.")
    assert one.state == RegistrationState.REFUSED
    with pytest.raises(errors.RequestMoveRefused):
        grant(one)


# ---------------------------------------------------------------- the number


def test_a_new_number_has_a_valid_key_and_starts_the_employment() -> None:
    one = grant(request_of())
    person = one.employee
    assert registration_key(person.registration_number) is KeySeries.FIRST
    assert (person.last_name, person.first_name_ar, person.cin) == ("EL FASSI", "محمد", "BK204518")
    assert one.is_new_number
    employment = Employment.objects.get(affiliate=one.affiliate, employee=person)
    assert employment.started_on == datetime.date(2026, 3, 2)
    assert grant(one).employee_id == person.pk, "issued again, the same"
    assert Employee.objects.count() == 1


def test_numbers_that_exist_are_stepped_over() -> None:
    first = grant(request_of()).employee.registration_number
    Employee.objects.all().update(registration_number=None)
    RegistrationRequest.objects.all().update(is_new_number=False)
    from affiliates.models import NumberCounter

    NumberCounter.objects.update(last=int(first[1:8]))
    following = grant(request_of(card_number="BK204519")).employee.registration_number
    NumberCounter.objects.update(last=int(first[1:8]))
    assert grant(request_of(card_number="BK204520")).employee.registration_number > following


def test_the_clerk_sees_who_looks_like_the_person_and_may_recognise_them() -> None:
    same = EmployeeFactory(
        last_name="ELFASSI", first_name="MOHAMMED", born_on=datetime.date(1994, 3, 8)
    )
    EmployeeFactory(last_name="BERRADA", first_name="SALMA", born_on=datetime.date(1994, 3, 8))
    stranger = EmployeeFactory(
        last_name="EL FASSI", first_name="MOHAMED", born_on=datetime.date(1960, 1, 1)
    )
    one = request_of()
    assert [(each.person, each.likeness) for each in people_like(one)] == [
        (same, Likeness.SAME_NAME_AND_DAY)
    ]
    with pytest.raises(errors.NotSamePerson):
        grant(one, stranger)
    one = grant(one, same)
    assert (one.employee, one.is_new_number) == (same, False)
    assert Employment.objects.get(affiliate=one.affiliate).employee == same


def test_a_card_never_gets_a_second_number() -> None:
    EmployeeFactory(cin="BK204518")
    with pytest.raises(errors.PersonExists):
        grant(request_of())


def test_an_arabic_only_likeness_without_a_birth_day_is_found() -> None:
    known = EmployeeFactory(last_name="ELFASSI", first_name="MOHAMMED")
    assert known.born_on is None
    assert [each.likeness for each in people_like(request_of())] == [Likeness.NAME_ONLY]


def test_a_name_just_near_enough_without_a_birth_day_is_found() -> None:
    asked, known = ("BELHAJ", "ABDELAZIZ"), ("BELHAJ", "EBDELAZIZ")
    assert similarity(name_key(*asked), name_key(*known)) == VERY_NEAR, "the very edge"
    EmployeeFactory(last_name=known[0], first_name=known[1])
    request = request_of(last_name=asked[0], first_name=asked[1])
    assert [each.likeness for each in people_like(request)] == [Likeness.NAME_ONLY]


def test_two_firms_that_hire_the_same_person_get_the_same_number() -> None:
    first, second = request_of(), request_of()
    assert [each.request for each in requests_like(first)] == [second]
    number = grant(first).employee
    with pytest.raises(errors.PersonExists):
        grant(second)
    assert grant(second, number).employee == number
    assert Employee.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "given"),
    [
        ({}, True),
        (
            {
                "nationality": "SN",
                "card_kind": CardKind.RESIDENCE,
                "card_number": "C12345X",
            },
            False,
        ),
    ],
)
def test_the_portal_gives_a_number_only_to_a_plain_case(facts: dict, given: bool) -> None:
    one = request_of(**facts)
    assert workflows.issue_automatically(at=AT, request=one) is given
    one.refresh_from_db()
    assert (one.state == RegistrationState.ISSUED) is given
    if given:
        assert one.steps.last().party == RequestParty.PORTAL
        assert workflows.issue_automatically(at=AT, request=one) is False, "once"


def test_the_portal_leaves_every_likeness_to_a_clerk() -> None:
    one, twin = request_of(), request_of()
    assert not workflows.issue_automatically(at=AT, request=one)
    workflows.withdraw_request(actor=UserFactory(), at=AT, request=twin)
    EmployeeFactory(last_name="FASSIHI", first_name="MOHAMED", born_on=datetime.date(1994, 3, 8))
    assert not workflows.issue_automatically(at=AT, request=one)


def test_the_database_refuses_what_the_workflow_would() -> None:
    one = grant(request_of())
    other = request_of(card_number="BK1")
    for change in (
        {"is_new_number": True, "card_number": "BK204518"},
        {"is_new_number": True, "employee": one.employee},
        {"state": RegistrationState.ISSUED.value},
        {"state": "lost"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            RegistrationRequest.objects.filter(pk=other.pk).update(**change)
    twin = request_of(other.affiliate, card_number="BK2")
    with pytest.raises(IntegrityError), transaction.atomic():
        RegistrationRequest.objects.filter(pk=twin.pk).update(card_number="BK1")
