"""What an affiliate takes home: the e-BDS of any filing, and the chain of its receipts, checkable without us."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from declarations import queries, workflows
from declarations.copies import e_bds_of
from declarations.enums import FileVerdict
from declarations.models import Declaration
from declarations.rules import Examination
from tests.cast import Cast
from tests.declarations.factories import AT, JANUARY, answer, draft, employ, issue, submitted

pytestmark = pytest.mark.django_db


def filled_on_the_screen(cast: Cast) -> Declaration:
    employ(cast.affiliate, 3)
    one = workflows.open_form(actor=cast.owner, at=AT, affiliate=cast.affiliate, period=JANUARY)
    keys = one.lines.values_list("pk", flat=True)
    one = workflows.save_form(
        actor=cast.owner,
        declaration=one,
        version=one.version,
        cells={key: {"days": "26", "wage": "7 250,40"} for key in keys},
    )
    return workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)


def test_what_came_as_a_file_goes_home_byte_for_byte(cast: Cast) -> None:
    one = submitted(cast.owner, cast.affiliate)
    copy = e_bds_of(one)
    assert copy is not None
    name, content = copy
    assert content == answer(issue(cast.owner, cast.affiliate))
    assert name == f"DS_{cast.affiliate.affiliation_number}_202601.txt"


def test_what_was_filed_on_the_screen_is_a_file_that_would_be_accepted(cast: Cast) -> None:
    one = filled_on_the_screen(cast)
    copy = e_bds_of(one)
    assert copy is not None
    Declaration.objects.filter(pk=one.pk).update(status="cancelled")
    prefill = queries.issued_prefill(cast.affiliate, JANUARY)
    examination = Examination(queries.expected_of(cast.affiliate, JANUARY, prefill=prefill))
    assert len(list(examination.run(io.BytesIO(copy[1])))) == 3
    assert examination.verdict is FileVerdict.ACCEPTED
    assert examination.summary.wage_bill == 3 * 725_040


def addresses(cast: Cast, one: Declaration) -> list[str]:
    number = cast.affiliate.affiliation_number
    return [
        reverse("declarations:filed_file", args=[number, one.pk]),
        reverse("declarations:receipt_chain", args=[number]),
    ]


def test_the_cast_of_five(cast: Cast, client: Client) -> None:
    one = submitted(cast.owner, cast.affiliate)
    for address in addresses(cast, one):
        for user in (cast.owner, cast.fiduciaire):
            client.force_login(user)
            answered = client.get(address)
            assert answered.status_code == 200
            assert answered.headers["Content-Disposition"].startswith("attachment")
            assert client.post(address).status_code == 405
        for user in cast.outsiders:
            client.force_login(user)
            assert client.get(address).status_code == 404
        client.logout()
        assert client.get(address).status_code == 302
    theirs = reverse(
        "declarations:filed_file", args=[cast.strangers_affiliate.affiliation_number, one.pk]
    )
    client.force_login(cast.stranger)
    assert client.get(theirs).status_code == 404


def test_a_draft_was_never_filed(cast: Cast, client: Client) -> None:
    one = draft(cast.owner, cast.affiliate)
    client.force_login(cast.owner)
    for address in addresses(cast, one):
        assert client.get(address).status_code == 404


def test_the_page_offers_both_and_their_cost_does_not_grow(cast: Cast, client: Client) -> None:
    one = submitted(cast.owner, cast.affiliate)
    client.force_login(cast.owner)
    number = cast.affiliate.affiliation_number
    page = client.get(reverse("declarations:declaration", args=[number, one.pk])).content.decode()
    for address in addresses(cast, one):
        assert address in page
        with CaptureQueriesContext(connection) as queries_made:
            b"".join(client.get(address))
        assert len(queries_made) < 14


def test_the_chain_is_checked_offline(cast: Cast, client: Client, tmp_path: Path) -> None:
    one = submitted(cast.owner, cast.affiliate)
    client.force_login(cast.owner)
    path = tmp_path / "chain.json"
    path.write_bytes(b"".join(client.get(addresses(cast, one)[1])))
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_receipt", str(path), "--json", stdout=out)
    assert ended.value.code == 0
    assert json.loads(out.getvalue())["receipts"][0]["receipt_number"] == one.receipt_number
    path.write_text(path.read_text().replace('"employees": 2', '"employees": 3'))
    with pytest.raises(SystemExit) as ended:
        call_command("verify_receipt", str(path), "--json", stdout=io.StringIO())
    assert ended.value.code == 1
