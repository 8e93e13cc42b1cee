"""What a copy of somebody's data holds: table by table, what is given and what is not, and why.

A table of the portal that is in none of the lists fails a test: nothing is left out by forgetting it.
"""

import datetime
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.text import capfirst, slugify

from affiliates.enums import CopyOf
from affiliates.models import Affiliate, DataCopy
from affiliates.queries.trace import staff_acts
from portal import exports, formats
from portal.acts import words_of
from portal.enums import Language
from portal.exports import Column, Value
from portal.models import AuditEntry
from regulation.text import _

#: Rows fetched at once.
_PIECE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Given:
    """How the rows of a table are somebody's, as query paths; further columns; which rows only; which columns only."""

    paths: tuple[str, ...]
    more: tuple[str, ...] = ()
    only: Q | None = None
    columns: tuple[str, ...] = ()


def _by(path: str, *labels: str) -> dict[str, Given]:
    return {label: Given((path,)) for label in labels}


_ORDERED: Final = Q(mission__ordered_at__isnull=False)
_LINE: Final = ("declaration__period", "declaration__kind", "declaration__status")
_FIRM_OF: Final = ("affiliate__name",)

FIRM: Final[dict[str, Given]] = {
    "affiliates.Affiliate": Given(("pk",)),
    **_by(
        "affiliate",
        "affiliates.AffiliateStatus", "affiliates.Membership", "affiliates.Mandate", "affiliates.MandateRequest",
        "affiliates.Invitation", "affiliates.RegistrationRequest", "affiliates.AffiliationRequest",
        "affiliates.DebitAuthority", "affiliates.DataCopy", "declarations.Prefill", "declarations.ReceivedFile",
        "declarations.Declaration", "declarations.CorrectionStop", "declarations.Receipt", "payments.PaymentSlip",
        "payments.FilingPenalty", "payments.SurchargeExemption", "payments.Allocation", "payments.GraceRequest",
        "payments.DebitOrder", "payments.Basket", "payments.LedgerAccount", "disputes.Dispute",
        "certificates.Certificate",
    ),
    "affiliates.Employment": Given(("affiliate",), more=("employee__last_name", "employee__first_name")),
    # Of a person, what the firm is shown; the rest is the person's own.
    "affiliates.Employee": Given(
        ("employments__affiliate",), columns=("registration_number", "last_name", "first_name")
    ),
    **_by("employment__affiliate", "affiliates.Absence", "affiliates.StateTakeover"),
    **_by("request__affiliate", "affiliates.RegistrationStep", "affiliates.RegistrationPiece",
          "affiliates.AffiliationStep", "affiliates.AffiliationPiece", "affiliates.RectificationStep",
          "affiliates.RectificationPiece"),
    # What stood in the register of a person is the person’s.
    "affiliates.RectificationRequest": Given(
        ("affiliate",), columns=("number", "employee", "state", "asked", "sent_at", "created_by", "decided_at")
    ),
    "declarations.DeclarationLine": Given(("declaration__affiliate",), more=_LINE),
    "declarations.LineReattachment": Given(("line__declaration__affiliate",)),
    **_by("declaration__affiliate", "declarations.ContributionLine"),
    "declarations.FileFinding": Given(("received_file__affiliate",)),
    "declarations.DepositedFile": Given(("file__affiliate",)),
    **_by("slip__affiliate", "payments.SlipLine", "payments.Surcharge"),
    "payments.Hold": Given(("slip__affiliate", "surcharge__slip__affiliate", "filing_penalty__affiliate",
                            "slip_line__slip__affiliate")),
    **_by("grace__affiliate", "payments.GraceInstalment", "payments.GraceDue"),
    **_by("order__affiliate", "payments.DebitShare", "payments.DebitEvent"),
    "payments.LedgerLine": Given(("account__affiliate",), more=("entry__booked_on", "entry__kind")),
    "payments.ClerkAct": Given(("affiliate",), only=Q(decided_at__isnull=False)),
    **_by("dispute__affiliate", "disputes.DisputedItem", "disputes.Message", "disputes.DisputeStep",
          "disputes.Decision", "disputes.Escalation"),
    **_by("message__dispute__affiliate", "disputes.Attachment", "disputes.Meeting"),
    "disputes.Mission": Given(("affiliate",), only=Q(ordered_at__isnull=False)),
    "disputes.MissionMember": Given(("mission__affiliate",), only=_ORDERED),
    "disputes.MissionStep": Given(("mission__affiliate",), only=_ORDERED),
    "disputes.StepReply": Given(("step__mission__affiliate",)),
    "disputes.ReplyPiece": Given(("reply__step__mission__affiliate",)),
    "disputes.Assessment": Given(("mission__affiliate",), only=Q(in_force_at__isnull=False)),
    **_by("certificate__affiliate", "certificates.ShareLink", "certificates.Printing"),
    "certificates.ShareOpening": Given(("link__certificate__affiliate",)),
    "certificates.ArchivedReceipt": Given(("receipt__affiliate",), more=("archive__asked_by__full_name",)),
}  # fmt: skip

