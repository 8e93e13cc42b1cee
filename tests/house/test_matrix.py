"""Role × address × method × owner: each door of the portal answers as its line of the table says, and no other way.

One world for all: the demonstration, with a person for each role added. The firms of one agency are « own », those of
the others « theirs ». Each request is undone. Three owners: one's own firm and objects; another's firm and objects;
another's objects under one's own number.
"""

import copy
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.signing import Signer
from django.db import models, transaction
from django.test import Client

from affiliates import access
from affiliates.enums import AbsenceKind, CardKind, Role, Scope, StaffRole
from affiliates.models import (
    Absence,
    Affiliate,
    AffiliationRequest,
    Agency,
    DebitAuthority,
    Employment,
    Mandate,
    MandateRequest,
    StaffAssignment,
)
from affiliates.workflows import approve_recovery, open_recovery
from affiliates.workflows.affiliations import token_of_request
from affiliates.workflows.invitations import invite, token_of
from affiliates.workflows.recoveries import stop_token, token_of_recovery
from certificates.enums import CertificateKind
from certificates.models import ArchivedReceipt, Certificate, ReceiptArchive
from certificates.workflows import share
from certificates.workflows import token_of as token_of_link
from damancom.demo import build
from declarations.models import Deposit, Receipt
from disputes.models import MissionStep, ReplyPiece, StepReply
from payments.access import bank_of
from payments.enums import KeyScope
from payments.models import Bank, BankFile, BankMembership, DebitRun
from payments.queries.debits import free_dues
from payments.workflows.bank_keys import issue_key
from portal import clock, new_browser, second_factors, storage
from portal.addresses import LASTS
from portal.addresses import token_of as token_of_change
from portal.enums import JobState
from portal.models import AddressChange, User
from portal.security_pages import _mark
from tests.affiliates.factories import (
    AffiliateFactory,
    MandateFactory,
    MembershipFactory,
    RepresentativeFactory,
    UserFactory,
)
from tests.house.matrix import (
    EVERYBODY,
    INSIDE,
    NOT_THERE,
    OFFICES,
    PORTAL,
    STAFF,
    Row,
    opens_for,
    rows,
)
from tests.house.test_canary import (
    FREE,
    KEYED,
    NOW,
    OF_NO_AFFILIATE,
    PARAMETER,
    Address,
    addresses,
    rows_of,
)

METHODS = ("GET", "POST", "PUT", "DELETE")
TRY_ALL = ("owner", "visitor")
#: Closed to everybody in this world, and why.
NEVER_OPEN = {
    "metrics",  # whoever brings the token, which the tests do not
}


# -- the world -----------------------------------------------------------------------------------


@dataclass
class World:
    """Who is who, whose firms are « own », and what was asked of each door."""

    people: dict[str, User]
    own: list[Affiliate]
    theirs: list[Affiliate]
    machine_key: str
    links: dict[str, str]
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, who: str) -> Client:
        """A browser of this person, who has just shown who they are."""
        if who not in self.clients:
            headers = {"Authorization": f"Bearer {self.machine_key}"} if who == "machine" else {}
            # Each at an address of their own: what is counted by address is not shared.
            at = f"10.0.0.{EVERYBODY.index(who)}"
            client = Client(raise_request_exception=False, headers=headers, REMOTE_ADDR=at)
            if who in self.people:
                client.force_login(self.people[who])
                session = client.session
                now = int(clock.now().timestamp())
                session.update({"opened_at": now, "strong_at": now, "second_factor": True})
                session.save()
            self.clients[who] = client
        return self.clients[who]


