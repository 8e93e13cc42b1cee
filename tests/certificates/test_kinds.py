"""The newer kinds: who may ask for which, what is frozen, what the paper says, and what ends it."""

import datetime
import io
import uuid
from decimal import Decimal

import pikepdf
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.enums import AffiliateState, Role
from certificates import documents, papers, queries, views, workflows
from certificates.eligibility import (
    Arrear,
    PersonStanding,
    Standing,
    decide,
    standing_range,
)
from certificates.enums import CertificateKind, CertificateState
from certificates.errors import IntentReused, NotEligible
from certificates.facts import CertificateFacts, PersonLineFacts, digest
from certificates.models import Certificate
from declarations.enums import DeclarationKind, DeclarationStatus, LineOrigin
from declarations.models import DeclarationLine
from portal import limits
from portal.models import AuditEntry
from regulation.money import CENT
from regulation.periods import Period
from tests.affiliates.factories import MembershipFactory, UserFactory
from tests.certificates.conftest import NOW
from tests.certificates.factories import declared, slip_of
from tests.certificates.pdf_text import text_of
from tests.certificates.test_documents import BAKERY, ISSUED, URL

DECEMBER, JANUARY = Period(2025, 12), Period(2026, 1)
NUMBER = "123456789"
HOUR = datetime.timedelta(hours=1)
APART = [kind.value for kind in views.ASKED_APART]
pytestmark = pytest.mark.usefixtures("now")


def line(declaration, rank, number=NUMBER, name="BENNANI SALMA", days=26, gross="4000.00"):
    return DeclarationLine.objects.create(
        declaration=declaration,
        rank=rank,
        origin=LineOrigin.PREFILLED.value,
        registration_number=number,
        full_name=name,
        days_declared=days,
        gross_wage=Decimal(gross),
        capped_wage=Decimal(gross),
    )


@pytest.fixture
def months(cast):
    """Everything declared from affiliation on; the bakery of the cast is as old as these two months."""
    cast.affiliate.affiliated_on = datetime.date(2025, 12, 1)
    cast.affiliate.save()
    made = [declared(cast.affiliate, month, by=cast.owner) for month in (DECEMBER, JANUARY)]
    for declaration in made:
        line(declaration, 1)
        line(declaration, 2, number="987654321", name="ALAOUI OMAR", days=20)
    return made


def issue(cast, kind, *, first=None, last=None, about="", intent=None, at=NOW):
    return workflows.request(
        actor=cast.owner,
        affiliate=cast.affiliate,
        kind=kind,
        intent=intent or uuid.uuid4(),
        at=at,
        first=first,
        last=last,
        about=about,
    )


ASKED = {
    CertificateKind.STANDING: {},
    CertificateKind.TENDER: {"about": "AO 12/2026, Commune de Tanger"},
    CertificateKind.EMPLOYEES: {"first": JANUARY, "last": JANUARY},
    CertificateKind.EMPLOYEE: {"about": NUMBER},
    CertificateKind.WAGES: {"first": DECEMBER, "last": JANUARY, "about": NUMBER},
}

# ---------------------------------------------------------------------------------------------- eligibility

FIT = Standing(
    on=datetime.date(2026, 2, 20),
    state=AffiliateState.ACTIVE,
    affiliated_on=datetime.date(2020, 5, 4),
    declared=frozenset(Period(2024, 1) + rank for rank in range(25)),
)
LATE = Arrear(Period(2023, 7), datetime.date(2023, 8, 10), Decimal("1.00"))
KNOWN = PersonStanding(True, frozenset({JANUARY}))


def reasons(eligibility):
    return [refusal.reason.value for refusal in eligibility.refusals]


def changed(**changes):
    return Standing(**{name: getattr(FIT, name) for name in FIT.__slots__} | changes)


