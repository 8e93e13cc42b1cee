"""The demo stands on its workflows: built once, true to the centime, with something on every screen."""

import datetime
import html
import re
import time
from collections import Counter

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from affiliates.models import Affiliate, Employment
from certificates.enums import CertificateState
from certificates.models import Certificate
from damancom.demo import build, people, world
from damancom.months import months_of, owed_by
from damancom.notices import notices_of
from declarations import workflows as declaring
from declarations.enums import FileVerdict
from declarations.models import Declaration, DeclarationLine, ReceivedFile
from disputes.models import Dispute
from payments.models import (
    BankFile,
    BankLine,
    BankProfile,
    DebitOrder,
    FilingPenalty,
    PaymentSlip,
    Surcharge,
)
from payments.queries import credit_of, double_payments
from payments.workflows import bank_files, slips
from portal.models import AuditEntry, User
from regulation.enums import KeySeries
from regulation.identifiers import (
    affiliation_key,
    check_rib,
    ice_key_matches,
    registration_key,
)
from regulation.parameters import monthly_minimum_wage
from regulation.periods import Period

PUBLIC = ("/static/", "/la-regle/", "/simulateur/", "/verifier/")
NOW = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)


def _rows():
    return {model._meta.label: model._base_manager.count() for model in apps.get_models()}


def test_every_invented_identifier_has_a_valid_key_and_both_series_are_used():
    numbers = people.registration_numbers()
    keys = Counter(registration_key(next(numbers)) for _ in range(500))
    assert keys[KeySeries.UNKNOWN] == 0
    assert min(keys[KeySeries.FIRST], keys[KeySeries.SECOND]) > 100
    assert {affiliation_key(firm.number) for firm in world.FIRMS} == {
        KeySeries.FIRST,
        KeySeries.SECOND,
    }
    assert all(ice_key_matches(firm.ice) for firm in world.FIRMS)
    assert all(check_rib(house.rib) for house in world.BANKS)


def test_the_story_is_the_same_at_each_telling():
    first, last = Period(2025, 11), Period(2026, 10)
    once, again = (build.jobs_of_all(first, last) for _ in range(2))
    assert once == again
    month = people.month_of(once["textile"][0], last)
    assert month == people.month_of(again["textile"][0], last)
    assert month.gross_wage >= monthly_minimum_wage(last.first_day) * month.days / 26 - 1


@pytest.mark.slow
def test_the_world_is_built_once_through_the_workflows(db, tmp_path, capsys):
    started = time.process_time()
    build.load(now=NOW, folder=tmp_path)
    # Half of the promised minute, of our own processor: the machine of the tests may be busy with others.
    assert time.process_time() - started < 30
    rows = _rows()
    assert not AuditEntry.objects.filter(seal__isnull=True).exists()

    # Something to show on every screen.
    assert Affiliate.objects.count() == 6
    submitted = Declaration.objects.filter(status="submitted")
    assert Counter(submitted.values_list("kind", flat=True)) == {"main": 72, "supplementary": 1}
    sizes = Counter(Employment.objects.values_list("affiliate__name", flat=True))
    assert min(sizes.values()) == 1
    assert max(sizes.values()) >= 300
    wages = DeclarationLine.objects.filter(days_declared=26)
    assert wages.filter(gross_wage__gt=6000).exists()
    assert {"ISSUED", "PARTLY_PAID", "PAID"} <= {
        state.upper() for state in PaymentSlip.objects.values_list("state", flat=True)
    }
    assert Surcharge.objects.filter(outstanding=0).exists()
    assert Surcharge.objects.filter(outstanding__gt=0).exists()
    late = FilingPenalty.objects.get()
    assert (late.affiliate.name, late.filed) == ("GARAGE DES TROIS ROUTES", True)
    _the_banks_show_each_kind()
    assert set(Certificate.objects.values_list("state", flat=True)) == {
        state.value for state in CertificateState
    }
    assert set(Dispute.objects.values_list("state", flat=True)) == {"open", "awaiting", "decided"}
    assert set(
        ReceivedFile.objects.filter(period="2026-11-01").values_list("verdict", flat=True)
    ) == {FileVerdict.ACCEPTED.value, FileVerdict.BLOCKED.value}

    _the_homes_say_what_is_new()
    for account in build.ACCOUNTS:
        _every_kind_of_page_opens(account.email)
    rows |= {"portal.AuditEntry": _rows()["portal.AuditEntry"]}  # staff who read leave a trace
    rows |= {"portal.OpenSession": _rows()["portal.OpenSession"]}

    # Again changes nothing, and the books are true.
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    build.load(now=NOW, folder=tmp_path)
    assert _rows() == rows
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    call_command("check_ledger")
    call_command("replay")
    call_command("verify_audit")

    _the_visitor_declares_and_the_bank_pays(tmp_path)
    call_command("check_ledger")


