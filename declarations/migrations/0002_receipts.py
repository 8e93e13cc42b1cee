"""Receipts as rows: the exact text of each, linked to the one before for its affiliate, never changed."""

import django.db.models.deletion
from django.db import migrations, models

FORBID = """
CREATE TRIGGER declarations_receipt_only_grows BEFORE UPDATE OR DELETE ON declarations_receipt
    FOR EACH ROW EXECUTE FUNCTION portal_refuse_change();
CREATE TRIGGER declarations_receipt_no_truncate BEFORE TRUNCATE ON declarations_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION portal_refuse_change();
"""
ALLOW = """
DROP TRIGGER declarations_receipt_no_truncate ON declarations_receipt;
DROP TRIGGER declarations_receipt_only_grows ON declarations_receipt;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0003_trace_only_grows"),
        ("affiliates", "0003_state_takeovers"),
        ("declarations", "0001_declarations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rank", models.PositiveIntegerField(verbose_name="rang")),
                (
                    "previous_digest",
                    models.CharField(max_length=64, verbose_name="empreinte du précédent"),
                ),
                ("digest", models.CharField(max_length=64, verbose_name="empreinte")),
                ("content", models.TextField(verbose_name="contenu")),
                (
                    "affiliate",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="affiliates.affiliate",
                        verbose_name="affilié",
                    ),
                ),
                (
                    "declaration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt",
                        to="declarations.declaration",
                        verbose_name="déclaration",
                    ),
                ),
            ],
            options={
                "verbose_name": "récépissé",
                "verbose_name_plural": "récépissés",
                "ordering": ["affiliate", "rank"],
                "constraints": [
                    models.UniqueConstraint(fields=("affiliate", "rank"), name="receipt_rank_once"),
                    models.CheckConstraint(
                        condition=models.Q(("rank__gte", 1)), name="receipt_rank_from_one"
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORBID, ALLOW),
    ]
