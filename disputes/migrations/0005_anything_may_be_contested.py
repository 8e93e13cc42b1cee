"""Surcharges, penalties, payments, refusals and findings are contested too; a refusal may go to a second instance."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

WALLS = """
CREATE TRIGGER disputes_meeting_written_once BEFORE UPDATE OR DELETE ON disputes_meeting
    FOR EACH ROW EXECUTE FUNCTION disputes_written_once();
CREATE TRIGGER disputes_escalation_written_once BEFORE UPDATE OR DELETE ON disputes_escalation
    FOR EACH ROW EXECUTE FUNCTION disputes_written_once();

-- The second instance is other persons than the first, whoever asks and from wherever.
CREATE FUNCTION disputes_decided_by_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM disputes_dispute appeal
        JOIN disputes_decision first ON first.dispute_id = appeal.appeal_of_id
        WHERE appeal.id = NEW.dispute_id
            AND (NEW.decided_by_id IN (first.decided_by_id, first.examined_by_id)
                OR NEW.examined_by_id IN (first.decided_by_id, first.examined_by_id))
    ) THEN
        RAISE EXCEPTION 'an appeal decided by someone of the first instance'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_other_persons';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_other_persons BEFORE INSERT ON disputes_decision
    FOR EACH ROW EXECUTE FUNCTION disputes_decided_by_others();
