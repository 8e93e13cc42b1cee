"""What employers declare: the prefilled month, the file received, the declaration and its lines."""

import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from declarations.enums import (
    DeclarationKind,
    DeclarationStatus,
    FileKind,
    FileVerdict,
    FilingMode,
    LineOrigin,
    LineSituation,
    OnTimeReason,
    Severity,
    StopReason,
)
from portal.models import FileJob, StoredFile
from regulation.enums import Branch


class Prefill(models.Model):
    """The month as the fund knows it before the employer speaks: the exact bytes of the préétabli."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="prefills"
    )
    period = models.DateField(_("période"))
    transfer_id = models.CharField(_("identifiant de transfert"), max_length=14)
    issued_on = models.DateField(_("émis le"))
    due_on = models.DateField(_("exigible le"))
    employee_count = models.PositiveIntegerField(_("salariés"))
    content = models.BinaryField(_("contenu"))

    class Meta:
        verbose_name = _("préétabli")
        verbose_name_plural = _("préétablis")
        ordering = ["-period"]
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "period"], name="prefill_once"),
            models.CheckConstraint(condition=Q(period__day=1), name="prefill_period_first_day"),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.period:%Y-%m}"


class ReceivedFile(FileJob):
    """A file that an employer sent for a period, and what the check of it concluded."""

    # Somebody looks at the page; each few thousand lines start it again.
    LEASE = datetime.timedelta(minutes=2)

    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="received_files",
    )
    period = models.DateField(_("période"))
    stored = models.OneToOneField(
        StoredFile,
        verbose_name=_("fichier"),
        on_delete=models.PROTECT,
        related_name="received_file",
    )
    # A month's spreadsheet takes a process of its own to read, and is checked alone.
    kind = models.CharField(
        _("format"),
        max_length=5,
        choices=FileKind.choices(),
        default=FileKind.E_BDS.value,
        db_default=FileKind.E_BDS.value,
    )
    verdict = models.CharField(
        _("verdict"), max_length=8, choices=FileVerdict.choices(), default=FileVerdict.PENDING.value
    )
    finding_count = models.PositiveIntegerField(_("anomalies"), default=0)
    checked_at = models.DateTimeField(_("contrôlé le"), null=True, blank=True)
    # Sent to correct this submitted declaration. The same bytes may correct several versions, each a row.
    corrects = models.ForeignKey(
        "Declaration",
        verbose_name=_("corrige"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        verbose_name = _("fichier reçu")
        verbose_name_plural = _("fichiers reçus")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "period", "sha256", "corrects"],
                name="received_file_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="received_file_due",
                condition=Q(state__in=["waiting", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.period:%Y-%m} #{self.pk}"


class FileFinding(models.Model):
    """One fault found in a received file; its words come from finding_texts by code."""

    received_file = models.ForeignKey(
        ReceivedFile, on_delete=models.PROTECT, related_name="findings"
    )
    rank = models.PositiveIntegerField(_("rang"))
    code = models.CharField(_("code"), max_length=8)
    severity = models.CharField(_("gravité"), max_length=8, choices=Severity.choices())
    line_number = models.PositiveIntegerField(_("ligne"), null=True)
    record = models.CharField(_("enregistrement"), max_length=3, blank=True)
    column_start = models.PositiveSmallIntegerField(_("colonne"), null=True)
    column_end = models.PositiveSmallIntegerField(_("à la colonne"), null=True)
    field = models.CharField(_("zone"), max_length=40, blank=True)
    value = models.CharField(_("valeur lue"), max_length=60, blank=True)
    expected = models.CharField(_("valeur attendue"), max_length=120, blank=True)
    facts = models.JSONField(_("faits"), default=dict)

    class Meta:
        verbose_name = _("anomalie")
        verbose_name_plural = _("anomalies")
        ordering = ["received_file", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["received_file", "rank"], name="finding_rank_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} l.{self.line_number}"


class Declaration(models.Model):
    """The wages of one month as an employer declares them."""

    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="declarations"
    )
    period = models.DateField(_("période"))
    kind = models.CharField(
        _("nature"),
        max_length=14,
        choices=DeclarationKind.choices(),
        default=DeclarationKind.MAIN.value,
    )
    supplement_number = models.PositiveSmallIntegerField(_("numéro de complémentaire"), default=0)
    mode = models.CharField(_("mode"), max_length=5, choices=FilingMode.choices())
    status = models.CharField(
        _("état"),
        max_length=10,
        choices=DeclarationStatus.choices(),
        default=DeclarationStatus.DRAFT.value,
    )
    received_file = models.OneToOneField(
        ReceivedFile, verbose_name=_("fichier"), null=True, blank=True, on_delete=models.PROTECT
    )
    created_at = models.DateTimeField(_("créée le"), default=timezone.now)
    # Raised at each change of the draft; a form that carries an older number gets a readable conflict.
    version = models.PositiveIntegerField(_("version"), default=1)
    # Of a form still being filled: how many lines prevent its submission, and, by line and column, what was
    # typed that a line cannot hold ({"17": {"days": "27"}}). Nothing typed is lost, nothing wrong is counted.
    to_complete = models.PositiveIntegerField(_("à compléter"), default=0, db_default=0)
    unread = models.JSONField(_("saisies illisibles"), default=dict, blank=True, db_default={})
    employee_count = models.PositiveIntegerField(_("salariés"), default=0)
    days_declared = models.PositiveIntegerField(_("jours déclarés"), default=0)
    wage_bill = models.DecimalField(
        _("masse salariale"), max_digits=17, decimal_places=2, default=0
    )
    capped_wage_bill = models.DecimalField(
        _("masse salariale plafonnée"), max_digits=17, decimal_places=2, default=0
    )
    submitted_at = models.DateTimeField(_("déposée le"), null=True, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("déposée par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # The Moroccan day that counts: that of the submission, or the due day when the portal stood in the way.
    filed_on = models.DateField(_("jour de dépôt retenu"), null=True, blank=True)
    kept_on_time_because = models.CharField(
        _("dans le délai parce que"),
        max_length=8,
        choices=OnTimeReason.choices(),
        blank=True,
        default="",
        db_default="",
    )
    receipt_number = models.CharField(
        _("numéro de récépissé"), max_length=24, unique=True, null=True, blank=True
    )
    # Written once, at submission: what the fund will ask for, with its working and the law it used.
    contributions_total = models.DecimalField(
        _("cotisations"), max_digits=17, decimal_places=2, null=True, blank=True
    )
    working = models.JSONField(_("détail du calcul"), null=True, blank=True)
    slip_issued_at = models.DateTimeField(_("bordereau émis le"), null=True, blank=True)
    # The submitted declaration that this one takes the place of, once it is submitted itself.
    corrects = models.ForeignKey(
        "self",
        verbose_name=_("corrige"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="corrections",
    )

    class Meta:
        verbose_name = _("déclaration")
        verbose_name_plural = _("déclarations")
        ordering = ["-period", "-id"]
        constraints = [
            # In each place of a month: one that stands, and beside it at most one draft, which corrects it.
            models.UniqueConstraint(
                fields=["affiliate", "period", "kind", "supplement_number"],
                condition=Q(status=DeclarationStatus.SUBMITTED.value),
                name="declaration_submitted_once",
            ),
            models.UniqueConstraint(
                fields=["affiliate", "period", "kind", "supplement_number"],
                condition=Q(status=DeclarationStatus.DRAFT.value),
                name="declaration_draft_once",
            ),
            models.UniqueConstraint(
                fields=["corrects"],
                condition=Q(submitted_at__isnull=False),
                name="declaration_corrected_once",
            ),
            models.CheckConstraint(condition=Q(period__day=1), name="declaration_period_first_day"),
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in DeclarationStatus]),
                name="declaration_status_known",
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind=DeclarationKind.MAIN.value, supplement_number=0)
                    | Q(kind=DeclarationKind.SUPPLEMENTARY.value, supplement_number__range=(1, 9))
                ),
                name="declaration_supplement_number",
            ),
            models.CheckConstraint(
                condition=~Q(status=DeclarationStatus.SUBMITTED.value)
                | Q(
                    submitted_at__isnull=False,
                    receipt_number__isnull=False,
                    contributions_total__isnull=False,
                ),
                name="declaration_submitted_complete",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="declaration_slip_due",
                condition=Q(status=DeclarationStatus.SUBMITTED.value, slip_issued_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.period:%Y-%m} {self.kind} {self.status}"

    @property
    def was_filed(self) -> bool:
        """Whether it was submitted one day, standing or corrected since."""
        return self.submitted_at is not None


class DeclarationLine(models.Model):
    """One person in a declaration. Amounts in dirhams."""

    declaration = models.ForeignKey(
        Declaration, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    rank = models.PositiveIntegerField(_("rang"))
    origin = models.CharField(_("origine"), max_length=9, choices=LineOrigin.choices())
    registration_number = models.CharField(_("numéro d’immatriculation"), max_length=9)
    full_name = models.CharField(_("nom et prénom"), max_length=60, blank=True)
    cin = models.CharField(_("CIN"), max_length=8, blank=True)
    children = models.PositiveSmallIntegerField(_("enfants"), default=0)
    af_payable = models.DecimalField(_("AF à payer"), max_digits=7, decimal_places=2, default=0)
    af_deducted = models.DecimalField(_("AF à déduire"), max_digits=7, decimal_places=2, default=0)
    af_net = models.DecimalField(_("AF nettes"), max_digits=7, decimal_places=2, default=0)
    af_returned = models.DecimalField(_("AF à reverser"), max_digits=7, decimal_places=2, default=0)
    days_declared = models.PositiveSmallIntegerField(_("jours déclarés"))
    gross_wage = models.DecimalField(_("salaire réel"), max_digits=13, decimal_places=2)
    capped_wage = models.DecimalField(_("salaire plafonné"), max_digits=9, decimal_places=2)
    situation = models.CharField(
        _("situation"),
        max_length=2,
        choices=LineSituation.choices(),
        blank=True,
        default=LineSituation.NORMAL.value,
    )

    class Meta:
        verbose_name = _("ligne de déclaration")
        verbose_name_plural = _("lignes de déclaration")
        ordering = ["declaration", "rank"]
        indexes = [
            # Entrants who wait for their number, whom the register looks for by card.
            models.Index(
                fields=["cin"],
                name="line_awaiting_number",
                condition=Q(registration_number="000000000"),
            ),
        ]
        constraints = [
            # Its index also serves the foreign key, which has none of its own.
            models.UniqueConstraint(fields=["declaration", "rank"], name="line_rank_once"),
            models.CheckConstraint(condition=Q(days_declared__lte=26), name="line_days_in_month"),
            models.CheckConstraint(
                condition=Q(
                    gross_wage__gte=0, capped_wage__gte=0, capped_wage__lte=models.F("gross_wage")
                ),
                name="line_wages_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.declaration_id}/{self.rank}"


class LineReattachment(models.Model):
    """A submitted line received a number after the fact: which, when, and what stood there. Never changed."""

    line = models.ForeignKey(
        DeclarationLine,
        verbose_name=_("ligne"),
        on_delete=models.PROTECT,
        related_name="reattachments",
    )
    former_number = models.CharField(_("ancienne valeur"), max_length=9)
    number = models.CharField(_("numéro d’immatriculation"), max_length=9)
    request_number = models.CharField(_("demande d’immatriculation"), max_length=24)
    at = models.DateTimeField(_("le"))

    class Meta:
        verbose_name = _("rattachement")
        verbose_name_plural = _("rattachements")
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="line_reattached_once")
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.number}"


class ContributionLine(models.Model):
    """One branch of the contributions of a submitted declaration, as computed once. Amounts in dirhams."""

    declaration = models.ForeignKey(
        Declaration, on_delete=models.PROTECT, related_name="contribution_lines"
    )
    branch = models.CharField(_("branche"), max_length=16, choices=Branch.choices())
    base = models.DecimalField(_("assiette"), max_digits=17, decimal_places=2)
    rate_employer = models.DecimalField(_("taux patronal (%)"), max_digits=6, decimal_places=3)
    rate_employee = models.DecimalField(_("taux salarial (%)"), max_digits=6, decimal_places=3)
    employer_share = models.DecimalField(_("part patronale"), max_digits=17, decimal_places=2)
    employee_share = models.DecimalField(_("part salariale"), max_digits=17, decimal_places=2)
    working = models.JSONField(_("détail du calcul"))

    class Meta:
        verbose_name = _("cotisation")
        verbose_name_plural = _("cotisations")
        constraints = [
            models.UniqueConstraint(
                fields=["declaration", "branch"], name="contribution_branch_once"
            ),
            models.CheckConstraint(
                condition=Q(employer_share__gte=0, employee_share__gte=0), name="contribution_sign"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.declaration_id} {self.branch}"


class CorrectionStop(models.Model):
    """A month that its employer may not correct alone any more, and why. Placed by the room that knows why."""

    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="correction_stops",
    )
    period = models.DateField(_("période"))
    reason = models.CharField(_("raison"), max_length=10, choices=StopReason.choices())
    # In the words of the room that placed it (a dispute number, a mission order).
    reference = models.CharField(_("référence"), max_length=40)
    placed_at = models.DateTimeField(_("depuis le"))
    lifted_at = models.DateTimeField(_("levé le"), null=True, blank=True)
    lifted_because = models.CharField(_("rouvert parce que"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("mois fermé à la correction")
        verbose_name_plural = _("mois fermés à la correction")
        ordering = ["-placed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "period", "reason", "reference"], name="correction_stop_once"
            ),
            models.CheckConstraint(
                condition=Q(period__day=1), name="correction_stop_period_first_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.period:%Y-%m} {self.reference}"


class Receipt(models.Model):
    """What the fund gave for a submitted declaration: its exact text, chained to the one before. Never changed."""

    declaration = models.OneToOneField(
        Declaration,
        verbose_name=_("déclaration"),
        on_delete=models.PROTECT,
        related_name="receipt",
    )
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="receipts",
        db_index=False,  # the constraint's index serves it
    )
    rank = models.PositiveIntegerField(_("rang"))
    previous_digest = models.CharField(_("empreinte du précédent"), max_length=64)
    digest = models.CharField(_("empreinte"), max_length=64)
    content = models.TextField(_("contenu"))

    class Meta:
        verbose_name = _("récépissé")
        verbose_name_plural = _("récépissés")
        ordering = ["affiliate", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "rank"], name="receipt_rank_once"),
            models.CheckConstraint(condition=Q(rank__gte=1), name="receipt_rank_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} #{self.rank}"


class Outage(models.Model):
    """A time during which the portal did not serve: what it kept people from doing is not their lateness."""

    starts_at = models.DateTimeField(_("depuis"))
    ends_at = models.DateTimeField(_("jusqu’à"))
    what = models.CharField(_("ce qui ne marchait pas"), max_length=200)
    recorded_at = models.DateTimeField(_("noté le"))

    class Meta:
        verbose_name = _("panne")
        verbose_name_plural = _("pannes")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="outage_in_order"
            ),
            models.UniqueConstraint(fields=["starts_at", "ends_at"], name="outage_once"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} → {self.ends_at:%Y-%m-%d %H:%M}"


class Deposit(models.Model):
    """Several files sent at once by a person who files for many; each has its own outcome."""

    # Made by the form before the first try: sent twice, it is one.
    intent = models.UUIDField()
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("déposé par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    sent_at = models.DateTimeField(_("déposé le"))

    class Meta:
        verbose_name = _("dépôt groupé")
        verbose_name_plural = _("dépôts groupés")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["sent_by", "intent"], name="deposit_once"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class DepositedFile(models.Model):
    """One file of a deposit: received for a month of a firm, or refused for a reason."""

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="entries")
    rank = models.PositiveIntegerField(_("rang"))
    name = models.CharField(_("nom d’origine"), max_length=255)
    file = models.ForeignKey(
        ReceivedFile,
        verbose_name=_("fichier reçu"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # The sentence of a refusal, before its translation, and its facts.
    refusal = models.TextField(_("refus"), blank=True)
    facts = models.JSONField(_("faits"), default=dict)

    class Meta:
        verbose_name = _("fichier d’un dépôt groupé")
        verbose_name_plural = _("fichiers d’un dépôt groupé")
        ordering = ["deposit", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["deposit", "rank"], name="deposited_file_rank_once"),
            models.CheckConstraint(
                condition=Q(file__isnull=True) ^ Q(refusal=""),
                name="deposited_file_received_or_refused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deposit_id}/{self.rank}"
