"""Banks, the files they send, each line of them, and where its money went."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from payments.codecs.profiles import profile_from
from payments.codecs.records import ReadingProfile
from payments.enums import BankFileVerdict, BankFormat, LineKind, LineVerdict, ProfileState
from payments.models.ledger import LedgerEntry
from payments.models.slips import FilingPenalty, PaymentSlip, Surcharge
from portal.models import FileJob, StoredFile


class Bank(models.Model):
    """A bank that collects for the fund."""

    code = models.CharField(_("code"), max_length=3, unique=True)
    name = models.CharField(_("nom"), max_length=80)

    class Meta:
        verbose_name = _("banque")
        verbose_name_plural = _("banques")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class BankMembership(models.Model):
    """A person uploads files and reads answers for a bank."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("personne"),
        on_delete=models.PROTECT,
        related_name="bank_memberships",
    )
    bank = models.ForeignKey(
        Bank, verbose_name=_("banque"), on_delete=models.PROTECT, related_name="memberships"
    )
    ended_at = models.DateTimeField(_("retiré le"), null=True, blank=True)

    class Meta:
        verbose_name = _("utilisateur d’une banque")
        verbose_name_plural = _("utilisateurs des banques")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "bank"],
                condition=Q(ended_at__isnull=True),
                name="bank_membership_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} → {self.bank_id}"


class BankAccount(models.Model):
    """An account of the fund at a bank."""

    bank = models.ForeignKey(
        Bank, verbose_name=_("banque"), on_delete=models.PROTECT, related_name="accounts"
    )
    rib = models.CharField(_("RIB"), max_length=24, unique=True)
    label = models.CharField(_("intitulé"), max_length=80)

    class Meta:
        verbose_name = _("compte du fonds")
        verbose_name_plural = _("comptes du fonds")

    def __str__(self) -> str:
        return f"{self.bank_id} {self.rib}"


