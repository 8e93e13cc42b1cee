"""Each act is a dated step; a decision above the limit needs two people; what was said and decided is never rewritten.

The new columns of a decision have no default: no decision exists before this migration.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

TABLES = (
    "disputes_message",
    "disputes_disputestep",
    "disputes_attachment",
    "disputes_decision",
)

FORWARD = """
CREATE FUNCTION disputes_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written once', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
""" + "".join(
    f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION disputes_written_once();\n"
    for table in TABLES
)

BACKWARD = (
    "".join(f"DROP TRIGGER {table}_written_once ON {table};\n" for table in TABLES)
    + "DROP FUNCTION disputes_written_once();"
)


class Migration(migrations.Migration):
    dependencies = [
        ("disputes", "0001_disputes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DisputeStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("open", "déposer"),
                            ("take", "prendre en charge"),
                            ("give_back", "rendre à la file"),
                            ("write", "écrire"),
                            ("ask_for_piece", "demander une pièce"),
                            ("decide", "décider"),
                            ("withdraw", "retirer"),
                        ],
                        max_length=14,
                        verbose_name="acte",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("affiliate", "affilié"), ("staff", "Caisse")],
                        max_length=10,
                        verbose_name="de",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="le")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="auteur",
                    ),
                ),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="disputes.dispute",
                    ),
                ),
                (
                    "message",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="step",
                        to="disputes.message",
                        verbose_name="message",
                    ),
                ),
            ],
            options={
                "verbose_name": "étape",
                "verbose_name_plural": "étapes",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="decision", name="intent", field=models.UUIDField(unique=True)
        ),
        migrations.AddField(
            model_name="decision",
            name="examined_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="instruite par",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="contested_total",
            field=models.DecimalField(
                decimal_places=2, max_digits=17, verbose_name="total contesté"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="second_person_above",
            field=models.DecimalField(
                decimal_places=2, max_digits=17, verbose_name="seconde personne au-delà de"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=Q(contested_total__lte=F("second_person_above"))
                | ~Q(decided_by=F("examined_by")),
                name="decision_second_person",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
