"""What every room shares: people, the trace of what they did, and the bytes they sent."""

import datetime
import uuid
from importlib import import_module
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.enums import JobState, Language, MailOutcome, PurgeRule


class UserManager(BaseUserManager["User"]):
    """Creates people by address; addresses are compared without case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. What the person may touch is decided by memberships, mandates, bank rights and staff roles."""

    email = models.EmailField(_("adresse électronique"), unique=True)
    full_name = models.CharField(_("nom et prénom"), max_length=120)
    language = models.CharField(
        _("langue"), max_length=2, choices=Language.choices(), default=Language.FRENCH.value
    )
    # Reminders only: what a person must know (a refusal, a decision, an invitation) is always sent.
    wants_reminders = models.BooleanField(
        _("reçoit les rappels d’échéance"), default=True, db_default=True
    )
    # After an agency opened the account again: no money, no bank details and no right moves before then.
    quiet_until = models.DateTimeField(_("au repos jusqu’au"), null=True, blank=True)
    is_staff = models.BooleanField(_("membre du personnel de la Caisse"), default=False)
    is_active = models.BooleanField(_("compte actif"), default=True)
    created_at = models.DateTimeField(_("créé le"), default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = _("personne")
        verbose_name_plural = _("personnes")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name


class AddressChange(models.Model):
    """The address that a person wants their account to have, until the link sent there is followed. One at a time."""

    # Behind the signed link; never shown.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        User, verbose_name=_("personne"), on_delete=models.CASCADE, related_name="address_change"
    )
    email = models.EmailField(_("nouvelle adresse électronique"))
    asked_at = models.DateTimeField(_("demandé le"))
    expires_at = models.DateTimeField(_("valable jusqu’au"))

    class Meta:
        verbose_name = _("changement d’adresse")
        verbose_name_plural = _("changements d’adresse")

    def __str__(self) -> str:
        return f"{self.user_id}"


class OpenSession(AbstractBaseSession):
    """A browser where someone is signed in; written by portal.sessions with every session."""

    user = models.ForeignKey(
        User,
        verbose_name=_("personne"),
        null=True,
        on_delete=models.CASCADE,
        related_name="open_sessions",
    )
    device = models.CharField(_("appareil"), max_length=60, blank=True)
    opened_at = models.DateTimeField(_("ouverte le"), null=True)
    seen_at = models.DateTimeField(_("dernière page"), null=True)

    class Meta:
        verbose_name = _("connexion ouverte")
        verbose_name_plural = _("connexions ouvertes")

    def __str__(self) -> str:
        return self.device

    @classmethod
    def get_session_store_class(cls) -> Any:
        # Django's own way to decode a row; the store reads this model, not the other way round.
        return import_module(settings.SESSION_ENGINE).SessionStore


