"""Certificates: facts frozen at issue, checked against our record and not against their looks."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from certificates.enums import CertificateKind, CertificateState, ReasonKind


class Certificate(models.Model):
    """One certificate. The PDF is made from ``facts`` when asked and is not kept."""

    number = models.CharField(_("numéro"), max_length=20, unique=True)
    # 128 random bits in the QR code; the number alone opens nothing.
    token = models.CharField(max_length=32, unique=True)
    kind = models.CharField(_("nature"), max_length=14, choices=CertificateKind.choices())
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="certificates"
    )
    first_period = models.DateField(_("de la période"), null=True, blank=True)
    last_period = models.DateField(_("à la période"), null=True, blank=True)
    # The call for tenders, or the registration number of the employee, that it is for.
    about = models.CharField(_("au sujet de"), max_length=160, blank=True, db_default="")
    facts = models.JSONField(_("faits attestés"))
    # SHA-256 of the canonical facts: the same facts always give the same content.
    digest = models.CharField(_("empreinte"), max_length=64)
    issued_at = models.DateTimeField(_("délivrée le"), default=timezone.now)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    intent = models.UUIDField(unique=True)
    # Why a member of staff issued it for the affiliate, who reads it; empty when the affiliate asked.
    purpose = models.CharField(
        _("motif de la délivrance"), max_length=300, blank=True, db_default=""
    )
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=CertificateState.choices(),
        default=CertificateState.VALID.value,
    )
    ended_at = models.DateTimeField(_("plus valide depuis le"), null=True, blank=True)
    ended_because = models.CharField(
        _("cause"), max_length=10, choices=ReasonKind.choices(), blank=True
    )
    # What the member of staff who revoked it wrote; the employer reads it.
    end_note = models.CharField(_("explication"), max_length=300, blank=True)
    superseded_by = models.ForeignKey(
        "self",
        verbose_name=_("remplacée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="supersedes",
    )

    class Meta:
        verbose_name = _("attestation")
        verbose_name_plural = _("attestations")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state=CertificateState.VALID.value, ended_at__isnull=True, ended_because=""
                )
                | Q(
                    state__in=[CertificateState.SUPERSEDED.value, CertificateState.REVOKED.value],
                    ended_at__isnull=False,
                )
                & ~Q(ended_because=""),
                name="certificate_end_explained",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in CertificateKind]),
                name="certificate_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[kind.value for kind in CertificateKind if kind.has_range],
                    first_period__day=1,
                    last_period__day=1,
                    first_period__lte=F("last_period"),
                )
                | Q(
                    kind__in=[kind.value for kind in CertificateKind if not kind.has_range],
                    first_period__isnull=True,
                    last_period__isnull=True,
                ),
                name="certificate_range",
            ),
        ]
        indexes = [
            models.Index(
                fields=["affiliate", "kind"],
                name="certificate_valid",
                condition=Q(state=CertificateState.VALID.value),
            ),
        ]

    def __str__(self) -> str:
        return self.number
