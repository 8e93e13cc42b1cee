import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0003_state_takeovers"),
        ("payments", "0004_filing_penalty_filed"),
    ]

    operations = [
        migrations.CreateModel(
            name="SurchargeExemption",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_period", models.DateField(verbose_name="premier mois déclaré")),
                ("last_period", models.DateField(verbose_name="dernier mois déclaré")),
                ("until", models.DateField(verbose_name="mois de retard commencés jusqu’au")),
                ("reference", models.CharField(max_length=80, verbose_name="décision")),
                ("decided_on", models.DateField(verbose_name="décidée le")),
                (
                    "affiliate",
                    models.ForeignKey(
                        blank=True,
                        help_text="vide : tous les affiliés",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="surcharge_exemptions",
                        to="affiliates.affiliate",
                        verbose_name="affilié",
                    ),
                ),
            ],
            options={
                "verbose_name": "exonération de majorations",
                "verbose_name_plural": "exonérations de majorations",
                "ordering": ["-decided_on", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("last_period__gte", models.F("first_period")),
                            ("until__gt", models.F("last_period")),
                            ("first_period__day", 1),
                            ("last_period__day", 1),
                        ),
                        name="exemption_days_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reference", ""), _negated=True),
                        name="exemption_has_a_decision",
                    ),
                    models.UniqueConstraint(
                        fields=("affiliate", "first_period", "last_period", "reference"),
                        name="exemption_once",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
    ]
