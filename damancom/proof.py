"""Whether a database is whole: what a backup said of it, its accounts, its trace, and a person who comes in.

Asked of a restored database by ``manage.py prove_restore``, in a process that knows no other (damancom.restoring).
"""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Exists, OuterRef
from django.test import Client
from django.urls import reverse

from affiliates.enums import AffiliateState, Role
from affiliates.models import Affiliate, Membership
from certificates import workflows
from certificates.enums import CertificateKind
from certificates.models import Certificate
from damancom import backups
from damancom.second_factor import must_hold_one
from payments.ledger_check import check
from portal import audit, clock
from portal.models import User


@dataclass(frozen=True, slots=True)
class Expected:
    """What the backup said of itself: rows by table, the ledger's debits in dirhams, the head of the trace."""

    rows: dict[str, int]
    debits: str
    head: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What each step found, by its name, and what is wrong."""

    found: dict[str, str]
    faults: list[str]


class NotProved(Exception):
    """What a step of the proof found instead."""


def prove(expected: Expected) -> Proof:
    """Take every step, those after a fault too."""
    steps: dict[str, Callable[[Expected], str]] = {
        "migrations": _migrations,
        "rows": _rows,
        "ledger": _ledger,
        "trace": _trace,
        "person": _person,
    }
    found: dict[str, str] = {}
    faults: list[str] = []
    for name, step in steps.items():
        try:
            found[name] = step(expected)
        except NotProved as fault:
            found[name] = f"! {fault}"
            faults.append(f"{name}: {fault}")
    return Proof(found, faults)


def _migrations(_expected: Expected) -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotProved(", ".join(str(migration) for migration, _back in missing))
    return str(len(executor.loader.applied_migrations))


def _rows(expected: Expected) -> str:
    found = backups.count_rows()
    for table in sorted(expected.rows.keys() | found.keys()):
        if expected.rows.get(table) != found.get(table):
            raise NotProved(f"{table}: {expected.rows.get(table)} → {found.get(table)}")
    debits = backups.sum_debits()
    if debits != expected.debits:
        raise NotProved(f"{expected.debits} → {debits}")
    return str(sum(found.values()))


def _ledger(_expected: Expected) -> str:
    checked = check()
    if checked.breaches:
        raise NotProved(str(checked.breaches[0]))
    return f"{checked.entries} / {checked.slips} / {checked.lines}"


def _trace(expected: Expected) -> str:
    position, _colon, digest = expected.head.partition(":")
    verified = audit.verify(known_head=(int(position), digest) if digest else None)
    if verified.fault:
        raise NotProved(f"{verified.fault.code} {verified.fault.facts}")
    return f"{verified.sealed}:{verified.head}"


def _person(_expected: Expected) -> str:
    """Someone signs in, opens their firm, prints a certificate, and a stranger verifies it; then all is undone."""
    with transaction.atomic():
        try:
            return _visit()
        finally:
            transaction.set_rollback(True)


def _visit() -> str:
    membership = _someone()
    if membership is None:
        return "—"
    user, affiliate = membership.user, membership.affiliate
    password = secrets.token_urlsafe(24)
    user.set_password(password)
    user.save(update_fields=["password"])
    # What the person holds is with the person: here, in a transaction that is undone, the password is enough.
    Authenticator.objects.filter(user=user).delete()
    client, stranger = Client(), Client()
    client.defaults["SERVER_NAME"] = stranger.defaults["SERVER_NAME"] = settings.ALLOWED_HOSTS[
        0
    ].lstrip(".")
    signed_in = client.post(
        reverse("portal:login"), {"username": user.email, "password": password}, secure=True
    )
    if signed_in.status_code != 302:
        raise NotProved(f"portal:login {signed_in.status_code}")
    home = client.get(reverse("affiliates:home", args=[affiliate.affiliation_number]), secure=True)
    if home.status_code != 200:
        raise NotProved(f"affiliates:home {home.status_code}")
    certificate = Certificate.objects.filter(affiliate=affiliate).order_by("-pk").first()
    if certificate is None:
        certificate = _issue(user, affiliate)
    paper = client.get(
        reverse(
            "certificates:certificate_pdf", args=[affiliate.affiliation_number, certificate.number]
        ),
        secure=True,
    )
    if paper.status_code != 200 or not paper.content.startswith(b"%PDF"):
        raise NotProved(f"certificates:certificate_pdf {paper.status_code}")
    verified = stranger.get(
        reverse("certificates:verification", args=[certificate.token]), secure=True
    )
    if verified.status_code != 200 or certificate.number not in verified.content.decode():
        raise NotProved(f"certificates:verification {verified.status_code}")
    return f"{certificate.number}, {len(paper.content)} o"


def _someone() -> Membership | None:
    """An owner for whom a password opens the door; one with a certificate first."""
    owners = (
        Membership.objects.filter(
            role=Role.OWNER.value,
            ended_at__isnull=True,
            user__is_active=True,
            user__is_staff=False,
        )
        .exclude(affiliate__state=AffiliateState.CLOSED.value)
        .select_related("user", "affiliate")
        .annotate(has_paper=Exists(Certificate.objects.filter(affiliate=OuterRef("affiliate_id"))))
        .order_by("-has_paper", "pk")
    )
    return next((one for one in owners[:50] if not must_hold_one(one.user)), None)


def _issue(user: User, affiliate: Affiliate) -> Certificate:
    return workflows.request(
        actor=user,
        affiliate=affiliate,
        kind=CertificateKind.REGISTRATION,
        intent=uuid.uuid4(),
        at=clock.now(),
    )
