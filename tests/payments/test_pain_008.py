"""The file of a run, against the published schema: any run is valid, and says what it takes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import models
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from affiliates.models import DebitAuthority
from payments.codecs import pain
from payments.codecs.schemas import FOLDER
from payments.models import DebitOrder, DebitRun
from portal.clock import CASABLANCA
from portal.storage import open_stored
from regulation.identifiers import creditor_reference, order_reference, rib_key
from tests.cast import Cast
from tests.payments.debit_world import authority, sent, signed
from tests.payments.factories import slip

SPACE = {"d": pain.NAMESPACE}
FUND = pain.Creditor("CAISSE NATIONALE DE SECURITE SOCIALE", "CNSS", "230780999999999900000128")


def faults(content: bytes) -> list[str]:
    """What the schema of pain.008.001.08 says of these bytes."""
    schema = etree.XMLSchema(file=str(FOLDER / f"{pain.MESSAGE}.xsd"))
    schema.validate(etree.fromstring(content))
    return [str(entry.message) for entry in schema.error_log]


def said(content: bytes, path: str) -> list[str]:
    return [str(one) for one in etree.fromstring(content).xpath(path, namespaces=SPACE)]


def with_key(body: str) -> str:
    return body + rib_key(body)


RIBS = st.from_regex(r"\A[0-9]{22}\Z").map(with_key)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
# Any name that the register may hold: Arabic, accents, signs of markup, blanks, up to its length.
NAMES = st.text(
    st.one_of(
        st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn"]),
        st.sampled_from("éçœßاب&<>\"'/ "),
    ),
    min_size=1,
    max_size=120,
)
CENTIMES = st.integers(1, 10**13)


@st.composite
def debits(draw: st.DrawFn) -> list[pain.Debit]:
    numbers = draw(st.lists(st.integers(1, 9_999_999), min_size=1, max_size=6, unique=True))
    return [
        pain.Debit(
            reference=order_reference(2026, number),
            amount=Decimal(draw(CENTIMES)) / 100,
            mandate=f"M26{number:09}",
            mandate_signed_on=draw(DAYS),
            debtor=draw(NAMES),
            rib=draw(RIBS),
            creditor_reference=draw(
                st.one_of(st.just(""), st.from_regex(r"\A[0-9]{15}\Z").map(creditor_reference))
            ),
        )
        for number in numbers
    ]


@given(
    orders=debits(),
    number=st.integers(1, 9999),
    day=DAYS,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 12, 31), timezones=st.just(CASABLANCA)),
)
def test_any_run_is_valid(orders: list[pain.Debit], number: int, day: date, at: datetime) -> None:
    content = pain.write(
        orders,
        message_id=f"CNSSPRL{at:%Y%m%d}{number:04}",
        created_at=at,
        collect_on=day,
        creditor=FUND,
    )
    assert faults(content) == []
    count, total = len(orders), sum((one.amount for one in orders), Decimal("0.00"))
    assert pain.counted(content) == (count, total)
    assert said(content, "//d:CtrlSum/text()") == [f"{total:.2f}"] * 2
    assert said(content, "//d:NbOfTxs/text()") == [str(count)] * 2
    assert said(content, "//d:EndToEndId/text()") == [one.reference for one in orders]
    assert said(content, "//d:InstdAmt/text()") == [f"{one.amount:.2f}" for one in orders]
    for name in said(content, "//d:Nm/text()"):
        assert 1 <= len(name) <= 70
        assert pain.latin(name) == name


@pytest.mark.parametrize(
    "spoil",
    [
        (b"<PmtMtd>DD</PmtMtd>", b"<PmtMtd>TRF</PmtMtd>"),
        (b"<NbOfTxs>1</NbOfTxs>", b""),
        (b'Ccy="MAD"', b""),
        (b"2026-04-13</ReqdColltnDt>", b"13/04/2026</ReqdColltnDt>"),
    ],
)
def test_the_schema_does_refuse(spoil: tuple[bytes, bytes]) -> None:
    """The positive control: the same file, spoilt, is not valid."""
    only = pain.Debit(
        order_reference(2026, 1), Decimal("1.00"), "M26000000001", date(2026, 1, 1), "X",
        with_key("2307800000000000000001"), "",
    )  # fmt: skip
    content = pain.write(
        [only],
        message_id="CNSSPRL202604100001",
        created_at=datetime(2026, 4, 10, 13, tzinfo=UTC),
        collect_on=date(2026, 4, 13),
        creditor=FUND,
    )
    assert faults(content) == []
    assert spoil[0] in content
    assert faults(content.replace(*spoil, 1)) != []


@pytest.mark.django_db
def test_the_kept_file_of_a_run_is_valid(cast: Cast) -> None:
    signed(cast, slip(cast.affiliate))
    run = sent(cast)
    assert run.stored is not None
    content = open_stored(run.stored).read()
    assert faults(content) == []
    assert said(content, "//d:ReqdColltnDt/text()") == ["2026-04-13"]
    assert said(content, "//d:Ref/text()") != []


@pytest.mark.django_db
def test_a_holder_written_in_arabic_is_named_as_registered(cast: Cast) -> None:
    behind = authority(cast)
    DebitAuthority.objects.filter(pk=behind.pk).update(holder="مخبزة البركة")
    behind.refresh_from_db()
    signed(cast, slip(cast.affiliate), behind=behind)
    run = sent(cast)
    assert run.stored is not None
    content = open_stored(run.stored).read()
    assert faults(content) == []
    assert said(content, "//d:Dbtr/d:Nm/text()") == ["BOULANGERIE AL BARAKA"]


def test_what_the_tables_hold_fits_in_the_file() -> None:
    """Lengths of the register against the 35 characters of identifiers and the 18 digits of amounts."""
    fields: list[tuple[type[models.Model], str, int]] = [
        (DebitOrder, "reference", 35),
        (DebitRun, "message_id", 35),
    ]
    for model, name, most in fields:
        field = model._meta.get_field(name)
        assert isinstance(field, models.CharField)
        assert (field.max_length or 0) <= most
    amount = DebitOrder._meta.get_field("amount")
    assert isinstance(amount, models.DecimalField)
    assert amount.max_digits <= 18
