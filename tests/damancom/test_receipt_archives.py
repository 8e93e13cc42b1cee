"""The receipts of many firms in one archive: drawn by a worker, and the right looked at three times."""

import datetime
import io
import json
import zipfile
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from affiliates.models import Affiliate, Mandate
from affiliates.workflows import revoke_mandate
from certificates import documents, papers, workflows
from certificates.errors import DocumentNotReady
from certificates.models import ArchivedReceipt, ReceiptArchive
from certificates.tasks import draw_receipts, sweep_receipts
from certificates.workflows import archives
from damancom import receipt_pages
from declarations.codecs import receipt as codec
from declarations.models import Declaration, Receipt
from declarations.queries import receipt_facts
from declarations.workflows import open_correction, save_form, submit
from portal import clock, limits
from portal.enums import JobState
from portal.models import AuditEntry
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory, MandateFactory
from tests.certificates.pdf_text import text_of
from tests.declarations.factories import draft, submitted
from tests.drills import kill_a_worker_at
from tests.running import die_at

NOW = datetime.datetime(2026, 2, 4, 9, 0, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
JANUARY = Period(2026, 1)
LIST = "clients:receipts"


@pytest.fixture(autouse=True)
def _on_that_day():
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def clients_of(cast, *names: str) -> list[Declaration]:
    """More clients of the cast's office, each with a filing of January."""
    found = []
    for name in names:
        affiliate = AffiliateFactory(name=name)
        MandateFactory(
            affiliate=affiliate,
            representative=cast.representative,
            scopes=["read", "declare", "pay"],
        )
        found.append(submitted(cast.fiduciaire, affiliate))
    return found


def asked(client: Client, **fields) -> ReceiptArchive:
    answer = client.post(reverse(LIST), {"mois": "2026-01", **fields})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    row = ReceiptArchive.objects.latest("pk")
    assert answer["Location"] == page_of(row)
    return row


def asked_in_silence(cast) -> ReceiptArchive:
    """Asked for without a message: a worker that lives beside this test takes whatever is sent."""
    receipts = list(Receipt.objects.order_by("pk"))
    return workflows.ask_for_receipts(
        actor=cast.fiduciaire, at=NOW, period=JANUARY, receipts=receipts
    )


def page_of(row: ReceiptArchive) -> str:
    return reverse("clients:archive", args=[row.pk])


def fetch(client: Client, row: ReceiptArchive):
    return client.get(reverse("clients:fetch", args=[row.pk]))


def files_of(answer) -> dict[str, bytes]:
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def text_of_table(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as workbook:
        return "".join(
            workbook.read(name).decode() for name in workbook.namelist() if name.endswith(".xml")
        )


def name_of(declaration: Declaration) -> str:
    return f"recepisse-{declaration.receipt_number}-{declaration.affiliate.name.lower()}"


def take_back(cast, affiliate: Affiliate) -> None:
    revoke_mandate(
        actor=cast.owner, at=clock.now(), mandate=Mandate.objects.get(affiliate=affiliate)
    )


# -- from the list to the file -------------------------------------------------------------------


def test_each_receipt_comes_as_a_paper_and_as_data(cast) -> None:
    filed = clients_of(cast, "ALPHA", "BETA")
    submitted(cast.stranger, cast.strangers_affiliate)
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    waiting = client.get(page_of(row)).content.decode()
    assert "En préparation" in waiting
    assert 'http-equiv="refresh"' in waiting
    assert "0 / 2" in waiting
    assert fetch(client, row).status_code == 404
    draw_receipts(row.pk)
    ready = client.get(page_of(row)).content.decode()
    assert "L’archive est prête" in ready
    assert 'http-equiv="refresh"' not in ready

    answer = fetch(client, row)
    assert answer["Content-Type"] == "application/zip"
    assert "recepisses-2026-01.zip" in answer["Content-Disposition"]
    assert "sandbox" in answer["Content-Security-Policy"]
    files = files_of(answer)
    assert set(files) == {
        *(f"{name_of(one)}.{kind}" for one in filed for kind in ("pdf", "json")),
        "recepisses.xlsx",
    }
    for one in filed:
        paper = text_of(files[f"{name_of(one)}.pdf"])
        assert one.receipt_number in paper
        assert one.affiliate.name in paper
        data = json.loads(files[f"{name_of(one)}.json"])
        assert data["digest"] == Receipt.objects.get(declaration=one).digest
        # The paper leaves sealed, as the one of its own page does.
        assert b"/ETSI.CAdES.detached" in files[f"{name_of(one)}.pdf"]
    table = text_of_table(files["recepisses.xlsx"])
    assert table.index("ALPHA") < table.index("BETA")


def test_ticked_clients_only_and_a_month_without_receipts_says_so(cast) -> None:
    alpha, _beta = clients_of(cast, "ALPHA", "BETA")
    client = signed_in(cast.fiduciaire)
    row = asked(client, numero=[alpha.affiliate.affiliation_number])
    assert [entry.receipt.declaration for entry in row.entries.all()] == [alpha]
    refused = client.post(reverse(LIST), {"mois": "2025-12"})
    assert refused.status_code == 422
    assert "n’a de récépissé pour ce mois" in refused.content.decode()


def test_the_page_lists_what_was_asked_and_the_cockpit_leads_there(cast) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    assert "Aucune archive demandée" in client.get(reverse(LIST)).content.decode()
    row = asked(client)
    assert page_of(row) in client.get(reverse(LIST)).content.decode()
    assert reverse(LIST) in client.get(reverse("affiliates:choose")).content.decode()


def test_nobody_else_sees_asks_or_fetches(cast) -> None:
    clients_of(cast, "ALPHA")
    row = asked(signed_in(cast.fiduciaire))
    draw_receipts(row.pk)
    expected = {cast.owner: (200, 422), cast.stranger: (200, 422)}
    for user in (cast.owner, cast.stranger, cast.bank, cast.staff):
        client = signed_in(user)
        listed, sent = expected.get(user, (404, 404))
        assert client.get(reverse(LIST)).status_code == listed
        assert client.post(reverse(LIST), {"mois": "2026-01"}).status_code == sent
        assert client.get(page_of(row)).status_code == 404
        assert fetch(client, row).status_code == 404
    assert not AuditEntry.objects.filter(action="receipt.archive_read").exists()
    assert Client().get(page_of(row)).status_code == 302


def test_both_languages_of_each_state(cast) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    client.cookies["django_language"] = "ar"
    row = asked(client)
    assert "قيد الإعداد" in client.get(page_of(row)).content.decode()
    draw_receipts(row.pk)
    assert "الأرشيف جاهز" in client.get(page_of(row)).content.decode()
    assert 'lang="ar"' in client.get(reverse(LIST)).content.decode()


def test_every_paper_has_arabic_on_it_and_says_where_it_is_checked(cast) -> None:
    (one,) = clients_of(cast, "ALPHA")
    digest = Receipt.objects.get(declaration=one).digest
    html = papers.filing_receipt(one.affiliate, receipt_facts(one)).html
    address = reverse("certificates:check_receipt", args=[one.receipt_number, digest[:32]])
    assert f"http://testserver{address}" in html
    assert "تحققوا من هذا الوصل" in html
    assert digest in html
    paper = text_of(documents.pdf(papers.filing_receipt(one.affiliate, receipt_facts(one))))
    assert "/verifier/recepisse/" in paper


# -- the right, looked at three times ------------------------------------------------------------


def test_a_mandate_taken_back_before_the_drawing_leaves_its_receipt_out(cast) -> None:
    alpha, beta = clients_of(cast, "ALPHA", "BETA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    take_back(cast, alpha.affiliate)
    draw_receipts(row.pk)
    kept = row.entries.filter(sealed__isnull=False)
    assert [entry.receipt.declaration for entry in kept] == [beta]
    page = client.get(page_of(row)).content.decode()
    assert "1 récépissé demandé n’y est pas" in page
    assert "ALPHA" not in page
    assert set(files_of(fetch(client, row))) == {
        f"{name_of(beta)}.pdf",
        f"{name_of(beta)}.json",
        "recepisses.xlsx",
    }


def test_a_mandate_taken_back_while_it_is_drawn_counts_from_the_next_receipt(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = clients_of(cast, "ALPHA", "BETA")
    row = asked(signed_in(cast.fiduciaire))
    real = documents.pdf

    def taken_back_meanwhile(document):
        take_back(cast, beta.affiliate)
        return real(document)

    monkeypatch.setattr(documents, "pdf", taken_back_meanwhile)
    draw_receipts(row.pk)
    kept = row.entries.filter(sealed__isnull=False)
    assert [entry.receipt.declaration for entry in kept] == [alpha]


def test_without_the_second_look_it_would_have_been_drawn(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control of the two tests above."""
    (alpha,) = clients_of(cast, "ALPHA")
    row = asked(signed_in(cast.fiduciaire))
    take_back(cast, alpha.affiliate)
    monkeypatch.setattr(archives, "_may", lambda *_of_the_entry: True)
    draw_receipts(row.pk)
    assert row.entries.filter(sealed__isnull=False).count() == 1


def test_a_mandate_taken_back_before_the_download_gives_nothing_of_its_firm(cast) -> None:
    alpha, beta = clients_of(cast, "ALPHA", "BETA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    draw_receipts(row.pk)
    assert f"{name_of(alpha)}.pdf" in files_of(fetch(client, row))
    take_back(cast, alpha.affiliate)
    files = files_of(fetch(client, row))
    assert set(files) == {f"{name_of(beta)}.pdf", f"{name_of(beta)}.json", "recepisses.xlsx"}
    table = text_of_table(files["recepisses.xlsx"])
    assert "BETA" in table
    assert "ALPHA" not in table
    take_back(cast, beta.affiliate)
    assert fetch(client, row).status_code == 404
    assert "Cette archive est vide" in client.get(page_of(row)).content.decode()


@pytest.mark.parametrize(("seconds", "given"), [(-1, True), (0, False)])
def test_one_second_around_the_last_day_of_a_mandate(cast, seconds: int, given: bool) -> None:
    (alpha,) = clients_of(cast, "ALPHA")
    Mandate.objects.filter(affiliate=alpha.affiliate).update(ends_on=datetime.date(2026, 2, 4))
    row = asked(signed_in(cast.fiduciaire))
    draw_receipts(row.pk)
    # Morocco is at UTC+1 on that day: the fifth of February begins at 23:00 UTC.
    bound = datetime.datetime(2026, 2, 4, 23, 0, tzinfo=datetime.UTC)
    with time_machine.travel(bound + datetime.timedelta(seconds=seconds), tick=False):
        assert fetch(signed_in(cast.fiduciaire), row).status_code == (200 if given else 404)


# -- the trace -----------------------------------------------------------------------------------


def test_each_firm_sees_who_asked_and_who_took_under_whose_mandate(cast) -> None:
    filed = clients_of(cast, "ALPHA", "BETA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    draw_receipts(row.pk)
    files_of(fetch(client, row))
    for action in ("receipt.archive_asked", "receipt.archive_read"):
        entries = AuditEntry.objects.filter(action=action)
        assert {entry.affiliation_number for entry in entries} == {
            one.affiliate.affiliation_number for one in filed
        }
        assert {(entry.actor_name, entry.office_name) for entry in entries} == {
            ("Youssef Tazi", "Fiduciaire Atlas")
        }
        assert {entry.subject_type for entry in entries} == {"declarations.receipt"}


def test_a_filing_under_a_mandate_bears_both_names_on_its_receipt(cast) -> None:
    (first,) = clients_of(cast, "ALPHA")
    revised = draft(cast.fiduciaire, affiliate := AffiliateFactory(name="BETA"))
    MandateFactory(
        affiliate=affiliate, representative=cast.representative, scopes=["read", "declare"]
    )
    client = signed_in(cast.fiduciaire)
    told = {"brouillon": [f"{revised.pk}:{revised.version}"]}
    assert "Déposée" in client.post(reverse("clients:submit"), told).content.decode()
    said = json.loads(Receipt.objects.get(declaration=revised).content)
    assert said["submitted_by"] == "Youssef Tazi"
    assert said["submitted_by_office"] == "Fiduciaire Atlas"
    paper = papers.filing_receipt(affiliate, receipt_facts(revised)).html
    assert "Youssef Tazi (cabinet Fiduciaire Atlas)" in paper
    row = asked(client)
    draw_receipts(row.pk)
    files = files_of(fetch(client, row))
    assert "Youssef Tazi · Fiduciaire Atlas" in text_of_table(files["recepisses.xlsx"])
    data = codec.SealedReceipt("BETA", said, Receipt.objects.get(declaration=revised).digest)
    assert codec.verify([data]) == []
    # Whoever belongs to the firm files in their own name: nothing is stated then.
    assert "submitted_by_office" not in json.loads(Receipt.objects.get(declaration=first).content)


# -- once, bounded, gone -------------------------------------------------------------------------


def test_asked_twice_it_is_drawn_once_and_another_choice_is_another(cast) -> None:
    alpha, _beta = clients_of(cast, "ALPHA", "BETA")
    client = signed_in(cast.fiduciaire)
    first = asked(client)
    assert asked(client) == first
    assert AuditEntry.objects.filter(action="receipt.archive_asked").count() == 2
    draw_receipts(first.pk)
    assert asked(client) == first
    assert asked(client, numero=[alpha.affiliate.affiliation_number]) != first
    with time_machine.travel(NOW + archives.KEPT, tick=False):
        assert asked(signed_in(cast.fiduciaire)).pk > first.pk


def test_after_a_day_nothing_is_left_of_it_but_its_line(cast) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    draw_receipts(row.pk)
    row.refresh_from_db()
    assert row.expires_at == NOW + datetime.timedelta(hours=24)
    sealed = bytes(row.entries.get().sealed)
    assert b"%PDF" not in sealed
    assert workflows.forget_receipts(at=row.expires_at - MINUTE) == 0
    with time_machine.travel(row.expires_at, tick=False):
        client = signed_in(cast.fiduciaire)
        assert fetch(client, row).status_code == 404
        assert "Cette archive est effacée" in client.get(page_of(row)).content.decode()
        sweep_receipts()
    assert row.entries.get().sealed is None
    assert workflows.forget_receipts(at=row.expires_at) == 0


def test_too_many_downloads_and_too_many_archives_are_told_when_to_come_back(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    draw_receipts(row.pk)
    for _one in range(receipt_pages.FETCHED_A_MINUTE):
        assert fetch(client, row).status_code == 200
    answer = fetch(client, row)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    monkeypatch.setattr(
        limits, "RECEIPT_ARCHIVES", limits.Limit("receipts:user", 1, datetime.timedelta(days=1))
    )
    answer = client.post(reverse(LIST), {"mois": "2026-01"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_pages_and_download_ask_a_constant_number_of_questions(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    few = asked(client)
    draw_receipts(few.pk)
    clients_of(cast, "BETA", "GAMMA", "DELTA")
    many = asked(client)
    draw_receipts(many.pk)
    for name in ("clients:archive", "clients:fetch"):
        counted = []
        for row in (few, few, many):
            with CaptureQueriesContext(connection) as queries:
                b"".join(client.get(reverse(name, args=[row.pk])))
            counted.append(len(queries))
        assert counted[1] == counted[2], name


def test_a_large_archive_is_read_and_drawn_some_receipts_at_a_time(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients_of(cast, "ALPHA", "BETA", "GAMMA")
    monkeypatch.setattr(archives, "PIECE", 2)
    monkeypatch.setattr(receipt_pages, "_PIECE", 2)
    client = signed_in(cast.fiduciaire)
    row = asked(client)
    draw_receipts(row.pk)
    assert len(files_of(fetch(client, row))) == 7


# -- a worker that dies, a press that does not answer --------------------------------------------


def test_the_sweeper_wakes_what_waits(cast) -> None:
    clients_of(cast, "ALPHA")
    row = asked(signed_in(cast.fiduciaire))
    assert workflows.archives_due(at=NOW) == [row.pk]
    draw_receipts(row.pk)
    assert workflows.archives_due(at=NOW) == []
    draw_receipts(row.pk)  # drawn already: nothing happens
    assert AuditEntry.objects.filter(action__startswith="receipt.archive").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["receipts-claimed", "receipts-one-kept"])
def test_a_worker_that_dies_loses_one_receipt_at_most(
    cast, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients_of(cast, "ALPHA", "BETA")
    row = asked_in_silence(cast)
    die_at(place, lambda: draw_receipts(row.pk))
    kept = row.entries.filter(sealed__isnull=False).count()
    assert kept == (place == "receipts-one-kept")
    later = NOW + ReceiptArchive.LEASE
    assert workflows.archives_due(at=later - datetime.timedelta(seconds=1)) == []
    drawn = []
    real = documents.pdf
    monkeypatch.setattr(documents, "pdf", lambda one: drawn.append(one) or real(one))
    workflows.draw_receipts(archive_id=row.pk, at=later)
    row.refresh_from_db()
    assert row.state == JobState.DONE
    assert len(drawn) == 2 - kept
    assert row.entries.filter(sealed__isnull=False).count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_archive_whose_worker_is_killed_at_its_end_is_finished_once(
    cast, tmp_path: Path
) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    row = asked_in_silence(cast)
    kill_a_worker_at("receipts-before-commit", tmp_path, draw_receipts, row.pk)
    row.refresh_from_db()
    assert row.state == JobState.RUNNING
    assert fetch(client, row).status_code == 404
    # The worker lived by another clock than the test.
    workflows.draw_receipts(archive_id=row.pk, at=row.started_at + ReceiptArchive.LEASE)
    assert len(files_of(fetch(client, row))) == 3


def test_a_press_that_does_not_answer_is_tried_thrice_and_then_told(
    cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients_of(cast, "ALPHA")
    client = signed_in(cast.fiduciaire)
    row = asked(client)

    def broken(_document):
        raise DocumentNotReady

    with monkeypatch.context() as patch:
        patch.setattr(documents, "pdf", broken)
        for attempt in (1, 2, 3):
            draw_receipts(row.pk)
            row.refresh_from_db()
            assert (row.state, row.attempts) == (JobState.WAITING, attempt)
        draw_receipts(row.pk)
    row.refresh_from_db()
    assert row.state == JobState.PARKED
    assert AuditEntry.objects.filter(action="receipt.archive_parked").count() == 1
    assert "n’a pas pu être préparée" in client.get(page_of(row)).content.decode()
    # Asked again it starts again.
    again = asked(client)
    assert again != row
    draw_receipts(again.pk)
    assert len(files_of(fetch(client, again))) == 3


def test_a_worker_that_was_overtaken_writes_nothing(cast, monkeypatch: pytest.MonkeyPatch) -> None:
    clients_of(cast, "ALPHA")
    row = asked(signed_in(cast.fiduciaire))
    real = documents.pdf

    def overtaken(document):
        ReceiptArchive.objects.filter(pk=row.pk).update(attempts=2)
        return real(document)

    monkeypatch.setattr(documents, "pdf", overtaken)
    draw_receipts(row.pk)
    row.refresh_from_db()
    assert row.state == JobState.RUNNING
    assert row.entries.get().sealed is None


def test_the_database_refuses_a_receipt_twice_and_an_archive_without_an_end(cast) -> None:
    clients_of(cast, "ALPHA")
    row = asked(signed_in(cast.fiduciaire))
    with pytest.raises(IntegrityError, match="archived_receipt_once"), transaction.atomic():
        ArchivedReceipt.objects.create(archive=row, receipt=row.entries.get().receipt)
    with pytest.raises(IntegrityError, match="receipt_archive_ready"), transaction.atomic():
        ReceiptArchive.objects.update(state=JobState.DONE.value)


# -- the public page of a receipt ----------------------------------------------------------------


def check_page(declaration: Declaration, mark: str = "") -> str:
    mark = mark or Receipt.objects.get(declaration=declaration).digest[:32]
    return reverse("certificates:check_receipt", args=[declaration.receipt_number, mark])


def test_whoever_holds_the_paper_reads_what_the_fund_recorded(cast) -> None:
    (one,) = clients_of(cast, "ALPHA")
    for client in (Client(), *map(signed_in, (cast.owner, cast.bank, cast.staff, cast.stranger))):
        page = client.get(check_page(one)).content.decode()
        assert "Ce récépissé est authentique." in page
        assert one.receipt_number in page
        assert "ALPHA" in page
        assert Receipt.objects.get(declaration=one).digest in page
        assert client.post(check_page(one)).status_code in (403, 405)
    # What the paper said stays what is compared, whatever the register says since.
    Affiliate.objects.filter(pk=one.affiliate_id).update(name="NOUVEAU NOM")
    assert "ALPHA" in Client().get(check_page(one)).content.decode()


@pytest.mark.parametrize("mark", ["a" * 32, "a", "a" * 64, "é" * 32])
def test_a_receipt_does_not_open_by_its_number(cast, mark: str) -> None:
    (one,) = clients_of(cast, "ALPHA")
    answer = Client().get(check_page(one, mark))
    assert answer.status_code == 404
    assert "ALPHA" not in answer.content.decode()
    other = check_page(one).replace(one.receipt_number, "202601-0000000-0-1")
    assert Client().get(other).status_code == 404


def test_a_receipt_that_was_corrected_says_so(cast) -> None:
    (one,) = clients_of(cast, "ALPHA")
    draft = open_correction(actor=cast.fiduciaire, at=clock.now(), declaration=one)
    line = draft.lines.order_by("rank")[0]
    draft = save_form(
        actor=cast.fiduciaire,
        declaration=draft,
        version=draft.version,
        cells={line.pk: {"wage": "5000", "days": "26", "situation": ""}},
    )
    submit(actor=cast.fiduciaire, at=clock.now(), declaration=draft, version=draft.version)
    page = Client().get(check_page(one)).content.decode()
    assert "a été corrigée depuis" in page


def test_a_hasty_visitor_is_told_to_wait(cast) -> None:
    (one,) = clients_of(cast, "ALPHA")
    client = Client()
    answers = [client.get(check_page(one)).status_code for _one in range(31)]
    assert answers[-1] == 429
    assert set(answers[:-1]) == {200}