ACCOUNT: Final[dict[str, Given]] = {
    "portal.User": Given(("pk",)),
    **_by("user", "affiliates.Membership", "affiliates.StaffAssignment", "payments.BankMembership",
          "disputes.Inspector"),
    "affiliates.Representative": Given(("members",)),
    "affiliates.Invitation": Given(("accepted_by", "invited_by")),
    "affiliates.MandateRequest": Given(("asked_by",)),
    "affiliates.DataCopy": Given(("asked_by",)),
    **_by("user", "affiliates.AccountRecovery", "affiliates.PostReview", "portal.AddressChange"),
    "declarations.Deposit": Given(("sent_by",)),
    "certificates.ReceiptArchive": Given(("asked_by",)),
    "portal.Mail": Given(("user",)),
    "portal.OpenSession": Given(("user",), columns=("device", "opened_at", "seen_at", "expire_date")),
    "mfa.Authenticator": Given(("user",), columns=("type", "created_at", "last_used_at")),
}  # fmt: skip

#: An insured person; the lines and certificates bear their number.
INSURED: Final[dict[str, Given]] = {
    "affiliates.Employee": Given(("pk",)),
    "affiliates.Employment": Given(("employee",), more=_FIRM_OF),
    "affiliates.Absence": Given(("employment__employee",)),
    "affiliates.StateTakeover": Given(("employment__employee",)),
    "affiliates.RegistrationRequest": Given(("employee",), more=_FIRM_OF),
    "affiliates.RegistrationPiece": Given(("request__employee",)),
    "affiliates.RectificationRequest": Given(("employee",), more=_FIRM_OF),
    "affiliates.RectificationPiece": Given(("request__employee",)),
    "declarations.DeclarationLine": Given(
        ("registration_number",),
        more=(*_LINE, "declaration__affiliate", "declaration__affiliate__name"),
        only=Q(declaration__submitted_at__isnull=False),
    ),
    "declarations.LineReattachment": Given(("line__registration_number",)),
    "disputes.Assessment": Given(("registration_number",), only=Q(in_force_at__isnull=False)),
    "certificates.Certificate": Given(("about",), more=_FIRM_OF),
}
#: Where the path leads to the registration number, not to a key.
_BY_NUMBER: Final = frozenset({"registration_number", "line__registration_number", "about"})

#: Tables that tell something of a firm or a person and are in no copy, by the reason that the reader gets.
WITHHELD: Final[dict[str, tuple[str, ...]]] = {
    _("ce qui prépare un contrôle : il est donné avec le contrôle, une fois ordonné"): (
        "disputes.RiskFact", "certificates.UsageAlarm",
    ),
    _("les fichiers des banques et les écritures groupées, qui nomment d’autres entreprises : votre part y est"): (
        "payments.BankFile", "payments.BankLine", "payments.LedgerEntry", "payments.DebitRun",
        "payments.ApiAnswer", "payments.BankAccount",
    ),
    _("le contenu des fichiers et des pièces : leur nom et leur empreinte y sont, leurs pages les remettent"): (
        "portal.StoredFile", "portal.StoredChunk",
    ),
    _("ce qui ouvre un compte ou un document : mots de passe, secrets, liens"): (
        "certificates.PrintedPart", "payments.BankKey", "sessions.Session", "admin.LogEntry",
        "account.EmailAddress", "account.EmailConfirmation",
    ),
}  # fmt: skip
#: Given by code below, in words: who did what, and who looked.
TRACE: Final = "portal.AuditEntry"

