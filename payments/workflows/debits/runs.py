"""Runs: the orders of a day leave for a bank in one file, chosen by one person, released by another, written once.

The row of the run is the job: it may be taken up again at any line. Orders move to the bank and the bytes are kept in
one transaction; the same run asked again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from affiliates.access import require_post
from affiliates.enums import MONEY_ROLES, AuthorityState
from payments.codecs import pain
from payments.enums import DebitAct, DebitCause, DebitState
from payments.errors import (
    NothingToSend,
    RunChanged,
    RunTooEarly,
    RunTooLate,
    SamePersonTwice,
)
from payments.models import BankAccount, BankKey, DebitOrder, DebitRun
from payments.transitions import cut_off
from payments.workflows.debits.claims import stop_one
from payments.workflows.debits.notices import tell_outcome
from payments.workflows.debits.steps import due_codes_of, lock_orders, step
from payments.workflows.targets import lock_targets
from portal import audit, jobs
from portal.clock import CASABLANCA, day_of
from portal.enums import JobState
from portal.failpoints import failpoint
from portal.formats import instant
from portal.models import User
from portal.storage import store
from regulation.identifiers import check_rib, creditor_reference
from regulation.money import ZERO, format_amount
from regulation.parameters import french_day

FUND_NAME: Final = "CAISSE NATIONALE DE SECURITE SOCIALE"

LARGEST_FILE: Final = 100 * 1_048_576


def account_for(accounts: Sequence[BankAccount], bank_code: str) -> BankAccount | None:
    """Where the debit of an account of this bank is credited: our account at that bank, else our first one."""
    return next((one for one in accounts if one.bank.code == bank_code), None) or next(
        iter(accounts), None
    )


def our_accounts() -> list[BankAccount]:
    """The accounts of the fund, oldest first."""
    return list(BankAccount.objects.select_related("bank").order_by("pk"))


def waiting_orders(account: BankAccount, collect_on: date) -> list[DebitOrder]:
    """Planned orders of a day that are credited to this account and that no run holds yet."""
    accounts = our_accounts()
    rows = (
        DebitOrder.objects.filter(
            state=DebitState.PLANNED.value, collect_on=collect_on, run__isnull=True
        )
        .select_related("authority", "affiliate")
        .order_by("pk")
    )
    return [order for order in rows if account_for(accounts, order.authority.bank_code) == account]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Orders that wait for a run: their day, the account they are credited to, how many and how much (dirhams)."""

    collect_on: date
    account: BankAccount
    count: int
    total: Decimal
    limit: datetime

    def is_ready(self, at: datetime) -> bool:
        """Whether employers can no longer cancel: the run may be prepared."""
        return at >= self.limit


def what_waits() -> list[Waiting]:
    """Every day and account with planned orders outside any run, nearest day first; two queries."""
    accounts = our_accounts()
    found: dict[tuple[date, int], list[Decimal]] = {}
    by_key = {account.pk: account for account in accounts}
    rows = DebitOrder.objects.filter(state=DebitState.PLANNED.value, run__isnull=True)
    for day, amount, rib in rows.values_list("collect_on", "amount", "authority__rib"):
        account = account_for(accounts, rib[:3])
        if account is not None:
            found.setdefault((day, account.pk), []).append(amount)
    return [
        Waiting(day, by_key[key], len(amounts), sum(amounts, ZERO), cut_off(day, CASABLANCA))
        for (day, key), amounts in sorted(found.items())
    ]


@transaction.atomic
def prepare_run(*, actor: User, account: BankAccount, collect_on: date, at: datetime) -> DebitRun:
    """Gather the planned orders of a day for one of our accounts. A run already prepared for them is completed.

    Refuses whoever is not at the money desk (PostMissing), RunTooEarly before the cut-off (employers may still cancel),
    NothingToSend without any order.
    """
    require_post(actor, MONEY_ROLES)
    limit = cut_off(collect_on, CASABLANCA)
    if at < limit:
        raise RunTooEarly(limit=instant(limit))
    account = BankAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    keys = [order.pk for order in waiting_orders(account, collect_on)]
    run = DebitRun.objects.filter(
        bank_account=account, collect_on=collect_on, released_at__isnull=True
    ).first()
    orders = lock_orders(pk__in=keys, state=DebitState.PLANNED.value, run__isnull=True)
    if not orders:
        if run is not None:
            return run
        raise NothingToSend(day=french_day(collect_on))
    if run is None:
        run = DebitRun.objects.create(
            bank_account=account,
            collect_on=collect_on,
            message_id=_next_message_id(day_of(at)),
            prepared_by=actor,
            prepared_at=at,
        )
    for order in orders:
        order.run = run
        order.save(update_fields=["run"])
    audit.record(
        actor=actor,
        action="payments.debit_run_prepared",
        subject=run,
        message_id=run.message_id,
        collect_on=collect_on,
        orders=len(orders),
        total=sum((order.amount for order in orders), ZERO),
    )
    return run


