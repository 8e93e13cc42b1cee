"""One intention of a bank's machine, one effect: its key, its body and our answer are written with the effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, OperationalError, transaction

from payments.errors import KeyInProgress, KeyUsedOtherwise
from payments.models import ApiAnswer, Bank
from portal.failpoints import failpoint

Answer = tuple[int, dict[str, Any]]
_LOCK_TIMEOUT = "55P03"


def answer_once(*, bank: Bank, key: str, fingerprint: str, act: Callable[[], Answer]) -> Answer:
    """The answer of `act`, or the one given before under this key of this bank.

    A twin waits on the unique index until the first commits. Refuses KeyUsedOtherwise for another body and
    KeyInProgress when the first takes longer than a lock may.
    """
    try:
        with transaction.atomic():
            try:
                with transaction.atomic():
                    row = ApiAnswer.objects.create(bank=bank, key=key, fingerprint=fingerprint)
            except IntegrityError as error:
                if "api_answer_key_once" not in str(error):
                    raise
                return _known(ApiAnswer.objects.get(bank=bank, key=key), fingerprint)
            row.status, row.body = act()
            row.save(update_fields=["status", "body"])
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") != _LOCK_TIMEOUT:
            raise
        raise KeyInProgress from error
    failpoint("bank-answer-kept")
    return row.status, row.body


def _known(row: ApiAnswer, fingerprint: str) -> Answer:
    if row.fingerprint != fingerprint:
        raise KeyUsedOtherwise
    return row.status, row.body
