"""The page of an office with 500 clients: every client with the state of its month.

    .venv/bin/python -m bench.clients [COUNT]

In one process, without sockets, through every middleware. Databases are private and thrown away. One JSON line; exit
code 1 above the goal.
"""

import datetime
import json
import os
import statistics
import sys
import time

import django

from damancom import embedded

# Models can only be imported once the private servers have an address: the imports below stand in functions.

GOAL_MS = 1000.0
ROUNDS = 7
CLIENTS = 500


def build(count: int, *, all_filed: bool = False) -> str:
    """An office, its clients, a year of declarations and slips for each; the address of its person.

    Of the last month two clients in three have filed, or all of them.
    """
    from decimal import Decimal

    from affiliates.models import Affiliate, Agency, Mandate, Representative
    from declarations.models import Declaration
    from payments.models import PaymentSlip
    from portal import clock
    from portal.models import User
    from regulation.identifiers import complete_affiliation_number
    from regulation.parameters import due_day
    from regulation.periods import Period

    person = User.objects.create_user("mesure@exemple.ma", full_name="Mesure")
    office = Representative.objects.create(name="Cabinet de mesure", city="Rabat")
    office.members.add(person)
    agency = Agency.objects.create(code="01", name="Agence", name_ar="وكالة", city="Rabat")
    firms = Affiliate.objects.bulk_create(
        Affiliate(
            affiliation_number=complete_affiliation_number(f"{300_000 + rank}"),
            name=f"CLIENT {rank:04}",
            address="1 RUE",
            city="RABAT",
            agency=agency,
            affiliated_on=datetime.date(2015, 1, 1),
        )
        for rank in range(count)
    )
    Mandate.objects.bulk_create(
        Mandate(
            affiliate=firm,
            representative=office,
            scopes=["read", "declare", "pay"],
            starts_on=datetime.date(2020, 1, 1),
        )
        for firm in firms
    )
    current = Period.from_day(clock.today())
    for back in range(12, 0, -1):
        period = current - back
        filed = [firm for rank, firm in enumerate(firms) if back > 1 or rank % 3 or all_filed]
        declarations = Declaration.objects.bulk_create(
            Declaration(
                affiliate=firm,
                period=period.first_day,
                mode="file",
                status="submitted",
                submitted_at=clock.now(),
                receipt_number=f"M-{period.compact}-{firm.affiliation_number}",
                employee_count=5,
                wage_bill=Decimal("20000.00"),
                contributions_total=Decimal("5000.00"),
            )
            for firm in filed
        )
        PaymentSlip.objects.bulk_create(
            PaymentSlip(
                affiliate_id=row.affiliate_id,
                declaration=row,
                period=period.first_day,
                payment_reference=f"{row.pk:018}",
                total=Decimal("5000.00"),
                outstanding=Decimal("5000.00") if back == 1 else Decimal("0.00"),
                issued_on=due_day(period),
                due_on=due_day(period),
                state="issued" if back == 1 else "paid",
            )
            for row in declarations
        )
    return person.email


def measure(count: int) -> dict[str, float]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from portal.models import User

    email = build(count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(User.objects.get(email=email))
    answer = client.get("/affilies/")
    if answer.status_code != 200 or answer.content.count(b'name="numero"') != count:
        sys.exit(f"/affilies/: {answer.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get("/affilies/")
        asked = len(queries)
    times = []
    for _round in range(ROUNDS):
        start = time.perf_counter()
        client.get("/affilies/")
        times.append((time.perf_counter() - start) * 1000)
    return {
        "clients": count,
        "page_ms": round(statistics.median(times), 1),
        "bytes": len(answer.content),
        "queries": asked,
    }


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS
    with embedded.missing_services(embedded.VAR / "bench", durable=False, wait_seconds=600):
        os.environ["DJANGO_SETTINGS_MODULE"] = "damancom.settings.test"
        django.setup()
        from django.db import connection

        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            result = measure(count)
        finally:
            connection.creation.destroy_test_db("damancom", verbosity=0)
    print(json.dumps({"bench": "clients", **result, "goal_ms": GOAL_MS}))
    return 0 if result["page_ms"] <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