def test_a_good_standing_looks_at_twelve_due_months_and_every_debt():
    assert standing_range(FIT) == (Period(2025, 2), JANUARY)
    # On the due day itself the month may still be declared.
    assert standing_range(changed(on=datetime.date(2026, 2, 10))) == (Period(2025, 1), DECEMBER)
    young = changed(affiliated_on=datetime.date(2025, 12, 9))
    assert standing_range(young) == (DECEMBER, JANUARY)
    assert reasons(decide(CertificateKind.STANDING, FIT)) == []
    assert reasons(decide(CertificateKind.STANDING, changed(arrears=(LATE,)))) == ["arrears"]
    hole = changed(declared=FIT.declared - {Period(2025, 6)})
    assert reasons(decide(CertificateKind.STANDING, hole)) == ["undeclared"]
    old_hole = changed(declared=FIT.declared - {Period(2025, 1)})
    assert reasons(decide(CertificateKind.STANDING, old_hole)) == []
    closed = changed(state=AffiliateState.CLOSED, arrears=(LATE,))
    assert reasons(decide(CertificateKind.STANDING, closed)) == ["closed"]


def test_who_has_nothing_due_yet_is_told_when():
    new = changed(affiliated_on=datetime.date(2026, 2, 2))
    (refusal,) = decide(CertificateKind.STANDING, new).refusals
    assert (refusal.reason.value, refusal.facts) == ("range", {"due": datetime.date(2026, 3, 10)})


def test_a_tender_is_a_good_standing_that_names_its_market():
    assert reasons(decide(CertificateKind.TENDER, FIT, about="AO 1")) == []
    assert reasons(decide(CertificateKind.TENDER, changed(arrears=(LATE,)), about=" ")) == [
        "arrears",
        "tender",
    ]


def test_debts_do_not_stop_what_is_not_a_clearance():
    owing = changed(arrears=(LATE,))
    span = {"first": JANUARY, "last": JANUARY}
    assert reasons(decide(CertificateKind.EMPLOYEES, owing, **span)) == []
    assert reasons(decide(CertificateKind.EMPLOYEE, owing, person=KNOWN)) == []
    assert reasons(decide(CertificateKind.WAGES, owing, **span, person=KNOWN)) == []


def test_wages_need_the_months_and_the_employee():
    span = {"first": Period(2025, 11), "last": DECEMBER}
    assert reasons(decide(CertificateKind.WAGES, FIT, **span, person=KNOWN)) == ["person"]
    stranger = PersonStanding(is_known=False)
    assert reasons(decide(CertificateKind.WAGES, FIT, **span, person=stranger)) == ["person"]
    assert reasons(decide(CertificateKind.EMPLOYEE, FIT, person=stranger)) == ["person"]
    hole = changed(declared=frozenset({JANUARY}))
    both = {"first": DECEMBER, "last": JANUARY}
    assert reasons(decide(CertificateKind.WAGES, hole, **both, person=KNOWN)) == ["undeclared"]


# ------------------------------------------------------------------------------------------------ issuing


@pytest.mark.parametrize("kind", ASKED, ids=APART)
def test_each_kind_freezes_its_facts_and_keeps_their_digest(cast, months, kind):
    certificate = Certificate.objects.get(pk=issue(cast, kind, **ASKED[kind]).pk)
    facts = CertificateFacts.from_json(certificate.facts)
    assert facts.to_json() == certificate.facts
    assert digest(certificate.facts) == certificate.digest
    if kind.has_range:
        assert facts.receipts == {
            month.receipt_number
            for month in months
            if certificate.first_period <= month.period <= certificate.last_period
        }
    assert AuditEntry.objects.get(action="certificate.issued").facts["about"] == certificate.about
    text = text_of(documents.pdf(papers.document_of(certificate)))
    assert certificate.number in text
    expected = {
        CertificateKind.STANDING: "en situation régulière",
        CertificateKind.TENDER: "AO 12/2026, Commune de Tanger",
        CertificateKind.EMPLOYEES: "ALAOUI OMAR",
        CertificateKind.EMPLOYEE: NUMBER,
        CertificateKind.WAGES: "8 000,00",
    }
    assert expected[kind] in text


def test_a_good_standing_says_until_when_and_what_is_contested(cast, months):
    slip = slip_of(months[1])
    with pytest.raises(NotEligible):
        issue(cast, CertificateKind.STANDING)
    slip.holds.create(amount=slip.outstanding, reference="REC-1")
    facts = CertificateFacts.from_json(issue(cast, CertificateKind.STANDING).facts)
    assert facts.standing.valid_until == datetime.date(2026, 5, 20)
    assert facts.standing.held == slip.outstanding >= CENT


