"""The second wall where nobody put it up: a thread, a child, a raw connection see nothing, never everything."""

import json
import subprocess
import sys
import textwrap

import pytest
from django.db import connection
from django.urls import reverse

from affiliates.models import DataCopy
from damancom import copying, tasks
from declarations.models import Declaration
from portal import clock
from tests.cast import Cast
from tests.declarations.factories import submitted
from tests.running import CHECKOUT, environment_of_production

pytestmark = pytest.mark.django_db(transaction=True)

#: A process logged in as in production; what it is given to do prints what it saw.
_OPENING = """
import contextvars, json, os, sys, threading
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from django.db import Error, connection, connections, transaction
from declarations.models import Declaration
from portal import walls

mine, other = map(int, sys.argv[1:3])

def seen():
    try:
        return sorted(set(Declaration.objects.values_list("affiliate", flat=True)))
    except Error as refusal:
        return str(refusal.__cause__.pgcode)

def in_a_thread(act):
    found = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found[0]
"""
#: PostgreSQL's « insufficient privilege ».
REFUSED = "42501"


@pytest.fixture
def two(cast: Cast) -> Cast:
    submitted(cast.owner, cast.affiliate)
    submitted(cast.stranger, cast.strangers_affiliate)
    return cast


def told(two: Cast, program: str) -> object:
    """What a process of production prints that runs this after the opening."""
    done = subprocess.run(
        [
            sys.executable, "-W", "ignore", "-c", _OPENING + textwrap.dedent(program),
            str(two.affiliate.pk), str(two.strangers_affiliate.pk),
        ],
        env=environment_of_production(connection.settings_dict["NAME"]),
        cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_positive_control(two: Cast) -> None:
    """With the wall said, the process sees what it asked for: the refusals below are not those of a broken login."""
    program = """
        with walls.everything():
            everybody = seen()
        with walls.rows_of(mine):
            one = seen()
        print(json.dumps([everybody, one]))
    """
    both = sorted([two.affiliate.pk, two.strangers_affiliate.pk])
    assert told(two, program) == [both, [two.affiliate.pk]]


@pytest.mark.parametrize("door", ["everything()", "rows_of(mine)"])
def test_a_thread_that_forgets_the_wall_is_refused(two: Cast, door: str) -> None:
    """It does not inherit what its starter said: not in a transaction, a pool, a connection that is shared."""
    program = f"""
        def in_a_transaction():
            with transaction.atomic():
                return seen()

        with walls.{door}:
            plain = in_a_thread(seen)
            inside = in_a_thread(in_a_transaction)
            with ThreadPoolExecutor(1) as pool:
                pooled = pool.submit(seen).result()
            lent = connections["default"]
            lent.inc_thread_sharing()

            def over_a_lent_connection():
                connections["default"] = lent
                return seen()

            before = seen()
            shared = in_a_thread(over_a_lent_connection)
        print(json.dumps([plain, inside, pooled, shared, before == seen()]))
    """
    assert told(two, program) == [REFUSED, REFUSED, REFUSED, REFUSED, False]


def test_a_thread_that_says_it_or_is_given_it_sees_as_much_and_no_more(two: Cast) -> None:
    program = """
        def said():
            with walls.rows_of(other):
                return seen()

        with walls.rows_of(mine):
            context = contextvars.copy_context()
            print(json.dumps([in_a_thread(said), in_a_thread(lambda: context.run(seen)), seen()]))
    """
    assert told(two, program) == [
        [two.strangers_affiliate.pk],
        [two.affiliate.pk],
        [two.affiliate.pk],
    ]


def test_a_process_that_forgets_it_is_refused(two: Cast) -> None:
    """A child that was forked with a connection of its own, and the program of a new one."""
    program = """
        with walls.rows_of(mine):
            connection.close()
            reading, writing = os.pipe()
            if os.fork() == 0:
                context = contextvars.Context()
                os.write(writing, json.dumps(context.run(seen)).encode())
                os._exit(0)
            os.wait()
            forked = json.loads(os.read(reading, 1000))
        print(json.dumps([forked, seen()]))
    """
    assert told(two, program) == [REFUSED, REFUSED]


def test_a_connection_past_django_is_refused(two: Cast) -> None:
    program = """
        import psycopg2
        with walls.everything():
            seen()
            place = connection.get_connection_params()
            place = {name: place[name] for name in ("host", "port", "user", "password", "dbname")}
            raw = psycopg2.connect(**place)
        try:
            raw.cursor().execute("SELECT count(*) FROM declarations_declaration")
            print(json.dumps("seen"))
        except psycopg2.Error as refusal:
            print(json.dumps(refusal.pgcode))
    """
    assert told(two, program) == REFUSED


def test_a_file_is_read_to_its_end_after_the_page_has_answered(two: Cast) -> None:
    """What is handed out piece by piece is read from the database when the page is over: the wall stands until then."""
    row = copying.ask(actor=two.owner, at=clock.now(), affiliate=two.affiliate)
    tasks.make_copy(row.pk)
    row = DataCopy.objects.get()
    assert Declaration.objects.count() == 2
    address = reverse("affiliates:copy", args=[two.affiliate.affiliation_number, row.pk])
    program = f"""
        from django.test import Client
        from django.conf import settings
        from portal.models import User
        client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
        with walls.everything():
            client.force_login(User.objects.get(pk={two.owner.pk}))
        answer = client.get("{address}", secure=True)
        try:
            print(json.dumps([answer.status_code, len(b"".join(answer.streaming_content))]))
        except Error as refusal:
            print(json.dumps(str(refusal.__cause__.pgcode)))
    """
    size = len(b"".join(copying.opened(row)))
    assert told(two, program) == [200, size]