class BankProfile(models.Model):
    """What was agreed with one bank about its files, in one version, approved by a second person. Never edited."""

    bank = models.ForeignKey(
        Bank, verbose_name=_("banque"), on_delete=models.PROTECT, related_name="profiles"
    )
    version = models.PositiveIntegerField(_("version"))
    # Fields: docs/formats/profiles.md.
    data = models.JSONField(_("convention"), default=dict, blank=True)
    agreement = models.CharField(_("référence de l’accord écrit"), max_length=120)
    effective_from = models.DateField(_("en vigueur le"))
    state = models.CharField(
        _("état"),
        max_length=8,
        choices=ProfileState.choices(),
        default=ProfileState.PROPOSED.value,
    )
    proposed_at = models.DateTimeField(_("proposé le"), default=timezone.now)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("proposé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("décidé le"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("décidé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("profil de banque")
        verbose_name_plural = _("profils des banques")
        ordering = ["bank", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["bank", "version"], name="bank_profile_version_once"),
            models.CheckConstraint(
                condition=Q(state=ProfileState.PROPOSED.value, decided_by__isnull=True)
                | (
                    ~Q(state=ProfileState.PROPOSED.value)
                    & Q(decided_by__isnull=False, decided_at__isnull=False)
                ),
                name="bank_profile_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="bank_profile_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_id} v{self.version}"

    @property
    def reading(self) -> ReadingProfile:
        """The same, as the codecs read it."""
        return profile_from(self.data, name=str(self.bank_id), version=self.version)


class BankFile(FileJob):
    """A file received from a bank, and the answer to it as a whole."""

    bank = models.ForeignKey(
        Bank, verbose_name=_("banque"), on_delete=models.PROTECT, related_name="files"
    )
    stored = models.OneToOneField(StoredFile, verbose_name=_("fichier"), on_delete=models.PROTECT)
    # A person, or the bank's machine under its key.
    received_by = models.ForeignKey(  # type: ignore[assignment]
        settings.AUTH_USER_MODEL,
        verbose_name=_("déposé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    received_with = models.ForeignKey(
        "payments.BankKey",
        verbose_name=_("déposé avec la clé"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    receipt_number = models.CharField(_("récépissé"), max_length=24, unique=True)
    format = models.CharField(_("format"), max_length=10, choices=BankFormat.choices(), blank=True)
    message_id = models.CharField(_("identifiant du message"), max_length=70, blank=True)
    verdict = models.CharField(
        _("verdict"),
        max_length=12,
        choices=BankFileVerdict.choices(),
        default=BankFileVerdict.PENDING.value,
    )
    # The version of the bank's profile that read it; none: the standard.
    profile = models.ForeignKey(
        BankProfile,
        verbose_name=_("profil"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="files",
    )
    # A message may come in several files, one a page; nothing of it counts before the last one is here.
    page = models.PositiveIntegerField(_("page"), default=1)
    is_last_page = models.BooleanField(_("dernière page"), default=True)
    # File-level faults: code and facts, worded when shown.
    faults = models.JSONField(_("refus"), default=list)
    total_credits = models.DecimalField(
        _("total des crédits"), max_digits=17, decimal_places=2, default=0
    )
    total_debits = models.DecimalField(
        _("total des débits"), max_digits=17, decimal_places=2, default=0
    )
    # What each statement of the message announced: identifier, account, sequence, balances.
    statements = models.JSONField(_("relevés"), default=list)
    finished_at = models.DateTimeField(_("traité le"), null=True, blank=True)

    class Meta:
        verbose_name = _("fichier de banque")
        verbose_name_plural = _("fichiers de banque")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(received_by__isnull=False) | Q(received_with__isnull=False),
                name="bank_file_has_a_sender",
            ),
            models.UniqueConstraint(fields=["bank", "sha256"], name="bank_file_bytes_once"),
            models.UniqueConstraint(
                fields=["bank", "format", "message_id", "page"],
                condition=Q(
                    verdict__in=[
                        BankFileVerdict.ACCEPTED.value,
                        BankFileVerdict.INFORMATION.value,
                        BankFileVerdict.INCOMPLETE.value,
                    ]
                ),
                name="bank_file_message_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="bank_file_due", condition=Q(state__in=["waiting", "running"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_id} {self.receipt_number}"


class BankLine(models.Model):
    """One operation that a bank reports, as read, and the answer to it. Amount in dirhams."""

    bank_file = models.ForeignKey(
        BankFile,
        verbose_name=_("fichier"),
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,
    )
    rank = models.PositiveIntegerField(_("rang"))
    # The unique identity starts with it, and serves as its index.
    account = models.ForeignKey(
        BankAccount,
        verbose_name=_("compte"),
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    kind = models.CharField(_("nature"), max_length=6, choices=LineKind.choices())
    is_reversal = models.BooleanField(_("annulation"), default=False)
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    booking_day = models.DateField(_("date comptable"))
    value_day = models.DateField(_("date de valeur"), null=True, blank=True)
    operation_day = models.DateField(_("date d’opération"), null=True, blank=True)
    bank_status = models.CharField(_("statut annoncé"), max_length=35, blank=True)
    bank_ref = models.CharField(_("référence de la banque"), max_length=80, blank=True)
    end_to_end = models.CharField(_("référence de bout en bout"), max_length=35, blank=True)
    batch = models.CharField(_("remise"), max_length=35, blank=True)
    creditor_ref = models.CharField(_("référence structurée"), max_length=140, blank=True)
    free_text = models.TextField(_("libellé"), blank=True)
    payer_name = models.CharField(_("payeur"), max_length=140, blank=True)
    payer_rib = models.CharField(_("RIB du payeur"), max_length=34, blank=True)
    reason_code = models.CharField(_("motif"), max_length=35, blank=True)
    reason_text = models.CharField(_("texte du motif"), max_length=140, blank=True)
    original_bank_ref = models.CharField(_("référence d’origine"), max_length=80, blank=True)
    entry_ref = models.CharField(_("référence de l’écriture"), max_length=35, blank=True)
    entry_count = models.PositiveIntegerField(_("opérations de l’écriture"), default=1)
    # The day that counts for surcharges if this line pays something.
    paid_on = models.DateField(_("payé le"), null=True, blank=True)
    # What only a clerk or the matching reads: instruction, mandate, nature, channel, notes of the codec, place.
    details = models.JSONField(_("autres mentions"), default=dict)
    # What makes this operation itself and no other, and which of the four rules made it; empty on a repeat.
    identity_rule = models.CharField(max_length=1)
    identity_key = models.CharField(max_length=64, null=True)  # noqa: DJ001
    repeats = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="repeated_by",
        db_index=False,
    )
    confirmed_by_statement = models.BooleanField(_("confirmé par relevé"), default=False)
    rule = models.CharField(_("règle d’affectation"), max_length=4, blank=True)
    # What the matching saw: candidates with their reasons, for the clerk who decides.
    proposals = models.JSONField(default=list)
    verdict = models.CharField(
        _("verdict"), max_length=3, choices=LineVerdict.choices(), blank=True
    )
    verdict_code = models.CharField(_("code"), max_length=6, blank=True)
    verdict_facts = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("opération bancaire")
        verbose_name_plural = _("opérations bancaires")
        ordering = ["bank_file", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["bank_file", "rank"], name="bank_line_rank_once"),
            models.UniqueConstraint(
                fields=["account", "identity_key"], name="bank_line_identity_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="bank_line_amount_positive"),
        ]
        indexes = [
            models.Index(
                fields=["booking_day"], name="bank_line_waiting", condition=Q(verdict="ATT")
            ),
            models.Index(
                fields=["bank_file", "rank"], name="bank_line_due", condition=Q(verdict="")
            ),
            models.Index(
                fields=["account", "bank_ref"], name="bank_line_by_ref", condition=~Q(bank_ref="")
            ),
            models.Index(
                fields=["account", "end_to_end"],
                name="bank_line_by_end_to_end",
                condition=~Q(end_to_end=""),
            ),
            models.Index(
                fields=["account", "entry_ref"],
                name="bank_line_by_entry",
                condition=~Q(entry_ref=""),
            ),
            models.Index(
                fields=["payer_rib"], name="bank_line_by_payer", condition=~Q(payer_rib="")
            ),
            models.Index(
                fields=["repeats"], name="bank_line_repeats", condition=Q(repeats__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_file_id}/{self.rank} {self.amount}"


class Allocation(models.Model):
    """A part of a bank line attached to what it pays, or to the affiliate's credit. Only ever added to.

    Undoing one adds another with ``undoes``, whose entry opposes the first.
    """

    bank_line = models.ForeignKey(
        BankLine, verbose_name=_("opération"), on_delete=models.PROTECT, related_name="allocations"
    )
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="allocations"
    )
    slip = models.ForeignKey(
        PaymentSlip,
        verbose_name=_("bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="allocations",
        db_index=False,
    )
    surcharge = models.ForeignKey(
        Surcharge,
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="allocations",
        db_index=False,
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty,
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="allocations",
        db_index=False,
    )
    # The debit order whose collection this is, if it is one.
    debit_order = models.ForeignKey(
        "payments.DebitOrder",
        verbose_name=_("ordre"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="allocations",
        db_index=False,
    )
    amount = models.DecimalField(_("montant"), max_digits=17, decimal_places=2)
    rule = models.CharField(_("règle"), max_length=4)
    paid_on = models.DateField(_("payé le"))
    entry = models.ForeignKey(
        LedgerEntry, verbose_name=_("écriture"), on_delete=models.PROTECT, related_name="+"
    )
    allocated_at = models.DateTimeField(_("affecté le"), default=timezone.now)
    allocated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("par"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    undoes = models.OneToOneField(
        "self",
        verbose_name=_("annule"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="undone_by",
    )

    class Meta:
        verbose_name = _("affectation")
        verbose_name_plural = _("affectations")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_amount_positive"),
        ]
        # Each is of one kind of due: it stays out of the indexes of the others.
        indexes = [
            models.Index(fields=["slip"], name="allocation_slip", condition=Q(slip__isnull=False)),
            models.Index(
                fields=["surcharge"],
                name="allocation_surcharge",
                condition=Q(surcharge__isnull=False),
            ),
            models.Index(
                fields=["filing_penalty"],
                name="allocation_penalty",
                condition=Q(filing_penalty__isnull=False),
            ),
            models.Index(
                fields=["debit_order"],
                name="allocation_order",
                condition=Q(debit_order__isnull=False),
            ),
            models.Index(
                fields=["allocated_by"],
                name="allocation_by",
                condition=Q(allocated_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_line_id} → {self.slip_id or self.affiliate_id} {self.amount}"
