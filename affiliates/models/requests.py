"""What requests of both kinds leave behind: their steps and their pieces."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from affiliates.enums import RequestAct, RequestParty
from portal.models import StoredFile


class RequestStep(models.Model):
    """One act on a request (``request``), with its words, as both sides read it. Written once."""

    request_id: int
    act = models.CharField(_("acte"), max_length=13, choices=RequestAct.choices())
    party = models.CharField(_("par"), max_length=9, choices=RequestParty.choices())
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(_("le"))
    text = models.TextField(_("texte"), max_length=1000, blank=True)

    class Meta:
        abstract = True
        verbose_name = _("étape")
        verbose_name_plural = _("étapes")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.act}"


class RequestPiece(models.Model):
    """A piece joined to a request (``request``); served as an attachment only."""

    request_id: int
    stored = models.OneToOneField(
        StoredFile, verbose_name=_("fichier"), on_delete=models.PROTECT, related_name="+"
    )
    content_type = models.CharField(_("type"), max_length=60)

    class Meta:
        abstract = True
        verbose_name = _("pièce")
        verbose_name_plural = _("pièces")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.stored_id}"
