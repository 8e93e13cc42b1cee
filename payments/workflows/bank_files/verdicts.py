"""The answer to a file as a whole: what only our books know of it, its refusal, its acceptance, its missing pages."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from payments.codecs import reading
from payments.codecs.faults import Fault, Faults, fault, quoted
from payments.codecs.kinds import FileFormat
from payments.codecs.records import MessageSummary, StatementSummary
from payments.enums import BankFileVerdict
from payments.models import Bank, BankFile
from portal import audit, clock
from portal.enums import JobState

_TAKEN = (BankFileVerdict.ACCEPTED.value, BankFileVerdict.INFORMATION.value)


def check_truth(
    bank_file: BankFile, summary: MessageSummary, accounts: Collection[str], today: date
) -> None:
    """What only our books know: whose bank, whose accounts, which message, which days."""
    faults, bank = summary.faults, bank_file.bank
    if summary.bank_code and summary.bank_code != bank.code:
        faults.add("E-F20", code_fichier=quoted(summary.bank_code), code_user=bank.code)
    for account in dict.fromkeys(one.account for one in summary.statements):
        if account not in accounts:
            faults.add("E-F12", compte=quoted(account) or "–")
    used = _used_message(bank_file, summary)
    if used is not None:
        faults.add("E-F11", id=quoted(summary.message_id), date=clock.day_of(used.received_at))
    reading.check_days(summary, today)
    for one in summary.statements:
        _check_sequence(bank_file, summary.format, one, faults)


def _used_message(bank_file: BankFile, summary: MessageSummary) -> BankFile | None:
    """Another file that has this identifier, and this page of it."""
    return (
        BankFile.objects.filter(
            bank=bank_file.bank,
            format=summary.format.value,
            message_id=summary.message_id[:70],
            page=summary.page,
            verdict__in=[*_TAKEN, BankFileVerdict.INCOMPLETE.value],
        )
        .exclude(pk=bank_file.pk)
        .first()
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_sequence(
    bank_file: BankFile, format: FileFormat, one: StatementSummary, faults: Faults
) -> None:
    """F16: a statement whose number or opening balance does not follow the last one. Never a refusal."""
    if one.created_on is None:
        return
    last = _last_statement(bank_file, format, one.account, one.created_on)
    if last is None:
        return
    if _is_number(one.sequence) and _is_number(last["sequence"]):
        if int(one.sequence) not in (int(last["sequence"]), int(last["sequence"]) + 1) or (
            int(one.sequence) == int(last["sequence"]) and not one.page
        ):
            faults.add("F16", recu=one.sequence, attendu=int(last["sequence"]) + 1)
    elif not one.sequence and one.opening is not None and last["closing"] is not None:
        final = Decimal(last["closing"])
        if one.opening != final:
            faults.add("F16b", ouverture=one.opening, final=final)


def _last_statement(
    bank_file: BankFile, format: FileFormat, account: str, day: date
) -> dict[str, Any] | None:
    """What the statement with the highest number (else the last received) of this account and year announced."""
    earlier = (
        BankFile.objects.filter(
            bank=bank_file.bank,
            format=format.value,
            verdict=BankFileVerdict.ACCEPTED.value,
            statements__contains=[{"account": account, "year": day.year}],
        )
        .order_by("-pk")
        .values_list("statements", flat=True)[:400]
    )
    found: list[dict[str, Any]] = [
        one
        for statements in earlier
        for one in reversed(statements)
        if one["account"] == account and one["year"] == day.year
    ]
    numbered = [one for one in found if _is_number(one["sequence"])]
    if numbered:
        return max(numbered, key=lambda one: int(one["sequence"]))
    return found[0] if found else None


# ------------------------------------------------------------------ the answers


def _stored(faults: list[Fault], more: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [{"code": item.code, "facts": dict(item.facts)} for item in faults]
    if more:
        told.append({"code": "", "facts": {"n": str(more)}})
    return told


@transaction.atomic
def refuse(
    bank_file: BankFile, faults: list[Fault], more: int, summary: MessageSummary | None = None
) -> None:
    """Answer the file as a whole; nothing else moves."""
    locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
    if locked.verdict != BankFileVerdict.PENDING.value:
        return
    locked.verdict = BankFileVerdict.REFUSED.value
    locked.faults = _stored(faults, more)
    locked.profile_id = bank_file.profile_id
    if summary is not None:
        locked.format = summary.format.value
        locked.message_id = summary.message_id[:70]
    locked.save(update_fields=["verdict", "faults", "format", "message_id", "profile"])
    audit.record(
        actor=None,
        action="payments.bank_file_refused",
        subject=locked,
        codes=[item.code for item in faults][:20],
    )


def refuse_for(bank_file: BankFile, summary: MessageSummary) -> None:
    """Refuse a file for the faults of its summary: the hundred first, the others counted."""
    refusing = [item for item in summary.faults if item.refuses_file]
    refuse(bank_file, refusing, summary.faults.refusing - len(refusing), summary)


def accept(bank_file: BankFile, summary: MessageSummary, today: date) -> None:
    """Take the file, whole: from here its lines will all be answered. A message in pages waits for its last one.

    Files of one bank are accepted one at a time, so that two of one message cannot both be.
    """
    try:
        with transaction.atomic():
            Bank.objects.select_for_update(of=("self",)).get(pk=bank_file.bank_id)
            locked = BankFile.objects.select_for_update(of=("self",)).get(pk=bank_file.pk)
            if locked.verdict != BankFileVerdict.PENDING.value:
                return
            _describe(locked, bank_file, summary, today)
            missing = _missing_pages(locked, summary)
            locked.verdict = _verdict(summary.format, missing).value
            if missing:
                told = fault("E-F17", pages=", ".join(missing))
                locked.faults = [*locked.faults, {"code": told.code, "facts": dict(told.facts)}]
            locked.save()
            if not missing and (summary.page > 1 or not summary.last_page):
                _release_pages(locked)
            audit.record(
                actor=None,
                action="payments.bank_file_accepted"
                if not missing
                else "payments.bank_file_waits_for_pages",
                subject=locked,
                format=locked.format,
                lines=locked.lines_total,
                credits=locked.total_credits,
                debits=locked.total_debits,
            )
    except IntegrityError as error:
        if "bank_file_message_once" not in str(error):
            raise
        # Another file with this message identifier was accepted between our check and this insert.
        told = fault("E-F11", id=quoted(summary.message_id), date=today)
        refuse(bank_file, [told], 0, summary)


def _verdict(format: FileFormat, missing: list[str]) -> BankFileVerdict:
    if missing:
        return BankFileVerdict.INCOMPLETE
    # An answer to our orders moves no money: what it says of each order is followed there.
    informs = format is FileFormat.PAIN_002
    return BankFileVerdict.INFORMATION if informs else BankFileVerdict.ACCEPTED


def _describe(locked: BankFile, bank_file: BankFile, summary: MessageSummary, today: date) -> None:
    locked.profile_id = bank_file.profile_id
    locked.format = summary.format.value
    locked.message_id = summary.message_id[:70]
    locked.page, locked.is_last_page = summary.page, summary.last_page
    locked.lines_total = summary.lines
    locked.total_credits = summary.credit_total
    locked.total_debits = summary.debit_total
    locked.faults = _stored(list(summary.faults), summary.faults.more)
    locked.statements = [
        {
            "id": one.statement_id[:70],
            "account": one.account,
            "year": (one.created_on or today).year,
            "sequence": one.sequence,
            "opening": str(one.opening) if one.opening is not None else None,
            "closing": str(one.closing) if one.closing is not None else None,
        }
        for one in summary.statements
    ]


def _pages_of(bank_file: BankFile) -> dict[int, BankFile]:
    rows = BankFile.objects.filter(
        bank=bank_file.bank_id,
        format=bank_file.format,
        message_id=bank_file.message_id,
        verdict__in=[*_TAKEN, BankFileVerdict.INCOMPLETE.value],
    ).order_by("pk")
    return {row.page: row for row in rows.select_for_update(of=("self",))}


def _missing_pages(locked: BankFile, summary: MessageSummary) -> list[str]:
    """Pages of the message that have not come yet, as told to the bank; empty when it is whole."""
    if summary.page == 1 and summary.last_page:
        return []
    known = {**_pages_of(locked), locked.page: locked}
    last = next((number for number, row in known.items() if row.is_last_page), None)
    upper = last or max(known) + 1
    missing = [
        str(number) for number in range(1, upper + (last is not None)) if number not in known
    ]
    return missing if last else [*missing, "…"]


def _release_pages(locked: BankFile) -> None:
    """The last missing page is here: the pages that waited are taken too, and read by the next sweep."""
    for row in _pages_of(locked).values():
        if row.verdict == BankFileVerdict.INCOMPLETE.value:
            row.verdict = BankFileVerdict.ACCEPTED.value
            row.faults = [one for one in row.faults if one["code"] != "E-F17"]
            row.state, row.attempts, row.started_at = JobState.WAITING.value, 0, None
            row.finished_at = None
            row.save()