def build_world(folder: Path) -> World:
    build.load(now=NOW, folder=folder)
    agency = Agency.objects.get(code="01")
    own = list(Affiliate.objects.filter(agency=agency).order_by("pk"))
    theirs = list(Affiliate.objects.exclude(agency=agency).order_by("pk"))
    people: dict[str, User] = {}
    for who, allowed in INSIDE.items():
        people[who] = UserFactory(full_name=who)
        if who in OFFICES:
            scopes = [Scope(one) for one in sorted(allowed)]
            office = RepresentativeFactory(name=who, members=[people[who]])
            for firm in own:
                MandateFactory(
                    affiliate=firm, representative=office, scopes=[one.value for one in scopes]
                )
            MandateRequest.objects.create(
                representative=office, affiliation_number="9999999", scopes=[Scope.DECLARE.value],
                asked_by=people[who], asked_at=clock.now(), starts_on=clock.today(),
            )  # fmt: skip
        else:
            for firm in own:
                MembershipFactory(user=people[who], affiliate=firm, role=Role(who).value)
    for who in STAFF:
        people[who] = UserFactory(full_name=who, is_staff=True)
        StaffAssignment.objects.create(user=people[who], agency=agency, role=StaffRole(who).value)
    people["bank"] = UserFactory(full_name="bank")
    debited = DebitAuthority.objects.exclude(state="to_sign").order_by("pk")[0]
    bank = Bank.objects.get(code=debited.rib[:3])
    BankMembership.objects.create(user=people["bank"], bank=bank)
    people["stranger"] = UserFactory(full_name="stranger")
    MembershipFactory(user=people["stranger"], affiliate=AffiliateFactory())
    for person in people.values():
        Authenticator.objects.create(
            user=person,
            type=second_factors.APPLICATION,
            data={"secret": second_factors.seal(second_factors.new_secret()), "step": 0},
        )
        AddressChange.objects.create(
            user=person, email=f"nouvelle{person.pk}@exemple.ma", asked_at=clock.now(),
            expires_at=clock.now() + LASTS,
        )  # fmt: skip
        Deposit.objects.create(intent=uuid4(), sent_by=person, sent_at=clock.now())
        archive_of(person, own[0])
    someone = Employment.objects.filter(affiliate=own[0]).order_by("pk")[0]
    Absence.objects.create(
        employment=someone, kind=AbsenceKind.UNPAID_LEAVE.value, starts_on=clock.today()
    )
    staff = people["supervisor"]
    key = issue_key(
        actor=staff, bank=bank, label="matrice", scopes=tuple(KeyScope), days=30, at=clock.now()
    )
    return World(people, own, theirs, key.token, links(people["owner"], own[0]))


def archive_of(person: User, firm: Affiliate) -> None:
    """A receipt of this firm in an archive that this person asked for."""
    row = ReceiptArchive.objects.create(
        asked_by=person, period=clock.today().replace(day=1), asked_at=clock.now(),
        state=JobState.DONE.value, ready_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=24),
    )  # fmt: skip
    receipt = Receipt.objects.filter(affiliate=firm).order_by("pk").first()
    # Closed under another secret: it leaves as data only.
    ArchivedReceipt.objects.create(archive=row, receipt=receipt, sealed=b"-")


def links(owner: User, firm: Affiliate) -> dict[str, str]:
    """The secret of each link that opens a page without signing in."""
    asked = AffiliationRequest.objects.order_by("pk").first()
    assert asked is not None
    invitation = invite(
        actor=owner, at=clock.now(), affiliate=firm, email="invitee@exemple.ma",
        full_name="Invitée", role=Role.READER,
    )  # fmt: skip
    certificate = Certificate.objects.order_by("pk").first()
    assert certificate is not None
    shared = share(
        actor=owner, certificate=certificate, intent=uuid4(), label="banque",
        lasting=timedelta(days=2), at=clock.now(),
    )  # fmt: skip
    first, second = User.objects.filter(staff_assignment__agency=firm.agency).order_by("pk")[:2]
    recovery = open_recovery(
        actor=first, at=clock.now(), email=owner.email, document=CardKind.CIN, lost="téléphone"
    )
    approve_recovery(actor=second, at=clock.now(), recovery=recovery)
    opening = token_of_link(shared)
    assert opening is not None
    by_name = dict.fromkeys(
        ("certificates:shared", "certificates:shared_prepare", "certificates:shared_progress",
         "certificates:shared_pdf"), opening,
    )  # fmt: skip
    return by_name | {
        "affiliates:invitation": token_of(invitation),
        "affiliates:recover": token_of_recovery(recovery),
        "affiliates:stop_recovery": stop_token(recovery),
        "affiliates:affiliation": token_of_request(asked),
        "affiliates:correct_affiliation": token_of_request(asked),
        "portal:new_browser": new_browser.token_of(owner.pk),
        "portal:stop_reminders": Signer(salt="portal.mail.stop").sign(str(owner.pk)),
        "certificates:verification": certificate.token,
    }