def test_the_list_has_no_wage_and_adds_up_a_supplement(cast, months):
    more = declared(cast.affiliate, JANUARY, by=cast.owner, kind=DeclarationKind.SUPPLEMENTARY)
    line(more, 1, days=0, gross="99.99")
    line(more, 2, number="000000000", name="IDRISSI HIBA", days=4)
    line(more, 3, number="000000000", name="IDRISSI ALI", days=3)
    certificate = issue(cast, CertificateKind.EMPLOYEES, first=JANUARY, last=JANUARY)
    assert certificate.facts["people"] == [
        ["987654321", "ALAOUI OMAR", 20],
        [NUMBER, "BENNANI SALMA", 26],
        ["", "IDRISSI ALI", 3],
        ["", "IDRISSI HIBA", 4],
    ]
    assert "99.99" not in str(certificate.facts)
    assert "wage_bill" not in str(certificate.facts)


def test_an_employee_of_another_firm_does_not_exist(cast, months):
    with pytest.raises(NotEligible):
        issue(cast, CertificateKind.EMPLOYEE, about="111111111")
    for typed in ("000000000", "12345678", "12345678９", "' OR 1=1 --"):
        with pytest.raises(NotEligible):
            issue(cast, CertificateKind.EMPLOYEE, about=typed)


def test_the_wages_are_those_of_the_one_employee(cast, months):
    line(months[1], 3, gross="500.00", days=0)
    certificate = issue(cast, **{"kind": CertificateKind.WAGES, **ASKED[CertificateKind.WAGES]})
    assert certificate.facts["wages"] == [
        ["2025-12", 26, "4000.00", "4000.00"],
        ["2026-01", 26, "4500.00", "4500.00"],
    ]
    assert certificate.facts["months"] == []
    assert "ALAOUI" not in str(certificate.facts)


@pytest.mark.parametrize(
    "kind", [kind for kind in ASKED if kind.has_range], ids=lambda kind: kind.value
)
def test_a_correction_ends_what_relied_on_the_month(cast, months, kind):
    certificate = issue(cast, kind, **ASKED[kind])
    months[1].status = DeclarationStatus.REPLACED.value
    months[1].save()
    later = NOW.replace(hour=12)
    declared(cast.affiliate, JANUARY, by=cast.owner, at=later)
    assert queries.validity(certificate).state is CertificateState.SUPERSEDED
    assert workflows.supersede_outdated(at=later) == 1


def test_the_same_intent_for_something_else_is_refused(cast, months):
    intent = uuid.uuid4()
    one = issue(cast, CertificateKind.TENDER, about="AO 1", intent=intent)
    assert issue(cast, CertificateKind.TENDER, about=" AO  1 ", intent=intent) == one
    with pytest.raises(IntentReused):
        issue(cast, CertificateKind.TENDER, about="AO 2", intent=intent)
    two = issue(cast, CertificateKind.TENDER, about="AO 2")
    one.refresh_from_db()
    assert one.state == two.state == CertificateState.VALID
    issue(cast, CertificateKind.TENDER, about="AO 1")
    one.refresh_from_db()
    assert one.state == CertificateState.SUPERSEDED


# -------------------------------------------------------------------------------------------------- pages


def page(cast, kind):
    return reverse("certificates:ask", args=[cast.affiliate.affiliation_number, kind])


QUERY = {
    "standing": {},
    "tender": {"about": "AO 12"},
    "employees": {"first": "2026-01"},
    "employee": {"about": NUMBER},
    "wages": {"about": NUMBER, "first": "2025-12", "last": "2026-01"},
}


@pytest.mark.parametrize("kind", APART)
def test_the_cast_before_each_page(client, cast, months, kind):
    rows = AuditEntry.objects.count()
    for who in (cast.owner, cast.fiduciaire):
        client.force_login(who)
        assert client.get(page(cast, kind)).status_code == 200
        answer = client.get(page(cast, kind), QUERY[kind]).content.decode()
        assert "Vous pouvez la demander" in answer
        assert "Délivrer l’attestation" in answer
    for who in cast.outsiders:
        client.force_login(who)
        assert client.get(page(cast, kind), QUERY[kind]).status_code == 404
    assert not Certificate.objects.exists()
    assert AuditEntry.objects.filter(action__startswith="certificate").count() == 0
    assert AuditEntry.objects.count() >= rows


