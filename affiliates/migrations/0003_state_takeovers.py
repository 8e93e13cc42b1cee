import django.contrib.postgres.constraints
import django.db.models.deletion
from django.db import migrations, models

import affiliates.models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0002_register"),
    ]

    operations = [
        migrations.CreateModel(
            name="StateTakeover",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_on", models.DateField(verbose_name="à partir du")),
                ("ends_on", models.DateField(verbose_name="jusqu’au")),
                ("decision_reference", models.CharField(max_length=60, verbose_name="décision")),
                (
                    "employment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="takeovers",
                        to="affiliates.employment",
                        verbose_name="emploi",
                    ),
                ),
            ],
            options={
                "verbose_name": "prise en charge par l’État",
                "verbose_name_plural": "prises en charge par l’État",
                "ordering": ["-starts_on", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on__gte", models.F("starts_on")), ("starts_on__day", 1)
                        ),
                        name="takeover_whole_months",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decision_reference", ""), _negated=True),
                        name="takeover_has_a_decision",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("employment", "="),
                            (
                                affiliates.models.DateRange(
                                    "starts_on", "ends_on", models.Value("[]")
                                ),
                                "&&",
                            ),
                        ],
                        name="takeover_no_overlap",
                    ),
                ],
            },
        ),
    ]
