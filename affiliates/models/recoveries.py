"""Somebody who lost every means of signing in, and the two members of an agency who saw to it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import CardKind, RecoveryState
from affiliates.models.register import Agency


class AccountRecovery(models.Model):
    """One account opened again: asked at the counter, approved by a second person, used by the link of a letter.

    The paper that was seen is named by its kind; neither its number nor a copy is kept.
    """

    # Behind the signed links of the letters; never shown.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("compte"),
        on_delete=models.PROTECT,
        related_name="recoveries",
    )
    agency = models.ForeignKey(
        Agency, verbose_name=_("agence"), on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(
        _("état"),
        max_length=8,
        choices=RecoveryState.choices(),
        default=RecoveryState.WAITING.value,
    )
    document = models.CharField(_("pièce vue"), max_length=9, choices=CardKind.choices())
    lost = models.CharField(_("ce qui est perdu"), max_length=200)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("ouverte par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    opened_at = models.DateTimeField(_("ouverte le"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("décidée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("décidée le"), null=True, blank=True)
    words = models.CharField(_("motif du refus"), max_length=200, blank=True)
    # The link of the letter opens until then.
    opens_until = models.DateTimeField(_("lien valable jusqu’au"), null=True, blank=True)
    closed_at = models.DateTimeField(_("close le"), null=True, blank=True)

    class Meta:
        verbose_name = _("récupération de compte")
        verbose_name_plural = _("récupérations de compte")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state__in=["waiting", "approved"]),
                name="recovery_open_once",
            ),
            # Nobody takes over an account alone, nor one's own.
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("opened_by")),
                name="recovery_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(user=F("opened_by"))
                & (Q(decided_by__isnull=True) | ~Q(decided_by=F("user"))),
                name="recovery_of_another",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in RecoveryState]),
                name="recovery_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "used"])
                | Q(decided_by__isnull=False, decided_at__isnull=False, opens_until__isnull=False),
                name="recovery_approved_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.state}"
