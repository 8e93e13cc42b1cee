"""The second wall: a query that forgets whose page it is finds the rows of that affiliate and no other."""

import contextlib
from collections.abc import Callable

import psycopg2
import pytest
from django.apps import apps
from django.db import Error, connection, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from affiliates.access import affiliate_view
from affiliates.models import Affiliate, Employment
from damancom import embedded, row_walls
from declarations.models import Declaration, DeclarationLine, Receipt
from payments.models import PaymentSlip, SlipLine
from payments.workflows.slips import issue_slips
from portal import bulk, walls
from portal.models import User
from portal.walls import DESK_ROLE, ROWS_ROLE, SETTING
from tests.cast import Cast
from tests.declarations.factories import AT, submitted
from tests.house.test_canary import OF_NO_AFFILIATE, owned_models
from tests.running import environment_of_production

pytestmark = pytest.mark.django_db

#: Asked across affiliates, or before any is opened: the register itself, who may what, requests that have no affiliate
#: yet, what an office sent for several firms, and lines of the ledger, which is whole or nothing.
IN_FRONT_OF_THE_WALL = {
    "affiliates.Affiliate", "affiliates.AffiliationRequest", "affiliates.AffiliationStep",
    "affiliates.AffiliationPiece",
    "affiliates.Employee", "affiliates.Invitation", "affiliates.Mandate", "affiliates.MandateRequest",
    "affiliates.Membership", "declarations.DepositedFile", "payments.BankLine", "payments.Hold", "payments.LedgerLine",
    "portal.StoredFile",
}  # fmt: skip
MODELS: tuple[tuple[type[Model], str], ...] = (
    (Declaration, "affiliate"),
    (DeclarationLine, "declaration__affiliate"),
    (PaymentSlip, "affiliate"),
    (SlipLine, "slip__affiliate"),
    (Receipt, "affiliate"),
    (Employment, "affiliate"),
)


@pytest.fixture
def two(cast: Cast) -> Cast:
    for user, affiliate in (
        (cast.owner, cast.affiliate),
        (cast.stranger, cast.strangers_affiliate),
    ):
        one = submitted(user, affiliate)
        issue_slips(actor=None, declaration_ids=[one.pk], at=AT)
    return cast


def found() -> dict[str, set[int]]:
    """What queries without any filter find, by the affiliate they belong to."""
    return {
        model._meta.label: set(model._base_manager.values_list(affiliate, flat=True))
        for model, affiliate in MODELS
    }


def all_of(*affiliates: Affiliate) -> dict[str, set[int]]:
    return {model._meta.label: {one.pk for one in affiliates} for model, _ in MODELS}


def forgetful(method: str, user: User, affiliate: Affiliate) -> dict[str, set[int]]:
    """A page of ``affiliate`` whose queries forget to say whose rows they want."""
    seen: dict[str, set[int]] = {}

    @affiliate_view()
    def page(_request: HttpRequest, **_arguments: object) -> HttpResponse:
        seen.update(found())
        return HttpResponse()

    request = getattr(RequestFactory(), method)("/")
    request.user = user
    page(request, affiliation_number=affiliate.affiliation_number)
    return seen


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_that_forgets_its_filter_shows_nothing_of_another(two: Cast, method: str) -> None:
    assert forgetful(method, two.owner, two.affiliate) == all_of(two.affiliate)
    assert forgetful(method, two.fiduciaire, two.affiliate) == all_of(two.affiliate)
    assert forgetful(method, two.stranger, two.strangers_affiliate) == all_of(two.strangers_affiliate)  # fmt: skip


def test_without_the_wall_it_would(two: Cast, settings) -> None:
    """The positive control: the first wall alone does not mend a query that forgets."""
    settings.ROW_WALLS = "off"
    assert forgetful("get", two.owner, two.affiliate) == all_of(two.affiliate, two.strangers_affiliate)  # fmt: skip


def test_workers_and_staff_see_everybody(two: Cast, settings) -> None:
    everybody = all_of(two.affiliate, two.strangers_affiliate)
    for shape in ("pages", "whole"):
        settings.ROW_WALLS = shape
        with walls.everything():
            assert found() == everybody
            assert role() == {"pages": "none", "whole": DESK_ROLE}[shape]
        with walls.rows_of(two.affiliate.pk):
            assert found() == all_of(two.affiliate)
            with walls.everything():
                assert found() == everybody
            assert found() == all_of(two.affiliate)


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        return str(cursor.fetchone()[0])


# -- connections and transactions ----------------------------------------------------------------


def test_a_savepoint_that_is_undone_leaves_the_wall_up(two: Cast) -> None:
    """What was set within a savepoint is undone with it: the next statement may not believe that it stands."""
    with transaction.atomic():
        with walls.rows_of(two.affiliate.pk):
            assert found() == all_of(two.affiliate)
        transaction.set_rollback(True)
    with walls.rows_of(two.affiliate.pk):
        assert found() == all_of(two.affiliate)
        with transaction.atomic():
            assert role() == ROWS_ROLE
            transaction.set_rollback(True)
        assert found() == all_of(two.affiliate)
    assert role() == "none"


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_used_again_carries_nothing_over(two: Cast) -> None:
    """Two pages and then nobody, in autocommit and in transactions, on one connection."""
    connection.ensure_connection()
    raw = connection.connection
    for opened in (transaction.atomic, contextlib.nullcontext):
        for affiliate in (two.affiliate, two.strangers_affiliate):
            with walls.rows_of(affiliate.pk), opened():
                assert found() == all_of(affiliate)
        assert (role(), standing()) == ("none", "")
        assert found() == all_of(two.affiliate, two.strangers_affiliate)
    with walls.rows_of(two.affiliate.pk), transaction.atomic():
        assert found() == all_of(two.affiliate)
        transaction.set_rollback(True)
    assert (role(), standing()) == ("none", "")
    assert connection.connection is raw


