"""The walls of the ledger, looked at once per statement instead of once per row: the same refusals, set by set.

All lines of an entry are written by one statement, and each statement must leave every entry it touches balanced: by
induction every entry is balanced at every instant, not only at commit. Suspense is drawn on under the lock of its bank
line, as before. That an entry has lines is still looked at at commit.
"""

from django.db import migrations

BY_ROW = ("ledger_entry_balanced", "suspense_not_overdrawn", "suspense_names_bank_line")

BY_STATEMENT = """
CREATE FUNCTION payments_lines_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT entry_id, sum(debit) - sum(credit) AS difference INTO wrong
        FROM new_lines GROUP BY entry_id HAVING sum(debit) <> sum(credit) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger entry % is not balanced: %', wrong.entry_id, wrong.difference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balanced';
    END IF;
    RETURN NULL;
END $$;

-- Money in suspense belongs to one bank line: what leaves it never exceeds what that line brought.
-- The row locks, in order, make two transactions that draw on the same line see each other.
CREATE FUNCTION payments_suspense_by_statement() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    suspense bigint;
    wrong record;
BEGIN
    FOR suspense IN
        SELECT id FROM payments_ledgeraccount WHERE kind = 'suspense' AND affiliate_id IS NULL ORDER BY id
    LOOP
        PERFORM 1 FROM new_lines WHERE account_id = suspense AND bank_line_id IS NULL LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'a suspense line must name its bank line'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'suspense_names_bank_line';
        END IF;
        PERFORM 1 FROM new_lines WHERE account_id = suspense AND debit > 0 LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        PERFORM 1 FROM payments_bankline WHERE id IN (
            SELECT bank_line_id FROM new_lines WHERE account_id = suspense AND debit > 0
        ) ORDER BY id FOR UPDATE;
        SELECT l.bank_line_id, sum(l.credit) - sum(l.debit) AS balance INTO wrong
            FROM payments_ledgerline l
            WHERE l.account_id = suspense AND l.bank_line_id IN (
                SELECT bank_line_id FROM new_lines WHERE account_id = suspense AND debit > 0
            )
            GROUP BY l.bank_line_id HAVING sum(l.credit) < sum(l.debit) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'suspense of bank line % is overdrawn: %', wrong.bank_line_id, wrong.balance
                USING ERRCODE = 'check_violation', CONSTRAINT = 'suspense_not_overdrawn';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entry_balanced AFTER INSERT ON payments_ledgerline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION payments_lines_balanced();
CREATE TRIGGER suspense_not_overdrawn AFTER INSERT ON payments_ledgerline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION payments_suspense_by_statement();

DROP FUNCTION payments_suspense_not_overdrawn();
DROP FUNCTION payments_entry_balanced();
"""

DROP_BY_ROW = "".join(f"DROP TRIGGER {name} ON payments_ledgerline;\n" for name in BY_ROW)

BY_ROW_AGAIN = """
DROP TRIGGER suspense_not_overdrawn ON payments_ledgerline;
DROP TRIGGER ledger_entry_balanced ON payments_ledgerline;
DROP FUNCTION payments_suspense_by_statement();
DROP FUNCTION payments_lines_balanced();

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
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0011_bank_profiles_and_pages")]

    operations = [migrations.RunSQL(DROP_BY_ROW + BY_STATEMENT, BY_ROW_AGAIN)]