def _next_message_id(day: date) -> str:
    """`CNSSPRL`, the day, a number within it: unique for ever (§3.2). The lock of the account orders the callers."""
    start = f"CNSSPRL{day:%Y%m%d}"
    used = DebitRun.objects.filter(message_id__startswith=start).values_list(
        "message_id", flat=True
    )
    number = 1 + max((int(one[len(start) :]) for one in used), default=0)
    return f"{start}{number:04}"


def orders_of(run: DebitRun) -> QuerySet[DebitOrder]:
    """The orders that a run would send now: still planned, in the order of the file."""
    return (
        run.orders.filter(state=DebitState.PLANNED.value)
        .select_related("affiliate", "authority")
        .order_by("pk")
    )


@transaction.atomic
def release_run(
    *, actor: User, run: DebitRun, count: int, total: Decimal, at: datetime
) -> DebitRun:
    """A second person lets the run go, before the day of the debits. `count` and `total` (dirhams) are what
    that person read.

    Released before: nothing changes. Refuses PostMissing, SamePersonTwice (the database too), RunChanged when an order
    left or came meanwhile, RunTooLate, NothingToSend when none is left. The worker then writes the file.
    """
    require_post(actor, MONEY_ROLES)
    run = DebitRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.released_at is not None:
        return run
    if run.prepared_by_id == actor.pk:
        raise SamePersonTwice
    if day_of(at) >= run.collect_on:
        raise RunTooLate(day=french_day(run.collect_on))
    amounts = list(orders_of(run).values_list("amount", flat=True))
    now = len(amounts), sum(amounts, ZERO)
    if not amounts:
        raise NothingToSend(day=french_day(run.collect_on))
    if now != (count, total):
        raise RunChanged(count=str(now[0]), total=format_amount(now[1]))
    run.released_by, run.released_at = actor, at
    run.save(update_fields=["released_by", "released_at"])
    audit.record(
        actor=actor,
        action="payments.debit_run_released",
        subject=run,
        message_id=run.message_id,
        orders=count,
        total=total,
    )
    failpoint("debit-run-released")
    return run


def close_runs(*, at: datetime) -> int:
    """Close the runs whose day has come and that hold no order any more; returns how many."""
    empty = DebitRun.objects.filter(sent_at__isnull=True, collect_on__lte=day_of(at))
    return (
        empty.exclude(state=JobState.DONE.value)
        .exclude(pk__in=DebitOrder.objects.filter(run__isnull=False).values("run"))
        .update(state=JobState.DONE.value)
    )


def due_runs(*, at: datetime) -> list[int]:
    """Runs released and not written: never started, or left by a lost worker."""
    return list(jobs.due(_to_write(), at=at).order_by("pk").values_list("pk", flat=True))


def _to_write() -> QuerySet[DebitRun]:
    return DebitRun.objects.filter(released_at__isnull=False, sent_at__isnull=True)


def write_run(*, run_id: int, at: datetime) -> None:
    """Write the file of a released run and hand its orders over. Safe to run twice, at once, or to stop at any line."""
    taken = jobs.claim(_to_write().filter(pk=run_id), at=at, on_park=_note_parked)
    if not taken:
        return
    failpoint("debit-run-claimed")
    _write(taken[0], at)
    failpoint("debit-run-written")


def _note_parked(run: DebitRun) -> None:
    audit.record(actor=None, action="payments.debit_run_parked", subject=run)