@pytest.mark.django_db(transaction=True)
def test_two_requests_over_one_connection(two: Cast) -> None:
    connection.ensure_connection()
    raw, client = connection.connection, Client()
    for user, own in ((two.owner, two.affiliate), (two.stranger, two.strangers_affiliate)):
        client.force_login(user)
        for one in (two.affiliate, two.strangers_affiliate):
            answer = client.get(reverse("affiliates:home", args=[one.affiliation_number]))
            assert answer.status_code == (200 if one == own else 404)
        assert (role(), standing()) == ("none", "")
    assert connection.connection is raw


def standing() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting(%s, true), '')", [SETTING])
        return str(cursor.fetchone()[0])


# -- what the roles may --------------------------------------------------------------------------


def test_the_role_alone_sees_nothing(two: Cast) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {ROWS_ROLE}")
        assert [rows for rows in found().values() if rows] == []
        transaction.set_rollback(True)


def test_an_act_writes_nothing_for_another(two: Cast) -> None:
    theirs = Declaration.objects.get(affiliate=two.strangers_affiliate)
    with walls.rows_of(two.affiliate.pk):
        assert Declaration.objects.filter(pk=theirs.pk).update(version=7) == 0
        assert Declaration.objects.filter(pk=theirs.pk).delete() == (0, {})
        theirs.pk = None
        theirs.period = theirs.period.replace(year=2019)
        with pytest.raises(Error, match="row-level security"), transaction.atomic():
            theirs.save(force_insert=True)


def test_rows_are_copied_through_the_wall(two: Cast) -> None:
    """PostgreSQL takes no COPY into a table behind row policies."""
    line = DeclarationLine.objects.filter(declaration__affiliate=two.affiliate).first()
    other = DeclarationLine.objects.filter(declaration__affiliate=two.strangers_affiliate).first()
    assert line is not None
    assert other is not None
    before = DeclarationLine.objects.count()
    with walls.rows_of(two.affiliate.pk):
        DeclarationLine.objects.filter(pk=line.pk).delete()
        line.pk = None
        with transaction.atomic():
            bulk.insert_rows([line])
        assert DeclarationLine.objects.filter(pk=line.pk).count() == 1
        other.pk = None
        with pytest.raises(Error, match="row-level security"), transaction.atomic():
            bulk.insert_rows([other])
    assert DeclarationLine.objects.count() == before


def test_the_one_who_logs_in_owns_and_sees_nothing() -> None:
    """The role of production and of the tests' own server and worker."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb, rolinherit, rolcanlogin,"
            " EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid)"
            " FROM pg_roles WHERE rolname = ANY(%s)",
            [[ROWS_ROLE, DESK_ROLE, embedded.APPLICATION_ROLE]],
        )
        told = {name: facts for name, *facts in cursor.fetchall()}
    assert told == {
        ROWS_ROLE: [False, True, False, False],
        DESK_ROLE: [False, True, False, False],
        embedded.APPLICATION_ROLE: [False, False, True, False],
    }
    environment = environment_of_production(connection.settings_dict["NAME"])
    assert environment["ROW_WALLS"] == "whole"
    with psycopg2.connect(environment["DATABASE_URL"]) as outside, outside.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (embedded.APPLICATION_ROLE,)
        with pytest.raises(psycopg2.Error, match="permission denied"):
            cursor.execute("SELECT count(*) FROM declarations_declaration")
    outside.close()


@pytest.mark.parametrize(
    "table", ["payments_ledgerline", "portal_auditentry", "declarations_receipt"]
)
def test_what_only_grows_is_not_theirs_to_empty(table: str) -> None:
    for name in (ROWS_ROLE, DESK_ROLE):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT has_table_privilege(%s, %s, 'SELECT'), has_table_privilege(%s, %s, 'DELETE, TRUNCATE')",
                [name, table, name, table],
            )
            assert cursor.fetchone() == (True, False)


# -- the policies --------------------------------------------------------------------------------


def test_every_table_of_an_affiliate_is_behind_the_wall() -> None:
    owned = {model._meta.label for model in owned_models()}
    behind = {*row_walls.DIRECT, *row_walls.INDIRECT}
    assert owned - OF_NO_AFFILIATE == behind | IN_FRONT_OF_THE_WALL
    assert behind & IN_FRONT_OF_THE_WALL == set()
    for label in row_walls.DIRECT:
        assert apps.get_model(label)._meta.get_field("affiliate").related_model is Affiliate
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace"
        )
        assert {table for (table,) in cursor.fetchall()} == {
            table for table, _ in row_walls.policies()
        }


def test_putting_it_up_twice_changes_nothing(
    django_assert_num_queries: Callable[..., object],
) -> None:
    row_walls.put_up()
    with django_assert_num_queries(1):
        row_walls.put_up()


def test_a_policy_that_was_changed_by_hand_is_put_right() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP POLICY {row_walls.OWN} ON declarations_declaration")
        row_walls.put_up()
        cursor.execute(
            "SELECT count(*) FROM pg_policies WHERE tablename = 'declarations_declaration'"
        )
        assert cursor.fetchone() == (2,)


def test_a_server_without_the_roles_is_refused(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    monkeypatch.setattr(row_walls, "ROWS_ROLE", "nobody_of_this_name")
    with pytest.raises(row_walls.RolesMissing, match="nobody_of_this_name"):
        row_walls.put_up()
    settings.ROW_WALLS = "off"
    row_walls.put_up()


def test_both_places_that_name_the_roles_agree() -> None:
    assert embedded.LENT_ROLES == (ROWS_ROLE, DESK_ROLE)