"""

REMOVE = """
DROP TRIGGER decision_other_persons ON disputes_decision;
DROP FUNCTION disputes_decided_by_others();
DROP TRIGGER disputes_escalation_written_once ON disputes_escalation;
DROP TRIGGER disputes_meeting_written_once ON disputes_meeting;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("disputes", "0004_assessments_declare"),
        ("payments", "0022_hold_a_surcharge_or_a_penalty"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnswerTemplate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=80, verbose_name="titre")),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "Français"), ("ar", "Arabe")],
                        max_length=2,
                        verbose_name="langue",
                    ),
                ),
                (
                    "ground",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("wrong_base", "l’assiette ne correspond pas aux salaires"),
                            ("wrong_rate", "le taux ou le statut appliqué n’est pas le bon"),
                            ("already_paid", "déjà payé"),
                            ("wrong_employee", "un salarié est compté à tort"),
                            ("not_counted", "un paiement n’est pas compté, ou l’est mal"),
                            ("wrong_refusal", "un refus ou une anomalie n’est pas fondé"),
                            ("other", "autre motif"),
                        ],
                        max_length=16,
                        verbose_name="motif",
                    ),
                ),
                ("text", models.TextField(max_length=4000, verbose_name="texte")),
                ("written_at", models.DateTimeField(verbose_name="écrit le")),
                (
                    "withdrawn_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="retiré le"),
                ),
            ],
            options={
                "verbose_name": "modèle de réponse",
                "verbose_name_plural": "modèles de réponse",
                "ordering": ["title", "id"],
            },
        ),
        migrations.CreateModel(
            name="Escalation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "clock",
                    models.CharField(
                        choices=[("first_answer", "première réponse"), ("decision", "décision")],
                        max_length=12,
                        verbose_name="délai",
                    ),
                ),
                ("due_on", models.DateField(verbose_name="attendue le")),
                ("at", models.DateTimeField(verbose_name="signalée le")),
            ],
            options={
                "verbose_name": "délai écoulé",
                "verbose_name_plural": "délais écoulés",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Meeting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("held_on", models.DateField(verbose_name="jour de l’entretien")),
                ("present", models.CharField(max_length=200, verbose_name="personnes présentes")),
            ],
            options={
                "verbose_name": "entretien",
                "verbose_name_plural": "entretiens",
            },
        ),
        migrations.RemoveConstraint(
            model_name="disputeditem",
            name="disputed_line_once",
        ),
        migrations.RemoveConstraint(
            model_name="disputeditem",
            name="disputed_amount_positive",
        ),
        migrations.AddField(
            model_name="dispute",
            name="appeal_of",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appeal",
                to="disputes.dispute",
                verbose_name="appel de",
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="filing_penalty",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_items",
                to="payments.filingpenalty",
                verbose_name="astreinte",
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="key",
            field=models.CharField(
                blank=True, default="", max_length=40, verbose_name="ce qui est contesté"
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="kind",
            field=models.CharField(
                choices=[
                    ("line", "ligne de bordereau"),
                    ("surcharge", "majoration de retard"),
                    ("penalty", "astreinte"),
                    ("payment", "paiement"),
                    ("movement", "mouvement du compte"),
                    ("refusal", "décision de refus"),
                    ("finding", "anomalie d’un fichier"),
                ],
                db_default="line",
                default="line",
                max_length=9,
                verbose_name="objet",
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="movement",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_items",
                to="payments.ledgerline",
                verbose_name="mouvement",
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_items",
                to="payments.allocation",
                verbose_name="paiement",
            ),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="period",
            field=models.DateField(blank=True, null=True, verbose_name="mois"),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="said",
            field=models.JSONField(blank=True, default=dict, verbose_name="en mots"),
        ),
        migrations.AddField(
            model_name="disputeditem",
            name="surcharge",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_items",
                to="payments.surcharge",
                verbose_name="majoration",
            ),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="ground",
            field=models.CharField(
                choices=[
                    ("wrong_base", "l’assiette ne correspond pas aux salaires"),
                    ("wrong_rate", "le taux ou le statut appliqué n’est pas le bon"),
                    ("already_paid", "déjà payé"),
                    ("wrong_employee", "un salarié est compté à tort"),
                    ("not_counted", "un paiement n’est pas compté, ou l’est mal"),
                    ("wrong_refusal", "un refus ou une anomalie n’est pas fondé"),
                    ("other", "autre motif"),
                ],
                max_length=16,
                verbose_name="motif",
            ),
        ),
        migrations.AlterField(
            model_name="disputeditem",
            name="amount",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                max_digits=17,
                null=True,
                verbose_name="montant contesté",
            ),
        ),
        migrations.AlterField(
            model_name="disputeditem",
            name="slip_line",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputed_items",
                to="payments.slipline",
                verbose_name="ligne de bordereau",
            ),
        ),
        migrations.AlterField(
            model_name="disputestep",
            name="action",
            field=models.CharField(
                choices=[
                    ("open", "déposer"),
                    ("take", "prendre en charge"),
                    ("give_back", "rendre à la file"),
                    ("write", "écrire"),
                    ("ask_for_piece", "demander une pièce"),
                    ("meet", "rendre compte d’un entretien"),
                    ("assign", "confier"),
                    ("decide", "décider"),
                    ("appeal", "faire appel"),
                    ("withdraw", "retirer"),
                ],
                max_length=14,
                verbose_name="acte",
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeditem",
            constraint=models.UniqueConstraint(
                fields=(
                    "dispute",
                    "slip_line",
                    "surcharge",
                    "filing_penalty",
                    "payment",
                    "movement",
                    "kind",
                    "key",
                ),
                name="disputed_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeditem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", "line"),
                        ("slip_line__isnull", False),
                        ("surcharge__isnull", True),
                        ("filing_penalty__isnull", True),
                        ("payment__isnull", True),
                        ("movement__isnull", True),
                        ("key", ""),
                    ),
                    models.Q(
                        ("kind", "surcharge"),
                        ("slip_line__isnull", True),
                        ("surcharge__isnull", False),
                        ("filing_penalty__isnull", True),
                        ("payment__isnull", True),
                        ("movement__isnull", True),
                        ("key", ""),
                    ),
                    models.Q(
                        ("kind", "penalty"),
                        ("slip_line__isnull", True),
                        ("surcharge__isnull", True),
                        ("filing_penalty__isnull", False),
                        ("payment__isnull", True),
                        ("movement__isnull", True),
                        ("key", ""),
                    ),
                    models.Q(
                        ("kind", "payment"),
                        ("slip_line__isnull", True),
                        ("surcharge__isnull", True),
                        ("filing_penalty__isnull", True),
                        ("payment__isnull", False),
                        ("movement__isnull", True),
                        ("key", ""),
                    ),
                    models.Q(
                        ("kind", "movement"),
                        ("slip_line__isnull", True),
                        ("surcharge__isnull", True),
                        ("filing_penalty__isnull", True),
                        ("payment__isnull", True),
                        ("movement__isnull", False),
                        ("key", ""),
                    ),
                    models.Q(
                        models.Q(
                            models.Q(
                                ("kind", "refusal"),
                                ("slip_line__isnull", True),
                                ("surcharge__isnull", True),
                                ("filing_penalty__isnull", True),
                                ("payment__isnull", True),
                                ("movement__isnull", True),
                            ),
                            models.Q(
                                ("kind", "finding"),
                                ("slip_line__isnull", True),
                                ("surcharge__isnull", True),
                                ("filing_penalty__isnull", True),
                                ("payment__isnull", True),
                                ("movement__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        models.Q(("key", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="disputed_subject_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeditem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__gt", 0),
                        ("amount__isnull", False),
                        ("kind__in", ["line", "surcharge", "penalty"]),
                    ),
                    models.Q(
                        ("amount__isnull", True),
                        ("hold__isnull", True),
                        ("kind__in", ["payment", "movement", "refusal", "finding"]),
                    ),
                    _connector="OR",
                ),
                name="disputed_amount_positive",
            ),
        ),
        migrations.AddField(
            model_name="answertemplate",
            name="written_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="écrit par",
            ),
        ),
        migrations.AddField(
            model_name="escalation",
            name="dispute",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="escalations",
                to="disputes.dispute",
            ),
        ),
        migrations.AddField(
            model_name="meeting",
            name="message",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="meeting",
                to="disputes.message",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalation",
            constraint=models.UniqueConstraint(fields=("dispute", "clock"), name="escalated_once"),
        ),
        migrations.RunSQL(WALLS, REMOVE),
    ]
