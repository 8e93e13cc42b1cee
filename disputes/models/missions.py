"""Inspections: the order, its three inspectors, their acts, what the firm answers, and what is assessed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from declarations.models import Declaration
from disputes.enums import (
    AssessmentRule,
    AssessmentState,
    Grade,
    MissionState,
    SelectionReason,
    StepKind,
)
from portal.models import StoredFile


class Inspector(models.Model):
    """A member of staff who may be sent on missions, and the grade held today."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        on_delete=models.PROTECT,
        related_name="inspector",
    )
    grade = models.CharField(_("grade"), max_length=10, choices=Grade.choices())

    class Meta:
        verbose_name = _("inspecteur")
        verbose_name_plural = _("inspecteurs")
        constraints = [
            models.CheckConstraint(
                condition=Q(grade__in=[grade.value for grade in Grade]),
                name="inspector_grade_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.grade}"


class Mission(models.Model):
    """An inspection of one firm: why, by whom, over which months, on which days."""

    number = models.CharField(_("numéro"), max_length=16, unique=True)
    # Told to the firm and to nobody else: whoever holds it can check that the visit is real.
    code = models.CharField(_("code de vérification"), max_length=12, unique=True)
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="missions"
    )
    reason = models.CharField(
        _("motif de la sélection"), max_length=12, choices=SelectionReason.choices()
    )
    # What the reason rests on: the indicators as they stood, the complaint's date, the draw's number.
    reason_facts = models.TextField(_("ce qui l’a motivée"), max_length=1000)
    first_period = models.DateField(_("premier mois examiné"))
    last_period = models.DateField(_("dernier mois examiné"))
    scope = models.TextField(_("objet"), max_length=1000)
    limits = models.TextField(_("limites"), max_length=1000)
    starts_on = models.DateField(_("visites à partir du"))
    ends_on = models.DateField(_("visites jusqu’au"))
    state = models.CharField(
        _("état"), max_length=12, choices=MissionState.choices(), default=MissionState.DRAFT.value
    )
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("préparée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    drafted_at = models.DateTimeField(_("préparée le"))
    ordered_at = models.DateTimeField(_("ordonnée le"), null=True, blank=True)
    reply_until = models.DateField(_("réponse attendue jusqu’au"), null=True, blank=True)
    ended_at = models.DateTimeField(_("close le"), null=True, blank=True)
    end_reason = models.CharField(_("motif de l’annulation"), max_length=200, blank=True)
    intent = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("mission de contrôle")
        verbose_name_plural = _("missions de contrôle")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MissionState]),
                name="mission_state_known",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=[reason.value for reason in SelectionReason]),
                name="mission_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(last_period__gte=F("first_period"), ends_on__gte=F("starts_on"))
                & Q(first_period__day=1, last_period__day=1),
                name="mission_dates_in_order",
            ),
            models.UniqueConstraint(
                fields=["affiliate"],
                condition=~Q(state__in=["concluded", "cancelled"]),
                name="mission_running_once",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class MissionMember(models.Model):
    """One of the three inspectors of a mission, and when they signed its order."""

    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("inspecteur"),
        on_delete=models.PROTECT,
        related_name="mission_memberships",
    )
    grade = models.CharField(_("grade"), max_length=10, choices=Grade.choices())
    signed_at = models.DateTimeField(_("signé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("membre de la mission")
        verbose_name_plural = _("membres de la mission")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "user"], name="mission_member_once"),
            models.UniqueConstraint(fields=["mission", "grade"], name="mission_grade_once"),
            models.CheckConstraint(
                condition=Q(grade__in=[grade.value for grade in Grade]), name="member_grade_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mission_id} {self.user_id} {self.grade}"


class MissionStep(models.Model):
    """One act in its fixed form, signed by whoever wrote it, then by a second inspector. Never rewritten."""

    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(_("acte"), max_length=14, choices=StepKind.choices())
    # The day of the act; the instants of the signatures are beside it.
    day = models.DateField(_("jour"))
    answers = models.JSONField(_("contenu"))
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("signé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    written_at = models.DateTimeField(_("signé le"))
    countersigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("contresigné par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    countersigned_at = models.DateTimeField(_("contresigné le"), null=True, blank=True)
    intent = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("acte de la mission")
        verbose_name_plural = _("actes de la mission")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(countersigned_by__isnull=True)
                | ~Q(countersigned_by=F("written_by")) & Q(countersigned_at__isnull=False),
                name="mission_step_two_signatures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mission_id} {self.kind} {self.day}"


class StepReply(models.Model):
    """What the firm answers to one act, as often as it wants. Written once."""

    step = models.ForeignKey(MissionStep, on_delete=models.PROTECT, related_name="replies")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("auteur"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    written_at = models.DateTimeField(_("écrite le"))
    text = models.TextField(_("texte"), max_length=4000)
    intent = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("réponse de l’affilié")
        verbose_name_plural = _("réponses de l’affilié")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.step_id} {self.written_at:%Y-%m-%d}"


class ReplyPiece(models.Model):
    """A piece joined to an answer; served as an attachment only."""

    reply = models.ForeignKey(StepReply, on_delete=models.PROTECT, related_name="pieces")
    stored = models.OneToOneField(
        StoredFile, verbose_name=_("fichier"), on_delete=models.PROTECT, related_name="+"
    )
    content_type = models.CharField(_("type"), max_length=60)

    class Meta:
        verbose_name = _("pièce jointe")
        verbose_name_plural = _("pièces jointes")

    def __str__(self) -> str:
        return f"{self.reply_id} {self.stored_id}"


class Assessment(models.Model):
    """Wages of one month that a mission established beyond what was declared. Amounts in dirhams.

    The database refuses one without a mission signed by its three inspectors, and one in force without the
    approval of two people who are neither each other nor whoever proposed it.
    """

    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="assessments")
    rule = models.CharField(_("règle"), max_length=6, choices=AssessmentRule.choices())
    period = models.DateField(_("période"))
    employee = models.CharField(_("salarié"), max_length=120)
    registration_number = models.CharField(_("numéro d’immatriculation"), max_length=9, blank=True)
    days = models.PositiveSmallIntegerField(_("jours établis"))
    declared_wage = models.DecimalField(_("salaire déclaré"), max_digits=13, decimal_places=2)
    established_wage = models.DecimalField(_("salaire établi"), max_digits=13, decimal_places=2)
    # The contributions of the difference at the rates of the month, with their working.
    amount = models.DecimalField(_("cotisations"), max_digits=13, decimal_places=2)
    working = models.JSONField(_("détail du calcul"))
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=AssessmentState.choices(),
        default=AssessmentState.PROPOSED.value,
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("proposé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    proposed_at = models.DateTimeField(_("proposé le"))
    first_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approuvé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    second_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approuvé aussi par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    in_force_at = models.DateTimeField(_("en vigueur depuis le"), null=True, blank=True)
    # The declaration that the established wage led to; its slip asks for what is due.
    declaration = models.ForeignKey(
        Declaration,
        verbose_name=_("déclaration établie"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assessments",
    )
    intent = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("redressement")
        verbose_name_plural = _("redressements")
        ordering = ["period", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rule__in=[rule.value for rule in AssessmentRule]),
                name="assessment_rule_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AssessmentState]),
                name="assessment_state_known",
            ),
            models.CheckConstraint(
                condition=Q(declared_wage__gte=0, established_wage__gt=F("declared_wage"))
                & Q(amount__gte=0),
                name="assessment_adds",
            ),
            models.CheckConstraint(
                condition=~Q(state="in_force")
                | Q(
                    first_approved_by__isnull=False,
                    second_approved_by__isnull=False,
                    in_force_at__isnull=False,
                ),
                name="assessment_two_approvals",
            ),
            models.CheckConstraint(
                condition=Q(second_approved_by__isnull=True)
                | ~Q(second_approved_by=F("first_approved_by"))
                & ~Q(second_approved_by=F("proposed_by")),
                name="assessment_second_other",
            ),
            models.CheckConstraint(
                condition=Q(first_approved_by__isnull=True)
                | ~Q(first_approved_by=F("proposed_by")),
                name="assessment_first_other",
            ),
            models.UniqueConstraint(
                fields=["mission", "period", "employee", "registration_number"],
                condition=~Q(state="dropped"),
                name="assessment_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mission_id} {self.period:%Y-%m} {self.employee}"


class RiskFact(models.Model):
    """One indicator of one firm as measured on a day; recomputed each night from what was declared."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.CASCADE, related_name="risk_facts"
    )
    indicator = models.CharField(_("indicateur"), max_length=20)
    measured_on = models.DateField(_("mesuré le"))
    value = models.DecimalField(_("valeur"), max_digits=13, decimal_places=4)
    points = models.PositiveSmallIntegerField(_("points"))

    class Meta:
        verbose_name = _("indicateur de risque")
        verbose_name_plural = _("indicateurs de risque")
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "indicator"], name="risk_fact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.indicator} {self.value}"
