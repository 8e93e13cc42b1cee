"""What the employer is told by mail of its credit, its refunds and its plan. Each letter leaves once an event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.urls import reverse

from affiliates.access import who_may
from affiliates.enums import ROLE_SCOPES, Role, Scope
from affiliates.models import Affiliate, Membership
from payments.codecs.reasons import reason_of
from payments.enums import ActState, GraceState
from payments.models import Allocation, BankLine, ClerkAct, GraceRequest
from portal import mail
from portal.clock import day_of
from portal.models import Mail, User

_PAYING = [role.value for role in Role if Scope.PAY in ROLE_SCOPES[role]]

TOLD_WITHIN = timedelta(days=3)
"""A credit older than this is no news: its letter was written, or the account was taken over with it."""


def readers_of(affiliate: Affiliate, *others: User | None, at: datetime) -> list[User]:
    """Who pays in the firm's name, and `others` who acted for it and still may look at it; each once."""
    acted = [(affiliate.pk, other) for other in others if other is not None]
    return readers_of_each([affiliate.pk], acted, at=at).get(affiliate.pk, [])


def readers_of_each(
    affiliates: Collection[int], acted: Iterable[tuple[int, User]] = (), *, at: datetime
) -> dict[int, list[User]]:
    """Who pays in the name of each of these firms, by its key.

    With those who `acted` for one, as (its key, who): as long as they may look at it. What a mandate allowed and was
    taken back since is told to nobody of the office.
    """
    members = Membership.objects.filter(
        affiliate__in=affiliates, role__in=_PAYING, ended_at__isnull=True
    ).select_related("user")
    found: dict[int, dict[int, User]] = defaultdict(dict)
    for member in members:
        found[member.affiliate_id][member.user_id] = member.user
    others = list(acted)
    if others:
        may = who_may(Scope.READ, [user for _key, user in others], on=day_of(at))
        for key, user in others:
            if (user.pk, key) in may:
                found[key][user.pk] = user
    return {key: list(users.values()) for key, users in found.items()}


def refund_decided(act: ClerkAct, *, at: datetime) -> None:
    """A refund is ordered, or refused and why; nothing for the other acts of the desk."""
    if act.affiliate is None or act.requested_by is None:
        return
    facts = {
        "act": act,
        "firm": act.affiliate,
        "account": f"… {act.rib[-6:]}",
        "is_ordered": act.state == ActState.DONE.value,
    }
    for reader in readers_of(act.affiliate, act.requested_by, at=at):
        mail.write(
            key=f"refund:{act.pk}:{act.state}:{reader.pk}",
            to=reader,
            template="payments/mail/refund_decided.txt",
            facts=facts,
            at=at,
            path=reverse("payments:credit", args=[act.affiliate.affiliation_number]),
        )


def payment_taken_back(
    line: BankLine,
    affiliate: Affiliate,
    again: Sequence[tuple[date, str, Decimal]],
    debt: Decimal,
    *,
    at: datetime,
    readers: Sequence[User],
) -> None:
    """A bank took money back: what is owed again (month, code, dirhams); `debt` is what was refunded meanwhile."""
    number = affiliate.affiliation_number
    facts = {
        "line": line,
        "reason": reason_of(line.reason_code).label if line.reason_code else "",
        "firm": affiliate,
        "dues": [
            {"period": period, "code": code, "amount": amount} for period, code, amount in again
        ],
        "debt": debt,
    }
    for reader in readers:
        mail.write(
            key=f"taken_back:{line.pk}:{affiliate.pk}:{reader.pk}",
            to=reader,
            template="payments/mail/payment_taken_back.txt",
            facts=facts,
            at=at,
            path=reverse("payments:credit" if debt else "payments:account", args=[number]),
        )


def grace_decided(grace: GraceRequest, *, at: datetime) -> None:
    """A remission or a plan is granted, with its first instalment, or refused and why."""
    first = grace.instalments.order_by("rank").first()
    facts = {
        "first": first,
        "count": grace.instalments.count(),
        "is_granted": grace.state == GraceState.GRANTED.value,
    }
    _of_grace(grace, grace.state, "payments/mail/grace_decided.txt", facts, at)


def grace_closed(grace: GraceRequest, *, at: datetime) -> None:
    """A plan was kept to its end, or is broken: what comes back, and what to do."""
    facts = {"is_kept": grace.state == GraceState.KEPT.value}
    _of_grace(grace, grace.state, "payments/mail/grace_closed.txt", facts, at)


def grace_warned(
    grace: GraceRequest, *, missing: Decimal, before: date | None, today: date, at: datetime
) -> None:
    """`missing` dirhams must be paid on the day `before` at the latest; None: it has passed, this is the last call.

    One letter a month for what comes and one for what was missed.
    """
    event = f"{'soon' if before else 'missed'}:{today:%Y-%m}"
    facts = {"missing": missing, "before": before}
    _of_grace(grace, event, "payments/mail/grace_warned.txt", facts, at)


def _of_grace(
    grace: GraceRequest, event: str, template: str, facts: Mapping[str, object], at: datetime
) -> None:
    path = reverse("payments:grace", args=[grace.affiliate.affiliation_number, grace.pk])
    for reader in readers_of(grace.affiliate, grace.requested_by, at=at):
        mail.write(
            key=f"grace:{grace.pk}:{event}:{reader.pk}",
            to=reader,
            template=template,
            facts={"grace": grace, "firm": grace.affiliate, **facts},
            at=at,
            path=path,
        )


def tell_credits(*, at: datetime) -> int:
    """Tell each overpayment of these days that is a credit now; safe to run often. Returns the letters written.

    Not in the transaction of the bank file: a hundred thousand lines do not wait for their letters.
    """
    credits = Allocation.objects.filter(
        slip__isnull=True,
        surcharge__isnull=True,
        filing_penalty__isnull=True,
        undoes__isnull=True,
        undone_by__isnull=True,
        allocated_at__gt=at - TOLD_WITHIN,
        allocated_at__lte=at,
    )
    written = 0
    for credit in credits.select_related("affiliate", "bank_line").order_by("pk"):
        written += _tell_credit(credit, at)
    return written


def _tell_credit(credit: Allocation, at: datetime) -> int:
    readers = {f"credit:{credit.pk}:{one.pk}": one for one in readers_of(credit.affiliate, at=at)}
    told = set(Mail.objects.filter(key__in=readers).values_list("key", flat=True))
    for key, reader in readers.items():
        if key not in told:
            mail.write(
                key=key,
                to=reader,
                template="payments/mail/credit_received.txt",
                facts={
                    "amount": credit.amount,
                    "received": credit.bank_line.amount,
                    "day": credit.bank_line.booking_day,
                    "firm": credit.affiliate,
                    "is_whole": credit.amount == credit.bank_line.amount,
                },
                at=at,
                path=reverse("payments:credit", args=[credit.affiliate.affiliation_number]),
            )
    return len(readers) - len(told)