def _every_kind_of_page_opens(email):
    """From the account's own home, one page of each shape that a link leads to; documents are tried elsewhere."""
    client = Client()
    client.force_login(User.objects.get(email=email))
    shapes, waiting = set(), ["/"]
    while waiting:
        address = waiting.pop(0)
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, (email, address)
        if answer.streaming or "html" not in answer.headers["Content-Type"]:
            continue
        for link in re.findall(r'href="(/[^"#]*)"', answer.content.decode()):
            link = html.unescape(link)
            shape = re.sub(r"[0-9]+", "N", link.split("?")[0])
            if shape not in shapes and "pdf" not in link and not link.startswith(PUBLIC):
                shapes.add(shape)
                waiting.append(link)
    assert len(shapes) >= 5


def _the_homes_say_what_is_new():
    """Each notice of the home has someone to show it to."""

    def titles(key):
        affiliate = Affiliate.objects.get(affiliation_number=world.firm(key).number)
        months = months_of([affiliate], today=NOW.date())[affiliate.pk]
        shown = notices_of(affiliate, months, owed_by(affiliate), now=NOW)
        return " / ".join(notice.title for notice in shown)

    assert "la Caisse attend votre réponse" in titles("riad")
    assert "Vous avez un crédit" in titles("riad")
    assert "de majorations et d’astreintes" in titles("garage")
    assert "remplacée" in titles("clinic")
    assert "révoquée" in titles("textile")
    assert titles("bakery") == ""


def _the_banks_show_each_kind():
    """Two formats read by an agreed profile, every verdict in one statement, a refusal, a return, a double payment."""
    agreed = {one.format: one for one in BankFile.objects.exclude(profile=None)}
    assert {"cfonb120", "mt940"} <= set(agreed)
    answers = {"ACC", "PAR", "ATT", "DBL", "INF"}
    assert set(agreed["cfonb120"].lines.values_list("verdict", flat=True)) == answers
    assert {"L07", "L09", "L10", "L11"} & set(
        BankLine.objects.filter(verdict="ATT").values_list("verdict_code", flat=True)
    ) == {"L09", "L10", "L11"}, "suspense money"
    refused = BankFile.objects.get(verdict="refused")
    assert {fault["code"] for fault in refused.faults} == {"E-F14"}
    assert set(DebitOrder.objects.values_list("state", flat=True)) == {"returned", "sent"}
    assert set(BankProfile.objects.values_list("state", flat=True)) == {"approved", "proposed"}
    (double,) = double_payments(NOW.date())
    assert double.affiliate.affiliation_number == world.firm("clinic").number
    slip = PaymentSlip.objects.get(affiliate__name="COIFFURE YASMINA", state="issued")
    assert credit_of(slip.affiliate) == slip.total


def _the_visitor_declares_and_the_bank_pays(folder):
    """The files offered do what the table says they do."""
    bakery = world.firm("bakery")
    affiliate = Affiliate.objects.get(affiliation_number=bakery.number)
    nadia = User.objects.get(email=bakery.owner.email)

    def sent(kind, pattern=f"DS_{bakery.number}_*.txt"):
        path = next((folder / kind).glob(pattern))
        received, _ = declaring.receive_file(
            actor=nadia,
            at=NOW,
            affiliate=affiliate,
            period=Period(2026, 11),
            name=path.name,
            chunks=[path.read_bytes()],
        )
        return declaring.check_file(file_id=received.pk, at=NOW)

    faulty = sent("declarations-avec-fautes")
    assert faulty.verdict == FileVerdict.REFUSED
    assert {"D1", "D2", "R33", "R48"} - set(faulty.findings.values_list("code", flat=True)) == set()
    wrong_sheet = sent("tableurs", f"salaires-{bakery.number}-*-avec-fautes.xlsx")
    assert list(wrong_sheet.findings.values_list("code", "facts__cell")) == [
        ("R28", "K2"),
        ("R29", "M3"),
    ]
    by_sheet = sent("tableurs", f"salaires-{bakery.number}-202611.xlsx")
    assert by_sheet.verdict == FileVerdict.ACCEPTED
    draft = Declaration.objects.get(received_file=sent("declarations"))
    assert draft.wage_bill == Declaration.objects.get(received_file=by_sheet).wage_bill
    declaring.submit(actor=nadia, at=NOW, declaration=draft, version=draft.version)
    slip = slips.issue_slip(actor=None, declaration_id=draft.pk, at=NOW)

    user = User.objects.get(email=world.bank("911").user.email)
    verdicts = {}
    for path in sorted((folder / "banque").glob("*.xml")):
        received = bank_files.receive(
            actor=user,
            bank=user.bank_memberships.get().bank,
            upload=SimpleUploadedFile(path.name, path.read_bytes()),
            at=NOW,
        ).bank_file
        bank_files.import_file(bank_file_id=received.pk, at=NOW)
        received.refresh_from_db()
        verdicts[path.stem] = received
    right = verdicts["camt.054-911-20261121"]
    assert [line.verdict for line in right.lines.order_by("rank")] == [
        "ACC",
        "ACC",
        "PAR",
        "ATT",
        "ATT",
    ]
    slip.refresh_from_db()
    assert (slip.state, slip.outstanding) == ("paid", 0)
    assert verdicts["camt.054-911-20261121-total-faux"].verdict == "refused"


def test_the_command_refuses_to_run_in_production(settings):
    settings.DEMO_ALLOWED = False
    with pytest.raises(CommandError, match="mot de passe est public"):
        call_command("demo")
