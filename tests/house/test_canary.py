"""The canary sweep: nothing of another affiliate in any page, export, document or error.

The demonstration is the aviary: every text and every number that rows of other affiliates hold, and rows of one's
own do not, is a canary. Each person crawls every address of the URL configuration with the keys of others, with
every method, and their own pages with their own keys; a canary in an answer fails. An address whose parameters are
not described here fails too.
"""

import contextlib
import datetime
import hashlib
import io
import re
import zipfile
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from affiliates.enums import StaffRole
from affiliates.models import (
    Affiliate,
    Agency,
    DebitAuthority,
    Mandate,
    MandateRequest,
    Representative,
    StaffAssignment,
)
from damancom.demo import build
from declarations.models import Declaration
from payments.models import Bank, BankFile, BankLine, BankMembership, DebitOrder
from portal import clock, formats
from portal.models import Mail, User
from regulation.enums import Branch
from tests.affiliates.factories import UserFactory
from tests.certificates import pdf_text

NOW = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)
ROOMS = ("certificates", "disputes", "payments", "declarations", "affiliates")
#: What two strangers may share: words of the law and of the screens are not secrets.
SHORTEST = 6
#: The names of fields, of states and of kinds of file are nobody’s; so is a day, or a month.
WORD = re.compile(r"[a-z_./-]+|\d{4}-\d\d(-\d\d)?")
#: Pages of the law: they read no row of anybody.
OF_THE_LAW = ("/la-regle/", "/simulateur/", "/", "/connexion/")
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


# -- whose is a row ------------------------------------------------------------------------------


def paths_to_affiliate(model: type[models.Model], deepest: int = 4) -> list[str]:
    """The shortest chains of foreign keys from a model to an affiliate, as query paths."""
    if model is Affiliate:
        return ["pk"]
    found: list[str] = []
    queue: deque[tuple[type[models.Model], str]] = deque([(model, "")])
    while queue:
        here, path = queue.popleft()
        for field in here._meta.concrete_fields:
            target = field.related_model
            if not isinstance(target, type) or path.count("__") >= deepest:
                continue
            longer = f"{path}__{field.name}" if path else field.name
            if target is Affiliate:
                found.append(longer)
            elif target._meta.app_label in ROOMS and not found:
                queue.append((target, longer))
    return found


#: Rows that belong to an affiliate by another road than a foreign key of theirs.
BY_ANOTHER_ROAD: dict[str, Callable[[Collection[int]], models.Q]] = {
    "affiliates.Employee": lambda keys: models.Q(employments__affiliate__in=keys),
    "payments.BankLine": lambda keys: models.Q(allocations__affiliate__in=keys),
    "portal.StoredFile": lambda keys: models.Q(received_file__affiliate__in=keys),
}
#: Rows of nobody in particular: shared by all, or of a bank, or of the portal itself.
OF_NO_AFFILIATE = {
    "affiliates.AccountRecovery", "affiliates.Agency", "affiliates.PostReview",
    "affiliates.Representative", "affiliates.StaffAssignment", "affiliates.NumberCounter",
    "certificates.ReceiptArchive", "certificates.UsageAlarm", "declarations.Deposit", "declarations.Outage",
    "disputes.AnswerTemplate",
    "disputes.Inspector", "payments.Bank", "payments.BankAccount", "payments.BankFile",
    "payments.ApiAnswer", "payments.BankKey", "payments.BankMembership", "payments.BankProfile", "payments.DebitRun",
    "payments.LedgerEntry",
}  # fmt: skip


def owned_models() -> Iterator[type[models.Model]]:
    for model in apps.get_models():
        if model._meta.app_label in ROOMS or model._meta.label in BY_ANOTHER_ROAD:
            yield model


def rows_of(model: type[models.Model], keys: Collection[int]) -> models.QuerySet[Any]:
    """The rows of a model that belong to these affiliates."""
    rows = model._base_manager.all()
    if model._meta.label in BY_ANOTHER_ROAD:
        return rows.filter(BY_ANOTHER_ROAD[model._meta.label](keys)).distinct()
    owner = models.Q()
    for path in paths_to_affiliate(model):
        owner |= models.Q(**{f"{path}__in": keys})
    return rows.filter(owner) if owner else rows.none()


