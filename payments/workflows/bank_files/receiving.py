"""The bytes a bank sends are kept before anybody reads them, and get a receipt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, connection, transaction

from payments.codecs import reading
from payments.models import Bank, BankFile, BankKey
from portal import audit, clock
from portal.failpoints import failpoint
from portal.models import User
from portal.storage import store


@dataclass(frozen=True, slots=True)
class Received:
    """The file, and whether these bytes were here before."""

    bank_file: BankFile
    again: bool


def receive(
    *,
    actor: User | None,
    bank: Bank,
    upload: UploadedFile[Any],
    at: datetime,
    key: BankKey | None = None,
) -> Received:
    """Keep the bytes a bank sends, give a receipt number, and leave the reading to the worker.

    A person sends as `actor`, a machine with its `key`. The same bytes again give the first receipt and change
    nothing. Refuses FileTooLargeError.
    """
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    sha256 = digest.hexdigest()
    known = BankFile.objects.filter(bank=bank, sha256=sha256).first()
    if known is not None:
        return Received(known, True)
    try:
        with transaction.atomic():
            stored = store(
                upload.chunks(), name=upload.name or "fichier", limit=reading.LIMIT, stored_by=actor
            )
            bank_file = BankFile.objects.create(
                bank=bank,
                stored=stored,
                sha256=sha256,
                receipt_number=_receipt_number(clock.day_of(at)),
                received_at=at,
                received_by=actor,
                received_with=key,
            )
            audit.record(
                actor=actor,
                action="payments.bank_file_received",
                subject=bank_file,
                bank=bank.code,
                receipt=bank_file.receipt_number,
                size=stored.size,
                sha256=sha256,
                key=key.prefix if key else "",
            )
            failpoint("bank-file-kept")
    except IntegrityError:
        # A twin upload of the same bytes committed first: its receipt is the answer.
        return Received(BankFile.objects.get(bank=bank, sha256=sha256), True)
    failpoint("bank-file-received")
    return Received(bank_file, False)


def _receipt_number(day: date) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payments_receipt_number')")
        number = cursor.fetchone()[0]
    return f"RB{day.year % 100:02}-{number:07}"