@pytest.mark.parametrize("kind", APART)
def test_asking_from_the_page_issues_and_shows(client, cast, months, kind):
    client.force_login(cast.owner)
    address = reverse("certificates:request", args=[cast.affiliate.affiliation_number])
    sent = {"intent": str(uuid.uuid4()), "kind": kind, **QUERY[kind]}
    if kind == "employees":
        sent["last"] = sent["first"]
    answer = client.post(address, sent, follow=True)
    certificate = Certificate.objects.get()
    assert certificate.kind == kind
    assert certificate.number in answer.content.decode()
    public = client.get(reverse("certificates:verification", args=[certificate.token]))
    assert public.status_code == 200
    if certificate.about:
        assert certificate.about in public.content.decode()


def test_nobody_asks_for_a_thousand_certificates(client, cast, months, monkeypatch):
    monkeypatch.setattr(limits, "CERTIFICATES", limits.Limit("certificates:user", 2, HOUR))
    client.force_login(cast.owner)
    address = reverse("certificates:request", args=[cast.affiliate.affiliation_number])
    for _ in range(3):
        client.post(address, {"intent": str(uuid.uuid4()), "kind": "standing"})
    assert Certificate.objects.count() == 2


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_page_says_why_not_and_what_to_do(client, cast, months, language):
    slip_of(months[1])
    client.force_login(cast.owner)
    client.cookies["django_language"] = language
    answer = client.get(page(cast, "standing")).content.decode()
    said = {"fr": "Des cotisations échues restent à payer", "ar": "اشتراكات"}
    assert said[language] in answer
    assert "Délivrer l’attestation" not in answer


def test_a_reader_sees_but_cannot_ask_and_an_unknown_kind_is_nothing(client, cast, months):
    reader = UserFactory()
    MembershipFactory(user=reader, affiliate=cast.affiliate, role=Role.READER.value)
    client.force_login(reader)
    answer = client.get(page(cast, "standing")).content.decode()
    assert "Votre rôle permet de consulter" in answer
    assert "Délivrer l’attestation" not in answer
    for kind in ("payroll", "registration", "rien"):
        assert client.get(page(cast, kind)).status_code == 404


def test_a_page_costs_the_same_however_many_people(client, cast, months):
    client.force_login(cast.owner)
    client.get(page(cast, "wages"), QUERY["wages"])

    def cost():
        with CaptureQueriesContext(
            connection,
        ) as queries_made:
            client.get(page(cast, "wages"), QUERY["wages"])
        return len(queries_made)

    before = cost()
    for rank in range(10, 40):
        line(months[1], rank, number=f"2{rank:08}", name=f"N {rank}")
    assert cost() == before


# ------------------------------------------------------------------------------------------------- papers


def listed(count, name="EL MANSOURI ABDERRAHMANE", affiliate=BAKERY):
    people = tuple(
        PersonLineFacts(f"{100000000 + rank}", f"{name} {rank}", 26) for rank in range(count)
    )
    facts = CertificateFacts(affiliate, span=(JANUARY, JANUARY), relied=("R",), people=people)
    return documents.certificate(
        CertificateKind.EMPLOYEES,
        facts,
        number="ATT-2026-0000123-06",
        digest=digest(facts.to_json()),
        issued_at=ISSUED,
        verification_url=URL,
        code="ABCD",
    )


HOSTILE = [
    '<img src="http://127.0.0.1:1/x"><script>alert(1)</script>',
    "&lt;table&gt; \n\n\n\x0c ligne",
    "م" * 60,
    "W" * 60,
    "{{ settings.SECRET_KEY }} {% include '/etc/passwd' %}",
]


@pytest.mark.parametrize(("name", "count"), [*((name, 60) for name in HOSTILE), (HOSTILE[0], 30)])
def test_a_hostile_employee_takes_one_line_and_fetches_nothing(name, count):
    pdf = documents.pdf(listed(count, name=name[:60]))
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        # Two pages of people, after the certificate's own when the list is long.
        assert len(opened.pages) == (3 if count == 60 else 2)
        assert len(opened.attachments) == 0
        assert not any("/Annots" in each for each in opened.pages)


def test_two_thousand_people_are_all_there():
    # bench/ holds the goal of three seconds.
    text = text_of(documents.pdf(listed(2000)))
    assert text.count("EL MANSOURI ABDERRAHMANE") == 2000
    assert "100001999" in text
    assert "41 / 41" in text
