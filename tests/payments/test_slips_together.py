"""Many slips issued in one transaction: each keeps its own code, lines, entry and trace."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from declarations.enums import DeclarationKind
from payments.ledger_check import check
from payments.models import LedgerEntry, PaymentSlip
from payments.tasks import issue_slips
from payments.workflows import slips
from portal.models import AuditEntry
from regulation.enums import Branch
from regulation.periods import Period
from tests.affiliates.factories import AffiliateFactory
from tests.payments.factories import JANUARY, submitted

pytestmark = pytest.mark.django_db

AT = datetime(2026, 2, 6, 9, tzinfo=UTC)
D = Decimal


def test_each_declaration_gets_its_own_slip_and_nothing_twice() -> None:
    affiliate = AffiliateFactory()
    main = submitted(affiliate, amounts={Branch.PF: "10.00", Branch.AMO: "5.00"})
    supplement = submitted(affiliate, kind=DeclarationKind.SUPPLEMENTARY.value, supplement_number=1)
    nil = submitted(amounts={Branch.PF: "0.00"})
    keys = [main.pk, supplement.pk, nil.pk]

    slips.issue_slips(actor=None, declaration_ids=keys, at=AT)
    slips.issue_slips(actor=None, declaration_ids=keys, at=AT)

    found = {slip.declaration_id: slip for slip in PaymentSlip.objects.all()}
    assert [(found[key].total, found[key].state, found[key].lines.count()) for key in keys] == [
        (D("15.00"), "issued", 2),
        (D("100.00"), "issued", 1),
        (D("0.00"), "paid", 1),
    ]
    assert len({slip.payment_reference for slip in found.values()}) == 3
    assert LedgerEntry.objects.count() == 2
    assert AuditEntry.objects.filter(action="payments.slip_issued").count() == 3
    assert check().breaches == ()


def test_thirty_slips_cost_as_many_statements_as_two() -> None:
    counts = []
    for size in (2, 30):
        keys = [submitted().pk for _ in range(size)]
        with CaptureQueriesContext(connection) as asked:
            slips.issue_slips(actor=None, declaration_ids=keys, at=AT)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 30
    assert PaymentSlip.objects.count() == 32


def test_a_month_that_no_text_dates_keeps_nobody_waiting() -> None:
    right = [submitted().pk for _ in range(3)]
    undated = submitted(period=Period(1950, 1))

    issue_slips.run()

    assert set(PaymentSlip.objects.values_list("declaration", flat=True)) == set(right)
    undated.refresh_from_db()
    assert undated.slip_issued_at is None
    assert JANUARY.first_day == PaymentSlip.objects.first().period  # type: ignore[union-attr]
