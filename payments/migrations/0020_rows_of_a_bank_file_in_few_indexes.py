"""Rows of a bank file enter only the indexes that somebody searches: empty columns stay out, and no index comes twice."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0007_affiliations_and_invitations"),
        ("payments", "0019_key_to_take_debit_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="allocation",
            name="allocated_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="par",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="debit_order",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="payments.debitorder",
                verbose_name="ordre",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="filing_penalty",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="payments.filingpenalty",
                verbose_name="astreinte",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="slip",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="payments.paymentslip",
                verbose_name="bordereau",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="surcharge",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="payments.surcharge",
                verbose_name="majoration",
            ),
        ),
        migrations.AlterField(
            model_name="bankline",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.bankaccount",
                verbose_name="compte",
            ),
        ),
        migrations.AlterField(
            model_name="bankline",
            name="repeats",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="repeated_by",
                to="payments.bankline",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="cause",
            field=models.CharField(max_length=60, verbose_name="cause"),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="posted_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="par",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerline",
            name="filing_penalty",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_lines",
                to="payments.filingpenalty",
                verbose_name="astreinte",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerline",
            name="slip",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_lines",
                to="payments.paymentslip",
                verbose_name="bordereau",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerline",
            name="surcharge",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_lines",
                to="payments.surcharge",
                verbose_name="majoration",
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(
                condition=models.Q(("slip__isnull", False)), fields=["slip"], name="allocation_slip"
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(
                condition=models.Q(("surcharge__isnull", False)),
                fields=["surcharge"],
                name="allocation_surcharge",
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(
                condition=models.Q(("filing_penalty__isnull", False)),
                fields=["filing_penalty"],
                name="allocation_penalty",
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(
                condition=models.Q(("debit_order__isnull", False)),
                fields=["debit_order"],
                name="allocation_order",
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(
                condition=models.Q(("allocated_by__isnull", False)),
                fields=["allocated_by"],
                name="allocation_by",
            ),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(
                condition=models.Q(("repeats__isnull", False)),
                fields=["repeats"],
                name="bank_line_repeats",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("posted_by__isnull", False)),
                fields=["posted_by"],
                name="ledger_entry_by",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerline",
            index=models.Index(
                condition=models.Q(("slip__isnull", False)),
                fields=["slip"],
                name="ledger_line_slip",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerline",
            index=models.Index(
                condition=models.Q(("surcharge__isnull", False)),
                fields=["surcharge"],
                name="ledger_line_surcharge",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerline",
            index=models.Index(
                condition=models.Q(("filing_penalty__isnull", False)),
                fields=["filing_penalty"],
                name="ledger_line_penalty",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("cause",), name="ledger_entry_cause_once"),
        ),
    ]
