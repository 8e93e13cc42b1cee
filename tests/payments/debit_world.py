"""Authorities, orders and runs for tests, made the way people make them; files that banks answer with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from affiliates import workflows as register
from affiliates.models import DebitAuthority
from payments.models import DebitOrder, DebitRun, PaymentSlip
from payments.workflows.debits import orders as side
from payments.workflows.debits import runs
from payments.workflows.debits.orders import Part
from portal.models import User
from regulation.identifiers import rib_key
from tests.cast import Cast
from tests.payments.factories import supervisor

# A Friday; the Monday after is a working day, with its cut-off on that Friday at noon in Morocco.
AT = datetime(2026, 4, 9, 9, tzinfo=UTC)
DAY = date(2026, 4, 13)
AFTER_CUT_OFF = datetime(2026, 4, 10, 12, 30, tzinfo=UTC)
D = Decimal


def rib(account: int, bank: str = "230") -> str:
    """A right RIB of this bank."""
    body = f"{bank}780{account:016}"
    return body + rib_key(body)


def authority(
    cast: Cast, *, account: int = 1, cap: str = "50000.00", active: bool = True, bank: str = "230"
) -> DebitAuthority:
    """An authority signed by the owner and, unless told otherwise, confirmed by the bank."""
    made = register.prepare_authority(
        actor=cast.owner,
        at=AT,
        affiliate=cast.affiliate,
        rib=rib(account, bank),
        holder="BOULANGERIE AL BARAKA",
        cap=D(cap),
    )
    made = register.sign_authority(actor=cast.owner, at=AT, authority=made)
    return side.activate(actor=cast.bank, authority=made, at=AT) if active else made


def draft(
    cast: Cast,
    owed: list[PaymentSlip],
    parts: list[tuple[DebitAuthority, str]],
    *,
    intent: UUID | None = None,
    day: date = DAY,
    at: datetime = AT,
) -> list[DebitOrder]:
    """A prepared order of these slips, split as told."""
    return side.prepare_order(
        actor=cast.owner,
        affiliate=cast.affiliate,
        intent=intent or uuid4(),
        codes=[slip.payment_reference for slip in owed],
        parts=[Part(one.pk, D(amount)) for one, amount in parts],
        collect_on=day,
        at=at,
    )


def signed(
    cast: Cast,
    owed: PaymentSlip,
    amount: str = "100.00",
    behind: DebitAuthority | None = None,
    at: datetime = AT,
    day: date = DAY,
) -> DebitOrder:
    """An order of one slip on one account, signed."""
    made = draft(cast, [owed], [(behind or authority(cast), amount)], at=at, day=day)
    return side.sign_order(
        actor=cast.owner, affiliate=cast.affiliate, intent=made[0].intent, at=at
    )[0]


def second_person() -> User:
    """Another person of the money desk."""
    return supervisor()


def released(cast: Cast, day: date = DAY, at: datetime = AFTER_CUT_OFF) -> DebitRun:
    """The run of the day, prepared by one and released by another; not written yet."""
    run = runs.prepare_run(actor=cast.treasurer, account=cast.bank_account, collect_on=day, at=at)
    amounts = list(runs.orders_of(run).values_list("amount", flat=True))
    return runs.release_run(
        actor=second_person(), run=run, count=len(amounts), total=sum(amounts, D("0.00")), at=at
    )


def sent(cast: Cast, day: date = DAY, at: datetime = AFTER_CUT_OFF) -> DebitRun:
    """The run of the day, in the bank's hands."""
    run = released(cast, day, at)
    runs.write_run(run_id=run.pk, at=at)
    run.refresh_from_db()
    return run
