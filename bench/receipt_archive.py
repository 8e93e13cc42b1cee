"""The archive of the receipts of an office with 500 clients: drawn by a worker, then sealed while it leaves.

    .venv/bin/python -m bench.receipt_archive [COUNT]

In one process, without sockets. Databases are private and thrown away. One JSON line; exit code 1 above the goals.
"""

import json
import os
import resource
import sys
import time
from decimal import Decimal

import django

from damancom import embedded

# Models can only be imported once the private servers have an address: the imports below stand in functions.

CLIENTS = 500
#: What an accountant waits for, and what a worker and a server may hold of it.
GOAL_SECONDS = 300.0
GOAL_FETCH_SECONDS = 60.0
GOAL_MB = 60.0


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int) -> dict[str, float]:
    from django.test import Client

    from bench import clients
    from certificates import workflows
    from declarations.models import Declaration, Receipt
    from declarations.workflows.receipts import issue_receipts
    from portal import clock
    from portal.models import User
    from regulation.contributions import Bases, contributions_from_bases
    from regulation.periods import Period

    email = clients.build(count, all_filed=True)
    period = Period.from_day(clock.today()).previous()
    bases = Bases(Decimal("20000.00"), Decimal("20000.00"))
    working = contributions_from_bases(period, bases).to_json()
    Declaration.objects.filter(period=period.first_day).update(working=working)
    filed = Declaration.objects.filter(period=period.first_day).select_related("affiliate")
    issue_receipts(list(filed))
    person = User.objects.get(email=email)
    receipts = list(Receipt.objects.select_related("affiliate").order_by("pk"))
    start = time.perf_counter()
    row = workflows.ask_for_receipts(actor=person, at=clock.now(), period=period, receipts=receipts)
    asked = time.perf_counter() - start

    before, start = _peak_mb(), time.perf_counter()
    workflows.draw_receipts(archive_id=row.pk, at=clock.now())
    drawn, drawing_mb = time.perf_counter() - start, _peak_mb() - before

    client = Client()
    client.force_login(person)
    before, start = _peak_mb(), time.perf_counter()
    answer = client.get(f"/clients/recepisses/{row.pk}/archive.zip")
    size = sum(len(piece) for piece in answer.streaming_content)
    fetched, fetching_mb = time.perf_counter() - start, _peak_mb() - before
    if row.entries.filter(sealed__isnull=False).count() != count:
        sys.exit("not every receipt was drawn")
    return {
        "receipts": count,
        "asked_s": round(asked, 2),
        "drawn_s": round(drawn, 1),
        "fetched_s": round(fetched, 1),
        "archive_mb": round(size / 1_048_576, 1),
        "drawing_mb": round(drawing_mb, 1),
        "fetching_mb": round(fetching_mb, 1),
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
    goals = {"drawn_s": GOAL_SECONDS, "fetched_s": GOAL_FETCH_SECONDS}
    goals |= {"drawing_mb": GOAL_MB, "fetching_mb": GOAL_MB}
    print(json.dumps({"bench": "receipt_archive", **result, "goals": goals}))
    return int(any(result[name] > goal for name, goal in goals.items()))


if __name__ == "__main__":
    sys.exit(main())
