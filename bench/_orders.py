"""Debit orders at a bank, made by rows: only what a bank file does to them is measured."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

AT = datetime(2026, 4, 9, 12, tzinfo=UTC)
DAY = date(2026, 4, 10)
AMOUNT = Decimal("10.00")


def orders(count: int, codes: Sequence[str]) -> list[str]:
    """References of `count` orders of 10 DH on these slips in turn, at the bank; nobody reads their letters."""
    from affiliates.models import DebitAuthority
    from payments.models import BankAccount, DebitOrder, DebitRun, DebitShare, PaymentSlip
    from portal.models import User
    from regulation.identifiers import order_reference, rib_key

    one, two = (
        User.objects.create_user(f"{name}@exemple.ma", full_name=name, is_active=False)
        for name in ("un", "deux")
    )
    account = BankAccount.objects.get()
    run = DebitRun.objects.create(
        bank_account=account, collect_on=DAY, message_id="RUN", prepared_by=one, prepared_at=AT,
        released_by=two, released_at=AT, state="done",
    )  # fmt: skip
    slips = {row.payment_reference: row for row in PaymentSlip.objects.all()}
    authorities = {}
    for rank, code in enumerate(codes):
        body = f"230780{rank + 1:016}"
        authorities[code] = DebitAuthority.objects.create(
            affiliate_id=slips[code].affiliate_id, reference=f"M{rank}", rib=body + rib_key(body), holder="A",
            cap=Decimal("50000.00"), state="active", prepared_by=one, prepared_at=AT, signed_by=one,
            signed_at=AT, activated_by=two, activated_at=AT,
        )  # fmt: skip
    made = []
    for n in range(count):
        code = codes[n % len(codes)]
        made.append(
            DebitOrder(
                affiliate_id=slips[code].affiliate_id,
                reference=order_reference(2026, n + 1),
                intent=uuid4(),
                rank=1,
                authority=authorities[code],
                amount=AMOUNT,
                collect_on=DAY,
                prepared_by=one,
                prepared_at=AT,
                signed_by=one,
                signed_at=AT,
                run=run,
            )
        )
    DebitOrder.objects.bulk_create(made, batch_size=2_000)
    DebitShare.objects.bulk_create(
        (
            DebitShare(order=order, slip=slips[codes[n % len(codes)]], amount=AMOUNT)
            for n, order in enumerate(made)
        ),
        batch_size=2_000,
    )
    for state in ("signed", "planned", "sent", "accepted"):
        DebitOrder.objects.update(state=state)
    return [order.reference for order in made]