class AuditEntry(models.Model):
    """One act: who, for whom, what, with which facts. Insert-only: a trigger refuses anything else."""

    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)
    # The database's own clock, whatever the program believes: what the seals are checked against.
    inserted_at = models.DateTimeField(
        _("écrit le"), db_default=Now(), db_index=True, editable=False
    )
    # Text beside the key: the entry stays readable whatever becomes of the account.
    actor = models.ForeignKey(
        User,
        verbose_name=_("auteur"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    actor_name = models.CharField(_("nom de l’auteur"), max_length=120)
    # The office whose mandate let the actor act for the affiliate; empty for whoever belongs to the firm or the fund.
    office_name = models.CharField(
        _("au titre du mandat de"), max_length=120, blank=True, default="", db_default=""
    )
    action = models.CharField(_("acte"), max_length=60, db_index=True)
    affiliation_number = models.CharField(
        _("numéro d’affiliation"), max_length=7, blank=True, db_index=True
    )
    subject_type = models.CharField(_("nature de l’objet"), max_length=60)
    subject_id = models.CharField(_("identifiant de l’objet"), max_length=40)
    facts = models.JSONField(_("faits"), default=dict)
    request_id = models.CharField(_("requête"), max_length=36, blank=True)

    class Meta:
        verbose_name = _("trace")
        verbose_name_plural = _("journal des actes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_subject"),
            # Which lists showed this firm: the numbers are in the facts.
            GinIndex(
                fields=["facts"],
                opclasses=["jsonb_path_ops"],
                name="audit_listed",
                condition=models.Q(action="staff.listed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"


class AuditSeal(models.Model):
    """One link of the chain over the audit entries, in the order in which they were sealed."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="seal")
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("scellé")
        verbose_name_plural = _("scellés")

    def __str__(self) -> str:
        return f"{self.position} {self.digest[:12]}"


class StoredFile(models.Model):
    """Bytes as they were received, kept whole and inert; nothing has been read in them yet.

    The bytes live in the database, in chunks, so that they are committed, backed up and restored with the
    facts that follow from them.
    """

    name = models.CharField(_("nom d’origine"), max_length=255)
    size = models.BigIntegerField(_("taille en octets"))
    sha256 = models.CharField(_("empreinte"), max_length=64, db_index=True)
    stored_at = models.DateTimeField(_("reçu le"), default=timezone.now)
    stored_by = models.ForeignKey(
        User, verbose_name=_("déposé par"), null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = _("fichier conservé")
        verbose_name_plural = _("fichiers conservés")

    def __str__(self) -> str:
        return self.name


class StoredChunk(models.Model):
    """One piece of a stored file, at most one mebibyte."""

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="chunks")
    index = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        verbose_name = _("morceau de fichier")
        verbose_name_plural = _("morceaux de fichiers")
        constraints = [models.UniqueConstraint(fields=["file", "index"], name="stored_chunk_once")]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.index}"


class Attempt(models.Model):
    """How often something was tried lately from one place or on one account, by a keyed digest of it."""

    key = models.CharField(primary_key=True, max_length=64)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("compteur d’essais")
        verbose_name_plural = _("compteurs d’essais")

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.count}"


class Incident(models.Model):
    """Something that broke: found by the code that the person reads to the agency. No value of theirs is in it."""

    code = models.CharField(_("code"), max_length=36, db_index=True)
    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)
    # The name of the page or of the task.
    place = models.CharField(_("page ou tâche"), max_length=120)
    status = models.PositiveSmallIntegerField(_("réponse"), null=True, blank=True)
    kind = models.CharField(_("nature"), max_length=120)
    where = models.TextField(_("endroits du programme"), blank=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.code} {self.kind}"


class Purge(models.Model):
    """How much one rule has forgotten in one run: a number, of nobody. Open until nothing is left to forget."""

    rule = models.CharField(_("ce qui est oublié"), max_length=20, choices=PurgeRule.choices())
    began_at = models.DateTimeField(_("commencé le"))
    removed = models.PositiveIntegerField(_("lignes oubliées"), default=0)
    ended_at = models.DateTimeField(_("terminé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("oubli")
        verbose_name_plural = _("oublis")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule"], condition=models.Q(ended_at__isnull=True), name="purge_open_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.removed}"


class Job(models.Model):
    """Work for a task, carried by the row of what it is about; `portal.jobs` claims it, counts it, parks it."""

    #: A claim older than this lost its worker. Longer work starts it again as it goes: so the lease and the sweep that
    #: looks for it, together, never make a row wait five minutes for another worker.
    LEASE: ClassVar[datetime.timedelta] = datetime.timedelta(minutes=4)

    state = models.CharField(
        _("avancement"), max_length=8, choices=JobState.choices(), default=JobState.WAITING.value
    )
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    started_at = models.DateTimeField(_("commencé le"), null=True, blank=True)

    class Meta:
        abstract = True


class FileJob(Job):
    """A file that someone sent, to be worked through line by line. The room adds `stored` and its own verdict."""

    # The digest again, so that the same bytes sent twice are one row, whoever wins the race.
    sha256 = models.CharField(_("empreinte"), max_length=64)
    received_at = models.DateTimeField(_("reçu le"), default=timezone.now)
    received_by = models.ForeignKey(
        User, verbose_name=_("déposé par"), on_delete=models.PROTECT, related_name="+"
    )
    # Progress shown to the person who waits: lines worked through so far, and how many there are.
    lines_done = models.PositiveIntegerField(_("lignes traitées"), default=0)
    lines_total = models.PositiveIntegerField(_("lignes"), default=0)

    class Meta:
        abstract = True


class Mail(Job):
    """A letter to send, written once in the language of who will read it. The row is the job."""

    # One event, one letter: the name of the event and of who is told.
    key = models.CharField(_("événement"), max_length=120, unique=True)
    user = models.ForeignKey(
        User,
        verbose_name=_("destinataire"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="mails",
    )
    address = models.EmailField(_("adresse électronique"))
    language = models.CharField(_("langue"), max_length=2, choices=Language.choices())
    is_reminder = models.BooleanField(_("rappel"), default=False)
    subject = models.CharField(_("objet"), max_length=200)
    text = models.TextField(_("texte"), blank=True)
    # The text holds a link that opens a door: it is forgotten as soon as it has left.
    is_secret = models.BooleanField(_("confidentiel"), default=False)
    created_at = models.DateTimeField(_("écrit le"))
    due_at = models.DateTimeField(_("à envoyer à partir du"))
    # Attempts that never came back: the process was killed while it sent.
    lost = models.PositiveSmallIntegerField(_("essais interrompus"), default=0)
    sent_at = models.DateTimeField(_("parti le"), null=True, blank=True)
    outcome = models.CharField(
        _("issue"), max_length=8, choices=MailOutcome.choices(), blank=True, default=""
    )
    # The request in which it was written: what staff look up is found here too.
    request_id = models.CharField(
        _("requête"), max_length=36, blank=True, default="", db_default=""
    )
    # What the mail server said, without the address: « 550 », « connexion ».
    answer = models.CharField(_("réponse du serveur"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("courriel")
        verbose_name_plural = _("courriels")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="mail_due",
                condition=models.Q(state__in=["waiting", "running"]),
            ),
            models.Index(fields=["sent_at"], name="mail_to_forget", condition=~models.Q(text="")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in JobState]),
                name="mail_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.event}"

    @property
    def event(self) -> str:
        """What kind of event: the first word of its name; the rest may name a firm."""
        return self.key.partition(":")[0]
