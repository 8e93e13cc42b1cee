"""The screens of a correction: who sees them, what they show before and after the signature."""

import datetime
import json

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Affiliate
from declarations import workflows
from declarations.codecs import receipt as receipt_codec
from declarations.enums import StopReason
from declarations.models import Declaration, ReceivedFile
from payments.models import PaymentSlip
from payments.workflows.slips import issue_slips
from portal.models import User
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, issue, submitted

pytestmark = pytest.mark.django_db
LATE = datetime.datetime(2026, 4, 20, 9, tzinfo=datetime.UTC)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(cast: Cast, name: str, one: Declaration) -> str:
    return reverse(f"declarations:{name}", args=[cast.affiliate.affiliation_number, one.pk])


def correction(cast: Cast, one: Declaration, wage: str = "5000") -> Declaration:
    row = workflows.open_correction(actor=cast.owner, at=LATE, declaration=one)
    line = row.lines.order_by("rank")[0]
    return workflows.save_form(
        actor=cast.owner, declaration=row, version=row.version, cells={line.pk: {"wage": wage}}
    )


def world(cast: Cast) -> dict[str, str]:
    """A first version, a second one that counts, a third in draft."""
    one = submitted(cast.owner, cast.affiliate)
    issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    two = correction(cast, one, "9000")
    two = workflows.submit(actor=cast.owner, at=LATE, declaration=two, version=two.version)
    issue_slips(actor=None, declaration_ids=[two.pk], at=LATE)
    draft = correction(cast, two, "4000")
    return {
        "correct": address(cast, "correct", two),
        "correct from the old one": address(cast, "correct", one),
        "compare": address(cast, "declaration", draft),
        "history": address(cast, "history", two),
        "history of the first": address(cast, "history", two) + f"?version={one.pk}",
        "old version": address(cast, "declaration", one),
        "old receipt": address(cast, "receipt_json", one),
        "as filed": address(cast, "filed_file", one),
        "as filed by form": address(cast, "filed_file", two),
        "month": reverse("declarations:month", args=[cast.affiliate.affiliation_number, JANUARY]),
    }


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_each_page_opens_to_those_who_may(cast: Cast, language: str) -> None:
    with time_machine.travel(LATE, tick=True):
        pages = world(cast)
        for user in (cast.owner, cast.fiduciaire):
            client = browser(user)
            client.cookies["django_language"] = language
            for name, page in pages.items():
                assert client.get(page).status_code == 200, name


def test_each_page_is_nothing_to_anyone_else(cast: Cast) -> None:
    with time_machine.travel(LATE, tick=True):
        pages = world(cast)
        draft = Declaration.objects.get(status="draft")
        pages["the draft is not filed"] = address(cast, "history", draft)
        for user in cast.outsiders:
            for name, page in pages.items():
                assert browser(user).get(page).status_code == 404, name
            for act in ("correct_form", "correct_file"):
                assert browser(user).post(address(cast, act, draft)).status_code == 404
        for name, page in pages.items():
            assert Client().get(page).status_code == 302, name
        for act in ("correct", "history", "filed_file"):
            assert browser(cast.owner).get(address(cast, act, draft)).status_code == 404


