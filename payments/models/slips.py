"""What affiliates owe: slips and their lines, surcharges, filing penalties, and what is held back from them."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from declarations.models import Declaration
from payments.enums import SlipState
from regulation.enums import Branch


class PaymentSlip(models.Model):
    """The payment slip (BPC) of one submitted declaration. Amounts in dirhams."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="slips"
    )
    declaration = models.OneToOneField(
        Declaration, verbose_name=_("déclaration"), on_delete=models.PROTECT, related_name="slip"
    )
    period = models.DateField(_("période"))
    payment_reference = models.CharField(_("référence structurée"), max_length=18, unique=True)
    issued_on = models.DateField(_("émis le"))
    due_on = models.DateField(_("exigible le"))
    total = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    # What remains due, kept in step with the ledger under the row lock; check_ledger proves that they agree.
    outstanding = models.DecimalField(_("reste à payer"), max_digits=17, decimal_places=2)
    state = models.CharField(
        _("état"), max_length=12, choices=SlipState.choices(), default=SlipState.ISSUED.value
    )
    settled_on = models.DateField(_("soldé le"), null=True, blank=True)
    replaced_by = models.ForeignKey(
        "self",
        verbose_name=_("remplacé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replaces",
    )
    # After the due day a correction calls only what it adds, beside the slip that stands.
    complements = models.ForeignKey(
        "self",
        verbose_name=_("complète"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="complemented_by",
    )

    class Meta:
        verbose_name = _("bordereau de paiement")
        verbose_name_plural = _("bordereaux de paiement")
        ordering = ["-period", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=0, outstanding__gte=0, outstanding__lte=F("total")),
                name="slip_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in SlipState]), name="slip_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["affiliate", "period"], name="slip_by_period"),
            models.Index(
                fields=["due_on"], name="slip_open_by_due_day", condition=Q(outstanding__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_reference} {self.total}"


class SlipLine(models.Model):
    """One branch on a slip, with the working of its amount. Amounts in dirhams."""

    slip = models.ForeignKey(PaymentSlip, on_delete=models.PROTECT, related_name="lines")
    rank = models.PositiveSmallIntegerField(_("rang"))
    branch = models.CharField(_("branche"), max_length=16, choices=Branch.choices())
    base = models.DecimalField(_("assiette"), max_digits=17, decimal_places=2)
    employer_share = models.DecimalField(_("part patronale"), max_digits=17, decimal_places=2)
    employee_share = models.DecimalField(_("part salariale"), max_digits=17, decimal_places=2)
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    working = models.JSONField(_("détail du calcul"))

    class Meta:
        verbose_name = _("ligne de bordereau")
        verbose_name_plural = _("lignes de bordereau")
        ordering = ["slip", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["slip", "rank"], name="slip_line_rank_once"),
            models.CheckConstraint(
                condition=Q(amount=F("employer_share") + F("employee_share"), employer_share__gte=0)
                & Q(employee_share__gte=0),
                name="slip_line_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slip_id}/{self.rank} {self.branch}"


class Surcharge(models.Model):
    """The surcharge of a started month of delay on a slip, computed on what then remained and was not held."""

    slip = models.ForeignKey(
        PaymentSlip,
        verbose_name=_("bordereau"),
        on_delete=models.PROTECT,
        related_name="surcharges",
    )
    month_number = models.PositiveSmallIntegerField(_("mois de retard"))
    assessed_on = models.DateField(_("appelée le"))
    payment_reference = models.CharField(_("code de paiement"), max_length=18, unique=True)
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    # What fell away since, when a correction lowered the slip: the working is that of what remains called.
    taken_back = models.DecimalField(
        _("contre-passé"), max_digits=17, decimal_places=2, default=0, db_default=0
    )
    outstanding = models.DecimalField(_("reste à payer"), max_digits=17, decimal_places=2)
    working = models.JSONField(_("détail du calcul"))

    class Meta:
        verbose_name = _("majoration de retard")
        verbose_name_plural = _("majorations de retard")
        ordering = ["slip", "month_number"]
        constraints = [
            models.UniqueConstraint(fields=["slip", "month_number"], name="surcharge_month_once"),
            models.CheckConstraint(
                condition=Q(
                    amount__gt=0,
                    outstanding__gte=0,
                    taken_back__gte=0,
                    outstanding__lte=F("amount") - F("taken_back"),
                ),
                name="surcharge_amounts_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slip_id} +{self.month_number} {self.amount}"

    @property
    def standing(self) -> Decimal:
        """What remains called, in dirhams, paid or not."""
        return self.amount - self.taken_back


class FilingPenalty(models.Model):
    """The penalty (astreinte) for a declaration not filed as the law asks."""

    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="filing_penalties",
    )
    period = models.DateField(_("période"))
    assessed_on = models.DateField(_("appelée le"))
    payment_reference = models.CharField(_("code de paiement"), max_length=18, unique=True)
    amount = models.DecimalField(_("montant"), max_digits=9, decimal_places=2)
    outstanding = models.DecimalField(_("reste à payer"), max_digits=9, decimal_places=2)
    # While the declaration is missing, each further month adds to the amount.
    filed = models.BooleanField(_("déclaration déposée"), default=False)
    working = models.JSONField(_("détail du calcul"))

    class Meta:
        verbose_name = _("astreinte")
        verbose_name_plural = _("astreintes")
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "period"], name="filing_penalty_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, outstanding__gte=0, outstanding__lte=F("amount")),
                name="filing_penalty_amounts_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.period:%Y-%m} {self.amount}"


class Hold(models.Model):
    """A part of a due on which nothing may be claimed for now: no surcharge, no debit. The rest stays due.

    It restrains exactly one due: a slip (by one of its lines when it names one), a surcharge or a filing penalty.
    """

    slip = models.ForeignKey(
        PaymentSlip,
        verbose_name=_("bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holds",
    )
    surcharge = models.ForeignKey(
        Surcharge,
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holds",
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty,
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holds",
    )
    slip_line = models.ForeignKey(
        SlipLine,
        verbose_name=_("ligne"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holds",
    )
    amount = models.DecimalField(_("montant suspendu"), max_digits=17, decimal_places=2)
    # Who asked for it, in the words of the room that did (a dispute number…); payments does not interpret it.
    reference = models.CharField(_("motif"), max_length=40)
    placed_at = models.DateTimeField(_("depuis le"), default=timezone.now)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("par"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    released_at = models.DateTimeField(_("levé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            models.CheckConstraint(
                condition=Q(slip__isnull=False, surcharge__isnull=True, filing_penalty__isnull=True)
                | Q(slip__isnull=True, slip_line__isnull=True)
                & (
                    Q(surcharge__isnull=False, filing_penalty__isnull=True)
                    | Q(surcharge__isnull=True, filing_penalty__isnull=False)
                ),
                name="hold_of_one_due",
            ),
            models.UniqueConstraint(
                fields=["slip", "slip_line", "surcharge", "filing_penalty", "reference"],
                name="hold_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        due = self.slip_id or self.surcharge_id or self.filing_penalty_id
        return f"{due} {self.amount} {self.reference}"

    @property
    def due(self) -> "PaymentSlip | Surcharge | FilingPenalty":
        """The due that it restrains."""
        row = self.slip or self.surcharge or self.filing_penalty
        if row is None:
            raise Hold.DoesNotExist("a hold restrains one due")
        return row


class SurchargeExemption(models.Model):
    """A decision that months of delay starting by a day bear no surcharge: of one affiliate, or of all."""

    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        help_text=_("vide : tous les affiliés"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="surcharge_exemptions",
    )
    first_period = models.DateField(_("premier mois déclaré"))
    last_period = models.DateField(_("dernier mois déclaré"))
    # Empty: from the first month of delay.
    since = models.DateField(_("mois de retard commencés à partir du"), null=True, blank=True)
    until = models.DateField(_("mois de retard commencés jusqu’au"))
    # A plan that was broken no longer spares anything.
    withdrawn_on = models.DateField(_("retirée le"), null=True, blank=True)
    reference = models.CharField(_("décision"), max_length=80)
    decided_on = models.DateField(_("décidée le"))

    class Meta:
        verbose_name = _("exonération de majorations")
        verbose_name_plural = _("exonérations de majorations")
        ordering = ["-decided_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_period__gte=F("first_period"), until__gt=F("last_period"))
                & Q(first_period__day=1, last_period__day=1),
                name="exemption_days_in_order",
            ),
            models.CheckConstraint(condition=~Q(reference=""), name="exemption_has_a_decision"),
            models.UniqueConstraint(
                fields=["affiliate", "first_period", "last_period", "reference"],
                name="exemption_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.first_period:%Y-%m} → {self.last_period:%Y-%m}"
