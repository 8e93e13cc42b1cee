"""What affiliates contest: the dispute, its items, what was said, and what was decided."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from disputes.enums import (
    Action,
    ClockName,
    DisputeState,
    Ground,
    MessageSide,
    Outcome,
    SubjectKind,
)
from payments.models import Allocation, FilingPenalty, Hold, LedgerLine, SlipLine, Surcharge
from portal.enums import Language
from portal.models import StoredFile
from regulation.enums import Branch
from regulation.money import ZERO
from regulation.text import Sentence


def _named(kind: str, column: str = "") -> Q:
    """Items of a kind name exactly their own row, and no other."""
    columns = ("slip_line", "surcharge", "filing_penalty", "payment", "movement")
    found = Q(kind=kind)
    for each in columns:
        found &= Q(**{f"{each}__isnull": each != column})
    return found & Q(key="") if column else found


class Dispute(models.Model):
    """An affiliate says that something asked of it is wrong."""

    number = models.CharField(_("numéro"), max_length=16, unique=True)
    affiliate = models.ForeignKey(
        Affiliate, verbose_name=_("affilié"), on_delete=models.PROTECT, related_name="disputes"
    )
    ground = models.CharField(_("motif"), max_length=16, choices=Ground.choices())
    state = models.CharField(
        _("état"), max_length=10, choices=DisputeState.choices(), default=DisputeState.OPEN.value
    )
    opened_at = models.DateTimeField(_("déposée le"), default=timezone.now)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("déposée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    # Made by the form before the first try: a second click finds the first dispute instead of making another.
    intent = models.UUIDField(unique=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("confiée à"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assigned_disputes",
    )
    first_answer_due_on = models.DateField(_("première réponse attendue le"))
    decision_due_on = models.DateField(_("décision attendue le"))
    first_answered_at = models.DateTimeField(_("première réponse le"), null=True, blank=True)
    closed_at = models.DateTimeField(_("close le"), null=True, blank=True)
    # Second instance: the dispute whose decision this one asks others to look at again.
    appeal_of = models.OneToOneField(
        "self",
        verbose_name=_("appel de"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="appeal",
    )

    class Meta:
        verbose_name = _("réclamation")
        verbose_name_plural = _("réclamations")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DisputeState]),
                name="dispute_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["decision_due_on"],
                name="dispute_running",
                condition=Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class DisputedItem(models.Model):
    """One thing contested, and the part of it when it is an amount. Amounts in dirhams.

    A line of a slip, a surcharge and a filing penalty ask for money; a payment, a movement, a refusal and a finding
    are contested as a whole, without an amount.
    """

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(
        _("objet"),
        max_length=9,
        choices=SubjectKind.choices(),
        default=SubjectKind.LINE.value,
        db_default=SubjectKind.LINE.value,
    )
    slip_line = models.ForeignKey(
        SlipLine,
        verbose_name=_("ligne de bordereau"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    surcharge = models.ForeignKey(
        Surcharge,
        verbose_name=_("majoration"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    filing_penalty = models.ForeignKey(
        FilingPenalty,
        verbose_name=_("astreinte"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    payment = models.ForeignKey(
        Allocation,
        verbose_name=_("paiement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    movement = models.ForeignKey(
        LedgerLine,
        verbose_name=_("mouvement"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    # What was refused or found: « grace.12 », « standing », the key of a finding. Its words are kept in ``said``.
    key = models.CharField(_("ce qui est contesté"), max_length=40, blank=True, default="")
    said = models.JSONField(_("en mots"), default=dict, blank=True)
    period = models.DateField(_("mois"), null=True, blank=True)
    amount = models.DecimalField(
        _("montant contesté"), max_digits=17, decimal_places=2, null=True, blank=True
    )
    hold = models.OneToOneField(
        Hold,
        verbose_name=_("suspension"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    outcome = models.CharField(_("décision"), max_length=8, choices=Outcome.choices(), blank=True)
    granted = models.DecimalField(
        _("montant accordé"), max_digits=17, decimal_places=2, null=True, blank=True
    )

    class Meta:
        verbose_name = _("point contesté")
        verbose_name_plural = _("points contestés")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "dispute",
                    "slip_line",
                    "surcharge",
                    "filing_penalty",
                    "payment",
                    "movement",
                    "kind",
                    "key",
                ],
                name="disputed_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=_named("line", "slip_line")
                | _named("surcharge", "surcharge")
                | _named("penalty", "filing_penalty")
                | _named("payment", "payment")
                | _named("movement", "movement")
                | Q(_named("refusal") | _named("finding")) & ~Q(key=""),
                name="disputed_subject_named",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["line", "surcharge", "penalty"], amount__isnull=False, amount__gt=0
                )
                | Q(
                    kind__in=["payment", "movement", "refusal", "finding"],
                    amount__isnull=True,
                    hold__isnull=True,
                ),
                name="disputed_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(granted__isnull=True) | Q(granted__gte=0, granted__lte=F("amount")),
                name="granted_within_disputed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.kind} {self.amount}"

    @property
    def label(self) -> Sentence:
        """What is contested, in words."""
        if self.slip_line is not None:
            return Sentence(Branch(self.slip_line.branch).label)
        return Sentence.from_json(self.said)

    @property
    def stake(self) -> Decimal:
        """The amount contested; zero where none is at stake."""
        return ZERO if self.amount is None else self.amount


class Meeting(models.Model):
    """The record of a meeting, joined to the message that both sides read. Written once."""

    message = models.OneToOneField("Message", on_delete=models.PROTECT, related_name="meeting")
    held_on = models.DateField(_("jour de l’entretien"))
    present = models.CharField(_("personnes présentes"), max_length=200)

    class Meta:
        verbose_name = _("entretien")
        verbose_name_plural = _("entretiens")

    def __str__(self) -> str:
        return f"{self.message_id} {self.held_on}"


class Escalation(models.Model):
    """A delay ran out: since when the supervisors know. One by clock, written once."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="escalations")
    clock = models.CharField(_("délai"), max_length=12, choices=ClockName.choices())
    due_on = models.DateField(_("attendue le"))
    at = models.DateTimeField(_("signalée le"))

    class Meta:
        verbose_name = _("délai écoulé")
        verbose_name_plural = _("délais écoulés")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dispute", "clock"], name="escalated_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.clock}"


