"""Certificates: facts frozen at issue, checked against our record and not against their looks."""

import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from certificates.enums import (
    AlarmKind,
    CertificateKind,
    CertificateState,
    ReasonKind,
    SharedPart,
    ShareState,
)
from declarations.models import Receipt
from portal.enums import JobState
from portal.models import Job


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


class ShareLink(models.Model):
    """A link that opens one certificate without an account, until a day or until it is withdrawn."""

    certificate = models.ForeignKey(
        Certificate, verbose_name=_("attestation"), on_delete=models.PROTECT, related_name="links"
    )
    # The secret of the link is worked out from this key and the secret of the installation; here, its digest alone.
    intent = models.UUIDField(unique=True)
    token_digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(_("pour qui"), max_length=120)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("créé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    made_at = models.DateTimeField(_("créé le"))
    expires_at = models.DateTimeField(_("valable jusqu’au"))
    withdrawn_at = models.DateTimeField(_("retiré le"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("retiré par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("lien de partage")
        verbose_name_plural = _("liens de partage")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")), name="share_expires_after_it_is_made"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="share_withdrawn_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.label}"

    def state_at(self, at: datetime.datetime) -> ShareState:
        """Whether it opens at that instant; what was withdrawn stays withdrawn after its day."""
        if self.withdrawn_at is not None:
            return ShareState.WITHDRAWN
        return ShareState.EXPIRED if at >= self.expires_at else ShareState.OPEN


class ShareOpening(models.Model):
    """One use of a link: when, and what was read. Nothing about who: the link is all that they showed."""

    link = models.ForeignKey(
        ShareLink, verbose_name=_("lien"), on_delete=models.PROTECT, related_name="openings"
    )
    at = models.DateTimeField(_("le"))
    part = models.CharField(_("ce qui a été lu"), max_length=5, choices=SharedPart.choices())

    class Meta:
        verbose_name = _("ouverture d’un lien")
        verbose_name_plural = _("ouvertures des liens")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.link_id} {self.part}"


class Printing(Job):
    """The drawing of a long list by a worker. Its parts are kept in a safe, for an hour after the last one."""

    # Longer than the longest wait for one part; each part starts it again.
    LEASE = datetime.timedelta(minutes=2)

    certificate = models.OneToOneField(
        Certificate,
        verbose_name=_("attestation"),
        on_delete=models.PROTECT,
        related_name="printing",
    )
    asked_at = models.DateTimeField(_("demandé le"))
    people_done = models.PositiveIntegerField(_("salariés imprimés"), default=0)
    people_total = models.PositiveIntegerField(_("salariés"))
    ready_at = models.DateTimeField(_("prêt le"), null=True, blank=True)

    class Meta:
        verbose_name = _("préparation d’un long PDF")
        verbose_name_plural = _("préparations de longs PDF")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=JobState.DONE.value, ready_at__isnull=False)
                | ~Q(state=JobState.DONE.value) & Q(ready_at__isnull=True),
                name="printing_ready_when_done",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.state}"


class PrintedPart(models.Model):
    """Some pages, encrypted (certificates.safe); once all are drawn, the whole takes their place."""

    WHOLE = -1

    printing = models.ForeignKey(
        Printing, verbose_name=_("préparation"), on_delete=models.CASCADE, related_name="parts"
    )
    rank = models.SmallIntegerField(_("rang"))
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("partie d’un long PDF")
        verbose_name_plural = _("parties de longs PDF")
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["printing", "rank"], name="printed_part_once"),
        ]

    def __str__(self) -> str:
        return f"{self.printing_id} {self.rank}"


class ReceiptArchive(Job):
    """The receipts of one month of many firms, drawn by a worker for one person and kept for a day."""

    # Longer than the longest wait for one receipt; each starts it again.
    LEASE = datetime.timedelta(minutes=2)

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    period = models.DateField(_("période"))
    asked_at = models.DateTimeField(_("demandée le"))
    ready_at = models.DateTimeField(_("prête le"), null=True)
    expires_at = models.DateTimeField(_("effacée le"), null=True)

    class Meta:
        verbose_name = _("archive de récépissés")
        verbose_name_plural = _("archives de récépissés")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state=JobState.DONE.value, ready_at__isnull=False, expires_at__isnull=False
                )
                | ~Q(state=JobState.DONE.value) & Q(ready_at__isnull=True, expires_at__isnull=True),
                name="receipt_archive_ready_when_done",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="receipt_archive_due",
                condition=Q(state__in=[JobState.WAITING.value, JobState.RUNNING.value]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked_by_id} {self.period:%Y-%m}"

    def is_open_at(self, at: datetime.datetime) -> bool:
        """Whether it can be fetched at that instant."""
        return self.expires_at is not None and at < self.expires_at


class ArchivedReceipt(models.Model):
    """One receipt of an archive: its PDF, encrypted (certificates.safe), once drawn and until it is erased.

    It has none where the right of who asked ended before it was drawn.
    """

    archive = models.ForeignKey(
        ReceiptArchive, verbose_name=_("archive"), on_delete=models.CASCADE, related_name="entries"
    )
    receipt = models.ForeignKey(
        Receipt, verbose_name=_("récépissé"), on_delete=models.PROTECT, related_name="+"
    )
    sealed = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("récépissé d’une archive")
        verbose_name_plural = _("récépissés des archives")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["archive", "receipt"], name="archived_receipt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.archive_id} {self.receipt_id}"


class UsageAlarm(models.Model):
    """An hour of one person out of the ordinary: bulk reading or issuing. Closed by a supervisor, never by them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("personne"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    kind = models.CharField(_("constat"), max_length=8, choices=AlarmKind.choices())
    day = models.DateField(_("jour"))
    count = models.PositiveIntegerField(_("nombre en une heure"))
    raised_at = models.DateTimeField(_("signalée le"))
    closed_at = models.DateTimeField(_("examinée le"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("examinée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    note = models.CharField(_("ce qui a été constaté"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("alerte d’usage")
        verbose_name_plural = _("alertes d’usage")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "day"], name="usage_alarm_once_a_day"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, note="")
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(note=""),
                name="usage_alarm_closed_with_a_note",
            ),
            models.CheckConstraint(
                condition=Q(closed_by__isnull=True) | ~Q(closed_by=F("user")),
                name="usage_alarm_closed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.day}"