@transaction.atomic
def _write(claimed: DebitRun, at: datetime) -> None:
    lock_targets(due_codes_of(claimed.orders.values_list("pk", flat=True)))
    orders = lock_orders(run_id=claimed.pk, state=DebitState.PLANNED.value)
    run = (
        DebitRun.objects.select_for_update(of=("self",))
        .select_related("bank_account")
        .get(pk=claimed.pk)
    )
    if not jobs.owns(run, claimed) or run.sent_at is not None:
        return
    # The file bears the instant of its release: the same run always gives the same bytes.
    released_at = run.released_at or at
    in_time = day_of(at) < run.collect_on
    going = [order for order in orders if in_time and _may_go(order)]
    for order in orders:
        if not in_time:
            stop_one(order, actor=None, at=at, cause=DebitCause.LAPSED)
        elif order not in going:
            step(order, DebitAct.SUSPEND, actor=None, at=at, cause=DebitCause.AUTHORITY, run=None)
            tell_outcome(order, at=at)
    for order in going:
        step(order, DebitAct.SEND, actor=run.released_by, at=at)
        failpoint("debit-run-half-sent")
    run.state = JobState.DONE.value
    if going:
        content = bytes_of(run, going, released_at)
        run.stored = store(
            [content], name=f"{run.message_id}.xml", limit=LARGEST_FILE, stored_by=None
        )
        run.order_count, run.total = pain.totals([debit_of(order) for order in going])
        run.sent_at = at
        _check_bytes(content, run)
    run.save(update_fields=["state", "stored", "order_count", "total", "sent_at"])
    audit.record(
        actor=None,
        action="payments.debit_run_written",
        subject=run,
        message_id=run.message_id,
        orders=run.order_count,
        total=run.total,
        sha256=run.stored.sha256 if run.stored else "",
    )
    failpoint("debit-run-before-commit")


def _may_go(order: DebitOrder) -> bool:
    """The authority is still active now, and its account still has its key."""
    check_rib(order.authority.rib)
    return order.authority.state == AuthorityState.ACTIVE.value


def debit_of(order: DebitOrder) -> pain.Debit:
    """An order as the bank reads it."""
    authority = order.authority
    codes = sorted(due_codes_of([order.pk]))
    signed_at = authority.signed_at or authority.prepared_at
    return pain.Debit(
        reference=order.reference,
        amount=order.amount,
        mandate=authority.reference,
        mandate_signed_on=day_of(signed_at),
        # A holder written in Arabic leaves nothing in the Latin set: the registered name takes its place (§3.3).
        debtor=authority.holder if pain.latin(authority.holder) else order.affiliate.name,
        rib=authority.rib,
        creditor_reference=creditor_reference(codes[0]) if len(codes) == 1 else "",
    )


def bytes_of(run: DebitRun, orders: Iterable[DebitOrder], at: datetime) -> bytes:
    """The file of a run with these orders."""
    return pain.write(
        [debit_of(order) for order in orders],
        message_id=run.message_id,
        created_at=at.astimezone(CASABLANCA),
        collect_on=run.collect_on,
        creditor=pain.Creditor(FUND_NAME, settings.CREDITOR_NUMBER, run.bank_account.rib),
    )


class WrittenWrong(Exception):
    """The bytes do not say what the orders say. A bug: nothing leaves."""


def _check_bytes(content: bytes, run: DebitRun) -> None:
    """Totals recomputed from the written bytes (§3.2), not from what we meant to write."""
    count, total = pain.counted(content)
    if (count, total) != (run.order_count, run.total):
        raise WrittenWrong(f"{run.message_id}: {count} / {total}")


@transaction.atomic
def take_run(
    *, actor: User | None, run: DebitRun, at: datetime, key: BankKey | None = None
) -> DebitRun:
    """The bank takes the file, a person as `actor` or a machine with its `key`; only the first time is noted."""
    run = (
        DebitRun.objects.select_for_update(of=("self",))
        .select_related("bank_account", "stored")
        .get(pk=run.pk)
    )
    if run.taken_at is None:
        run.taken_at, run.taken_by = at, actor
        run.save(update_fields=["taken_at", "taken_by"])
        audit.record(
            actor=actor,
            action="payments.debit_run_taken",
            subject=run,
            message_id=run.message_id,
            key=key.prefix if key else "",
        )
    return run


def note_reading(run_id: int, prefix: str) -> None:
    """A machine read the file of a run with the key of this prefix."""
    run = DebitRun.objects.get(pk=run_id)
    audit.record(
        actor=None,
        action="payments.debit_run_read",
        subject=run,
        message_id=run.message_id,
        key=prefix,
    )
