"""No page of the clerks' desk shows anything of a firm without saying so in the trace.

Every address of the desk is asked for, with every method that a browser sends, as a clerk and as a supervisor, with
rows of firms of the demonstration. Whatever only one firm holds (its name, its number, its people, its amounts) is a
canary: an answer that shows one must have left an entry that names this firm, or an entry of a list that names it and
says why. An address without an example fails.
"""

import contextlib
import datetime
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.urls import reverse

from affiliates import workflows as register
from affiliates.enums import CardKind
from affiliates.models import Affiliate, Employment, StateTakeover
from certificates.enums import AlarmKind
from certificates.models import UsageAlarm
from damancom import copying
from damancom.demo import build
from damancom.tasks import make_copy
from declarations.models import Outage
from disputes.enums import StepKind
from disputes.models import MissionStep, ReplyPiece, StepReply
from payments.models import PaymentSlip
from portal import audit, storage
from portal.models import AuditEntry, Incident, Purge, User
from portal.request_code import current_request_id
from tests.cast import Cast
from tests.house.test_canary import (
    NOW,
    OF_NO_AFFILIATE,
    SHORTEST,
    Address,
    addresses,
    owned_models,
    rows_of,
    shared_words,
    text_of,
    texts,
    values_of,
)

PREFIX = "administration/"
#: As many rows are asked for at each address.
SOME = 6
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
#: What another parameter of an address stands for, by the model of the desk and the name of the parameter: the path
#: from that row to the one of the desk.
SECOND = {
    ("affiliates.AffiliationRequest", "piece_pk"): ("affiliates.AffiliationPiece", "request"),
    ("affiliates.RegistrationRequest", "piece_pk"): ("affiliates.RegistrationPiece", "request"),
    ("affiliates.RectificationRequest", "piece_pk"): ("affiliates.RectificationPiece", "request"),
    ("disputes.Dispute", "piece_pk"): ("disputes.Attachment", "message__dispute"),
    ("disputes.Mission", "piece_pk"): ("disputes.ReplyPiece", "reply__step__mission"),
    ("disputes.Mission", "step_pk"): ("disputes.MissionStep", "mission"),
    ("disputes.Mission", "assessment_pk"): ("disputes.Assessment", "mission"),
    ("payments.BankLine", "allocation_pk"): ("payments.Allocation", "bank_line"),
}
#: Where the key is of another model than the desk's.
KEY_OF = {
    "admin:affiliates_datacopy_ask": "affiliates.Employee",
    "admin:certificates_certificate_decision": "disputes.Dispute",
    "admin:payments_debitrun_resume": "payments.DebitRun",
}
#: What an insured person asks about themselves stands in the trace of the person: their employer is not told.
OF_THE_PERSON = {
    "admin:affiliates_datacopy_changelist", "admin:affiliates_datacopy_ask", "admin:affiliates_datacopy_download",
}  # fmt: skip
#: Totals of many firms, which in a small world may be the amount of one: there an amount betrays nobody.
SUMS = {
    "admin:payments_bankfile_changelist", "admin:payments_bankfile_change", "admin:payments_collection",
    "admin:payments_collection_export",
}  # fmt: skip
#: A number with few digits is many things.
_NUMBER = re.compile(r"[\d.,\s]+")
#: Words that an address takes, by its name: each is tried.
WORDS: dict[str, dict[str, list[str]]] = {
    "admin:payments_collection_export": {
        "panel": ["mois", "vitesse", "banques", "dette", "attente"], "kind": ["csv", "xlsx"],
    },
    "admin:payments_clerkact_decide": {"verb": ["valider", "refuser", "retirer", "proposer"]},
    "admin:payments_gracerequest_decide": {"verb": ["accorder", "refuser", "proposer"]},
    "admin:payments_bankprofile_decide": {"verb": ["approuver", "ecarter"]},
    "admin:disputes_mission_step": {"kind": [one.value for one in StepKind]},
}  # fmt: skip
#: Addresses of Django's frame that hold nothing of ours.
OF_DJANGO = {
    "admin:index", "admin:login", "admin:logout", "admin:password_change", "admin:password_change_done",
    "admin:autocomplete", "admin:jsi18n", "admin:view_on_site", "admin:app_list", "admin:",
    # Shows nothing itself: it asks why, leaves its act, and leads back (tests/house/test_veils.py).
    "admin:show",
}  # fmt: skip


def desk_addresses() -> list[Address]:
    return [one for one in addresses() if one.route.startswith(PREFIX)]


def model_of(address: Address) -> str | None:
    """The model whose desk an address belongs to: administration/<app>/<model>/…"""
    words = address.route.split("/")
    with contextlib.suppress(LookupError, IndexError):
        return apps.get_model(words[1], words[2])._meta.label
    return None