# -- the address of one's own things, and of others' ---------------------------------------------


def keys_in(address: Address, firms: Collection[Affiliate]) -> dict[int, str] | None:
    """The key for each parameter that names a row (by its place), of rows of these firms that belong together."""
    places = [
        (match.start(), label)
        for match in PARAMETER.finditer(address.route)
        if (label := label_before(address, match.start())) is not None
    ]
    keys = [firm.pk for firm in firms]
    found: dict[int, Any] = {}
    last: Any = None
    # From the last to the first: an attachment says of which dispute it is, not the other way round.
    for place, label in reversed(places):
        model: Any = apps.get_model(label)
        parent = parent_of(last, model) if last is not None else None
        if parent is None:
            mine = model._base_manager.all() if label in OF_NO_AFFILIATE else rows_of(model, keys)
            parent = mine.order_by("pk").first()
        if parent is None:
            return None
        found[place] = last = parent
    return {place: key_of(address, place, row) for place, row in found.items()}


def label_before(address: Address, place: int) -> str | None:
    words = [word for word in address.route[:place].split("/") if word and "<" not in word]
    return KEYED.get((address.namespace, words[-1] if words else ""))


def parent_of(row: Any, model: type[models.Model]) -> Any:
    for one in row._meta.concrete_fields:
        if one.related_model is model:
            return getattr(row, one.name)
    return None


def key_of(address: Address, place: int, row: Any) -> str:
    if address.route[place:].startswith("<str:"):
        for attribute in (
            "receipt_number",
            "number",
            "message_id",
            "payment_reference",
            "reference",
        ):
            if hasattr(row, attribute):
                return str(getattr(row, attribute))
    return str(row.pk)


def filled(
    address: Address, firms: Collection[Affiliate], number: str, world: World, who: str, own: bool
) -> str:
    """The address with the keys of rows of the first of these firms that has them all."""
    if address.name in CHOSEN:
        having, values = CHOSEN[address.name](firms)
        keys: dict[int, str] = {}
    else:
        having, values = next((one for one in firms if keys_in(address, [one])), None), {}
        keys = (keys_in(address, [having]) if having else None) or {}
    path, rest = "", address.route
    while match := PARAMETER.search(rest):
        place = len(address.route) - len(rest) + match.start()
        name = match[2] or match[3]
        if name == "affiliation_number":
            value = number or (having or next(iter(firms))).affiliation_number
        elif name == "period":
            value = "2026-10"
        elif name == "mark":
            value = _mark(world.client(who).session.session_key) if own else "a" * 24
        elif address.name in OF_ONE:
            value = str(OF_ONE[address.name](world.people.get(BANKER.get(who, who)), own))
        elif name == "token":
            value = world.links[address.name] if own else FREE["token"]
        elif name in values:
            value = str(values[name])
        else:
            value = keys.get(place, "999999") if name not in FREE else FREE[name]
        path += rest[: match.start()] + value
        rest = rest[match.end() :]
    return "/" + path + rest


def _of(model: type[models.Model], by: str, attribute: str = "pk", **only: Any) -> Any:
    """The key of a row of this person (whose ``by`` they are), or of another; 999999 when there is none."""

    def key(person: User | None, own: bool) -> object:
        rows: Any = model._base_manager.filter(**only).order_by("pk")
        rows = rows.filter(**{by: person}) if own else rows.exclude(**{by: person})
        return rows.values_list(attribute, flat=True).first() or 999_999

    return key


def _of_bank(person: User | None, own: bool) -> int:
    """The key of an authority on an account that the person's bank keeps, or another bank."""
    bank = bank_of(person) if person else None
    at_ours = models.Q(rib__startswith=bank.code if bank else "none")
    rows = DebitAuthority.objects.exclude(state="to_sign").order_by("pk")
    row = rows.filter(at_ours if own else ~at_ours).first()
    return int(row.pk) if row else 999_999


