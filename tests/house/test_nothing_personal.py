"""Nothing personal in addresses, logs, messages to tasks or Redis, while the demonstration is lived and then visited.

The demonstration is built through the workflows while everything that is logged, sent to a task or told to Redis is
written down; then four people follow the links of their pages, and every address that the portal makes (links, forms,
redirections) is written down too. The names, cards, accounts, registration numbers, addresses and amounts of the
demonstration are the canaries: none may stand there. What is typed into a search box
is the matter of tests/portal/test_searches.py.
"""

import datetime
import inspect
import io
import json
import logging
import re
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import pikepdf
import pytest
import redis
from celery import Task
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings

from affiliates.models import (
    Affiliate,
    AffiliationRequest,
    DebitAuthority,
    Employee,
    RegistrationRequest,
)
from damancom.celery import app
from damancom.demo import build
from declarations.models import DeclarationLine
from payments.models import BankLine, PaymentSlip
from portal import logs, mail
from portal.models import Mail, User

NOW = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)
#: Pages that each person opens.
PAGES = 120
VISITORS = (
    "direction@atlasmaille.example", "cabinet@fiduciaire.example", "banque@detroit.example",
    "superviseur@caisse.example",
)  # fmt: skip
_LINK = re.compile(r'(?:href|action|formaction|hx-get|hx-post|src)="([^"]*)"')
#: A file is not a page to follow.
_HANDED_OUT = re.compile(r"\.(pdf|csv|xlsx|xml|zip|txt)$")
_FILE = re.compile(r"\.(pdf|csv|xlsx|xml|zip|txt|svg|css|js|woff2)$|/deconnexion/|/langue/")


