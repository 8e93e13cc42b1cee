"""Acts on money that one person may not do alone: proposed by one, decided by another."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from payments.enums import ActKind, ActState
from payments.models.banks import Allocation, BankLine
from payments.models.ledger import LedgerEntry
from payments.models.slips import FilingPenalty, PaymentSlip, Surcharge


class ClerkAct(models.Model):
    """One act: what, on what, why, who proposed it and who decided. The two are never the same person.

    A refund may be asked for by the employer first (`requested_by`); a clerk then proposes it.
    """

    kind = models.CharField(_("acte"), max_length=10, choices=ActKind.choices())
    state = models.CharField(
        _("état"), max_length=10, choices=ActState.choices(), default=ActState.PROPOSED.value
    )
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clerk_acts",
    )
    bank_line = models.ForeignKey(
        BankLine,
        verbose_name=_("opération bancaire"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clerk_acts",
    )
    allocation = models.ForeignKey(
        Allocation,
        verbose_name=_("affectation"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="clerk_acts",
    )
    slip = models.ForeignKey(
        PaymentSlip,
        verbose_name=_("bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    surcharge = models.ForeignKey(
        Surcharge,
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty,
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # Where the money is to go: [{"code", "affiliate", "amount"}], the code empty for an affiliate's credit.
    parts = models.JSONField(_("répartition"), default=list, blank=True)
    # The account that receives a refund.
    rib = models.CharField(_("RIB"), max_length=24, blank=True)
    reason = models.TextField(_("motif"), blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("demandé par"),
        null=True,
        blank=True,
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
    # The order given to the fund's bank, once a refund is approved.
    order_number = models.CharField(_("ordre de remboursement"), max_length=16, blank=True)
    # The debit by which the fund's bank paid a refund.
    paid_line = models.OneToOneField(
        BankLine,
        verbose_name=_("versement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refund_act",
    )
    entry = models.ForeignKey(
        LedgerEntry,
        verbose_name=_("écriture"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("acte à deux personnes")
        verbose_name_plural = _("actes à deux personnes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("proposed_by")) | Q(state=ActState.WITHDRAWN.value),
                name="clerk_act_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state=ActState.DONE.value)
                | Q(proposed_by__isnull=False, decided_by__isnull=False),
                name="clerk_act_done_by_two",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="clerk_act_amount_positive"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ActState])
                & Q(kind__in=[kind.value for kind in ActKind]),
                name="clerk_act_known",
            ),
            models.CheckConstraint(
                condition=Q(paid_line__isnull=True)
                | Q(kind=ActKind.REFUND.value, state=ActState.DONE.value),
                name="clerk_act_paid_when_done",
            ),
            models.UniqueConstraint(
                fields=["kind", "bank_line"],
                condition=Q(state=ActState.PROPOSED.value, kind=ActKind.ASSIGN.value),
                name="clerk_act_assign_once",
            ),
            models.UniqueConstraint(
                fields=["allocation"],
                condition=Q(state=ActState.PROPOSED.value),
                name="clerk_act_undo_once",
            ),
            models.UniqueConstraint(
                fields=["slip", "surcharge", "filing_penalty"],
                condition=Q(state=ActState.PROPOSED.value, kind=ActKind.WRITE_OFF.value),
                name="clerk_act_write_off_once",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["order_number"],
                condition=~Q(order_number=""),
                name="clerk_act_order_number_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="clerk_act_open",
                condition=Q(state__in=[ActState.REQUESTED.value, ActState.PROPOSED.value]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"

    @property
    def due(self) -> PaymentSlip | Surcharge | FilingPenalty | None:
        """What a write-off gives up."""
        return self.slip or self.surcharge or self.filing_penalty

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act."""
        return self.state in (ActState.REQUESTED.value, ActState.PROPOSED.value)
