"""Copies of what the portal holds on somebody, asked for by them or, for an insured person, at the agency."""

import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import CopyOf
from affiliates.models.register import Affiliate, Employee
from portal.enums import JobState
from portal.models import Job, StoredFile


class DataCopy(Job):
    """One copy, made by a worker, kept encrypted for a day. The row is the job and the record that it was asked for."""

    of = models.CharField(_("copie des données de"), max_length=7, choices=CopyOf.choices())
    # Of an account, that of whoever asks.
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    employee = models.ForeignKey(
        Employee, verbose_name=_("assuré"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    asked_at = models.DateTimeField(_("demandée le"))
    # Why a clerk asked, and against which identity document.
    reason = models.CharField(_("motif"), max_length=300, blank=True)
    ready_at = models.DateTimeField(_("prête le"), null=True)
    expires_at = models.DateTimeField(_("effacée le"), null=True)
    # Sealed (damancom.sealed_stream); gone once the copy has expired.
    stored = models.OneToOneField(
        StoredFile, verbose_name=_("fichier"), null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = _("copie de données")
        verbose_name_plural = _("copies de données")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(of=CopyOf.ACCOUNT.value, affiliate__isnull=True, employee__isnull=True)
                | Q(of=CopyOf.FIRM.value, affiliate__isnull=False, employee__isnull=True)
                | Q(of=CopyOf.INSURED.value, affiliate__isnull=True, employee__isnull=False)
                & ~Q(reason=""),
                name="data_copy_of_one",
            ),
            models.CheckConstraint(
                condition=Q(
                    state=JobState.DONE.value, ready_at__isnull=False, expires_at__isnull=False
                )
                | ~Q(state=JobState.DONE.value) & Q(ready_at__isnull=True, stored__isnull=True),
                name="data_copy_ready_when_done",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="data_copy_to_erase",
                condition=Q(stored__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="data_copy_due",
                condition=Q(state__in=[JobState.WAITING.value, JobState.RUNNING.value]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.of} {self.pk}"

    def is_open_at(self, at: datetime.datetime) -> bool:
        """Whether it can be fetched at that instant."""
        return self.expires_at is not None and self.stored_id is not None and at < self.expires_at
