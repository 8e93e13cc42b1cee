"""Banks as machines: the keys they call with, and what they were answered once."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.enums import KeyScope


class BankKey(models.Model):
    """A secret of a bank's machine. Only its digest is kept; two may be valid at once, to change without a stop."""

    bank = models.ForeignKey(
        "payments.Bank", verbose_name=_("banque"), on_delete=models.PROTECT, related_name="keys"
    )
    label = models.CharField(_("usage"), max_length=60)
    # The public part of the token, by which it is found and named.
    prefix = models.CharField(_("identifiant"), max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(
        models.CharField(max_length=8, choices=KeyScope.choices()), verbose_name=_("droits")
    )
    # The half that checks the signatures of the bank (Ed25519, base64); without one, calls are not signed.
    public_key = models.CharField(_("clé publique"), max_length=44, blank=True, default="")
    # Where its calls may come from, as addresses or networks; from anywhere when there is none.
    networks = ArrayField(
        models.CharField(max_length=43), default=list, blank=True, verbose_name=_("adresses")
    )
    # 1 or 2: what makes a third valid key impossible.
    slot = models.PositiveSmallIntegerField(_("place"))
    created_at = models.DateTimeField(_("créée le"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("créée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    expires_at = models.DateTimeField(_("expire le"))
    last_used_at = models.DateTimeField(_("dernier usage"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("révoquée le"), null=True, blank=True)

    class Meta:
        verbose_name = _("clé d’une banque")
        verbose_name_plural = _("clés des banques")
        ordering = ["bank", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "slot"],
                condition=Q(revoked_at__isnull=True),
                name="bank_key_two_at_once",
            ),
            models.UniqueConstraint(
                fields=["public_key"], condition=~Q(public_key=""), name="bank_key_public_once"
            ),
            models.CheckConstraint(condition=Q(slot__in=[1, 2]), name="bank_key_slot_known"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="bank_key_days_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_id} {self.prefix}"

    @property
    def rights(self) -> list[KeyScope]:
        """What its holder may do."""
        return [KeyScope(scope) for scope in self.scopes]


class ApiAnswer(models.Model):
    """What a bank was answered under a key of its own: the same key and body get it again."""

    bank = models.ForeignKey("payments.Bank", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "key"], name="api_answer_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.bank_id} {self.key}"
