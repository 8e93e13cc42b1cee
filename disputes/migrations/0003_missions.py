"""Inspections, and what the database itself refuses about them, whoever asks."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

WALLS = """
-- An assessment rests on a mission that its three inspectors, of three grades, have signed; it comes into force only
-- once the mission is concluded. Both are read again here, so that no door, and no shell, goes round them.
CREATE FUNCTION disputes_assessment_has_a_mission() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    signatures integer;
    standing text;
BEGIN
    SELECT count(DISTINCT member.grade), min(mission.state) INTO signatures, standing
        FROM disputes_mission mission
        LEFT JOIN disputes_missionmember member
            ON member.mission_id = mission.id AND member.signed_at IS NOT NULL
        WHERE mission.id = NEW.mission_id;
    IF signatures IS DISTINCT FROM 3 OR standing IN ('draft', 'cancelled') THEN
        RAISE EXCEPTION 'assessment without a mission signed by three inspectors'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'assessment_mission_signed';
    END IF;
    IF NEW.state = 'in_force' AND standing <> 'concluded' THEN
        RAISE EXCEPTION 'assessment in force before the mission is concluded'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'assessment_after_conclusion';
    END IF;
    IF NEW.state = 'in_force' AND EXISTS (
        SELECT 1 FROM disputes_missionmember
        WHERE mission_id = NEW.mission_id
            AND user_id IN (NEW.first_approved_by_id, NEW.second_approved_by_id)
    ) THEN
        RAISE EXCEPTION 'assessment approved by an inspector of its own mission'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'assessment_outside_approval';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assessment_has_a_mission BEFORE INSERT OR UPDATE ON disputes_assessment
    FOR EACH ROW EXECUTE FUNCTION disputes_assessment_has_a_mission();

-- What decides an assessment is not changed afterwards; only its state and its approvals move.
CREATE FUNCTION disputes_only_signatures_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving text[] := TG_ARGV[0]::text[];
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - moving IS DISTINCT FROM to_jsonb(OLD) - moving THEN
        RAISE EXCEPTION '% is written once', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assessment_kept BEFORE UPDATE OR DELETE ON disputes_assessment FOR EACH ROW
    EXECUTE FUNCTION disputes_only_signatures_move(
        '{state,first_approved_by_id,second_approved_by_id,in_force_at}');
CREATE TRIGGER mission_step_kept BEFORE UPDATE OR DELETE ON disputes_missionstep FOR EACH ROW
    EXECUTE FUNCTION disputes_only_signatures_move('{countersigned_by_id,countersigned_at}');
CREATE TRIGGER mission_member_kept BEFORE UPDATE OR DELETE ON disputes_missionmember FOR EACH ROW
    EXECUTE FUNCTION disputes_only_signatures_move('{signed_at}');
CREATE TRIGGER mission_kept BEFORE UPDATE OR DELETE ON disputes_mission FOR EACH ROW
    EXECUTE FUNCTION disputes_only_signatures_move(
        '{state,ordered_at,reply_until,ended_at,end_reason}');
CREATE TRIGGER step_reply_kept BEFORE UPDATE OR DELETE ON disputes_stepreply
    FOR EACH ROW EXECUTE FUNCTION disputes_written_once();
CREATE TRIGGER reply_piece_kept BEFORE UPDATE OR DELETE ON disputes_replypiece
    FOR EACH ROW EXECUTE FUNCTION disputes_written_once();
