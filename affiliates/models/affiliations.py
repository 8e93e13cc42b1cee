"""Requests of new employers to be affiliated."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.enums import AffiliationState, LegalForm
from affiliates.models.register import Affiliate, Agency
from affiliates.models.requests import RequestPiece, RequestStep
from portal.enums import Language

OPEN_AFFILIATIONS = (AffiliationState.SENT.value, AffiliationState.PIECE_ASKED.value)


class AffiliationRequest(models.Model):
    """A firm that is about to hire asks to be affiliated. Whoever holds the private link follows it."""

    # Behind the signed link that the applicant gets by mail; never shown.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    intent = models.UUIDField(unique=True)
    state = models.CharField(
        _("état"),
        max_length=11,
        choices=AffiliationState.choices(),
        default=AffiliationState.DRAFT.value,
    )
    legal_form = models.CharField(_("forme juridique"), max_length=8, choices=LegalForm.choices())
    name = models.CharField(_("raison sociale"), max_length=120)
    name_ar = models.CharField(_("raison sociale en arabe"), max_length=120, blank=True)
    ice = models.CharField(_("ICE"), max_length=15)
    tax_id = models.CharField(_("identifiant fiscal"), max_length=8)
    trade_register = models.CharField(_("registre du commerce"), max_length=40, blank=True)
    business_tax = models.CharField(_("taxe professionnelle"), max_length=8, blank=True)
    activity = models.CharField(_("activité"), max_length=80)
    address = models.CharField(_("adresse"), max_length=120)
    city = models.CharField(_("ville"), max_length=40)
    postal_code = models.CharField(_("code postal"), max_length=6, blank=True)
    agency = models.ForeignKey(
        Agency, verbose_name=_("agence"), on_delete=models.PROTECT, related_name="+"
    )
    first_hire_on = models.DateField(_("première embauche le"))
    contact_name = models.CharField(_("nom du responsable"), max_length=120)
    email = models.EmailField(_("adresse électronique"))
    phone = models.CharField(_("téléphone"), max_length=16)
    language = models.CharField(
        _("langue"), max_length=2, choices=Language.choices(), default=Language.FRENCH.value
    )
    created_at = models.DateTimeField(_("créée le"), default=timezone.now)
    sent_at = models.DateTimeField(_("envoyée le"), null=True, blank=True)
    decided_at = models.DateTimeField(_("décidée le"), null=True, blank=True)
    affiliate = models.OneToOneField(
        Affiliate,
        verbose_name=_("affilié"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="affiliation_request",
    )

    class Meta:
        verbose_name = _("demande d’affiliation")
        verbose_name_plural = _("demandes d’affiliation")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AffiliationState]),
                name="affiliation_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state=AffiliationState.ACCEPTED.value, affiliate__isnull=False)
                | (~Q(state=AffiliationState.ACCEPTED.value) & Q(affiliate__isnull=True)),
                name="affiliation_accepted_has_a_number",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "sent_at"], name="affiliation_waiting"),
            models.Index(fields=["ice"], name="affiliation_ice"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What the applicant and the clerk call the request."""
        return f"A-{self.pk:05d}" if self.pk else "A-"


class AffiliationStep(RequestStep):
    """One act on the request of a new employer."""

    request = models.ForeignKey(AffiliationRequest, on_delete=models.PROTECT, related_name="steps")

    class Meta(RequestStep.Meta):
        pass


class AffiliationPiece(RequestPiece):
    """A piece joined to the request of a new employer."""

    request = models.ForeignKey(AffiliationRequest, on_delete=models.PROTECT, related_name="pieces")

    class Meta(RequestPiece.Meta):
        pass
