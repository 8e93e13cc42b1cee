"""The register itself: employers, insured persons, where they work, and who may act for whom."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from affiliates.enums import (
    AbsenceKind,
    AffiliateState,
    CardKind,
    LeaveReason,
    LegalForm,
    ReviewVerdict,
    Role,
    Sex,
    StaffRole,
)
from affiliates.matching import name_key, name_sound
from regulation.enums import ContributionStatus


class DateRange(Func):
    """The days from one column to another, both included; an empty end means « still so »."""

    function = "DATERANGE"
    output_field = DateRangeField()


class NameKeyField(models.CharField):
    """A key of a person's names, worked out again at each write, `bulk_create` included.

    Rows that reach the table otherwise keep an empty key until the task of the register fills it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"max_length": 260, "blank": True, "db_default": "", "editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = str(model_instance.key_of_names(self.attname))  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, value)
        return value


def _in_language_of_screen(name: str, name_ar: str) -> str:
    return name_ar if name_ar and (get_language() or "").startswith("ar") else name


class Agency(models.Model):
    """An office of the fund."""

    code = models.CharField(_("code"), max_length=2, unique=True)
    name = models.CharField(_("nom"), max_length=80)
    name_ar = models.CharField(_("nom en arabe"), max_length=80)
    city = models.CharField(_("ville"), max_length=40)

    class Meta:
        verbose_name = _("agence")
        verbose_name_plural = _("agences")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name in the language of the screen."""
        return _in_language_of_screen(self.name, self.name_ar)


class Affiliate(models.Model):
    """An employer known to the fund."""

    affiliation_number = models.CharField(_("numéro d’affiliation"), max_length=7, unique=True)
    name = models.CharField(_("raison sociale"), max_length=120)
    name_ar = models.CharField(_("raison sociale en arabe"), max_length=120, blank=True)
    activity = models.CharField(_("activité"), max_length=80, blank=True)
    address = models.CharField(_("adresse"), max_length=120)
    city = models.CharField(_("ville"), max_length=40)
    postal_code = models.CharField(_("code postal"), max_length=6, blank=True)
    ice = models.CharField(_("ICE"), max_length=15, blank=True)
    legal_form = models.CharField(
        _("forme juridique"),
        max_length=8,
        choices=LegalForm.choices(),
        blank=True,
        db_default="",
        default="",
    )
    tax_id = models.CharField(
        _("identifiant fiscal"), max_length=8, blank=True, db_default="", default=""
    )
    trade_register = models.CharField(
        _("registre du commerce"), max_length=40, blank=True, db_default="", default=""
    )
    agency = models.ForeignKey(
        Agency, verbose_name=_("agence"), on_delete=models.PROTECT, related_name="affiliates"
    )
    affiliated_on = models.DateField(_("affilié depuis le"))
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=AffiliateState.choices(),
        default=AffiliateState.ACTIVE.value,
    )

    class Meta:
        verbose_name = _("affilié")
        verbose_name_plural = _("affiliés")
        ordering = ["affiliation_number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(affiliation_number__regex=r"^[0-9]{7}$"), name="affiliate_number_form"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AffiliateState]),
                name="affiliate_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliation_number} {self.name}"

    @property
    def shown_name(self) -> str:
        """The name in the language of the screen, when the register holds it."""
        return _in_language_of_screen(self.name, self.name_ar)


class AffiliateStatus(models.Model):
    """From when to when an affiliate contributes otherwise than an ordinary one (private health cover…)."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="statuses"
    )
    status = models.CharField(_("statut"), max_length=20, choices=ContributionStatus.choices())
    effective_from = models.DateField(_("depuis le"))
    effective_to = models.DateField(_("jusqu’au"), null=True, blank=True)

    class Meta:
        verbose_name = _("statut de cotisation")
        verbose_name_plural = _("statuts de cotisation")
        constraints = [
            ExclusionConstraint(
                name="affiliate_status_no_overlap",
                expressions=[
                    ("affiliate", RangeOperators.EQUAL),
                    ("status", RangeOperators.EQUAL),
                    (
                        DateRange("effective_from", "effective_to", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.status} {self.effective_from}"


class Membership(models.Model):
    """A person acts for the firm it belongs to."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("personne"),
        on_delete=models.PROTECT,
        related_name="memberships",
    )
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(_("rôle"), max_length=10, choices=Role.choices())
    since = models.DateTimeField(_("depuis"), default=timezone.now)
    ended_at = models.DateTimeField(_("retiré le"), null=True, blank=True)

    class Meta:
        verbose_name = _("membre")
        verbose_name_plural = _("membres")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "affiliate"],
                condition=Q(ended_at__isnull=True),
                name="membership_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} → {self.affiliate_id} {self.role}"


class Representative(models.Model):
    """An accountant's office (fiduciaire) that files for several affiliates."""

    name = models.CharField(_("nom"), max_length=120)
    city = models.CharField(_("ville"), max_length=40)
    members: "models.ManyToManyField[models.Model, models.Model]" = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("collaborateurs"),
        related_name="representatives",
        blank=True,
    )

    class Meta:
        verbose_name = _("mandataire")
        verbose_name_plural = _("mandataires")

    def __str__(self) -> str:
        return self.name

    @property
    def number(self) -> str:
        """What the office gives a firm so that it can be named: « M-00012 »."""
        return f"M-{self.pk:05d}" if self.pk else "M-"


class Mandate(models.Model):
    """What an affiliate lets a representative do, from when to when."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="mandates"
    )
    representative = models.ForeignKey(
        Representative,
        verbose_name=_("mandataire"),
        on_delete=models.PROTECT,
        related_name="mandates",
    )
    # Values of affiliates.enums.Scope.
    scopes = models.JSONField(_("étendue"), default=list)
    starts_on = models.DateField(_("à partir du"))
    ends_on = models.DateField(_("jusqu’au"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("retiré le"), null=True, blank=True)

    class Meta:
        verbose_name = _("mandat")
        verbose_name_plural = _("mandats")
        constraints = [
            ExclusionConstraint(
                name="mandate_no_overlap",
                expressions=[
                    ("affiliate", RangeOperators.EQUAL),
                    ("representative", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} → {self.representative_id}"


class StaffAssignment(models.Model):
    """A member of staff works in an agency with a role."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        on_delete=models.PROTECT,
        related_name="staff_assignment",
    )
    agency = models.ForeignKey(
        Agency, verbose_name=_("agence"), on_delete=models.PROTECT, related_name="staff"
    )
    role = models.CharField(_("rôle"), max_length=12, choices=StaffRole.choices())
    since = models.DateTimeField(_("depuis le"), default=timezone.now)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("donnée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("poste du personnel")
        verbose_name_plural = _("postes et revues d’accès")
        constraints = [
            models.CheckConstraint(
                condition=Q(given_by__isnull=True) | ~Q(given_by=models.F("user")),
                name="post_given_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.agency_id} {self.role}"


class PostReview(models.Model):
    """Somebody looked whether a member of staff still needs a post, and said why. Written once."""

    # The post may be gone since: the person and what they held stay readable.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        on_delete=models.PROTECT,
        related_name="post_reviews",
    )
    agency = models.ForeignKey(
        Agency, verbose_name=_("agence"), on_delete=models.PROTECT, related_name="+"
    )
    role = models.CharField(_("rôle"), max_length=12, choices=StaffRole.choices())
    verdict = models.CharField(_("avis"), max_length=8, choices=ReviewVerdict.choices())
    reason = models.CharField(_("motif"), max_length=200)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("revu par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    reviewed_at = models.DateTimeField(_("revu le"))

    class Meta:
        verbose_name = _("revue d’accès")
        verbose_name_plural = _("revues d’accès")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(reviewed_by=models.F("user")), name="post_reviewed_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.verdict}"


class Employee(models.Model):
    """An insured person. Without a registration number until the fund has issued one."""

    registration_number = models.CharField(  # noqa: DJ001
        _("numéro d’immatriculation"),
        max_length=9,
        unique=True,
        null=True,
    )
    last_name = models.CharField(_("nom"), max_length=60)
    first_name = models.CharField(_("prénom"), max_length=60)
    last_name_ar = models.CharField(_("nom en arabe"), max_length=60, blank=True, db_default="")
    first_name_ar = models.CharField(_("prénom en arabe"), max_length=60, blank=True, db_default="")
    # Of either kind of card: the exchanged file has one place for both.
    cin = models.CharField(_("CIN"), max_length=8, blank=True)
    card_kind = models.CharField(
        _("pièce d’identité"),
        max_length=9,
        choices=CardKind.choices(),
        default=CardKind.CIN.value,
        db_default=CardKind.CIN.value,
    )
    born_on = models.DateField(_("né le"), null=True, blank=True)
    birth_place = models.CharField(_("né à"), max_length=60, blank=True, db_default="")
    sex = models.CharField(
        _("sexe"), max_length=1, choices=Sex.choices(), blank=True, db_default=""
    )
    nationality = models.CharField(_("nationalité"), max_length=2, blank=True, db_default="")
    name_key = NameKeyField()
    name_sound = NameKeyField()

    class Meta:
        verbose_name = _("assuré")
        verbose_name_plural = _("assurés")
        indexes = [
            models.Index(fields=["born_on"], name="employee_born_on"),
            models.Index(fields=["cin"], name="employee_card", condition=~Q(cin="")),
            models.Index(fields=["id"], name="employee_key_missing", condition=Q(name_key="")),
            # Only where nothing else narrows the search.
            GinIndex(
                fields=["name_key"],
                name="employee_name_without_birth",
                opclasses=["gin_trgm_ops"],
                condition=Q(born_on__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(registration_number__isnull=True)
                | Q(registration_number__regex=r"^[0-9]{9}$"),
                name="employee_number_form",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registration_number or '—'} {self.last_name} {self.first_name}"

    def key_of_names(self, key: str) -> str:
        """The value of one of the two keys; see affiliates/matching.py."""
        making = name_key if key == "name_key" else name_sound
        return making(self.last_name, self.first_name)


class Employment(models.Model):
    """An employee works, or worked, for an affiliate."""

    employee = models.ForeignKey(
        Employee, verbose_name=_("assuré"), on_delete=models.PROTECT, related_name="employments"
    )
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="employments"
    )
    started_on = models.DateField(_("entré le"))
    ended_on = models.DateField(_("sorti le"), null=True, blank=True)
    end_reason = models.CharField(
        _("motif de sortie"),
        max_length=15,
        choices=LeaveReason.choices(),
        blank=True,
        default="",
        db_default="",
    )
    children = models.PositiveSmallIntegerField(_("enfants ouvrant droit"), default=0)

    class Meta:
        verbose_name = _("emploi")
        verbose_name_plural = _("emplois")
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "employee"],
                condition=Q(ended_on__isnull=True),
                name="employment_open_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=models.F("started_on")),
                name="employment_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employee_id} @ {self.affiliate_id}"


class Absence(models.Model):
    """Days on which someone employed does not work, and why; both included. An open end means « still »."""

    employment = models.ForeignKey(
        Employment, verbose_name=_("emploi"), on_delete=models.PROTECT, related_name="absences"
    )
    kind = models.CharField(_("motif"), max_length=2, choices=AbsenceKind.choices())
    starts_on = models.DateField(_("à partir du"))
    ends_on = models.DateField(_("jusqu’au"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("annulée le"), null=True, blank=True)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-starts_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=models.F("starts_on")),
                name="absence_order",
            ),
            ExclusionConstraint(
                name="absence_no_overlap",
                expressions=[
                    ("employment", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(cancelled_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employment_id} {self.kind} {self.starts_on}"


class StateTakeover(models.Model):
    """Months during which the State bears the employer share of one employment (TAHFIZ); both days included."""

    employment = models.ForeignKey(
        Employment, verbose_name=_("emploi"), on_delete=models.PROTECT, related_name="takeovers"
    )
    starts_on = models.DateField(_("à partir du"))
    ends_on = models.DateField(_("jusqu’au"))
    decision_reference = models.CharField(_("décision"), max_length=60)

    class Meta:
        verbose_name = _("prise en charge par l’État")
        verbose_name_plural = _("prises en charge par l’État")
        ordering = ["-starts_on", "-id"]
        constraints = [
            # Whole months: a declared wage is that of a month. The length is the law's, checked by the workflow.
            models.CheckConstraint(
                condition=Q(starts_on__day=1, ends_on__gte=models.F("starts_on")),
                name="takeover_whole_months",
            ),
            models.CheckConstraint(
                condition=~Q(decision_reference=""), name="takeover_has_a_decision"
            ),
            ExclusionConstraint(
                name="takeover_no_overlap",
                expressions=[
                    ("employment", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employment_id} {self.starts_on:%Y-%m} → {self.ends_on:%Y-%m}"
