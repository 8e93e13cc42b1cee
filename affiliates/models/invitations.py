"""Invitations to act for an affiliate."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import Role
from affiliates.models.register import Affiliate
from portal.enums import Language


class Invitation(models.Model):
    """Somebody is asked, by mail, to act for an affiliate with a role: once, and for some days."""

    # Behind the signed link in the mail; never shown.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="invitations"
    )
    email = models.EmailField(_("adresse électronique"))
    full_name = models.CharField(_("nom et prénom"), max_length=120)
    role = models.CharField(_("rôle"), max_length=10, choices=Role.choices())
    language = models.CharField(
        _("langue"), max_length=2, choices=Language.choices(), default=Language.FRENCH.value
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("invité par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    invited_at = models.DateTimeField(_("invité le"))
    expires_at = models.DateTimeField(_("valable jusqu’au"))
    accepted_at = models.DateTimeField(_("acceptée le"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("acceptée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    withdrawn_at = models.DateTimeField(_("retirée le"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "email"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open_once",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.role}"
