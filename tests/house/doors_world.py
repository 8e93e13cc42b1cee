"""The world of the matrix of doors: who stands before them, whose things are « own », and how an address is filled.

The demonstration, with a person for each role added. The firms of one agency are « own », those of the others
« theirs ».
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import Signer
from django.db import models
from django.test import Client

from affiliates.enums import AbsenceKind, CardKind, CopyOf, Role, Scope, StaffRole
from affiliates.models import (
    Absence,
    Affiliate,
    AffiliationRequest,
    Agency,
    DataCopy,
    DebitAuthority,
    Employment,
    Mandate,
    MandateRequest,
    RectificationPiece,
    StaffAssignment,
)
from affiliates.workflows import approve_recovery, ask_rectification, open_recovery
from affiliates.workflows.affiliations import token_of_request
from affiliates.workflows.invitations import invite, token_of
from affiliates.workflows.recoveries import stop_token, token_of_recovery
from certificates.enums import CertificateKind
from certificates.models import ArchivedReceipt, Certificate, ReceiptArchive
from certificates.workflows import share
from certificates.workflows import token_of as token_of_link
from damancom import copying
from damancom.demo import build
from declarations.models import Deposit, Receipt
from disputes.enums import Outcome
from disputes.models import Dispute, MissionStep, ReplyPiece, StepReply
from disputes.rules import Ruling
from disputes.workflows import disputes as contesting
from payments.access import bank_of
from payments.enums import KeyScope
from payments.models import Bank, BankAccount, BankFile, BankMembership, DebitRun
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
    ELSEWHERE,
    EVERYBODY,
    INSIDE,
    OFFICES,
    POSTS,
    STAFF,
)
from tests.house.test_canary import (
    FREE,
    KEYED,
    NOW,
    OF_NO_AFFILIATE,
    PARAMETER,
    Address,
    rows_of,
)
from tests.house.test_desk_trace import furnish

# -- the world -----------------------------------------------------------------------------------


@dataclass
class World:
    """Who is who, whose firms are « own », and what was asked of each door."""

    people: dict[str, User]
    own: list[Affiliate]
    theirs: list[Affiliate]
    machine_key: str
    links: dict[str, str]
    #: What a form must say for its door to be asked at all.
    bodies: dict[str, str] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    #: Rows found for an address: nothing that is asked changes them.
    found: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def once(self, key: tuple[object, ...], look: Callable[[], Any]) -> Any:
        """What ``look`` finds, looked for once."""
        if key not in self.found:
            self.found[key] = look()
        return self.found[key]

    def client(self, who: str) -> Client:
        """A browser of this person, who has just shown who they are."""
        if who not in self.clients:
            headers = {"Authorization": f"Bearer {self.machine_key}"} if who == "machine" else {}
            # Each at an address of their own: what is counted by address is not shared.
            at = f"10.0.0.{[*EVERYBODY, *ELSEWHERE].index(who)}"
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
        if who in POSTS.values():
            role = StaffRole(who).value
            StaffAssignment.objects.create(user=people[who], agency=agency, role=role)
    for who, post in ELSEWHERE.items():
        people[who] = UserFactory(full_name=who, is_staff=True)
        StaffAssignment.objects.create(
            user=people[who], agency=theirs[0].agency, role=StaffRole(post).value
        )
    people["bank"] = UserFactory(full_name="bank")
    debited = DebitAuthority.objects.exclude(state="to_sign").order_by("pk")[0]
    bank = Bank.objects.get(code=debited.rib[:3])
    BankMembership.objects.create(user=people["bank"], bank=bank)
    people["stranger"] = UserFactory(full_name="stranger")
    MembershipFactory(user=people["stranger"], affiliate=AffiliateFactory(agency=theirs[0].agency))
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
    furnish()
    decide(people)
    ask_for_data(people, own, theirs)
    account = urlencode({"compte": BankAccount.objects.order_by("pk")[0].rib})
    bodies = {"admin:payments_debitrun_prepare": account}
    return World(people, own, theirs, key.token, links(people["owner"], own[0]), bodies)


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


def decide(people: dict[str, User]) -> None:
    """The fund answers a dispute of one's own agency: the demonstration's decisions are of another."""
    dispute = Dispute.objects.get(
        affiliate__agency__code="01", closed_at__isnull=True, appeal_of__isnull=True
    )
    contesting.take(actor=people["clerk"], dispute_id=dispute.pk, at=clock.now())
    contesting.decide(
        actor=people["supervisor"], dispute_id=dispute.pk, intent=uuid4(), at=clock.now(),
        rulings={item.pk: Ruling(Outcome.UPHELD) for item in dispute.items.all()},
        reasons="Le contrat commence le mois suivant.", legal_ground="",
    )  # fmt: skip


def ask_for_data(people: dict[str, User], own: list[Affiliate], theirs: list[Affiliate]) -> None:
    """Copies of what is held, of each account, of firms and of insured persons; a firm elsewhere rectifies too."""
    at = clock.now()
    far = theirs[0]
    chief = far.memberships.order_by("pk")[0].user
    asked = [copying.ask(actor=person, at=at) for person in people.values()]
    asked += [
        copying.ask(actor=people["owner"], at=at, affiliate=own[0]),
        copying.ask(actor=chief, at=at, affiliate=far),
    ]
    person = Employment.objects.filter(affiliate=own[0]).order_by("pk")[0].employee
    for who in ("clerk", "supervisor", "auditor"):
        reason = "Demande au guichet"
        asked.append(copying.ask(actor=people[who], at=at, employee=person, reason=reason))
    for row in asked:
        copying.make(copy_id=row.pk, at=at)
    ask_rectification(
        actor=chief, at=at, affiliate=far, employee=None, intent=uuid4(), told={"address": "3 RUE NEUVE"},
        text="Nous avons déménagé.", pieces=[SimpleUploadedFile("bail.pdf", b"%PDF-1.4 bail")],
    )  # fmt: skip


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


def rows_for(
    address: Address, firms: Collection[Affiliate]
) -> tuple[Affiliate | None, dict[str, object], dict[int, str]]:
    """The first of these firms that has every row that the address names, and the rows."""
    if address.name in CHOSEN:
        return *CHOSEN[address.name](firms), {}
    for one in firms:
        if keys := keys_in(address, [one]):
            return one, {}, keys
    return None, {}, {}


def filled(
    address: Address, firms: Collection[Affiliate], number: str, world: World, who: str, own: bool
) -> str:
    """The address with the keys of rows of the first of these firms that has them all."""
    having, values, keys = world.once((address, own), lambda: rows_for(address, firms))
    path, rest = "", address.route
    while match := PARAMETER.search(rest):
        place = len(address.route) - len(rest) + match.start()
        name = match[2] or match[3]
        if name == "affiliation_number":
            value = number or (having or next(iter(firms))).affiliation_number
        elif name == "period":
            value = "2026-10"
        elif name == "mark" and "mark" in values:
            value = str(values["mark"]) if own else "a" * 32
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
    "copies:copy": _of(DataCopy, "asked_by", of=CopyOf.ACCOUNT.value),
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


def _a_copy(firms: Collection[Affiliate]) -> Choice:
    """The last copy of a firm's data."""
    row = DataCopy.objects.filter(affiliate__in=firms).order_by("-pk")[0]
    return row.affiliate, {"pk": row.pk}


