"""What affiliates contest: the dispute, its items, what was said, and what was decided."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.models import Affiliate
from disputes.enums import Action, DisputeState, Ground, MessageSide, Outcome
from payments.models import Hold, SlipLine
from portal.models import StoredFile


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
    """One contested line of a slip and the part of it that is contested. Amounts in dirhams."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="items")
    slip_line = models.ForeignKey(
        SlipLine,
        verbose_name=_("ligne de bordereau"),
        on_delete=models.PROTECT,
        related_name="disputed_items",
    )
    amount = models.DecimalField(_("montant contesté"), max_digits=17, decimal_places=2)
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
            models.UniqueConstraint(fields=["dispute", "slip_line"], name="disputed_line_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="disputed_amount_positive"),
            models.CheckConstraint(
                condition=Q(granted__isnull=True) | Q(granted__gte=0, granted__lte=F("amount")),
                name="granted_within_disputed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.slip_line_id} {self.amount}"


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