def texts(value: object) -> Iterator[str]:
    """What of a stored value a reader would recognise."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, Decimal):
        if value >= 1000:
            whole, cents = f"{value:.2f}".split(".")
            yield f"{whole}.{cents}"
            yield f"{int(whole):,}".replace(",", "\u202f") + f",{cents}"
    elif isinstance(value, str) and len(value) >= SHORTEST and not WORD.fullmatch(value):
        yield value
        if len(value) == 24 and value.isdigit():
            yield formats.rib(value)


def values_of(models_: Iterable[type[models.Model]], keys: Collection[int]) -> set[str]:
    found: set[str] = set()
    for model in models_:
        names = [
            field.name
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField | models.DecimalField | models.JSONField)
            and not field.choices
        ]  # fmt: skip
        for row in rows_of(model, keys).values_list(*names) if names else ():
            for value in row:
                found.update(texts(value))
    return found


# -- who crawls ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crawler:
    """A person, the affiliates they may touch, and the canaries they must never see."""

    name: str
    user: User | None
    mine: frozenset[int]
    canaries: frozenset[str]


def _of_a_bank(user: User) -> set[str]:
    """What a bank sent is its own, whoever it paid for; and it keeps the accounts that its customers let be debited."""
    banks = Bank.objects.filter(pk__in=BankMembership.objects.filter(user=user).values("bank"))
    found: set[str] = set()
    customers: list[models.QuerySet[Any]] = []
    for bank in banks:
        debited = DebitAuthority.objects.filter(rib__startswith=bank.code)
        firms = Affiliate.objects.filter(pk__in=debited.values("affiliate"))
        customers += [debited, firms, DebitOrder.objects.filter(authority__in=debited)]
    for rows in (
        BankLine.objects.filter(bank_file__bank__in=banks),
        BankFile.objects.filter(bank__in=banks),
        *customers,
    ):
        for row in rows.values():
            for value in row.values():
                found.update(texts(value))
    return found


def _typed_by(user: User) -> set[str]:
    """The numbers that a person's office wrote itself when it asked for a mandate."""
    asked = MandateRequest.objects.filter(representative__members=user)
    return set(asked.values_list("affiliation_number", flat=True))


def shared_words() -> set[str]:
    """What everybody may read: agencies, banks, offices, who works for the fund, and the words of the law."""
    found = {str(branch.label) for branch in Branch}
    for model in (Agency, Bank, Representative):
        for row in model._base_manager.values():
            for value in row.values():
                found.update(texts(value))
    return found | set(User.objects.filter(is_staff=True).values_list("full_name", flat=True))


def crawlers() -> list[Crawler]:
    today = clock.today()
    clerk = UserFactory(email="agent14@caisse.example", full_name="Agente Lointaine", is_staff=True)
    agency = Agency.objects.get(code="14")
    StaffAssignment.objects.create(user=clerk, agency=agency, role=StaffRole.CLERK.value)
    people: list[tuple[str, User | None, set[int]]] = [("visitor", None, set())]
    for name, email in (
        ("owner", "nadia@boulangerie.example"),
        ("fiduciaire", "cabinet@fiduciaire.example"),
        ("bank", "banque@oasis.example"),
        ("stranger", "leila@riad.example"),
    ):
        user = User.objects.get(email=email)
        members = Affiliate.objects.filter(memberships__user=user)
        given = Mandate.objects.filter(
            models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=today),
            representative__members=user, revoked_at__isnull=True, starts_on__lte=today,
        )  # fmt: skip
        mine = set(members.values_list("pk", flat=True)) | set(
            given.values_list("affiliate", flat=True)
        )
        people.append((name, user, mine))
    of_the_agency = set(Affiliate.objects.filter(agency=agency).values_list("pk", flat=True))
    people.append(("clerk of another agency", clerk, of_the_agency))
    everybody = set(Affiliate.objects.values_list("pk", flat=True))
    common, known = shared_words(), list(owned_models())
    law = "\n".join(Client().get(path).content.decode() for path in OF_THE_LAW)
    made = []
    for name, user, mine in people:
        own = values_of(known, mine) | common
        own |= _of_a_bank(user) | _typed_by(user) if user else set()
        theirs = values_of(known, everybody - mine) - own
        # A word of one's own rows, or a part of it, says nothing of the others.
        whole = "\n".join([*own, law])
        made.append(
            Crawler(
                name, user, frozenset(mine), frozenset(one for one in theirs if one not in whole)
            )
        )
    return made