def examples(label: str, firms: list[int]) -> list[Any]:
    """Rows of a desk, of several firms as far as there are some; a few of them."""
    model: Any = apps.get_model(label)
    found = []
    if model in set(owned_models()) and label not in OF_NO_AFFILIATE:
        for firm in firms:
            found += rows_of(model, [firm]).order_by("pk")[:1]
    return (found or list(model._base_manager.order_by("pk")))[:SOME]


def pairs(label: str, second: str) -> list[tuple[Any, Any]]:
    """Rows of a desk, each with a row that hangs on it."""
    name, path = SECOND[(label, second)]
    rows = apps.get_model(name)._base_manager.filter(**{f"{path}__isnull": False}).order_by("pk")
    found = rows.values_list(path, "pk")
    return [(key, hanging) for key, hanging in found][:SOME]


def asked(address: Address, firms: list[int]) -> Iterator[str]:
    """The paths to ask for: with keys of rows, with each word."""
    names = [name for _kind, name in PARAMETER.findall(address.route)]
    label = KEY_OF.get(address.name) or model_of(address) or ""
    seconds = [name for name in names if (label, name) in SECOND]
    filled: list[dict[str, Any]] = [{}]
    if seconds:
        filled = [{"pk": key, seconds[0]: other} for key, other in pairs(label, seconds[0])]
    elif {"pk", "object_id"} & set(names):
        filled = [{"pk": row.pk, "object_id": row.pk} for row in examples(label, firms)]
    for name in names:
        if name in WORDS.get(address.name, {}):
            words = WORDS[address.name][name]
            filled = [{**values, name: word} for values in filled for word in words]
    for values in filled:
        yield "/" + PARAMETER.sub(lambda found: str(values[found[2]]), address.route)  # noqa: B023


def read(response: Any) -> str:
    """What a reader reads: of a paper its words, not the bytes that draw them."""
    text = text_of(response)
    return text.rpartition("%%EOF")[2] if "%PDF-" in text else text


class Canaries:
    """What only one firm holds, by its first letters."""

    def __init__(self) -> None:
        self.count = 0
        self.by_opening: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        known = list(owned_models())
        holders: defaultdict[str, set[str]] = defaultdict(set)
        for firm in Affiliate.objects.all():
            values = values_of(known, [firm.pk])
            for person in User.objects.filter(memberships__affiliate=firm):
                values |= {*texts(person.full_name), *texts(person.email)}
            for value in values:
                holders[value].add(firm.affiliation_number)
        common = "\n".join(shared_words())
        for value, firms in holders.items():
            few = _NUMBER.fullmatch(value) and sum(map(str.isdigit, value)) < 7
            if len(firms) == 1 and value not in common and not few:
                self.count += 1
                self.by_opening[value[:SHORTEST]].append((value, next(iter(firms))))

    def seen_in(self, text: str) -> dict[str, str]:
        """The firms that a text shows something of, each with what betrays it."""
        found: dict[str, str] = {}
        for at in range(len(text)):
            for value, firm in self.by_opening.get(text[at : at + SHORTEST], ()):
                after = at + len(value)
                alone = not text[at - 1 : at].isalnum() and not text[after : after + 1].isalnum()
                if firm not in found and alone and text.startswith(value, at):
                    found[firm] = value
        return found


@dataclass
class Walk:
    """One person on the desk: asks, and keeps each firm shown whose trace stays silent."""

    user: User
    canaries: Canaries
    silent: list[str] = field(default_factory=list)
    shown: int = 0

    def __post_init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)

    def ask(self, method: str, path: str, name: str) -> None:
        """Ask; when the desk asks why first, say it and ask again."""
        if self._asks_why(self._ask(method, path, name)):
            # Outside what is rolled back, so that the session keeps the answer.
            assert self.client.post(path, {"purpose": "check"}).status_code == 302, path
            assert not self._asks_why(self._ask(method, path, name)), path

    @staticmethod
    def _asks_why(response: Any) -> bool:
        return getattr(response, "template_name", "") == "admin/purpose.html"

    def _ask(self, method: str, path: str, name: str) -> Any:
        last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        with transaction.atomic():
            response = getattr(self.client, method)(path)
            text = read(response)
            entries = list(AuditEntry.objects.filter(pk__gt=last))
            transaction.set_rollback(True)
        assert response.status_code < 500, (method, path, response.status_code)
        named = self._named(entries)
        if name in OF_THE_PERSON and any(one.action.startswith("copy.") for one in entries):
            return response
        if response.status_code < 400 or response.status_code == 422:
            for firm, value in self.canaries.seen_in(text).items():
                self.shown += 1
                sums = name in SUMS and _NUMBER.fullmatch(value)
                # What the address itself says is not shown by the page.
                if (
                    firm not in named
                    and value not in path
                    and not (sums and _NUMBER.fullmatch(value))
                ):
                    self.silent.append(f"{method} {path}: {value!r} of {firm}")
        return response

    @staticmethod
    def _named(entries: list[AuditEntry]) -> set[str]:
        named: set[str] = set()
        for entry in entries:
            if entry.action == audit.LISTED:
                assert entry.facts["purpose"], "a list says why it was opened"
                named.update(entry.facts["firms"])
            elif entry.affiliation_number:
                named.add(entry.affiliation_number)
        return named