def test_one_does_not_reach_it_under_ones_own_number(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    number = cast.strangers_affiliate.affiliation_number
    client = browser(cast.stranger)
    for name in ("correct", "history", "filed_file"):
        page = reverse(f"declarations:{name}", args=[number, one.pk])
        assert client.get(page).status_code == 404
    for name in ("correct_form", "correct_file"):
        page = reverse(f"declarations:{name}", args=[number, one.pk])
        assert client.post(page).status_code == 404


def test_reading_costs_the_same_for_two_people_and_for_twelve(cast: Cast) -> None:
    def counted(user: User, affiliate: Affiliate, people: int) -> list[int]:
        one = submitted(user, affiliate, people=people)
        draft = workflows.open_correction(actor=user, at=LATE, declaration=one)
        cells = {line.pk: {"wage": "4000"} for line in draft.lines.all()}
        workflows.save_form(actor=user, declaration=draft, version=1, cells=cells)
        client, found = browser(user), []
        for name, row in (("declaration", draft), ("history", one), ("correct", one)):
            page = reverse(f"declarations:{name}", args=[affiliate.affiliation_number, row.pk])
            with CaptureQueriesContext(connection) as captured:
                assert client.get(page).status_code == 200
            found.append(len(captured))
        return found

    with time_machine.travel(LATE, tick=True):
        few = counted(cast.owner, cast.affiliate, 2)
        many = counted(cast.stranger, cast.strangers_affiliate, 12)
    assert few == many


def test_from_the_month_to_the_slip_in_a_browsers_steps(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    client = browser(cast.owner)
    with time_machine.travel(LATE, tick=True):
        month = client.get(
            reverse("declarations:month", args=[cast.affiliate.affiliation_number, JANUARY])
        )
        assert address(cast, "correct", one) in month.content.decode()
        slip = reverse(
            "payments:slip",
            args=[cast.affiliate.affiliation_number, PaymentSlip.objects.get().pk],
        )
        assert address(cast, "correct", one) in client.get(slip).content.decode()
        opened = client.post(address(cast, "correct_form", one), follow=True)
        draft = Declaration.objects.get(status="draft")
        assert opened.redirect_chain[-1][0] == address(cast, "form", draft)
        line = draft.lines.order_by("rank")[0]
        client.post(
            address(cast, "form", draft),
            {"version": draft.version, f"wage-{line.pk}": "4500,50", "ensuite": "relire"},
        )
        page = client.get(address(cast, "declaration", draft)).content.decode()
        assert "−4\u202f000,00" in page  # 8,500.50 → 4,500.50
        assert "Retiré de ce qui reste à payer" in page
        draft.refresh_from_db()
        for _ in range(2):  # a double click
            done = client.post(
                address(cast, "submit", draft), {"version": draft.version}, follow=True
            )
        assert "Votre correction est déposée" in done.content.decode()
        assert Declaration.objects.filter(status="submitted").count() == 1
        old = client.get(address(cast, "declaration", one)).content.decode()
        assert "Cette version est corrigée" in old
        told = client.get(address(cast, "history", one)).content.decode()
    draft.refresh_from_db()
    assert one.receipt_number in told
    assert draft.receipt_number
    assert draft.receipt_number in told


def test_what_was_filed_by_form_comes_back_as_the_file_that_says_the_same(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    two = correction(cast, one, "9000")
    two = workflows.submit(actor=cast.owner, at=LATE, declaration=two, version=two.version)
    client = browser(cast.owner)

    first, second = (
        b"".join(client.get(address(cast, "filed_file", row)))  # type: ignore[arg-type]
        for row in (one, two)
    )

    assert first == answer(issue(cast.owner, cast.affiliate))
    assert second != first
    assert len(second) == len(first)
    # The same engine reads it back without a word, and files it.
    file, _ = workflows.receive_file(
        actor=cast.owner,
        at=LATE,
        affiliate=cast.affiliate,
        period=JANUARY,
        name=f"DS_{cast.affiliate.affiliation_number}_202601.txt",
        chunks=[second],
        corrects=two,
    )
    assert workflows.check_file(file_id=file.pk, at=LATE).verdict == "accepted"


def test_the_receipt_of_every_version_is_the_one_that_was_given(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    before = browser(cast.owner).get(address(cast, "receipt_json", one))
    given = b"".join(before.streaming_content)  # type: ignore[attr-defined]
    two = correction(cast, one, "9000")
    workflows.submit(actor=cast.owner, at=LATE, declaration=two, version=two.version)

    after = browser(cast.owner).get(address(cast, "receipt_json", one))

    assert b"".join(after.streaming_content) == given  # type: ignore[attr-defined]
    assert receipt_codec.verify(receipt_codec.read(given, source="x")) == []
    paper = reverse(
        "certificates:filing_receipt_pdf", args=[cast.affiliate.affiliation_number, one.pk]
    )
    assert json.loads(given)["receipt"]["receipt_number"] == one.receipt_number
    assert browser(cast.owner).get(paper).status_code == 200


def test_a_file_is_sent_from_the_page_of_the_correction(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    client = browser(cast.owner)
    name = f"DS_{cast.affiliate.affiliation_number}_202601.txt"
    content = answer(issue(cast.owner, cast.affiliate)).replace(b" CASA", b" CASA")
    with time_machine.travel(AT, tick=True):
        sent = client.post(
            address(cast, "correct_file", one), {"file": SimpleUploadedFile(name, content)}
        )
        empty = client.post(address(cast, "correct_file", one))
    file = ReceivedFile.objects.get(corrects=one)
    assert sent["Location"].endswith(f"/fichiers/{file.pk}/?suivi=1")
    assert "Choisissez d’abord le fichier" in empty.content.decode()


def test_a_closed_month_says_why_and_offers_nothing(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    workflows.stop_corrections(
        actor=cast.staff,
        at=LATE,
        affiliate=cast.affiliate,
        period=JANUARY,
        reason=StopReason.DECISION,
        reference="R-42",
    )
    with time_machine.travel(LATE, tick=True):
        page = browser(cast.owner).get(address(cast, "correct", one)).content.decode()
        refused = browser(cast.owner).post(address(cast, "correct_form", one), follow=True)
    assert "R-42" in page
    assert "Ouvrir la liste" not in page
    assert "R-42" in refused.content.decode()
    assert not Declaration.objects.filter(status="draft").exists()
