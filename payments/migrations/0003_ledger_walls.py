"""What the database itself refuses, whoever asks: an unbalanced entry, a changed ledger row, an overdrawn suspense."""

from django.db import migrations

WALLS = """
CREATE SEQUENCE payments_receipt_number;

CREATE FUNCTION payments_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong numeric;
BEGIN
    SELECT sum(debit) - sum(credit) INTO wrong FROM payments_ledgerline WHERE entry_id = NEW.entry_id;
    IF wrong <> 0 THEN
        RAISE EXCEPTION 'ledger entry % is not balanced: %', NEW.entry_id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_entry_balanced
    AFTER INSERT ON payments_ledgerline DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payments_entry_balanced();

CREATE FUNCTION payments_entry_has_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments_ledgerline WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger entry % has no line', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_has_lines';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_entry_has_lines
    AFTER INSERT ON payments_ledgerentry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payments_entry_has_lines();

-- Money in suspense belongs to one bank line: what leaves it never exceeds what that line brought.
-- The row lock makes two transactions that draw on the same line see each other.
CREATE FUNCTION payments_suspense_not_overdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_suspense boolean;
    balance numeric;
BEGIN
    SELECT kind = 'suspense' INTO is_suspense FROM payments_ledgeraccount WHERE id = NEW.account_id;
    IF NOT is_suspense THEN
        RETURN NULL;
    END IF;
    IF NEW.bank_line_id IS NULL THEN
        RAISE EXCEPTION 'a suspense line must name its bank line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'suspense_names_bank_line';
    END IF;
    PERFORM 1 FROM payments_bankline WHERE id = NEW.bank_line_id FOR UPDATE;
    SELECT sum(credit) - sum(debit) INTO balance FROM payments_ledgerline
        WHERE account_id = NEW.account_id AND bank_line_id = NEW.bank_line_id;
    IF balance < 0 THEN
        RAISE EXCEPTION 'suspense of bank line % is overdrawn: %', NEW.bank_line_id, balance
            USING ERRCODE = 'check_violation', CONSTRAINT = 'suspense_not_overdrawn';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER suspense_not_overdrawn
    AFTER INSERT ON payments_ledgerline DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.debit > 0) EXECUTE FUNCTION payments_suspense_not_overdrawn();

CREATE CONSTRAINT TRIGGER suspense_names_bank_line
    AFTER INSERT ON payments_ledgerline DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.credit > 0 AND NEW.bank_line_id IS NULL)
    EXECUTE FUNCTION payments_suspense_not_overdrawn();

CREATE FUNCTION payments_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'append_only';
END $$;
"""

APPEND_ONLY = ("payments_ledgerentry", "payments_ledgerline", "payments_allocation")

FORBID = "".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION payments_append_only();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION payments_append_only();
"""
    for table in APPEND_ONLY
)

REMOVE = (
    "".join(
        f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};"
        for table in APPEND_ONLY
    )
    + """
DROP FUNCTION payments_append_only();
DROP TRIGGER suspense_names_bank_line ON payments_ledgerline;
DROP TRIGGER suspense_not_overdrawn ON payments_ledgerline;
DROP FUNCTION payments_suspense_not_overdrawn();
DROP TRIGGER ledger_entry_has_lines ON payments_ledgerentry;
DROP FUNCTION payments_entry_has_lines();
DROP TRIGGER ledger_entry_balanced ON payments_ledgerline;
DROP FUNCTION payments_entry_balanced();
DROP SEQUENCE payments_receipt_number;
"""
)


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_bank_line_details")]

    operations = [migrations.RunSQL(WALLS + FORBID, REMOVE)]
