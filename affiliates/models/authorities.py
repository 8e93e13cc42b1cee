"""What lets the fund debit an account of an affiliate."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from affiliates.enums import AuthorityState
from affiliates.models.register import Affiliate


class DebitAuthority(models.Model):
    """An affiliate lets the fund debit one of its bank accounts, order by order, up to a cap.

    Signed by the firm, then confirmed by the bank that keeps the account, known by the first three digits of the
    RIB: this room knows no banks. Amounts in dirhams.
    """

    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="debit_authorities",
    )
    # The mandate reference that banks see: letters and digits only, never used again.
    reference = models.CharField(_("référence du mandat"), max_length=35, unique=True)
    rib = models.CharField(_("RIB"), max_length=24)
    holder = models.CharField(_("titulaire du compte"), max_length=70)
    cap = models.DecimalField(_("plafond par prélèvement"), max_digits=17, decimal_places=2)
    state = models.CharField(
        _("état"),
        max_length=10,
        choices=AuthorityState.choices(),
        default=AuthorityState.TO_SIGN.value,
    )
    # Why the bank refused it or why it is suspended: a reason code of the banks, or their words.
    reason = models.CharField(_("motif"), max_length=140, blank=True)
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
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("activé par"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    activated_at = models.DateTimeField(_("activé le"), null=True, blank=True)
    ended_at = models.DateTimeField(_("terminé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("mandat de prélèvement")
        verbose_name_plural = _("mandats de prélèvement")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rib__regex=r"^[0-9]{24}$"), name="debit_authority_rib_form"
            ),
            models.CheckConstraint(condition=Q(cap__gt=0), name="debit_authority_cap_positive"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AuthorityState]),
                name="debit_authority_state_known",
            ),
            # Nothing can be asked of a bank without a signature.
            models.CheckConstraint(
                condition=Q(state__in=[AuthorityState.TO_SIGN.value, AuthorityState.REVOKED.value])
                | Q(signed_by__isnull=False, signed_at__isnull=False),
                name="debit_authority_signed",
            ),
            models.CheckConstraint(
                condition=~Q(state=AuthorityState.ACTIVE.value) | Q(activated_by__isnull=False),
                name="debit_authority_activated",
            ),
            models.UniqueConstraint(
                fields=["affiliate", "rib"],
                condition=Q(
                    state__in=[
                        AuthorityState.TO_SIGN.value,
                        AuthorityState.REQUESTED.value,
                        AuthorityState.ACTIVE.value,
                        AuthorityState.SUSPENDED.value,
                    ]
                ),
                name="debit_authority_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def bank_code(self) -> str:
        """The bank that keeps the account: the first three digits of the RIB."""
        return self.rib[:3]

    @property
    def masked_rib(self) -> str:
        """The account as it may be shown: bank, town, the last four digits and the key (bank-files §14)."""
        return f"{self.rib[:3]} {self.rib[3:6]} ••••••••••••{self.rib[18:22]} {self.rib[22:]}"
