"""The policies of the second wall: which rows the role lent to the pages of one affiliate sees (portal.walls).

Put up after the migrations, whenever they run, by the owner of the tables; a policy that stands as written is left
alone. The other role, of workers, staff and banks, sees every row by a policy that costs their plans nothing.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from portal.walls import DESK_ROLE, ROWS_ROLE, SETTING

OWN: Final = "rows_of_the_affiliate"
ALL: Final = "rows_of_everybody"
#: Rows that say whose they are.
DIRECT: Final = (
    "affiliates.AffiliateStatus", "affiliates.DataCopy", "affiliates.DebitAuthority", "affiliates.Employment",
    "affiliates.RectificationRequest", "affiliates.RegistrationRequest",
    "declarations.CorrectionStop", "declarations.Declaration", "declarations.Prefill", "declarations.ReceivedFile",
    "declarations.Receipt",
    "payments.Allocation", "payments.Basket", "payments.ClerkAct", "payments.DebitOrder", "payments.FilingPenalty",
    "payments.GraceRequest", "payments.LedgerAccount", "payments.PaymentSlip", "payments.SurchargeExemption",
    "disputes.Dispute", "disputes.Mission", "disputes.RiskFact",
    "certificates.Certificate",
)  # fmt: skip
#: Of these, rows of nobody are seen by all: the account of a bank in the books, what is forgiven to everybody.
_OF_NOBODY: Final = {"payments.LedgerAccount", "payments.SurchargeExemption"}
#: Rows that are those of another row: shown when it is.
INDIRECT: Final = {
    "affiliates.Absence": "employment",
    "affiliates.StateTakeover": "employment",
    "affiliates.RectificationStep": "request",
    "affiliates.RectificationPiece": "request",
    "affiliates.RegistrationStep": "request",
    "affiliates.RegistrationPiece": "request",
    "declarations.FileFinding": "received_file",
    "declarations.DeclarationLine": "declaration",
    "declarations.ContributionLine": "declaration",
    "declarations.LineReattachment": "line",
    "payments.SlipLine": "slip",
    "payments.Surcharge": "slip",
    "payments.GraceInstalment": "grace",
    "payments.GraceDue": "grace",
    "payments.DebitShare": "order",
    "payments.DebitEvent": "order",
    "disputes.DisputedItem": "dispute",
    "disputes.Message": "dispute",
    "disputes.DisputeStep": "dispute",
    "disputes.Decision": "dispute",
    "disputes.Escalation": "dispute",
    "disputes.Attachment": "message",
    "disputes.Meeting": "message",
    "disputes.MissionMember": "mission",
    "disputes.MissionStep": "mission",
    "disputes.Assessment": "mission",
    "disputes.StepReply": "step",
    "disputes.ReplyPiece": "reply",
    "certificates.ShareLink": "certificate",
    "certificates.Printing": "certificate",
    "certificates.ShareOpening": "link",
    "certificates.PrintedPart": "printing",
    "certificates.ArchivedReceipt": "receipt",
}
_AFFILIATE: Final = f"NULLIF(current_setting('{SETTING}', true), '')::bigint"


def policies() -> Iterator[tuple[str, str]]:
    """Each table and the condition under which the pages of one affiliate see a row of it."""
    for label in (*DIRECT, *INDIRECT):
        yield _table(label), _condition(label)


def _condition(label: str) -> str:
    if label not in INDIRECT:
        return (
            "affiliate_id IS NULL OR " if label in _OF_NOBODY else ""
        ) + f"affiliate_id = {_AFFILIATE}"
    field = apps.get_model(label)._meta.get_field(INDIRECT[label])
    other = field.related_model._meta.label
    return f"{field.column} IN (SELECT id FROM {_table(other)} WHERE {_condition(other)})"  # noqa: S608


def put_up(plan: object = None, **_of_the_signal: Any) -> None:
    """Let both roles work, and bring each policy to what is written here; nothing where the roles are not there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN (%s, %s)),"
            " (SELECT jsonb_object_agg(relname, obj_description(pg_policy.oid, 'pg_policy'))"
            " FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE polname = %s)",
            [ROWS_ROLE, DESK_ROLE, OWN],
        )
        roles, told = cursor.fetchone()
        standing = json.loads(told) if told else {}
        if roles < 2:
            if settings.ROW_WALLS == "off":
                return
            raise RolesMissing(what_is_missing())
        wanted = {table: (text, _mark(text)) for table, text in policies()}
        if not plan and standing == {table: mark for table, (_text, mark) in wanted.items()}:
            return
        for table, (text, mark) in wanted.items():
            if standing.get(table) != mark:
                cursor.execute(f"DROP POLICY IF EXISTS {OWN} ON {table}")
                cursor.execute(f"DROP POLICY IF EXISTS {ALL} ON {table}")
                cursor.execute(f"CREATE POLICY {OWN} ON {table} TO {ROWS_ROLE} USING ({text})")
                cursor.execute(f"CREATE POLICY {ALL} ON {table} TO {DESK_ROLE} USING (true)")
                cursor.execute(f"COMMENT ON POLICY {OWN} ON {table} IS '{mark}'")
                cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        cursor.execute(_RIGHTS)


