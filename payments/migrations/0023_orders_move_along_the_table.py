"""The database knows which state of a debit order follows which, and that no debit passes the cap of its authority.

The table is that of `payments.transitions`, written out: a migration imports nothing of ours. An order that jumped
from its draft into the hands of a bank was judged by no wall: those look at orders when they are signed, planned and
sent.
"""

from django.db import migrations

MOVES = {
    "draft": ("signed", "cancelled"),
    "signed": ("planned", "cancelled"),
    "planned": ("sent", "suspended", "cancelled"),
    "suspended": ("planned", "cancelled"),
    "sent": ("accepted", "rejected", "executed", "cancelled"),
    "accepted": ("rejected", "executed", "cancelled"),
    "executed": ("returned",),
}
ALLOWED = ", ".join(f"('{was}', '{then}')" for was, after in MOVES.items() for then in after)

WALL = f"""
CREATE FUNCTION payments_debit_order_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN ({ALLOWED}) THEN
        RAISE EXCEPTION 'order % does not go from % to %', OLD.reference, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_moves';
    END IF;
    IF NEW.state = 'signed' AND NEW.amount > (
            SELECT cap FROM affiliates_debitauthority WHERE id = NEW.authority_id) THEN
        RAISE EXCEPTION 'order % passes the cap of its authority', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_order_within_cap';
    END IF;
    RETURN NEW;
END $$;

-- After debit_order_guard, by its name: a finished order is told so in the words of that wall.
CREATE TRIGGER debit_order_moves BEFORE UPDATE OF state ON payments_debitorder
    FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION payments_debit_order_moves();
"""  # noqa: S608 - the states above are ours, nothing comes from outside

REMOVE = """
DROP TRIGGER debit_order_moves ON payments_debitorder;
DROP FUNCTION payments_debit_order_moves();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0022_hold_a_surcharge_or_a_penalty"),
        ("affiliates", "0006_debit_authorities"),
    ]

    operations = [migrations.RunSQL(WALL, REMOVE)]
