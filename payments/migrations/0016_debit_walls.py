"""What the database itself refuses of debit orders: more than is due, a signature altered, a step rewritten.

Lock order: dues first, then orders. An order is judged when it starts to claim (signed, planned, sent), under the
lock of each due it pays; a due is judged when it falls or when a part of it is held. Payments are never refused for
the sake of an order already at the bank: what comes twice becomes the affiliate's credit.
"""

from django.db import migrations

CLAIMING = "('signed', 'planned', 'sent', 'accepted')"
UNSENT = "('signed', 'planned')"

WALLS = f"""
CREATE SEQUENCE payments_debit_order_number;

CREATE FUNCTION payments_debit_order_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'order % must be born a draft', NEW.reference
                USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_born_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.affiliate_id, NEW.reference, NEW.intent, NEW.rank, NEW.authority_id, NEW.amount, NEW.collect_on)
        IS DISTINCT FROM
       (OLD.affiliate_id, OLD.reference, OLD.intent, OLD.rank, OLD.authority_id, OLD.amount, OLD.collect_on)
       OR (OLD.signed_at IS NOT NULL
           AND (NEW.signed_at, NEW.signed_by_id) IS DISTINCT FROM (OLD.signed_at, OLD.signed_by_id))
       OR (OLD.bank_line_id IS NOT NULL AND NEW.bank_line_id IS DISTINCT FROM OLD.bank_line_id) THEN
        RAISE EXCEPTION 'what order % says was signed and cannot change', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_as_signed';
    END IF;
    -- Nothing leaves these states, whatever code is at work.
    IF NEW.state <> OLD.state AND OLD.state IN ('rejected', 'returned', 'cancelled') THEN
        RAISE EXCEPTION 'order % is over', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_over';
    END IF;
    IF OLD.state = 'executed' AND NEW.state NOT IN ('executed', 'returned') THEN
        RAISE EXCEPTION 'order % is executed', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_over';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER debit_order_guard BEFORE INSERT OR UPDATE ON payments_debitorder
    FOR EACH ROW EXECUTE FUNCTION payments_debit_order_guard();

CREATE FUNCTION payments_debit_not_above_dues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
    over text;
BEGIN
    SELECT coalesce(sum(amount), 0) INTO total FROM payments_debitshare WHERE order_id = NEW.id;
    IF total <> NEW.amount THEN
        RAISE EXCEPTION 'order % takes % and pays %', NEW.reference, NEW.amount, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_adds_up';
    END IF;
    -- Others that pay, order or hold the same dues now wait, or we wait for them and see what they did.
    PERFORM 1 FROM payments_paymentslip WHERE id IN (
        SELECT slip_id FROM payments_debitshare WHERE order_id = NEW.id) ORDER BY id FOR UPDATE;
    PERFORM 1 FROM payments_surcharge WHERE id IN (
        SELECT surcharge_id FROM payments_debitshare WHERE order_id = NEW.id) ORDER BY id FOR UPDATE;
    PERFORM 1 FROM payments_filingpenalty WHERE id IN (
        SELECT filing_penalty_id FROM payments_debitshare WHERE order_id = NEW.id) ORDER BY id FOR UPDATE;
    SELECT d.code INTO over FROM (
        SELECT s.payment_reference AS code,
            s.outstanding - coalesce((SELECT sum(h.amount) FROM payments_hold h
                WHERE h.slip_id = s.id AND h.released_at IS NULL), 0) AS free,
            (SELECT sum(x.amount) FROM payments_debitshare x JOIN payments_debitorder o ON o.id = x.order_id
                WHERE x.slip_id = s.id AND o.state IN {CLAIMING}) AS claimed
        FROM payments_debitshare m JOIN payments_paymentslip s ON s.id = m.slip_id WHERE m.order_id = NEW.id
        UNION ALL
        SELECT s.payment_reference, s.outstanding,
            (SELECT sum(x.amount) FROM payments_debitshare x JOIN payments_debitorder o ON o.id = x.order_id
                WHERE x.surcharge_id = s.id AND o.state IN {CLAIMING})
        FROM payments_debitshare m JOIN payments_surcharge s ON s.id = m.surcharge_id WHERE m.order_id = NEW.id
        UNION ALL
        SELECT s.payment_reference, s.outstanding,
            (SELECT sum(x.amount) FROM payments_debitshare x JOIN payments_debitorder o ON o.id = x.order_id
                WHERE x.filing_penalty_id = s.id AND o.state IN {CLAIMING})
        FROM payments_debitshare m JOIN payments_filingpenalty s ON s.id = m.filing_penalty_id
        WHERE m.order_id = NEW.id
    ) d WHERE d.claimed > d.free LIMIT 1;
    IF over IS NOT NULL THEN
        RAISE EXCEPTION 'order % would take more than is due on %', NEW.reference, over
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_not_above_dues';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER debit_not_above_dues AFTER UPDATE OF state ON payments_debitorder
    FOR EACH ROW WHEN (NEW.state IN ('signed', 'planned', 'sent') AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION payments_debit_not_above_dues();

-- A due that falls, or a part of it that is held, must not leave an order that was signed for more on its way.
CREATE FUNCTION payments_due_keeps_its_orders() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    over text;
BEGIN
    IF TG_TABLE_NAME = 'payments_hold' THEN
        -- Whoever signs an order on this slip at the same instant locks it too: one of us sees the other.
        PERFORM 1 FROM payments_paymentslip WHERE id IN (SELECT c.slip_id FROM changed c) ORDER BY id FOR UPDATE;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments_debitorder WHERE state IN {UNSENT}) THEN
        RETURN NULL;
    END IF;
    EXECUTE format($q$
        SELECT d.payment_reference FROM (
            SELECT DISTINCT t.* FROM changed c JOIN %1$I t ON t.id = c.%3$I
        ) d
        WHERE EXISTS (SELECT 1 FROM payments_debitshare x JOIN payments_debitorder o ON o.id = x.order_id
                WHERE x.%2$I = d.id AND o.state IN {UNSENT})
            AND (SELECT sum(x.amount) FROM payments_debitshare x JOIN payments_debitorder o ON o.id = x.order_id
                WHERE x.%2$I = d.id AND o.state IN {CLAIMING})
                > d.outstanding - CASE WHEN %2$L = 'slip_id' THEN coalesce((SELECT sum(h.amount)
                    FROM payments_hold h WHERE h.slip_id = d.id AND h.released_at IS NULL), 0) ELSE 0 END
        LIMIT 1
    $q$, TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]) INTO over;
    IF over IS NOT NULL THEN
        RAISE EXCEPTION 'an order on its way takes more than what is left of %', over
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_not_above_dues';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER slip_keeps_its_orders AFTER UPDATE ON payments_paymentslip REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payments_due_keeps_its_orders('payments_paymentslip', 'slip_id', 'id');
CREATE TRIGGER surcharge_keeps_its_orders AFTER UPDATE ON payments_surcharge REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payments_due_keeps_its_orders('payments_surcharge', 'surcharge_id', 'id');
CREATE TRIGGER penalty_keeps_its_orders AFTER UPDATE ON payments_filingpenalty REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION payments_due_keeps_its_orders('payments_filingpenalty', 'filing_penalty_id', 'id');
CREATE TRIGGER hold_keeps_its_orders AFTER INSERT ON payments_hold REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION payments_due_keeps_its_orders('payments_paymentslip', 'slip_id', 'slip_id');
CREATE TRIGGER held_again_keeps_its_orders AFTER UPDATE ON payments_hold REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT
    EXECUTE FUNCTION payments_due_keeps_its_orders('payments_paymentslip', 'slip_id', 'slip_id');

-- The parts of an order are written while it is a draft, and never again.
CREATE FUNCTION payments_debit_share_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (
            SELECT 1 FROM payments_debitorder WHERE id = NEW.order_id AND state = 'draft') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the parts of an order are fixed: % refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_as_signed';
END $$;

CREATE TRIGGER debit_share_guard BEFORE INSERT OR UPDATE OR DELETE ON payments_debitshare
    FOR EACH ROW EXECUTE FUNCTION payments_debit_share_guard();

CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON payments_debitevent
    FOR EACH ROW EXECUTE FUNCTION payments_append_only();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON payments_debitevent
    FOR EACH STATEMENT EXECUTE FUNCTION payments_append_only();
"""  # noqa: S608 - the states above are ours, nothing comes from outside

REMOVE = """
DROP TRIGGER append_only_rows ON payments_debitevent;
DROP TRIGGER append_only_table ON payments_debitevent;
DROP TRIGGER debit_share_guard ON payments_debitshare;
DROP FUNCTION payments_debit_share_guard();
DROP TRIGGER held_again_keeps_its_orders ON payments_hold;
DROP TRIGGER hold_keeps_its_orders ON payments_hold;
DROP TRIGGER penalty_keeps_its_orders ON payments_filingpenalty;
DROP TRIGGER surcharge_keeps_its_orders ON payments_surcharge;
DROP TRIGGER slip_keeps_its_orders ON payments_paymentslip;
DROP FUNCTION payments_due_keeps_its_orders();
DROP TRIGGER debit_not_above_dues ON payments_debitorder;
DROP FUNCTION payments_debit_not_above_dues();
DROP TRIGGER debit_order_guard ON payments_debitorder;
DROP FUNCTION payments_debit_order_guard();
DROP SEQUENCE payments_debit_order_number;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0015_debit_orders")]

    operations = [migrations.RunSQL(WALLS, REMOVE)]