def _of_address(person: User | None, own: bool) -> str:
    """The link that confirms this person's new address, or another's."""
    rows = (
        AddressChange.objects.filter(user=person)
        if own
        else AddressChange.objects.exclude(user=person)
    )
    row = rows.order_by("pk").first()
    return token_of_change(row) if row else FREE["token"]


_MEMBERS = "bank__memberships__user"
_FILE = _of(BankFile, _MEMBERS, "receipt_number")
_RUN = _of(DebitRun, "bank_account__bank__memberships__user", "message_id", sent_at__isnull=False)
#: What belongs to a person, their office or their bank, and not to a firm.
OF_ONE = {
    "portal:confirm_address": _of_address,
    "portal:remove_factor": _of(Authenticator, "user"),
    "clients:deposit": _of(Deposit, "sent_by"),
    "clients:archive": _of(ReceiptArchive, "asked_by"),
    "clients:fetch": _of(ReceiptArchive, "asked_by"),
    "affiliates:withdraw_mandate_request": _of(MandateRequest, "representative__members"),
    "affiliates:give_back_mandate": _of(
        Mandate, "representative__members", revoked_at__isnull=True
    ),
    "payments:bank_confirm": _of_bank,
    "payments:bank_refuse": _of_bank,
    "payments:bank_take_run": _RUN,
    "payments:bank_run_file": _RUN,
    "payments:bank_file": _FILE,
    "payments:bank_progress": _FILE,
    "payments:bank_return_file": _FILE,
    "payments:api_bank_file": _FILE,
    "payments:api_return_file": _FILE,
    "payments:api_debit_run_file": _RUN,
    "payments:api_debit_run_taken": _RUN,
}
#: A machine is its bank's.
BANKER = {"machine": "bank"}


Choice = tuple[Affiliate, dict[str, object]]


def _a_code(firms: Collection[Affiliate]) -> Choice:
    """A code that pays something today."""
    owing = ((one, {"code": dues[0].due.code}) for one in firms if (dues := free_dues(one)))
    return next(owing, (next(iter(firms)), {"code": "0"}))


def _a_piece_of_a_mission(firms: Collection[Affiliate]) -> Choice:
    """The piece that a firm joined to its answer; made here, as the demonstration has none."""
    step = MissionStep.objects.filter(mission__affiliate__in=firms).order_by("pk").first()
    if step is None:
        return next(iter(firms)), {"number": "0", "pk": 999_999}
    piece = ReplyPiece.objects.filter(reply__step=step).first()
    if piece is None:
        member = step.mission.affiliate.memberships.order_by("pk")[0].user
        reply = StepReply.objects.create(
            step=step, author=member, written_at=clock.now(), text="Notre réponse.", intent=uuid4()
        )
        stored = storage.store([b"%PDF-1.4"], name="piece.pdf", limit=100, stored_by=member)
        piece = ReplyPiece.objects.create(
            reply=reply, stored=stored, content_type="application/pdf"
        )
    return step.mission.affiliate, {"number": step.mission.number, "pk": piece.pk}


def _a_kind(firms: Collection[Affiliate]) -> Choice:
    return next(iter(firms)), {"kind": CertificateKind.EMPLOYEES.value}


#: What the first row of a firm would not do for.
CHOSEN: dict[str, Callable[[Collection[Affiliate]], Choice]] = {
    "payments:code": _a_code,
    "disputes:mission_piece": _a_piece_of_a_mission,
    "certificates:ask": _a_kind,
}


# -- asking --------------------------------------------------------------------------------------


