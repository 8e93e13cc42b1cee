"""Corrections: what corrects what, the file sent to correct, and the months closed to corrections."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0003_state_takeovers"),
        ("declarations", "0005_job_row_of_the_portal"),
        ("portal", "0004_find_recent_entries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CorrectionStop",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("period", models.DateField(verbose_name="période")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("decision", "une décision a été rendue sur ce mois"),
                            ("inspection", "un contrôle est en cours sur ce mois"),
                        ],
                        max_length=10,
                        verbose_name="raison",
                    ),
                ),
                ("reference", models.CharField(max_length=40, verbose_name="référence")),
                ("placed_at", models.DateTimeField(verbose_name="depuis le")),
                ("lifted_at", models.DateTimeField(blank=True, null=True, verbose_name="levé le")),
            ],
            options={
                "verbose_name": "mois fermé à la correction",
                "verbose_name_plural": "mois fermés à la correction",
                "ordering": ["-placed_at"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="declaration",
            name="declaration_live_once",
        ),
        migrations.RemoveConstraint(
            model_name="receivedfile",
            name="received_file_once",
        ),
        migrations.AddField(
            model_name="declaration",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="declarations.declaration",
                verbose_name="corrige",
            ),
        ),
        migrations.AddField(
            model_name="receivedfile",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="declarations.declaration",
                verbose_name="corrige",
            ),
        ),
        migrations.AddConstraint(
            model_name="declaration",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "submitted")),
                fields=("affiliate", "period", "kind", "supplement_number"),
                name="declaration_submitted_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="declaration",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "draft")),
                fields=("affiliate", "period", "kind", "supplement_number"),
                name="declaration_draft_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="declaration",
            constraint=models.UniqueConstraint(
                condition=models.Q(("submitted_at__isnull", False)),
                fields=("corrects",),
                name="declaration_corrected_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedfile",
            constraint=models.UniqueConstraint(
                fields=("affiliate", "period", "sha256", "corrects"),
                name="received_file_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="correctionstop",
            name="affiliate",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="correction_stops",
                to="affiliates.affiliate",
                verbose_name="affilié",
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionstop",
            constraint=models.UniqueConstraint(
                fields=("affiliate", "period", "reason", "reference"), name="correction_stop_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionstop",
            constraint=models.CheckConstraint(
                condition=models.Q(("period__day", 1)), name="correction_stop_period_first_day"
            ),
        ),
    ]
