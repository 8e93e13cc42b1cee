"""A hold restrains a slip, a surcharge or a filing penalty; the walls of debits see the three alike."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# As in 0016_debit_walls.
CLAIMING = "('signed', 'planned', 'sent', 'accepted')"
UNSENT = "('signed', 'planned')"


def _held(column: str, due: str) -> str:
    return (
        "coalesce((SELECT sum(h.amount) FROM payments_hold h"  # noqa: S608 (columns of ours)
        f" WHERE h.{column} = {due} AND h.released_at IS NULL), 0)"
    )


def _claimed(column: str) -> str:
    return (
        "(SELECT sum(x.amount) FROM payments_debitshare x "  # noqa: S608 (columns of ours)
        "JOIN payments_debitorder o ON o.id = x.order_id"
        f" WHERE x.{column} = s.id AND o.state IN {CLAIMING})"
    )


def _functions(*, extras: bool) -> str:
    """Both walls; ``extras`` false: as they stood when only slips could be held."""
    surcharge = _held("surcharge_id", "s.id") if extras else "0"
    penalty = _held("filing_penalty_id", "s.id") if extras else "0"
    locks = (
        """
        PERFORM 1 FROM payments_surcharge WHERE id IN (SELECT c.surcharge_id FROM changed c) ORDER BY id FOR UPDATE;
        PERFORM 1 FROM payments_filingpenalty WHERE id IN (SELECT c.filing_penalty_id FROM changed c)
            ORDER BY id FOR UPDATE;"""
        if extras
        else ""
    )
    held = (
        "coalesce((SELECT sum(h.amount) FROM payments_hold h WHERE h.%2$I = d.id AND h.released_at IS NULL), 0)"
        if extras
        else "CASE WHEN %2$L = 'slip_id' THEN coalesce((SELECT sum(h.amount)"
        " FROM payments_hold h WHERE h.slip_id = d.id AND h.released_at IS NULL), 0) ELSE 0 END"
    )
    return f"""
CREATE OR REPLACE FUNCTION payments_debit_not_above_dues() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT s.payment_reference AS code, s.outstanding - {_held("slip_id", "s.id")} AS free,
            {_claimed("slip_id")} AS claimed
        FROM payments_debitshare m JOIN payments_paymentslip s ON s.id = m.slip_id WHERE m.order_id = NEW.id
        UNION ALL
        SELECT s.payment_reference, s.outstanding - {surcharge}, {_claimed("surcharge_id")}
        FROM payments_debitshare m JOIN payments_surcharge s ON s.id = m.surcharge_id WHERE m.order_id = NEW.id
        UNION ALL
        SELECT s.payment_reference, s.outstanding - {penalty}, {_claimed("filing_penalty_id")}
        FROM payments_debitshare m JOIN payments_filingpenalty s ON s.id = m.filing_penalty_id
        WHERE m.order_id = NEW.id
    ) d WHERE d.claimed > d.free LIMIT 1;
    IF over IS NOT NULL THEN
        RAISE EXCEPTION 'order % would take more than is due on %', NEW.reference, over
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_not_above_dues';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION payments_due_keeps_its_orders() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    over text;
BEGIN
    IF TG_TABLE_NAME = 'payments_hold' THEN
        -- Whoever signs an order on this due at the same instant locks it too: one of us sees the other.
        PERFORM 1 FROM payments_paymentslip WHERE id IN (SELECT c.slip_id FROM changed c) ORDER BY id FOR UPDATE;{locks}
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
                > d.outstanding - {held}
        LIMIT 1
    $q$, TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]) INTO over;
    IF over IS NOT NULL THEN
        RAISE EXCEPTION 'an order on its way takes more than what is left of %', over
            USING ERRCODE = 'check_violation', CONSTRAINT = 'debit_not_above_dues';
    END IF;
    RETURN NULL;
END $$;
"""  # noqa: S608 - the states and columns above are ours, nothing comes from outside


EXTRAS = (("payments_surcharge", "surcharge_id"), ("payments_filingpenalty", "filing_penalty_id"))
TRIGGERS = "".join(
    f"CREATE TRIGGER {name}_{column} AFTER {event} ON payments_hold REFERENCING NEW TABLE AS changed"
    f" FOR EACH STATEMENT EXECUTE FUNCTION payments_due_keeps_its_orders('{table}', '{column}', '{column}');\n"
    for name, event in (("hold_keeps_orders", "INSERT"), ("held_again_keeps_orders", "UPDATE"))
    for table, column in EXTRAS
)
REMOVE = "".join(
    f"DROP TRIGGER {name}_{column} ON payments_hold;\n"
    for name in ("hold_keeps_orders", "held_again_keeps_orders")
    for _table, column in EXTRAS
)


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_refunds_paid_and_credit_taken_back"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="hold",
            name="hold_once",
        ),
        migrations.AddField(
            model_name="hold",
            name="filing_penalty",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="payments.filingpenalty",
                verbose_name="astreinte",
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="surcharge",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="payments.surcharge",
                verbose_name="majoration",
            ),
        ),
        migrations.AlterField(
            model_name="hold",
            name="slip",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="payments.paymentslip",
                verbose_name="bordereau",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("slip_issued", "bordereau émis"),
                    ("slip_lowered", "bordereau diminué"),
                    ("surcharge_assessed", "majoration de retard appelée"),
                    ("surcharge_lowered", "majoration ou astreinte contre-passée"),
                    ("penalty_assessed", "astreinte appelée"),
                    ("payment", "paiement reçu"),
                    ("collection", "prélèvement encaissé"),
                    ("collection_return", "prélèvement revenu impayé"),
                    ("suspense_received", "versement à identifier reçu"),
                    ("suspense_assigned", "versement identifié"),
                    ("credit_used", "crédit utilisé"),
                    ("reversal", "contre-passation"),
                    ("credit_moved", "trop-perçu rendu au bordereau cité"),
                    ("credit_taken_back", "crédit utilisé, repris par la banque"),
                    ("written_off", "différence abandonnée"),
                    ("refund_ordered", "remboursement ordonné"),
                    ("refund_paid", "remboursement versé"),
                    ("remission_granted", "remise accordée"),
                    ("remission_undone", "remise annulée"),
                ],
                max_length=18,
                verbose_name="événement",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("filing_penalty__isnull", True),
                        ("slip__isnull", False),
                        ("surcharge__isnull", True),
                    ),
                    models.Q(
                        ("slip__isnull", True),
                        ("slip_line__isnull", True),
                        models.Q(
                            models.Q(
                                ("filing_penalty__isnull", True), ("surcharge__isnull", False)
                            ),
                            models.Q(
                                ("filing_penalty__isnull", False), ("surcharge__isnull", True)
                            ),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="hold_of_one_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(
                fields=("slip", "slip_line", "surcharge", "filing_penalty", "reference"),
                name="hold_once",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(_functions(extras=True) + TRIGGERS, REMOVE + _functions(extras=False)),
    ]