class AnswerTemplate(models.Model):
    """Words that the staff use again: a start for an answer or for the reasons of a decision."""

    title = models.CharField(_("titre"), max_length=80)
    language = models.CharField(_("langue"), max_length=2, choices=Language.choices())
    # Empty: for every ground.
    ground = models.CharField(_("motif"), max_length=16, choices=Ground.choices(), blank=True)
    text = models.TextField(_("texte"), max_length=4000)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("écrit par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    written_at = models.DateTimeField(_("écrit le"))
    # Replaced, not rewritten: what was sent with it stays what it was.
    withdrawn_at = models.DateTimeField(_("retiré le"), null=True, blank=True)

    class Meta:
        verbose_name = _("modèle de réponse")
        verbose_name_plural = _("modèles de réponse")
        ordering = ["title", "id"]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """Something said in a dispute, by one side or the other. Never edited."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="messages")
    side = models.CharField(_("de"), max_length=10, choices=MessageSide.choices())
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("auteur"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    written_at = models.DateTimeField(_("écrit le"), default=timezone.now)
    text = models.TextField(_("texte"), max_length=4000)
    intent = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.side} {self.written_at:%Y-%m-%d}"


class DisputeStep(models.Model):
    """One act on a dispute, by whom and when, as both sides see it. Written once."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="steps")
    action = models.CharField(_("acte"), max_length=14, choices=Action.choices())
    side = models.CharField(_("de"), max_length=10, choices=MessageSide.choices())
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("auteur"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    at = models.DateTimeField(_("le"))
    message = models.OneToOneField(
        Message,
        verbose_name=_("message"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="step",
    )

    class Meta:
        verbose_name = _("étape")
        verbose_name_plural = _("étapes")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.action} {self.at:%Y-%m-%d}"


class Attachment(models.Model):
    """A piece joined to a message; served as an attachment only."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attachments")
    stored = models.OneToOneField(
        StoredFile, verbose_name=_("fichier"), on_delete=models.PROTECT, related_name="+"
    )
    content_type = models.CharField(_("type"), max_length=60)

    class Meta:
        verbose_name = _("pièce jointe")
        verbose_name_plural = _("pièces jointes")

    def __str__(self) -> str:
        return f"{self.message_id} {self.stored_id}"


class Decision(models.Model):
    """What the fund decided on a dispute, on which ground, and by whom. Written once."""

    dispute = models.OneToOneField(Dispute, on_delete=models.PROTECT, related_name="decision")
    outcome = models.CharField(_("décision"), max_length=8, choices=Outcome.choices())
    reasons = models.TextField(_("motifs"), max_length=4000)
    legal_ground = models.CharField(_("texte appliqué"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("décidée le"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("décidée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    intent = models.UUIDField(unique=True)
    # Who examined the file, how much was at stake and the limit of that day (DH): kept beside the decision so
    # that the database itself refuses a big one made by one person alone.
    examined_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("instruite par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    contested_total = models.DecimalField(_("total contesté"), max_digits=17, decimal_places=2)
    second_person_above = models.DecimalField(
        _("seconde personne au-delà de"), max_digits=17, decimal_places=2
    )

    class Meta:
        verbose_name = _("décision")
        verbose_name_plural = _("décisions")
        constraints = [
            models.CheckConstraint(
                condition=Q(contested_total__lte=F("second_person_above"))
                | ~Q(decided_by=F("examined_by")),
                name="decision_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.outcome}"