"""

REMOVE = """
DROP TRIGGER reply_piece_kept ON disputes_replypiece;
DROP TRIGGER step_reply_kept ON disputes_stepreply;
DROP TRIGGER mission_kept ON disputes_mission;
DROP TRIGGER mission_member_kept ON disputes_missionmember;
DROP TRIGGER mission_step_kept ON disputes_missionstep;
DROP TRIGGER assessment_kept ON disputes_assessment;
DROP FUNCTION disputes_only_signatures_move();
DROP TRIGGER assessment_has_a_mission ON disputes_assessment;
DROP FUNCTION disputes_assessment_has_a_mission();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0003_state_takeovers"),
        ("disputes", "0002_steps_and_second_person"),
        ("portal", "0004_find_recent_entries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Mission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=16, unique=True, verbose_name="numéro")),
                (
                    "code",
                    models.CharField(
                        max_length=12, unique=True, verbose_name="code de vérification"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("risk", "critère de risque tiré des déclarations"),
                            ("friendly", "régularisation amiable restée sans suite"),
                            ("cross_check", "recoupement avec une autre administration"),
                            ("complaint", "plainte d’un salarié ou d’un tiers"),
                            ("random", "tirage au sort"),
                        ],
                        max_length=12,
                        verbose_name="motif de la sélection",
                    ),
                ),
                (
                    "reason_facts",
                    models.TextField(max_length=1000, verbose_name="ce qui l’a motivée"),
                ),
                ("first_period", models.DateField(verbose_name="premier mois examiné")),
                ("last_period", models.DateField(verbose_name="dernier mois examiné")),
                ("scope", models.TextField(max_length=1000, verbose_name="objet")),
                ("limits", models.TextField(max_length=1000, verbose_name="limites")),
                ("starts_on", models.DateField(verbose_name="visites à partir du")),
                ("ends_on", models.DateField(verbose_name="visites jusqu’au")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "à signer"),
                            ("ordered", "annoncée"),
                            ("underway", "en cours"),
                            ("observed", "observations notifiées"),
                            ("concluded", "close"),
                            ("cancelled", "annulée"),
                        ],
                        default="draft",
                        max_length=12,
                        verbose_name="état",
                    ),
                ),
                ("drafted_at", models.DateTimeField(verbose_name="préparée le")),
                (
                    "ordered_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="ordonnée le"),
                ),
                (
                    "reply_until",
                    models.DateField(
                        blank=True, null=True, verbose_name="réponse attendue jusqu’au"
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="close le")),
                (
                    "end_reason",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="motif de l’annulation"
                    ),
                ),
                ("intent", models.UUIDField(unique=True)),
                (
                    "affiliate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="missions",
                        to="affiliates.affiliate",
                        verbose_name="affilié",
                    ),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="préparée par",
                    ),
                ),
            ],
            options={
                "verbose_name": "mission de contrôle",
                "verbose_name_plural": "missions de contrôle",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Assessment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("C26", "salarié non déclaré (dahir n° 1-72-184, article 26)"),
                            ("C19", "salaire déclaré incomplet (dahir n° 1-72-184, article 19)"),
                        ],
                        max_length=6,
                        verbose_name="règle",
                    ),
                ),
                ("period", models.DateField(verbose_name="période")),
                ("employee", models.CharField(max_length=120, verbose_name="salarié")),
                (
                    "registration_number",
                    models.CharField(
                        blank=True, max_length=9, verbose_name="numéro d’immatriculation"
                    ),
                ),
                ("days", models.PositiveSmallIntegerField(verbose_name="jours établis")),
                (
                    "declared_wage",
                    models.DecimalField(
                        decimal_places=2, max_digits=13, verbose_name="salaire déclaré"
                    ),
                ),
                (
                    "established_wage",
                    models.DecimalField(
                        decimal_places=2, max_digits=13, verbose_name="salaire établi"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=2, max_digits=13, verbose_name="cotisations"
                    ),
                ),
                ("working", models.JSONField(verbose_name="détail du calcul")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "proposé"),
                            ("in_force", "en vigueur"),
                            ("dropped", "abandonné"),
                        ],
                        default="proposed",
                        max_length=10,
                        verbose_name="état",
                    ),
                ),
                ("proposed_at", models.DateTimeField(verbose_name="proposé le")),
                (
                    "in_force_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="en vigueur depuis le"
                    ),
                ),
                ("intent", models.UUIDField(unique=True)),
                (
                    "first_approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approuvé par",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="proposé par",
                    ),
                ),
                (
                    "second_approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approuvé aussi par",
                    ),
                ),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="disputes.mission",
                    ),
                ),
            ],
            options={
                "verbose_name": "redressement",
                "verbose_name_plural": "redressements",
                "ordering": ["period", "id"],
            },
        ),
        migrations.CreateModel(
            name="MissionMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "grade",
                    models.CharField(
                        choices=[
                            ("inspector", "inspecteur"),
                            ("senior", "inspecteur principal"),
                            ("chief", "inspecteur en chef"),
                        ],
                        max_length=10,
                        verbose_name="grade",
                    ),
                ),
                ("signed_at", models.DateTimeField(blank=True, null=True, verbose_name="signé le")),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="disputes.mission",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mission_memberships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="inspecteur",
                    ),
                ),
            ],
            options={
                "verbose_name": "membre de la mission",
                "verbose_name_plural": "membres de la mission",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="MissionStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("visit", "procès-verbal de visite"),
                            ("request", "demande de pièces"),
                            ("hearing", "compte rendu d’entretien"),
                            ("observations", "lettre d’observations"),
                            ("conclusion", "rapport final"),
                        ],
                        max_length=14,
                        verbose_name="acte",
                    ),
                ),
                ("day", models.DateField(verbose_name="jour")),
                ("answers", models.JSONField(verbose_name="contenu")),
                ("written_at", models.DateTimeField(verbose_name="signé le")),
                (
                    "countersigned_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="contresigné le"),
                ),
                ("intent", models.UUIDField(unique=True)),
                (
                    "countersigned_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="contresigné par",
                    ),
                ),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="disputes.mission",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="signé par",
                    ),
                ),
            ],
            options={
                "verbose_name": "acte de la mission",
                "verbose_name_plural": "actes de la mission",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RiskFact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("indicator", models.CharField(max_length=20, verbose_name="indicateur")),
                ("measured_on", models.DateField(verbose_name="mesuré le")),
                (
                    "value",
                    models.DecimalField(decimal_places=4, max_digits=13, verbose_name="valeur"),
                ),
                ("points", models.PositiveSmallIntegerField(verbose_name="points")),
                (
                    "affiliate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="risk_facts",
                        to="affiliates.affiliate",
                        verbose_name="affilié",
                    ),
                ),
            ],
            options={
                "verbose_name": "indicateur de risque",
                "verbose_name_plural": "indicateurs de risque",
            },
        ),
        migrations.CreateModel(
            name="StepReply",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("written_at", models.DateTimeField(verbose_name="écrite le")),
                ("text", models.TextField(max_length=4000, verbose_name="texte")),
                ("intent", models.UUIDField(unique=True)),
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
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replies",
                        to="disputes.missionstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "réponse de l’affilié",
                "verbose_name_plural": "réponses de l’affilié",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ReplyPiece",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("content_type", models.CharField(max_length=60, verbose_name="type")),
                (
                    "stored",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="portal.storedfile",
                        verbose_name="fichier",
                    ),
                ),
                (
                    "reply",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pieces",
                        to="disputes.stepreply",
                    ),
                ),
            ],
            options={
                "verbose_name": "pièce jointe",
                "verbose_name_plural": "pièces jointes",
            },
        ),
        migrations.CreateModel(
            name="Inspector",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "grade",
                    models.CharField(
                        choices=[
                            ("inspector", "inspecteur"),
                            ("senior", "inspecteur principal"),
                            ("chief", "inspecteur en chef"),
                        ],
                        max_length=10,
                        verbose_name="grade",
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="inspector",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="agent",
                    ),
                ),
            ],
            options={
                "verbose_name": "inspecteur",
                "verbose_name_plural": "inspecteurs",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("grade__in", ["inspector", "senior", "chief"])),
                        name="inspector_grade_known",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="mission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["draft", "ordered", "underway", "observed", "concluded", "cancelled"],
                    )
                ),
                name="mission_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="mission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["risk", "friendly", "cross_check", "complaint", "random"])
                ),
                name="mission_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="mission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on__gte", models.F("starts_on")),
                    ("last_period__gte", models.F("first_period")),
                    ("first_period__day", 1),
                    ("last_period__day", 1),
                ),
                name="mission_dates_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="mission",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["concluded", "cancelled"]), _negated=True),
                fields=("affiliate",),
                name="mission_running_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(("rule__in", ["C26", "C19"])), name="assessment_rule_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "in_force", "dropped"])),
                name="assessment_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("declared_wage__gte", 0),
                    ("established_wage__gt", models.F("declared_wage")),
                    ("amount__gte", 0),
                ),
                name="assessment_adds",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "in_force"), _negated=True),
                    models.Q(
                        ("first_approved_by__isnull", False),
                        ("in_force_at__isnull", False),
                        ("second_approved_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="assessment_two_approvals",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("second_approved_by__isnull", True),
                    models.Q(
                        models.Q(
                            ("second_approved_by", models.F("first_approved_by")), _negated=True
                        ),
                        models.Q(("second_approved_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="assessment_second_other",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("first_approved_by__isnull", True),
                    models.Q(("first_approved_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="assessment_first_other",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "dropped"), _negated=True),
                fields=("mission", "period", "employee", "registration_number"),
                name="assessment_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="missionmember",
            constraint=models.UniqueConstraint(
                fields=("mission", "user"), name="mission_member_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="missionmember",
            constraint=models.UniqueConstraint(
                fields=("mission", "grade"), name="mission_grade_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="missionmember",
            constraint=models.CheckConstraint(
                condition=models.Q(("grade__in", ["inspector", "senior", "chief"])),
                name="member_grade_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="missionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("countersigned_by__isnull", True),
                    models.Q(
                        models.Q(("countersigned_by", models.F("written_by")), _negated=True),
                        ("countersigned_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="mission_step_two_signatures",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskfact",
            constraint=models.UniqueConstraint(
                fields=("affiliate", "indicator"), name="risk_fact_once"
            ),
        ),
        migrations.RunSQL(WALLS, REMOVE),
    ]