# -- every address -------------------------------------------------------------------------------

#: The models whose keys a parameter takes, by room and the fixed words before it in the address.
KEYED: dict[tuple[str, str], str] = {
    ("portal", "ma-securite"): "mfa.Authenticator",
    ("affiliates", "mandats"): "affiliates.Mandate",
    ("affiliates", "demandes"): "affiliates.MandateRequest",
    ("affiliates", "personnes"): "affiliates.Membership",
    ("affiliates", "invitations"): "affiliates.Invitation",
    ("affiliates", "salaries"): "affiliates.Employment",
    ("affiliates", "absence"): "affiliates.Absence",
    ("affiliates", "pieces"): "affiliates.RegistrationPiece",
    ("affiliates", "copies"): "affiliates.DataCopy",
    ("copies", "copies"): "affiliates.DataCopy",
    ("affiliates", "immatriculations"): "affiliates.RegistrationRequest",
    ("affiliates", "rectifications"): "affiliates.RectificationRequest",
    ("declarations", "fichiers"): "declarations.ReceivedFile",
    ("declarations", "declarations"): "declarations.Declaration",
    ("declarations", "retirer"): "declarations.DeclarationLine",
    ("payments", "bordereaux"): "payments.PaymentSlip",
    ("payments", "facilites"): "payments.GraceRequest",
    ("payments", "code"): "payments.PaymentSlip",
    ("payments", "ordres"): "payments.DebitOrder",
    ("payments", "mandats"): "affiliates.DebitAuthority",
    ("payments", "remises"): "payments.DebitRun",
    ("payments", "remboursement"): "payments.ClerkAct",
    ("payments", "fichiers"): "payments.BankFile",
    ("payments", "bank-files"): "payments.BankFile",
    ("payments", "debit-runs"): "payments.DebitRun",
    ("clients", "fichiers"): "declarations.Deposit",
    ("clients", "recepisses"): "certificates.ReceiptArchive",
    ("disputes", "reclamations"): "disputes.Dispute",
    ("disputes", "pieces"): "disputes.Attachment",
    ("disputes", "controles"): "disputes.Mission",
    ("disputes", "actes"): "disputes.MissionStep",
    ("certificates", "attestations"): "certificates.Certificate",
    ("certificates", "liens"): "certificates.ShareLink",
    ("certificates", "bordereaux"): "payments.PaymentSlip",
    ("certificates", "declarations"): "declarations.Declaration",
    ("certificates", "recepisse"): "declarations.Declaration",
    ("certificates", "paiements"): "payments.Allocation",
    ("certificates", "reclamations"): "disputes.Dispute",
}
#: Parameters that name nobody: a series of the law, a shape of file, the secret of a link, the mark of a device.
FREE = {
    "name": "ceiling.monthly",
    "form": "csv",
    "kind": "csv",
    "token": "A" * 26,
    "mark": "a" * 32,
}
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>|\(\?P<(\w+)>")


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    namespace: str


def addresses(
    resolver: URLResolver | None = None, prefix: str = "", names: str = ""
) -> Iterator[Address]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{names}{pattern.namespace}:" if pattern.namespace else names
            yield from addresses(pattern, route, inner)
        elif isinstance(pattern, URLPattern):
            yield Address(f"{names}{pattern.name or ''}", route, names.split(":")[0])


class Unknown(LookupError):
    """A parameter that this file does not describe."""


def key_in(address: Address, before: str, keys: Collection[int]) -> str:
    """The key of a row of these affiliates, for the parameter that follows `before`; 999999 when there is none."""
    words = [word for word in before.split("/") if word and "<" not in word]
    label = KEYED.get((address.namespace, words[-1] if words else ""))
    if label is None:
        raise Unknown(f"{address.name}: {address.route}")
    model = apps.get_model(label)
    # What belongs to a bank belongs to no affiliate: any of them will do.
    rows = model._base_manager.all() if label in OF_NO_AFFILIATE else rows_of(model, keys)
    row = rows.order_by("pk").first()
    if row is None:
        return "999999"
    for attribute in ("receipt_number", "number", "message_id", "payment_reference", "reference"):
        if "<str:" in address.route[len(before) :][:6] and hasattr(row, attribute):
            return str(getattr(row, attribute))
    return str(row.pk)


def filled(address: Address, number: str, keys: Collection[int]) -> str:
    """The address with the keys of rows of these affiliates."""
    if address.route.startswith("administration/"):
        return filled_desk(address, keys)
    path, rest = "", address.route
    while match := PARAMETER.search(rest):
        name = match[2] or match[3]
        before = address.route[: len(address.route) - len(rest) + match.start()]
        if name == "affiliation_number":
            value = number
        elif name == "period":
            period = Declaration.objects.filter(affiliate__in=keys).order_by("-period").first()
            value = f"{period.period:%Y-%m}" if period else "2026-01"
        elif name in FREE:
            value = FREE[name]
        else:
            value = key_in(address, before, keys)
        path += rest[: match.start()] + value
        rest = rest[match.end() :]
    return "/" + path + rest


def filled_desk(address: Address, keys: Collection[int]) -> str:
    """An address of the clerk's desk: administration/<app>/<model>/<key>/…"""
    words = address.route.split("/")
    try:
        model: Any = apps.get_model(words[1], words[2])
    except (LookupError, IndexError):
        model = None
    row = rows_of(model, keys).order_by("pk").first() if model and model in owned_models() else None
    path = PARAMETER.sub(str(row.pk if row else 999_999), address.route)
    return "/" + re.sub(r"\^|\$|\).*", "", path)


# -- what is read --------------------------------------------------------------------------------


def text_of(response: Any) -> str:
    """The whole answer as text; a spreadsheet is opened, a document is read."""
    content = (
        b"".join(response.streaming_content)
        if getattr(response, "streaming", False)
        else response.content
    )
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = b"\n".join(archive.read(name) for name in archive.namelist())
    if content[:5] == b"%PDF-":
        # A piece that came from outside may be no document of ours: its bytes stand as they are. Of ours the words are
        # read, and what it says of itself: in the bytes, a length on the page would pass for an amount.
        with contextlib.suppress(pikepdf.PdfError, AttributeError):
            content = (pdf_text.text_of(content) + _about(content)).encode()
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return headers + "\n" + content.decode("utf-8", errors="replace")


def _about(document: bytes) -> str:
    """Title, author and the like of a PDF, wherever it keeps them."""
    with pikepdf.open(io.BytesIO(document)) as pdf:
        told = [str(value) for _name, value in pdf.docinfo.items()]
        if "/Metadata" in pdf.Root:
            told.append(pdf.Root.Metadata.read_bytes().decode("utf-8", errors="replace"))
        return " ".join(told)


class Sweep:
    """One person's crawl: asks, and keeps each canary seen with the request that showed it."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.client = Client(raise_request_exception=False)
        if crawler.user:
            self.client.force_login(crawler.user)
        self.seen: list[str] = []
        self.answers: defaultdict[int, int] = defaultdict(int)
        self._read: set[bytes] = set()

    def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> str:
        with transaction.atomic():
            response = getattr(self.client, method)(path, data or {})
            text = text_of(response)
            transaction.set_rollback(True)
        self.answers[response.status_code] += 1
        plain = re.sub(r'csrfmiddlewaretoken" value="\w+"|[2-9A-Z]{4}-[2-9A-Z]{4}', "", text)
        digest = hashlib.sha256(plain.encode()).digest()
        if digest not in self._read:
            self._read.add(digest)
            asked = path + str(data)
            # Thousands of canaries in thousands of pages: only those whose first letters occur are looked for.
            openings = {text[at : at + SHORTEST] for at in range(len(text))}
            for canary in self.crawler.canaries:
                # What the request itself said may come back in a redirection.
                if canary[:SHORTEST] in openings and canary in text and canary not in asked:
                    self.seen.append(f"{method} {path} ({response.status_code}): {canary!r}")
        if response.status_code >= 500 and path != "/healthz":  # no worker beats beside this test
            self.seen.append(f"{method} {path}: {response.status_code}")
        return text

    def read_letters(self) -> None:
        """What the portal wrote to this person, whether it has left or not."""
        for letter in Mail.objects.filter(user=self.crawler.user) if self.crawler.user else ():
            text = f"{letter.subject}\n{letter.text}"
            self.seen += [
                f"letter {letter.key}: {canary!r}"
                for canary in self.crawler.canaries
                if canary in text
            ]

    def complete(self, term: str) -> None:
        """What the desk proposes while one types, for every key of every model that it shows."""
        for model in admin.site._registry:
            for field in model._meta.concrete_fields:
                if field.related_model is not None:
                    asked = {
                        "app_label": model._meta.app_label, "model_name": str(model._meta.model_name),
                        "field_name": field.name, "term": term,
                    }  # fmt: skip
                    self.ask("get", "/administration/autocomplete/", asked)


def sweep(crawler: Crawler, everything: list[Address], everybody: frozenset[int]) -> Sweep:
    one = Sweep(crawler)
    others = everybody - crawler.mine
    number = Affiliate.objects.filter(pk__in=others).order_by("-pk")[0]
    for address in everything:
        if address.name == "portal:logout":
            continue
        # Of another, under its own number: every method; then under one's own number, if one has any.
        path = filled(address, number.affiliation_number, [number.pk])
        desk = address.route.startswith("administration/")
        # The way a method is refused does not depend on the person: one of them tries them all.
        for method in METHODS if crawler.name == "owner" and not desk else METHODS[:2]:
            one.ask(method, path)
        one.ask("get", filled(address, number.affiliation_number, others), {"q": number.name})
        for mine in Affiliate.objects.filter(pk__in=crawler.mine)[:1]:
            one.ask("get", filled(address, mine.affiliation_number, others))
            one.ask("post", filled(address, mine.affiliation_number, others))
            one.ask("get", filled(address, mine.affiliation_number, [mine.pk]))
    one.read_letters()
    if crawler.user and crawler.user.is_staff:
        one.complete(number.name)
    return one


# -- the tests -----------------------------------------------------------------------------------


def test_every_parameter_of_every_address_is_described(db: None) -> None:
    missing = []
    for address in addresses():
        try:
            filled(address, "1234567", [0])
        except Unknown as unknown:
            missing.append(str(unknown))
    assert missing == []


def test_every_model_of_a_room_belongs_to_an_affiliate_or_to_nobody() -> None:
    """A new model says whose its rows are, by its keys or above."""
    lost = {
        model._meta.label
        for model in owned_models()
        if model._meta.label not in BY_ANOTHER_ROAD and not paths_to_affiliate(model)
    }
    assert lost == OF_NO_AFFILIATE


@pytest.mark.slow
def test_nobody_sees_anything_of_another(db: None, tmp_path: Path) -> None:
    build.load(now=NOW, folder=tmp_path)
    everything = list(addresses())
    everybody = frozenset(Affiliate.objects.values_list("pk", flat=True))
    found: dict[str, list[str]] = {}
    people = crawlers()
    for crawler in people:
        assert len(crawler.canaries) > 500, crawler.name
        done = sweep(crawler, everything, everybody)
        found[crawler.name] = done.seen
        assert done.answers[200] > 0
    assert {name: seen[:20] for name, seen in found.items() if seen} == {}

    # The positive control: what an owner is rightly shown is full of canaries to the eyes of a stranger.
    other = Affiliate.objects.get(name__startswith="ATLAS MAILLE")
    owner = User.objects.get(email="direction@atlasmaille.example")
    stranger = next(one for one in people if one.name == "stranger")
    spy = Sweep(Crawler("spy", owner, frozenset(), stranger.canaries))
    shown = 0
    for address in everything:
        if "<str:affiliation_number>" in address.route:
            before = len(spy.seen)
            spy.ask("get", filled(address, other.affiliation_number, [other.pk]))
            shown += len(spy.seen) > before
    assert shown >= 20
