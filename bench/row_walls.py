"""What the second wall costs: the same pages and the same filings without it and behind it, in turns, in one run.

    .venv/bin/python -m bench.row_walls [FILINGS]

Pages: the home of a firm and its slips, read through every middleware, without sockets. Filings: stored bytes to issued
slip, by the hundred, as the role that owns the tables and as the one of workers, whose rows pass through a table of the
transaction because PostgreSQL takes no COPY behind policies. Held by processor time, ours and the database's. One JSON
line with the ratios; exit code 1 above a goal.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

from bench import _month
from bench._database import database
from bench.filings import AT, processor_of

FILINGS = 1_000
BATCH = 100
PAGES = 150
GOALS = {"page": 1.25, "filing": 1.5}


def spent(act: Callable[[], object], backend: int) -> float:
    """Seconds of processor, ours and the database's."""
    before = time.process_time() + processor_of(backend)
    act()
    return time.process_time() + processor_of(backend) - before


def in_turns(acts: dict[str, Callable[[], object]], backend: int) -> dict[str, float]:
    """What each way of the second wall spends on its share of the acts."""
    from django.test import override_settings

    found = dict.fromkeys(acts, 0.0)
    for shape, act in acts.items():
        with override_settings(ROW_WALLS=shape):
            found[shape] = spent(act, backend)
    return found


def measure(count: int) -> dict[str, object]:
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from affiliates.enums import Role
    from affiliates.models import Affiliate, Membership
    from portal import walls
    from portal.models import User

    def file(ids: list[int]) -> None:
        with walls.everything():
            _month.file_them(ids)

    filings = list(_month.filings(count))
    ids = _month.receive(filings, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    batches = [ids[start : start + BATCH] for start in range(0, count, BATCH)]
    rounds = []
    for number, (one, other) in enumerate(zip(batches[::2], batches[1::2], strict=True)):
        # Each goes first as often as the other; the first round warms up.
        taken = (one, other) if number % 2 else (other, one)
        acts = {"off": lambda: file(taken[0]), "whole": lambda: file(taken[1])}  # noqa: B023
        order = dict(sorted(acts.items(), reverse=bool(number % 2)))
        rounds.append(in_turns(order, backend))
    filed = {
        shape: statistics.median(one[shape] for one in rounds[1:]) for shape in ("off", "whole")
    }
    firm = Affiliate.objects.filter(slips__isnull=False).order_by("pk")[0]
    user = User.objects.create_user("mesure@exemple.ma", full_name="Mesure")
    Membership.objects.create(user=user, affiliate=firm, role=Role.OWNER.value)
    client = Client()
    client.force_login(user)
    places = [
        reverse("affiliates:home", args=[firm.affiliation_number]),
        reverse("payments:slips", args=[firm.affiliation_number]),
    ]

    def read() -> None:
        for place in places * 5:
            if client.get(place).status_code != 200:
                raise SystemExit(place)

    shown = [
        in_turns(dict.fromkeys((("off", "whole"), ("whole", "off"))[number % 2], read), backend)
        for number in range(PAGES // 10 + 1)
    ]
    read_as = {
        shape: statistics.median(one[shape] for one in shown[1:]) / len(places * 5)
        for shape in ("off", "whole")
    }
    ratios = {
        "page": round(read_as["whole"] / read_as["off"], 2),
        "filing": round(filed["whole"] / filed["off"], 2),
    }
    return {
        "bench": "row_walls",
        "page_ms": {shape: round(value * 1000, 2) for shape, value in read_as.items()},
        "filing_ms": {shape: round(value * 1000 / BATCH, 2) for shape, value in filed.items()},
        "ratios": ratios,
        "goals": GOALS,
        "met": all(ratios[name] <= goal for name, goal in GOALS.items()),
    }


def main(arguments: list[str]) -> int:
    with database():
        told = measure(int(arguments[0]) if arguments else FILINGS)
    print(json.dumps(told))
    return 0 if told["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