class Records:
    """Everything that left the portal by a way where nobody must be named."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.sent: list[str] = []
        self.told: list[str] = []
        self.addresses: list[str] = []
        self.files: list[str] = []
        self.subjects: list[str] = []
        self.metrics: list[str] = []

    def found(self, canaries: set[str]) -> list[str]:
        whole = {
            "log": self.logged, "task": self.sent, "redis": self.told, "address": self.addresses,
            "file": self.files, "subject": self.subjects, "metric": self.metrics,
        }  # fmt: skip
        seen = []
        for way, lines in whole.items():
            for line in dict.fromkeys(lines):
                seen += [f"{way}: {line[:200]} ({one})" for one in canaries if one in line]
        return seen


class Handler(logging.Handler):
    """Keeps each record as production writes it."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.INFO)
        self.kept = kept
        self.setFormatter(logs.JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(self.format(record))


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    kept = Records()
    handler, root = Handler(kept.logged), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def send(task: Any, args: Any = None, kwargs: Any = None, **options: Any) -> None:
        # Written down instead of sent: whoever works the queue beside this test is left in peace.
        kept.sent.append(json.dumps([task.name, args, kwargs, options.get("headers")], default=str))

    monkeypatch.setattr(Task, "apply_async", send)
    told: Callable[..., Any] = redis.Redis.execute_command

    def tell(client: Any, *words: Any, **options: Any) -> Any:
        kept.told.append(" ".join(str(word) for word in words))
        return told(client, *words, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", tell)
    yield kept
    root.removeHandler(handler)
    root.setLevel(before)


def canaries() -> set[str]:
    """What names somebody, or what somebody earns or owes."""
    found: set[str] = set()
    for model, *names in (
        (Employee, "cin", "registration_number", "last_name_ar", "first_name_ar"),
        (RegistrationRequest, "card_number", "phone", "rib", "last_name_ar"),
        (AffiliationRequest, "email", "phone", "contact_name"),
        (DeclarationLine, "full_name", "registration_number", "cin"),
        (BankLine, "payer_rib", "payer_name"), (DebitAuthority, "rib", "holder"),
        (User, "email", "full_name"),
    ):  # fmt: skip
        for row in model._base_manager.values_list(*names):
            found |= {value for value in row if value}
    for person in Employee.objects.all():
        found.add(f"{person.first_name} {person.last_name}")
    amounts: set[Decimal] = {
        *DeclarationLine.objects.values_list("gross_wage", flat=True),
        *PaymentSlip.objects.values_list("total", flat=True),
    }
    found |= {f"{one:.2f}" for one in amounts if one >= 1_000}
    # A short word may be a part of any other.
    return {one for one in found if len(one) >= 6}


def outside_of(answer: Any) -> list[str]:
    """What a file shows without being opened: its name, and what a PDF says of itself."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    shown = [unquote_plus(answer.get("Content-Disposition", ""))]
    if content.startswith(b"%PDF-"):
        with pikepdf.open(io.BytesIO(content)) as pdf:
            shown += [str(value) for value in pdf.docinfo.values()]
            if "/Metadata" in pdf.Root:
                shown.append(pdf.Root.Metadata.read_bytes().decode())
    return shown


def visit(email: str, records: Records) -> int:
    """Follow the links of a person's pages, breadth first, one page of each shape twice; how many opened."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email=email))
    waiting, met, shapes = deque(["/", "/administration/"]), {"/"}, dict[str, int]()
    opened = 0
    while waiting and opened < PAGES:
        path = waiting.popleft()
        answer = client.get(path)
        opened += 1
        records.addresses += [path, unquote_plus(answer.get("Location", ""))]
        if answer.streaming or "html" not in answer.get("Content-Type", ""):
            links = [answer.get("Location", "")]
        else:
            links = [*_LINK.findall(answer.content.decode()), answer.get("Location", "")]
        for link in map(unescape, links):
            records.addresses.append(unquote_plus(link))
            parts = urlsplit(link)
            shape = re.sub(r"\d+", "0", parts.path)
            if not parts.path.startswith("/") or parts.netloc:
                continue
            if _FILE.search(parts.path):
                if _HANDED_OUT.search(parts.path) and shape not in shapes:
                    shapes[shape] = 1
                    records.files += outside_of(client.get(link))
                continue
            if link not in met and shapes.get(shape, 0) < 2:
                met.add(link)
                shapes[shape] = shapes.get(shape, 0) + 1
                waiting.append(link)
    return opened


@pytest.mark.slow
def test_nobody_is_named_where_nobody_must_be(
    db: None, tmp_path: Path, records: Records, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        build.load(now=NOW, folder=tmp_path)
    wanted = canaries()
    assert len(wanted) > 300
    opened = sum(visit(email, records) for email in VISITORS)
    # The doors: an account that does not exist, and one whose password is wrong.
    client = Client()
    for email in ("personne.du.tout@exemple.ma", VISITORS[0]):
        client.post("/connexion/", {"username": email, "password": "devinette"})
    # A letter says in its subject which firm it is about: an accountant has many. Of a person it says nothing.
    firms = "|".join(map(re.escape, Affiliate.objects.values_list("name", flat=True)))
    for subject in Mail.objects.values_list("subject", flat=True):
        records.subjects.append(re.sub(firms, "…", subject))
    mail.send_due()
    with override_settings(METRICS_TOKEN="m" * 40):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {'m' * 40}"})
    records.metrics += answer.content.decode().splitlines()
    cache.set("page", 1, 5)
    # Acts that wake a worker.
    client.force_login(User.objects.get(email=VISITORS[0]))
    with django_capture_on_commit_callbacks(execute=True):
        for path in ("/mes-donnees/demander/", "/affilies/5884128/donnees/demander/"):
            records.addresses.append(client.post(path)["Location"])

    assert opened > 150
    assert len(records.logged) > 5
    assert len(records.sent) == 2
    assert records.told
    assert len(records.addresses) > 1_000
    assert len(records.files) > 20
    assert len(records.subjects) > 20
    assert len(records.metrics) > 10
    assert records.found(wanted | {"personne.du.tout"})[:20] == []


def test_a_message_to_a_task_carries_keys_of_rows_and_nothing_else() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert len(ours) > 20
    taken = {
        (name, parameter.annotation)
        for name, task in ours.items()
        for parameter in inspect.signature(task.run).parameters.values()
    }
    assert {one for one in taken if one[1] not in (int, "int")} == set()
    assert len(taken) > 3


def test_the_recorder_sees_what_it_should(
    db: None, records: Records, django_capture_on_commit_callbacks: Any
) -> None:
    """The control: a name in each of the ways is found."""
    from portal.tasks import send_mails, wake

    with django_capture_on_commit_callbacks(execute=True):
        wake(send_mails, "Fatima-Alami")
    logging.getLogger("damancom").warning("sent to %s", "Fatima-Alami")
    cache.set("firm:Fatima-Alami", 1, 5)
    records.addresses.append("/salaries/?q=Fatima-Alami")
    paper = pikepdf.new()
    paper.docinfo["/Title"] = "Attestation de Fatima-Alami"
    content = io.BytesIO()
    paper.save(content)
    records.files += outside_of(HttpResponse(content.getvalue()))
    records.subjects.append("Pour Fatima-Alami")
    records.metrics.append('requests{who="Fatima-Alami"} 1')
    found = records.found({"Fatima-Alami"})
    assert [one.split(":")[0] for one in found] == [
        "log", "task", "redis", "address", "file", "subject", "metric",
    ]  # fmt: skip