def _a_decision(firms: Collection[Affiliate]) -> Choice:
    row = Dispute.objects.filter(affiliate__in=firms, decision__isnull=False).order_by("pk")[0]
    return row.affiliate, {"number": row.number}


def _a_proof(firms: Collection[Affiliate]) -> Choice:
    """What was joined to a request for a rectification."""
    rows = RectificationPiece.objects.filter(request__affiliate__in=firms).order_by("pk")
    request = rows[0].request
    return request.affiliate, {"number": request.number, "piece_id": rows[0].pk}


def _a_receipt(firms: Collection[Affiliate]) -> Choice:
    """The receipt of a filing, with the mark that its paper bears."""
    row = Receipt.objects.filter(affiliate__in=firms).order_by("pk")[0]
    return row.affiliate, {"number": row.declaration.receipt_number, "mark": row.digest[:32]}


def _a_kind(firms: Collection[Affiliate]) -> Choice:
    return next(iter(firms)), {"kind": CertificateKind.EMPLOYEES.value}


#: What the first row of a firm would not do for.
CHOSEN: dict[str, Callable[[Collection[Affiliate]], Choice]] = {
    "affiliates:copy": _a_copy,
    "affiliates:rectification_piece": _a_proof,
    "certificates:decision_pdf": _a_decision,
    "certificates:check_receipt": _a_receipt,
    "payments:code": _a_code,
    "disputes:mission_piece": _a_piece_of_a_mission,
    "certificates:ask": _a_kind,
}
