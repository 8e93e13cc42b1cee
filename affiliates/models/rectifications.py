"""Requests of a firm to correct what the register says of it, or of somebody it employs."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import RectificationState
from affiliates.models.register import Affiliate, Employee
from affiliates.models.requests import RequestPiece, RequestStep

OPEN_RECTIFICATIONS = (RectificationState.SENT.value, RectificationState.PIECE_ASKED.value)


class RectificationRequest(models.Model):
    """A firm says what is wrong, what is right, and joins the proof."""

    number = models.CharField(_("numéro de demande"), max_length=24, unique=True)
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="rectifications",
    )
    # Whose identity is wrong; empty for the record of the firm itself.
    employee = models.ForeignKey(
        Employee,
        verbose_name=_("assuré"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rectifications",
    )
    state = models.CharField(
        _("état"),
        max_length=11,
        choices=RectificationState.choices(),
        default=RectificationState.SENT.value,
    )
    # By name of field: what is right, as text; and, once applied, what stood there before.
    asked = models.JSONField(_("ce qui est demandé"))
    replaced = models.JSONField(_("ce qui a été remplacé"), default=dict, blank=True)
    intent = models.UUIDField(unique=True)
    sent_at = models.DateTimeField(_("envoyée le"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("créée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("décidée le"), null=True, blank=True)

    class Meta:
        verbose_name = _("demande de rectification")
        verbose_name_plural = _("demandes de rectification")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in RectificationState]),
                name="rectification_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_RECTIFICATIONS, decided_at__isnull=True)
                | ~Q(state__in=OPEN_RECTIFICATIONS) & Q(decided_at__isnull=False),
                name="rectification_decided_when_closed",
            ),
            # One at a time, of the firm and of each person: two could contradict each other.
            models.UniqueConstraint(
                fields=["affiliate", "employee"],
                condition=Q(state__in=OPEN_RECTIFICATIONS),
                nulls_distinct=False,
                name="rectification_open_once",
            ),
        ]
        indexes = [models.Index(fields=["state", "sent_at"], name="rectification_waiting")]

    def __str__(self) -> str:
        return self.number


class RectificationStep(RequestStep):
    """One act on a request for a correction."""

    request = models.ForeignKey(
        RectificationRequest, on_delete=models.PROTECT, related_name="steps"
    )

    class Meta(RequestStep.Meta):
        pass


class RectificationPiece(RequestPiece):
    """A proof joined to a request for a correction."""

    request = models.ForeignKey(
        RectificationRequest, on_delete=models.PROTECT, related_name="pieces"
    )

    class Meta(RequestPiece.Meta):
        pass
