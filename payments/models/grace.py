"""Remission and plans: what an employer asks, what two persons grant, what must then be kept."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from payments.enums import GraceState
from payments.models.ledger import LedgerEntry
from payments.models.slips import FilingPenalty, PaymentSlip, Surcharge

LIVE = (GraceState.REQUESTED.value, GraceState.PROPOSED.value, GraceState.GRANTED.value)


class GraceRequest(models.Model):
    """Some surcharges forgiven, the rest in instalments, or both. Amounts in dirhams.

    While it is granted, the surcharges of the covered slips stop running; if an instalment or a current slip is not
    paid, everything that was forgiven is owed again.
    """

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="graces"
    )
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=GraceState.choices(),
        default=GraceState.REQUESTED.value,
    )
    remitted = models.DecimalField(_("remise"), max_digits=17, decimal_places=2)
    # The campaign of the regulation's tables that founds it, if one was open.
    campaign = models.CharField(_("campagne"), max_length=40, blank=True)
    reason = models.TextField(_("motif de l’employeur"))
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    requested_at = models.DateTimeField(_("demandé le"), default=timezone.now)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("proposé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    proposed_at = models.DateTimeField(_("proposé le"), null=True, blank=True)
    opinion = models.TextField(_("avis de l’agent"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("décidé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("décidé le"), null=True, blank=True)
    decision = models.TextField(_("réponse"), blank=True)
    # Kept or broken: the day it was seen, and in one sentence what was missing.
    closed_on = models.DateField(_("terminé le"), null=True, blank=True)
    breach = models.JSONField(_("rupture"), default=dict, blank=True)

    class Meta:
        verbose_name = _("remise ou échelonnement")
        verbose_name_plural = _("remises et échelonnements")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("proposed_by")) | Q(state=GraceState.WITHDRAWN.value),
                name="grace_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(
                    state__in=[
                        GraceState.GRANTED.value, GraceState.KEPT.value, GraceState.BROKEN.value,
                    ]
                )
                | Q(proposed_by__isnull=False, decided_by__isnull=False),
                name="grace_granted_by_two",
            ),
            models.CheckConstraint(
                condition=Q(remitted__gte=0)
                & Q(state__in=[state.value for state in GraceState]),
                name="grace_known",
            ),
            models.UniqueConstraint(
                fields=["affiliate"], condition=Q(state__in=LIVE), name="grace_one_at_a_time"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["id"], name="grace_live", condition=Q(state__in=LIVE)),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.state}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide."""
        return self.state in (GraceState.REQUESTED.value, GraceState.PROPOSED.value)


class GraceInstalment(models.Model):
    """What is to be paid of the covered dues by a day."""

    grace = models.ForeignKey(GraceRequest, on_delete=models.PROTECT, related_name="instalments")
    rank = models.PositiveSmallIntegerField(_("rang"))
    due_on = models.DateField(_("au plus tard le"))
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)

    class Meta:
        ordering = ["grace", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["grace", "rank"], name="grace_instalment_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="grace_instalment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.grace_id}/{self.rank} {self.amount}"


class GraceDue(models.Model):
    """One due that the request covers: what remained of it, and how much of it is forgiven."""

    grace = models.ForeignKey(GraceRequest, on_delete=models.PROTECT, related_name="dues")
    slip = models.ForeignKey(
        PaymentSlip, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    surcharge = models.ForeignKey(
        Surcharge, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    amount = models.DecimalField(_("reste à la demande"), max_digits=17, decimal_places=2)
    remitted = models.DecimalField(_("remis"), max_digits=17, decimal_places=2, default=0)
    entry = models.ForeignKey(
        LedgerEntry, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["grace", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(remitted__gte=0, remitted__lte=F("amount")),
                name="grace_due_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(slip__isnull=False, surcharge__isnull=True, filing_penalty__isnull=True)
                | Q(slip__isnull=True, surcharge__isnull=False, filing_penalty__isnull=True)
                | Q(slip__isnull=True, surcharge__isnull=True, filing_penalty__isnull=False),
                name="grace_due_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grace_id} {self.amount}"

    @property
    def due(self) -> PaymentSlip | Surcharge | FilingPenalty | None:
        """What is covered."""
        return self.slip or self.surcharge or self.filing_penalty
