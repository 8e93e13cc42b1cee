"""The ledger: accounts, balanced entries, and their lines. Rows are added, never changed."""

import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from payments.enums import AccountKind, EntryKind


class LedgerAccount(models.Model):
    """One account: of an affiliate, of a bank account of the fund, or of the fund as a whole."""

    kind = models.CharField(_("nature"), max_length=14, choices=AccountKind.choices())
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )
    bank_account = models.ForeignKey(
        "payments.BankAccount",
        verbose_name=_("compte en banque"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
    )

    class Meta:
        verbose_name = _("compte")
        verbose_name_plural = _("comptes")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "affiliate", "bank_account"],
                name="ledger_account_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.affiliate_id or self.bank_account_id or ''}"


class LedgerEntry(models.Model):
    """One business event; its lines sum to zero, which the database checks at commit."""

    kind = models.CharField(_("événement"), max_length=18, choices=EntryKind.choices())
    booked_on = models.DateField(_("date"))
    # The day that counts for surcharges when it is not the accounting day: money that follows keeps its day.
    value_on = models.DateField(_("date de valeur"), null=True, blank=True)
    posted_at = models.DateTimeField(_("passée le"), default=timezone.now)
    posted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    # The one thing this entry follows from (« slip:12 », « bank_line:7 »…): posting it twice is impossible.
    cause = models.CharField(_("cause"), max_length=60)
    reversal_of = models.OneToOneField(
        "self",
        verbose_name=_("contre-passe"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
    )

    class Meta:
        verbose_name = _("écriture")
        verbose_name_plural = _("écritures")
        ordering = ["-id"]
        # A constraint, not `unique=True`: that would bring a second index, for searches that nobody makes.
        constraints = [models.UniqueConstraint(fields=["cause"], name="ledger_entry_cause_once")]
        indexes = [
            models.Index(
                fields=["posted_by"], name="ledger_entry_by", condition=Q(posted_by__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.kind} {self.cause}"

    @property
    def counts_on(self) -> datetime.date:
        """The day that counts for surcharges."""
        return self.value_on or self.booked_on


class LedgerLine(models.Model):
    """One side of an entry. Amounts in dirhams, both positive, exactly one of them above zero."""

    entry = models.ForeignKey(
        LedgerEntry, verbose_name=_("écriture"), on_delete=models.PROTECT, related_name="lines"
    )
    account = models.ForeignKey(
        LedgerAccount, verbose_name=_("compte"), on_delete=models.PROTECT, related_name="lines"
    )
    debit = models.DecimalField(_("débit"), max_digits=17, decimal_places=2, default=0)
    credit = models.DecimalField(_("crédit"), max_digits=17, decimal_places=2, default=0)
    period = models.DateField(_("période"), null=True, blank=True)
    slip = models.ForeignKey(
        "payments.PaymentSlip",
        verbose_name=_("bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_lines",
        db_index=False,
    )
    surcharge = models.ForeignKey(
        "payments.Surcharge",
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_lines",
        db_index=False,
    )
    filing_penalty = models.ForeignKey(
        "payments.FilingPenalty",
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_lines",
        db_index=False,
    )
    bank_line = models.ForeignKey(
        "payments.BankLine",
        verbose_name=_("opération bancaire"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_lines",
    )

    class Meta:
        verbose_name = _("ligne d’écriture")
        verbose_name_plural = _("lignes d’écriture")
        constraints = [
            models.CheckConstraint(
                condition=Q(debit__gt=0, credit=0) | Q(debit=0, credit__gt=0),
                name="ledger_line_one_side",
            ),
        ]
        # Most lines are of no slip, surcharge or penalty: they stay out of these indexes.
        indexes = [
            models.Index(fields=["slip"], name="ledger_line_slip", condition=Q(slip__isnull=False)),
            models.Index(
                fields=["surcharge"],
                name="ledger_line_surcharge",
                condition=Q(surcharge__isnull=False),
            ),
            models.Index(
                fields=["filing_penalty"],
                name="ledger_line_penalty",
                condition=Q(filing_penalty__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.account_id} {self.debit}/{self.credit}"
