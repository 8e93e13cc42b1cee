"""The register of employers and employees, and who may act for whom."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from affiliates.enums import AffiliateState, Role, StaffRole
from regulation.enums import ContributionStatus


class DateRange(Func):
    """The days from one column to another, both included; an empty end means « still so »."""

    function = "DATERANGE"
    output_field = DateRangeField()


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
        return self.name

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

    class Meta:
        verbose_name = _("affectation")
        verbose_name_plural = _("affectations")

    def __str__(self) -> str:
        return f"{self.user_id} {self.agency_id} {self.role}"


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
    cin = models.CharField(_("CIN"), max_length=8, blank=True)
    born_on = models.DateField(_("né le"), null=True, blank=True)

    class Meta:
        verbose_name = _("assuré")
        verbose_name_plural = _("assurés")
        constraints = [
            models.CheckConstraint(
                condition=Q(registration_number__isnull=True)
                | Q(registration_number__regex=r"^[0-9]{9}$"),
                name="employee_number_form",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registration_number or '—'} {self.last_name} {self.first_name}"


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
