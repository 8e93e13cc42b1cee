"""Orders to debit an employer's account, what they pay, how they moved, and the runs that take them to a bank."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate, DebitAuthority
from payments.enums import DebitCause, DebitState, RunState
from payments.models.banks import BankAccount, BankLine
from payments.models.slips import FilingPenalty, PaymentSlip, Surcharge
from portal.enums import JobState
from portal.models import Job, StoredFile

MOST_ACCOUNTS = 3
"""One order may be split over this many accounts, as Urssaf allows (bank-files §15)."""

_BEFORE_THE_BANK = [
    DebitState.DRAFT.value,
    DebitState.SIGNED.value,
    DebitState.PLANNED.value,
    DebitState.SUSPENDED.value,
    DebitState.CANCELLED.value,
]


class DebitRun(Job):
    """The orders of one collection day that go to one bank in one file. Written once, kept byte for byte.

    Released by a second person; then the row is the job of the worker that writes the file.
    """

    bank_account = models.ForeignKey(
        BankAccount,
        verbose_name=_("compte crédité"),
        on_delete=models.PROTECT,
        related_name="debit_runs",
    )
    collect_on = models.DateField(_("jour du prélèvement"))
    message_id = models.CharField(_("identifiant du message"), max_length=35, unique=True)
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("préparée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    prepared_at = models.DateTimeField(_("préparée le"))
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("remise par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    released_at = models.DateTimeField(_("remise le"), null=True, blank=True)
    order_count = models.PositiveIntegerField(_("ordres"), default=0)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=2, default=0)
    stored = models.OneToOneField(
        StoredFile, verbose_name=_("fichier"), null=True, blank=True, on_delete=models.PROTECT
    )
    sent_at = models.DateTimeField(_("à disposition depuis le"), null=True, blank=True)
    taken_at = models.DateTimeField(_("prise par la banque le"), null=True, blank=True)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("prise par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("remise de prélèvements")
        verbose_name_plural = _("remises de prélèvements")
        ordering = ["-id"]
        constraints = [
            # Two persons, whatever door is used: the one who chose the orders never releases them.
            models.CheckConstraint(
                condition=Q(released_by__isnull=True) | ~Q(released_by=F("prepared_by")),
                name="debit_run_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(released_by__isnull=True, released_at__isnull=True, attempts=0)
                | Q(released_by__isnull=False, released_at__isnull=False),
                name="debit_run_released",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True)
                | Q(released_at__isnull=False, stored__isnull=False, order_count__gt=0),
                name="debit_run_written",
            ),
            models.UniqueConstraint(
                fields=["bank_account", "collect_on"],
                condition=Q(released_at__isnull=True),
                name="debit_run_prepared_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="debit_run_due",
                condition=Q(state__in=["waiting", "running"], released_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.message_id

    @property
    def stage(self) -> RunState:
        """Where the run stands, in the words of the desk."""
        if self.sent_at is not None:
            return RunState.SENT
        if self.state == JobState.DONE.value:
            return RunState.CLOSED
        if self.released_at is None:
            return RunState.PREPARED
        return RunState.PARKED if self.state == JobState.PARKED.value else RunState.RELEASED


class DebitOrder(models.Model):
    """One debit of one account, that the employer signed: so much, that day, under that authority.

    Orders of one intention (a debit split over several accounts) share `intent` and count from 1 to 3. What was
    signed never changes: a trigger refuses it.
    """

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="debit_orders"
    )
    reference = models.CharField(_("référence de l’ordre"), max_length=12, unique=True)
    intent = models.UUIDField(_("intention"))
    rank = models.PositiveSmallIntegerField(_("rang"))
    authority = models.ForeignKey(
        DebitAuthority, verbose_name=_("mandat"), on_delete=models.PROTECT, related_name="orders"
    )
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    collect_on = models.DateField(_("jour du prélèvement"))
    state = models.CharField(
        _("état"), max_length=9, choices=DebitState.choices(), default=DebitState.DRAFT.value
    )
    cause = models.CharField(_("cause"), max_length=11, choices=DebitCause.choices(), blank=True)
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("préparé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    prepared_at = models.DateTimeField(_("préparé le"))
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("signé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    signed_at = models.DateTimeField(_("signé le"), null=True, blank=True)
    run = models.ForeignKey(
        DebitRun,
        verbose_name=_("remise"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
    )
    # When the employer was told that the debit comes.
    announced_at = models.DateTimeField(_("annoncé le"), null=True, blank=True)
    # The instant of the last answer of the bank that counts (§3.4: the last by creation wins).
    answered_at = models.DateTimeField(_("répondu le"), null=True, blank=True)
    reason_code = models.CharField(_("motif"), max_length=35, blank=True)
    reason_text = models.CharField(_("texte du motif"), max_length=140, blank=True)
    bank_line = models.ForeignKey(
        BankLine,
        verbose_name=_("encaissement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="debit_orders",
    )
    returned_line = models.ForeignKey(
        BankLine,
        verbose_name=_("retour"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="returned_orders",
    )
    executed_on = models.DateField(_("encaissé le"), null=True, blank=True)
    # The one order that the portal may send again by itself, and only once (§11: dates, interbank settlement).
    retry_of = models.OneToOneField(
        "self",
        verbose_name=_("reprend"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retried_by",
    )

    class Meta:
        verbose_name = _("ordre de télépaiement")
        verbose_name_plural = _("ordres de télépaiement")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["intent", "rank"], name="debit_order_rank_once"),
            models.CheckConstraint(
                condition=Q(rank__gte=1, rank__lte=MOST_ACCOUNTS), name="debit_order_three_accounts"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="debit_order_amount_positive"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DebitState]),
                name="debit_order_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[DebitState.DRAFT.value, DebitState.CANCELLED.value])
                | Q(signed_by__isnull=False, signed_at__isnull=False),
                name="debit_order_signed",
            ),
            models.CheckConstraint(
                condition=Q(state__in=_BEFORE_THE_BANK) | Q(run__isnull=False),
                name="debit_order_in_a_run",
            ),
            # Money counts when the bank booked it: no order is executed without the line that says so.
            models.CheckConstraint(
                condition=Q(
                    state__in=[DebitState.EXECUTED.value, DebitState.RETURNED.value],
                    bank_line__isnull=False,
                )
                | (
                    ~Q(state__in=[DebitState.EXECUTED.value, DebitState.RETURNED.value])
                    & Q(bank_line__isnull=True)
                ),
                name="debit_order_booked",
            ),
        ]
        indexes = [
            models.Index(fields=["affiliate", "-id"], name="debit_order_by_affiliate"),
            models.Index(
                fields=["collect_on"],
                name="debit_order_open",
                condition=Q(state__in=["signed", "planned", "suspended", "sent", "accepted"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.amount} {self.state}"


class DebitShare(models.Model):
    """What of an order pays what. Fixed when the order is signed. Amount in dirhams."""

    order = models.ForeignKey(DebitOrder, on_delete=models.PROTECT, related_name="shares")
    slip = models.ForeignKey(
        PaymentSlip,
        verbose_name=_("bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="debit_shares",
    )
    surcharge = models.ForeignKey(
        Surcharge,
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="debit_shares",
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty,
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="debit_shares",
    )
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)

    class Meta:
        verbose_name = _("part d’un ordre")
        verbose_name_plural = _("parts d’un ordre")
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="debit_share_amount_positive"),
            models.CheckConstraint(
                condition=Q(slip__isnull=False, surcharge=None, filing_penalty=None)
                | Q(slip=None, surcharge__isnull=False, filing_penalty=None)
                | Q(slip=None, surcharge=None, filing_penalty__isnull=False),
                name="debit_share_one_due",
            ),
            models.UniqueConstraint(
                fields=["order", "slip", "surcharge", "filing_penalty"],
                name="debit_share_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.amount}"


class DebitEvent(models.Model):
    """One step in the life of an order. Only ever added to."""

    order = models.ForeignKey(DebitOrder, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(_("le"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    state = models.CharField(_("état"), max_length=9, choices=DebitState.choices())
    cause = models.CharField(_("cause"), max_length=11, choices=DebitCause.choices(), blank=True)
    # What the bank said, as it said it: status, reason, its reference.
    facts = models.JSONField(_("mentions"), default=dict)

    class Meta:
        verbose_name = _("étape d’un ordre")
        verbose_name_plural = _("étapes d’un ordre")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DebitState]),
                name="debit_event_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state}"


class Basket(models.Model):
    """Several dues under one 18-digit code, to be paid at once at any channel."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="baskets"
    )
    payment_reference = models.CharField(_("code de paiement"), max_length=18, unique=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("fait par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    made_at = models.DateTimeField(_("fait le"))
    # The codes of its dues, in the order in which a short payment pays them: oldest period, principal first.
    codes = models.JSONField(_("sommes"))

    class Meta:
        verbose_name = _("panier")
        verbose_name_plural = _("paniers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "codes"], name="basket_once"),
        ]

    def __str__(self) -> str:
        return self.payment_reference