def answer(client: Client, method: str, path: str) -> tuple[str, int]:
    """What the door did, in a word; everything it wrote is undone."""
    kept = copy.deepcopy(client.cookies)
    with transaction.atomic():
        response: Any = client.generic(method, path, "", "application/x-www-form-urlencoded")
        transaction.set_rollback(True)
    client.cookies = kept
    status, to = response.status_code, response.headers.get("Location", "")
    if status >= 500 and path != "/healthz":  # no worker beats beside this test
        return "breaks", status
    if status == 302 and to.startswith("/connexion/confirmer"):
        return "asks again", status
    if status == 302 and to.partition("?")[0] in ("/connexion/", "/administration/login/"):
        return "asks to sign in", status
    if path.startswith("/administration/") and (status, to) == (302, "/administration/"):
        return "missing", status  # Django's own words for a row that is not there
    closed = {401: "asks for a key", 403: "refused", 404: "missing", 405: "not this method"}
    return closed.get(status, "opens"), status


def asked_of(row: Row, who: str, owner: str) -> str:
    """What the table says of this door, of these things, for this person."""
    if owner == "own" or row.door in ("everyone", "nobody"):
        return opens_for(row, who)
    if row.door == "link":
        return "missing"
    said = opens_for(row, who)
    return "missing" if said == "opens" or (owner == "theirs" and said == "refused") else said


@dataclass
class Outcome:
    """What was asked, and each answer that the table does not say."""

    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    opened: Counter[str] = field(default_factory=Counter)


def walk(world: World, table: dict[str, Row], people: Collection[str]) -> Outcome:
    """Ask each door of the table everything, for each of these people."""
    seen = Outcome()
    for address in addresses():
        row = table.get(address.name)
        if row is None:
            continue
        for who in people:
            for owner, path in owners(address, world, who):
                # The way a method is refused does not depend on the person: two of them try them all.
                for method in METHODS if owner == "own" and who in TRY_ALL else METHODS[:2]:
                    said = asked_of(row, who, owner)
                    got, status = answer(world.client(who), method, path)
                    seen.asked += 1
                    seen.opened[address.name] += got == "opens"
                    if got not in allowed(row, method, said):
                        told = f"{got} ({status}), not {said}"
                        seen.wrong.append(f"{method} {address.name}, {who}, {owner}: {told}")
    return seen


def allowed(row: Row, method: str, said: str) -> set[str]:
    """The words that are right: a method that the door has not may be refused before or after the person is."""
    if row.name == "portal:login" and method not in row.methods:
        return {"opens", "not this method"}  # whoever is signed in is led on, whatever was asked
    if method not in row.methods:
        return {"not this method", said} - {"opens"} | ({"missing"} if said == "opens" else set())
    if row.door == "threshold":
        return {"opens", "asks to sign in"}
    if row.name in NOT_THERE and said == "opens":
        return {"missing"}
    return {said}


def owners(address: Address, world: World, who: str) -> list[tuple[str, str]]:
    """The address with one's own things, with another's, and with another's under one's own number."""
    asked = [("own", filled(address, world.own, "", world, who, True))]
    if "<" in address.route:
        asked.append(("theirs", filled(address, world.theirs, "", world, who, False)))
        named = any(label_before(address, one.start()) for one in PARAMETER.finditer(address.route))
        if named and "<str:affiliation_number>" in address.route and who in INSIDE:
            number = world.own[0].affiliation_number
            asked.append(("crossed", filled(address, world.theirs, number, world, who, False)))
    return asked


# -- the tests -----------------------------------------------------------------------------------


def test_every_address_of_the_portal_has_its_line_and_no_line_is_left() -> None:
    named = {one.name for one in addresses() if not one.route.startswith("administration/")}
    assert named == set(rows(PORTAL))


@pytest.mark.slow
def test_each_door_answers_each_person_as_the_table_says(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOW, tick=False):
        world = build_world(tmp_path)
        table = rows(PORTAL)
        seen = walk(world, table, EVERYBODY)
        assert not seen.wrong, "\n".join(seen.wrong)
        assert seen.asked > 8_000
        # Each door was seen open for somebody, so that « closed » means the person and not an empty world.
        assert {name for name in table if not seen.opened[name]} == NEVER_OPEN | NOT_THERE

        # The positive control: a doorway that forgets to look at the mandate's scope, and at whose object it is.
        monkeypatch.setattr(access, "_scopes_of", lambda affiliate: frozenset(Scope))
        broken = walk(world, {"payments:slip": table["payments:slip"]}, ["stranger", "owner"])
        assert broken.wrong != []
