"""Corrections: complements of slips, surcharges taken back, the day that counts for money that follows."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0013_keys_of_banks"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="surcharge",
            name="surcharge_amounts_in_order",
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="value_on",
            field=models.DateField(blank=True, null=True, verbose_name="date de valeur"),
        ),
        migrations.AddField(
            model_name="paymentslip",
            name="complements",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="complemented_by",
                to="payments.paymentslip",
                verbose_name="complète",
            ),
        ),
        migrations.AddField(
            model_name="surcharge",
            name="taken_back",
            field=models.DecimalField(
                db_default=0,
                decimal_places=2,
                default=0,
                max_digits=17,
                verbose_name="contre-passé",
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
                    ("surcharge_lowered", "majoration contre-passée"),
                    ("penalty_assessed", "astreinte appelée"),
                    ("payment", "paiement reçu"),
                    ("suspense_received", "versement à identifier reçu"),
                    ("suspense_assigned", "versement identifié"),
                    ("credit_used", "crédit utilisé"),
                    ("reversal", "contre-passation"),
                    ("written_off", "différence abandonnée"),
                    ("refund_ordered", "remboursement ordonné"),
                    ("remission_granted", "remise accordée"),
                    ("remission_undone", "remise annulée"),
                ],
                max_length=18,
                verbose_name="événement",
            ),
        ),
        migrations.AddConstraint(
            model_name="surcharge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gt", 0),
                    ("outstanding__gte", 0),
                    (
                        "outstanding__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("amount"), "-", models.F("taken_back")
                        ),
                    ),
                    ("taken_back__gte", 0),
                ),
                name="surcharge_amounts_in_order",
            ),
        ),
    ]
