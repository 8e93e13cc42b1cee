"""Requests to register new hires (immatriculation), and the numbers given out."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from affiliates.enums import (
    CardKind,
    NumberSeries,
    RegistrationState,
    Sex,
)
from affiliates.models.register import Affiliate, Employee, NameKeyField
from affiliates.models.requests import RequestPiece, RequestStep

OPEN_REGISTRATIONS = (
    RegistrationState.DRAFT.value,
    RegistrationState.SENT.value,
    RegistrationState.PIECE_ASKED.value,
)


class NumberCounter(models.Model):
    """The last body given out in a series. One row each: whoever gives a number holds its lock."""

    series = models.CharField(
        _("série"), max_length=12, primary_key=True, choices=NumberSeries.choices()
    )
    last = models.PositiveIntegerField(_("dernier corps de numéro"))

    class Meta:
        verbose_name = _("compteur de numéros")
        verbose_name_plural = _("compteurs de numéros")

    def __str__(self) -> str:
        return f"{self.series} {self.last}"


class RegistrationRequest(models.Model):
    """An employer asks the fund to register a person, or to tell the number the person already has."""

    number = models.CharField(_("numéro de demande"), max_length=24, unique=True)
    affiliate = models.ForeignKey(
        Affiliate,
        verbose_name=_("affilié"),
        on_delete=models.PROTECT,
        related_name="registration_requests",
    )
    state = models.CharField(
        _("état"),
        max_length=11,
        choices=RegistrationState.choices(),
        default=RegistrationState.DRAFT.value,
    )
    card_kind = models.CharField(_("pièce d’identité"), max_length=9, choices=CardKind.choices())
    card_number = models.CharField(_("numéro de la pièce"), max_length=8)
    last_name = models.CharField(_("nom"), max_length=60)
    first_name = models.CharField(_("prénom"), max_length=60)
    last_name_ar = models.CharField(_("nom en arabe"), max_length=60, blank=True)
    first_name_ar = models.CharField(_("prénom en arabe"), max_length=60, blank=True)
    born_on = models.DateField(_("né le"))
    birth_place = models.CharField(_("né à"), max_length=60)
    sex = models.CharField(_("sexe"), max_length=1, choices=Sex.choices())
    nationality = models.CharField(_("nationalité"), max_length=2)
    address = models.CharField(_("adresse"), max_length=120)
    city = models.CharField(_("ville"), max_length=40)
    phone = models.CharField(_("téléphone"), max_length=16)
    rib = models.CharField(_("RIB"), max_length=24, blank=True)
    hired_on = models.DateField(_("embauché le"))
    name_key = NameKeyField()
    name_sound = NameKeyField()
    intent = models.UUIDField(unique=True)
    created_at = models.DateTimeField(_("créée le"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("créée par"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    sent_at = models.DateTimeField(_("envoyée le"), null=True, blank=True)
    decided_at = models.DateTimeField(_("décidée le"), null=True, blank=True)
    # The person whose number was told; a second firm that hires the same person gets the same one.
    employee = models.ForeignKey(
        Employee,
        verbose_name=_("assuré"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="registration_requests",
    )
    # Whether this request gave the person the number, rather than told the one there was.
    is_new_number = models.BooleanField(_("numéro nouveau"), default=False)

    class Meta:
        verbose_name = _("demande d’immatriculation")
        verbose_name_plural = _("demandes d’immatriculation")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in RegistrationState]),
                name="registration_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state=RegistrationState.ISSUED.value) | Q(employee__isnull=False),
                name="registration_issued_to_someone",
            ),
            # A firm asks once for a person; two firms may ask for the same one.
            models.UniqueConstraint(
                fields=["affiliate", "card_kind", "card_number"],
                condition=Q(state__in=OPEN_REGISTRATIONS),
                name="registration_open_once",
            ),
            # A card gives one new number, whoever asks, ever.
            models.UniqueConstraint(
                fields=["card_kind", "card_number"],
                condition=Q(is_new_number=True),
                name="registration_new_number_once",
            ),
            models.UniqueConstraint(
                fields=["employee"],
                condition=Q(is_new_number=True),
                name="registration_new_person_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["sent_at"],
                name="registration_waiting",
                condition=Q(state=RegistrationState.SENT.value),
            ),
            models.Index(
                fields=["born_on"],
                name="registration_open_born",
                condition=Q(state__in=OPEN_REGISTRATIONS),
            ),
            models.Index(
                fields=["affiliate", "card_number"],
                name="registration_told",
                condition=Q(state=RegistrationState.ISSUED.value),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def key_of_names(self, key: str) -> str:
        """The value of one of the two keys; see affiliates/matching.py."""
        return Employee(last_name=self.last_name, first_name=self.first_name).key_of_names(key)

    @property
    def full_name(self) -> str:
        """First name and name, as a sentence says them."""
        return f"{self.first_name} {self.last_name}"

    @property
    def full_name_ar(self) -> str:
        """The same in Arabic; empty when not given."""
        return f"{self.first_name_ar} {self.last_name_ar}".strip()


class RegistrationStep(RequestStep):
    """One act on the request of an employer."""

    request = models.ForeignKey(RegistrationRequest, on_delete=models.PROTECT, related_name="steps")

    class Meta(RequestStep.Meta):
        pass


class RegistrationPiece(RequestPiece):
    """A piece joined to the request of an employer."""

    request = models.ForeignKey(
        RegistrationRequest, on_delete=models.PROTECT, related_name="pieces"
    )

    class Meta(RequestPiece.Meta):
        pass
