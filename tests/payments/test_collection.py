"""The dashboard of collection, and the statement for a spreadsheet: true figures, right doors."""

from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from payments.queries import collection
from portal import clock
from regulation.periods import Period
from tests.cast import Cast
from tests.payments.factories import pay, slip

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel("2026-04-20 12:00:00+00:00", tick=False):
        yield


def at_desk(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def test_the_figures(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "100.00")
    slip(cast.strangers_affiliate)
    slip(cast.affiliate, Period(2026, 4))
    today = clock.today()
    january, april = collection.by_month(Period(2026, 1), Period(2026, 4), on=today)
    assert (january.slips, january.due, january.collected, january.share) == (
        2, D("200.00"), D("100.00"), D("50.0"),
    )  # fmt: skip
    # Due on 10 February, paid on 10 April: nothing at +0 and +1, half at +2, later days have not come.
    assert january.settled == (D("0.0"), D("0.0"), D("50.0"), None, None, None)
    assert (april.collected, april.settled[0]) == (0, None)
    (row,) = collection.by_bank(today.replace(month=1, day=1))
    assert (row.bank, str(row.month), row.count, row.amount) == (
        cast.bank_account.bank.name, "2026-04", 1, D("100.00"),
    )  # fmt: skip
    bands = [(one.after, one.slips, one.amount) for one in collection.debt_by_age(today)]
    assert bands == [(0, 0, 0), (31, 1, D("100.00")), (91, 0, 0), (181, 0, 0), (366, 0, 0)]


def test_the_dashboard_is_for_staff(cast: Cast) -> None:
    pages = [
        reverse("admin:payments_collection"),
        *(
            reverse("admin:payments_collection_export", args=[panel, kind])
            for panel in ("mois", "vitesse", "banques", "dette", "attente")
            for kind in ("csv", "xlsx")
        ),
    ]
    for page in pages:
        assert at_desk(cast.treasurer).get(page).status_code == 200
    pay(cast, slip(cast.affiliate), "60.00")
    for page in pages:
        assert at_desk(cast.treasurer).get(page).status_code == 200
        for user in (cast.owner, cast.fiduciaire, cast.bank, cast.staff, cast.stranger):
            assert at_desk(user).get(page).status_code in (302, 403, 404)
    for wrong in (["mois", "pdf"], ["siecle", "csv"]):
        page = reverse("admin:payments_collection_export", args=wrong)
        assert at_desk(cast.treasurer).get(page).status_code == 404


def test_each_panel_leaves_with_its_figures(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "60.00")
    first = {
        "mois": "2026-01;1;100,00;60,00;40,00;60,0",
        "vitesse": "2026-01;100,00;0,0;0,0;0,0;;;;60,0",
        "banques": f"2026-04;{cast.bank_account.bank.name};1;60,00",
        "dette": "0;0;0,00",
        "attente": "0;0;0,00",
    }
    for panel, expected in first.items():
        page = reverse("admin:payments_collection_export", args=[panel, "csv"])
        text = b"".join(at_desk(cast.treasurer).get(page).streaming_content).decode("utf-8-sig")
        assert text.splitlines()[1] == expected


def test_vintages_are_weighted_and_wait_for_their_last_month(cast: Cast) -> None:
    """January: half of 200 settled at +2. February: nothing yet of 100, and its +2 has not come."""
    pay(cast, slip(cast.affiliate), "100.00")
    slip(cast.strangers_affiliate)
    slip(cast.affiliate, Period(2026, 2))
    today = clock.today()
    months = collection.by_month(Period(2026, 1), Period(2026, 4), on=today)
    (quarter,) = collection.vintages(months)
    assert (quarter.year, quarter.quarter, quarter.due) == (2026, 1, D("300.00"))
    assert quarter.settled == (D("0.0"), D("0.0"), None, None, None, None)
    (january,) = collection.vintages(months[:1])
    assert january.settled[:3] == (D("0.0"), D("0.0"), D("50.0"))


def test_the_statement_leaves_for_a_spreadsheet(cast: Cast) -> None:
    pay(cast, slip(cast.affiliate), "60.00")
    number = cast.affiliate.affiliation_number
    page = reverse("payments:export_movements", args=[number, "csv"])
    for user in (cast.owner, cast.fiduciaire):
        answer = at_desk(user).get(page)
        assert answer.status_code == 200
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        # By day: the bank booked the payment before the slip of this test was issued.
        assert [line.rsplit(";", 1)[1] for line in text.splitlines()[1:]] == ["-60,00", "40,00"]
    assert at_desk(cast.owner).get(page.replace("csv", "xlsx")).status_code == 200
    assert at_desk(cast.owner).get(page.replace("csv", "pdf")).status_code == 404
    for user in cast.outsiders:
        assert at_desk(user).get(page).status_code == 404


def _first_column(client: Client, page: str) -> list[str]:
    text = b"".join(client.get(page).streaming_content).decode("utf-8-sig")
    return [line.split(";", 1)[0] for line in text.splitlines()[1:]]


def test_the_statement_opens_on_the_months_asked(cast: Cast) -> None:
    """By declared month and by movement, on the page and in the sheet; the balance goes on from before."""
    for month in (1, 2, 3):
        owed = slip(cast.affiliate, Period(2026, month))
    pay(cast, owed, "60.00")
    number, client = cast.affiliate.affiliation_number, at_desk(cast.owner)
    by_month = reverse("payments:account", args=[number])
    rows = client.get(f"{by_month}?du=2026-02").context["rows"]
    assert [str(row.period) for row in rows] == ["2026-03", "2026-02"]
    rows = client.get(f"{by_month}?du=2026-02&au=2026-02").context["rows"]
    assert [str(row.period) for row in rows] == ["2026-02"]
    sheet = reverse("payments:export_months", args=[number, "csv"])
    assert _first_column(client, sheet) == ["2026-01", "2026-02", "2026-03"]
    assert _first_column(client, f"{sheet}?au=2026-01") == ["2026-01"]
    assert client.get(sheet.replace("csv", "pdf")).status_code == 404
    by_movement = reverse("payments:movements", args=[number])
    april = client.get(f"{by_movement}?du=2026-04&au=2026-04").context["page"].object_list
    assert april[0].balance == D("240.00")
    assert len(client.get(f"{by_movement}?du=2026-05").context["page"].object_list) == 0
    wrong = client.get(f"{by_movement}?du=avril")
    assert "Écrivez le mois comme 2026-04." in wrong.content.decode()
    assert len(wrong.context["page"].object_list) == 4
    for user in cast.outsiders:
        assert at_desk(user).get(sheet).status_code == 404
    assert at_desk(cast.fiduciaire).get(sheet).status_code == 200
