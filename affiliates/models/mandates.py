"""Requests of accountants' offices for a mandate."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import MandateRequestState
from affiliates.models.register import Affiliate, Mandate, Representative


class MandateRequest(models.Model):
    """An office asks a firm for a mandate; the firm accepts or refuses.

    The number is kept as typed, with or without a firm behind it: an office never learns from the portal which
    numbers exist.
    """

    affiliation_number = models.CharField(_("numéro d’affiliation"), max_length=7)
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        null=True,
        on_delete=models.PROTECT,
        related_name="mandate_requests",
    )
    representative = models.ForeignKey(
        Representative,
        verbose_name=_("mandataire"),
        on_delete=models.PROTECT,
        related_name="requests",
    )
    # Values of affiliates.enums.Scope.
    scopes = models.JSONField(_("étendue"), default=list)
    starts_on = models.DateField(_("à partir du"))
    ends_on = models.DateField(_("jusqu’au"), null=True, blank=True)
    state = models.CharField(
        _("état"),
        max_length=9,
        choices=MandateRequestState.choices(),
        default=MandateRequestState.OPEN.value,
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    asked_at = models.DateTimeField(_("demandé le"))
    decided_at = models.DateTimeField(_("décidé le"), null=True, blank=True)
    mandate = models.OneToOneField(
        Mandate,
        verbose_name=_("mandat"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="request",
    )

    class Meta:
        verbose_name = _("demande de mandat")
        verbose_name_plural = _("demandes de mandat")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MandateRequestState]),
                name="mandate_request_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state=MandateRequestState.ACCEPTED.value, mandate__isnull=False)
                | (~Q(state=MandateRequestState.ACCEPTED.value) & Q(mandate__isnull=True)),
                name="mandate_request_accepted_gives_one",
            ),
            models.UniqueConstraint(
                fields=["representative", "affiliation_number"],
                condition=Q(state=MandateRequestState.OPEN.value),
                name="mandate_request_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.representative_id} → {self.affiliation_number} {self.state}"