def what_is_missing() -> list[str]:
    """The statements without which the wall cannot stand for this account, each whole; none when it can."""
    names = [ROWS_ROLE, DESK_ROLE]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, coalesce(array_agg(rolname), '{}'),"
            " coalesce(array_agg(rolname) FILTER (WHERE pg_has_role(current_user, oid, 'MEMBER')), '{}')"
            " FROM (SELECT rolname::text, oid FROM pg_roles WHERE rolname = ANY(%s)) known",
            [names],
        )
        account, known, taken = cursor.fetchone()
    missing = [f"CREATE ROLE {name} NOLOGIN;" for name in names if name not in known]
    if others := [name for name in names if name not in taken]:
        missing.append(f"GRANT {', '.join(others)} TO {connection.ops.quote_name(account)};")
    return missing


def make_roles() -> None:
    """Make the two roles where this account may; RolesMissing, with what its administrator must run, where it may not.

    Does nothing where they are, or where no wall is asked for. Roles are the server's: another portal may be making
    them at the same instant.
    """
    if settings.ROW_WALLS == "off":
        return
    for _attempt in range(2):
        missing = what_is_missing()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in missing:
                    cursor.execute(statement)
        except DatabaseError:
            continue
        return
    raise RolesMissing(what_is_missing())


class RolesMissing(Exception):
    """The wall is asked for and the server has not its roles; `statements` is what makes them."""

    def __init__(self, statements: Sequence[str]) -> None:
        self.statements = tuple(statements)
        lines = "\n".join(f"    {statement}" for statement in statements)
        super().__init__(
            "Il manque au serveur PostgreSQL deux rôles, sans lesquels la base ne montre pas à chaque entreprise ses"
            " seules lignes, et ce compte ne peut pas les créer. Donnez ceci à son administrateur, puis recommencez :"
            f"\n\n{lines}\n\nPour un essai sans ce second mur : ROW_WALLS=off."
        )


#: What both roles may do. Tables that only grow (a trigger of ours keeps them from being emptied) take no change.
_RIGHTS: Final = f"""
DO $$ DECLARE grows regclass; BEGIN
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROWS_ROLE}, {DESK_ROLE};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROWS_ROLE}, {DESK_ROLE};
    REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {ROWS_ROLE}, {DESK_ROLE};
    FOR grows IN
        SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal AND (tgtype & 32) > 0
    LOOP EXECUTE format('REVOKE DELETE ON %s FROM {ROWS_ROLE}, {DESK_ROLE}', grows); END LOOP;
END $$
"""  # noqa: S608 (names of ours)


def _table(label: str) -> str:
    return str(apps.get_model(label)._meta.db_table)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