def furnish() -> None:
    """What the demonstration holds no example of."""
    clerk = User.objects.get(email="agent@caisse.example")
    owner = User.objects.get(email="nadia@boulangerie.example")
    firm = Affiliate.objects.get(affiliation_number="2045187")
    token = current_request_id.set("ABCD-EFGH")
    audit.record(
        actor=owner,
        action="declaration.submitted",
        subject=firm,
        affiliation_number=firm.affiliation_number,
    )
    current_request_id.reset(token)
    Incident.objects.create(code="ABCD-EFGH", place="declarations:submit", kind="KeyError")
    Purge.objects.create(rule="mail", removed=3, began_at=NOW, ended_at=NOW)
    UsageAlarm.objects.create(
        user=clerk, kind=AlarmKind.READ.value, day=NOW.date(), count=300, raised_at=NOW
    )
    Outage.objects.create(
        starts_at=NOW, ends_at=NOW + datetime.timedelta(hours=1), what="Panne", recorded_at=NOW
    )
    StateTakeover.objects.create(
        employment=Employment.objects.filter(affiliate=firm).order_by("pk")[0],
        starts_on=datetime.date(2026, 1, 1),
        ends_on=datetime.date(2026, 12, 31),
        decision_reference="TAHFIZ-2026/17",
    )
    person = Employment.objects.filter(affiliate=firm).order_by("pk")[0].employee
    copy = copying.ask(actor=clerk, at=NOW, employee=person, reason="Demande au guichet")
    make_copy(copy.pk)
    register.open_recovery(
        actor=clerk,
        at=NOW,
        email="leila@riad.example",
        document=CardKind.CIN,
        lost="Téléphone volé mardi, déclaration montrée",
    )
    step = MissionStep.objects.filter(mission__affiliate__memberships__isnull=False).order_by("pk")[
        0
    ]
    answers = step.mission.affiliate.memberships.order_by("pk")[0].user
    reply = StepReply.objects.create(
        step=step, author=answers, written_at=NOW, text="Voici le registre.", intent=uuid.uuid4()
    )
    stored = storage.store([b"%PDF-1.4"], name="registre.pdf", limit=100, stored_by=answers)
    ReplyPiece.objects.create(reply=reply, stored=stored, content_type="application/pdf")


@pytest.fixture
def world(db: None, tmp_path: Path) -> None:
    build.load(now=NOW, folder=tmp_path)
    furnish()


def test_every_parameter_of_the_desk_is_described() -> None:
    lost = []
    for address in desk_addresses():
        label = model_of(address) or ""
        for _kind, name in PARAMETER.findall(address.route):
            known = name in ("pk", "object_id") or (label, name) in SECOND
            if (
                not known
                and name not in WORDS.get(address.name, {})
                and address.name not in OF_DJANGO
            ):
                lost.append(f"{address.name}: {name}")
    assert lost == []


@pytest.mark.slow
def test_no_page_of_the_desk_shows_a_firm_in_silence(
    world: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [one for one in desk_addresses() if one.name not in OF_DJANGO]
    firms = list(Affiliate.objects.order_by("pk").values_list("pk", flat=True))
    canaries = Canaries()
    assert canaries.count > 2000
    for email in ("agent@caisse.example", "superviseur@caisse.example"):
        walk = Walk(User.objects.get(email=email), canaries)
        for address in everything:
            paths = list(asked(address, firms))
            assert paths, f"no example for {address.name}: {address.route}"
            for path in paths:
                for method in ("get", "post"):
                    walk.ask(method, path, address.name)
        assert walk.shown > 100
        assert walk.silent == [], "\n".join([email, *walk.silent])

    # The positive control: a desk that forgets to write its trace is caught.
    monkeypatch.setattr(audit, "write_readings", lambda request: None)
    blind = Walk(User.objects.get(email="superviseur@caisse.example"), canaries)
    for address in everything:
        if address.name in (
            "admin:disputes_dispute_change",
            "admin:payments_paymentslip_changelist",
        ):
            for path in asked(address, firms):
                blind.ask("get", path, address.name)
    assert len({one.split(":")[0] for one in blind.silent}) > 1


def test_what_django_would_complete_is_closed(cast: Cast) -> None:
    """Its own answer lists firms to whoever names a field; nothing of the desk needs it."""
    client = Client()
    client.force_login(cast.staff)
    field = {"app_label": "payments", "model_name": "paymentslip", "field_name": "affiliate"}
    answer = client.get(f"/{PREFIX}autocomplete/", {**field, "term": "BOUL"})
    assert answer.status_code == 404
    for known in (PaymentSlip, Affiliate):
        page = reverse(f"admin:{known._meta.app_label}_{known._meta.model_name}_history", args=[1])
        assert client.get(page).status_code == 404