#: Columns that open something, or that only machines read.
_HIDDEN: Final = frozenset({
    "password", "token", "token_digest", "intent", "key", "name_key", "name_sound", "digest", "fingerprint",
    "is_secret", "working", "content",
})  # fmt: skip
#: What stands for a row of another table.
_INSTEAD: Final[dict[str, tuple[str, ...]]] = {
    "portal.User": ("full_name",),
    "portal.StoredFile": ("name", "size", "sha256"),
    "affiliates.Affiliate": ("affiliation_number",),
    "affiliates.Employee": ("registration_number",),
    "affiliates.Agency": ("name",),
    "affiliates.Representative": ("name",),
    "payments.Bank": ("name",),
}


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    title: str
    columns: list[Column]
    rows: Iterable[tuple[Value, ...]]


def write(
    stream: BinaryIO, copy: DataCopy, *, at: datetime.datetime, alive: Callable[[], object]
) -> None:
    """The whole copy as one archive: a table a file, in the language of who asked, and what is in it in both.

    It may take minutes: `alive` is called at each row.
    """
    with (
        translation.override(copy.asked_by.language),
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        said: list[tuple[str, str, int]] = []
        for table in _tables(copy, at):
            counted = _Counted(table.rows, alive)
            with archive.open(f"{table.name}.csv", "w", force_zip64=True) as entry:
                held = io.BufferedWriter(entry)
                exports.write_csv(held, columns=table.columns, rows=counted)
                held.flush()
                held.detach()
            said.append((f"{table.name}.csv", table.title, counted.count))
        archive.writestr("LISEZMOI.txt", _read_me(copy, said, at))


class _Counted:
    """Rows that count themselves as they are taken, and tell that they are."""

    def __init__(self, rows: Iterable[tuple[Value, ...]], alive: Callable[[], object]) -> None:
        self.count = 0
        self._rows = rows
        self._alive = alive

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        for row in self._rows:
            self.count += 1
            self._alive()
            yield row


def _read_me(copy: DataCopy, said: list[tuple[str, str, int]], at: datetime.datetime) -> str:
    """French, then Arabic: whose, what each file holds, what is not there and why, whom to ask."""
    parts = []
    for language in Language:
        with translation.override(language.value):
            facts = {
                "of": copy.of,
                "about": _about(copy),
                "at": at,
                "tables": said,
                "withheld": list(WITHHELD),
            }
            parts.append(render_to_string("damancom/copy/read_me.txt", facts).strip())
    return "\ufeff" + "\r\n\r\n\r\n".join(parts).replace("\r\n", "\n").replace("\n", "\r\n")


def _about(copy: DataCopy) -> str:
    if copy.affiliate is not None:
        return f"{copy.affiliate.name} ({copy.affiliate.affiliation_number})"
    if copy.employee is not None:
        return str(copy.employee)
    return f"{copy.asked_by.full_name} ({copy.asked_by.email})"


def _tables(copy: DataCopy, at: datetime.datetime) -> Iterator[_Table]:
    given = {CopyOf.FIRM: FIRM, CopyOf.ACCOUNT: ACCOUNT, CopyOf.INSURED: INSURED}[CopyOf(copy.of)]
    used: set[str] = set()
    for label, how in given.items():
        model = apps.get_model(label)
        rows = _rows(model, how, copy)
        name = slugify(translation.gettext(str(model._meta.verbose_name_plural))) or ""
        if not name or name in used:
            name = model._meta.model_name or ""
        used.add(name)
        yield _Table(name, capfirst(model._meta.verbose_name_plural), *_columns(model, how, rows))
    yield _acts(copy, at)


def _rows(model: type[models.Model], how: Given, copy: DataCopy) -> "QuerySet[Any]":
    mine = Q()
    for path in how.paths:
        mine |= Q(**{path: _mine(copy, path)})
    rows = model._base_manager.filter(mine)
    if how.only is not None:
        rows = rows.filter(how.only)
    return rows.order_by("pk").distinct()


def _mine(copy: DataCopy, path: str) -> object:
    if copy.of == CopyOf.FIRM:
        return copy.affiliate_id
    if copy.of == CopyOf.ACCOUNT:
        return copy.asked_by_id
    employee = copy.employee
    # A person without a number yet has no line that bears one.
    number = (employee.registration_number if employee else None) or "—"
    return number if path in _BY_NUMBER else copy.employee_id


def _columns(
    model: type[models.Model], how: Given, rows: "QuerySet[Any]"
) -> tuple[list[Column], Iterable[tuple[Value, ...]]]:
    paths = [
        path
        for field in model._meta.concrete_fields
        if (field.name in how.columns or not how.columns)
        and field.name not in _HIDDEN
        and not isinstance(field, models.BinaryField)
        for path in _paths_of(field)
    ]
    paths += [path for path in how.more if path not in paths]
    walks = [_walk(model, path) for path in paths]
    columns = [Column(_title(fields)) for fields in walks]
    choices = [dict(fields[-1].flatchoices) for fields in walks]
    taken = rows.values_list(*paths).iterator(chunk_size=_PIECE)
    return columns, (
        tuple(_cell(value, labels) for value, labels in zip(row, choices, strict=True))
        for row in taken
    )


def _paths_of(field: Any) -> list[str]:
    target = field.related_model
    if target is None:
        return [field.name]
    names = _INSTEAD.get(target._meta.label)
    return [f"{field.name}__{name}" for name in names] if names else [f"{field.name}_id"]


def _walk(model: type[models.Model], path: str) -> list[Any]:
    """The fields that a query path goes through; the raw key of another row ends it."""
    fields: list[Any] = []
    for name in path.split("__"):
        here = {
            **{field.attname: field for field in model._meta.concrete_fields},
            **{field.name: field for field in model._meta.concrete_fields},
        }
        field = here[name]
        fields.append(field)
        if isinstance(field.related_model, type):
            model = field.related_model
    return fields


def _title(fields: list[Any]) -> str:
    return capfirst(" : ".join(str(field.verbose_name) for field in fields))


def _cell(value: Any, labels: dict[Any, Any]) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if labels and value in labels:
        return formats.label(labels[value])
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    told: Value = value
    return told


def _acts(copy: DataCopy, at: datetime.datetime) -> _Table:
    """Who did what: one's own acts; for a firm also what staff saw and did there; for a person, who looked them up."""
    acts: QuerySet[AuditEntry]
    if copy.affiliate is not None:
        acts = _of_firm(copy.affiliate, at)
    elif copy.employee is not None:
        acts = AuditEntry.objects.filter(
            subject_type=copy.employee._meta.label_lower, subject_id=str(copy.employee.pk)
        )
    else:
        acts = AuditEntry.objects.filter(actor=copy.asked_by)
    taken = acts.order_by("pk").values_list(
        "at", "actor_name", "office_name", "affiliation_number", "action"
    )
    rows = (
        (*row[:-1], translation.gettext(words_of(row[-1])))
        for row in taken.iterator(chunk_size=_PIECE)
    )
    titles = [
        _title(_walk(AuditEntry, name))
        for name in ("at", "actor_name", "office_name", "affiliation_number", "action")
    ]
    title = str(AuditEntry._meta.verbose_name_plural)
    return _Table(
        slugify(title) or "auditentry",
        capfirst(title),
        [Column(one) for one in titles],
        rows,
    )


def _of_firm(affiliate: Affiliate, at: datetime.datetime) -> QuerySet[AuditEntry]:
    """Everybody's acts; of staff, those that the firm may read now."""
    rows = AuditEntry.objects.filter(affiliation_number=affiliate.affiliation_number)
    told = staff_acts(affiliate, at=at).order_by().values("pk")
    return rows.filter(Q(actor__isnull=True) | Q(actor__is_staff=False) | Q(pk__in=told))
