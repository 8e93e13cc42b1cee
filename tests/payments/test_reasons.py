"""The table of reject reasons, line by line as the note gives it, and what each does to a real order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import time_machine

from affiliates.models import DebitAuthority
from payments.codecs.reasons import OTHER, REASONS, Effect, reason_of
from payments.codecs.records import ReadingProfile
from payments.enums import NextStep
from payments.ledger_check import check
from payments.models import BankProfile, DebitOrder
from payments.workflows.debits.answers import Answer, answer_order
from portal.models import Mail
from tests.affiliates.factories import UserFactory
from tests.cast import Cast
from tests.payments import text_files
from tests.payments.camt_files import RIB, camt, details, entry
from tests.payments.debit_world import sent, signed
from tests.payments.factories import received, slip
from tests.payments.test_pain_status import block, order, pain_002

SAID = datetime(2026, 4, 13, 12, tzinfo=UTC)

# code, label, next step, what becomes of the authority, tried once more by the portal.
TABLE = """
AM04|Provision insuffisante|fund|active|no
AC01|RIB incorrect ou inconnu|account|suspended|no
AC04|Compte clôturé|new_authority|revoked|no
AC06|Compte bloqué|see_bank|suspended|no
AG01 AG02|Prélèvement interdit sur ce compte|other_channel|suspended|no
MD01|Mandat inconnu de la banque|register|suspended|no
MD02|Mandat incomplet à la banque|staff|suspended|no
MD06|Remboursement demandé à la banque|dispute|suspended|no
MD07|Titulaire du compte décédé|staff|revoked|no
MS02|Refus du client, motif non communiqué|contact|suspended|no
MS03|Refus de la banque, motif non communiqué|contact|active|no
AM01 AM02 AM03 AM09|Montant que la banque n’accepte pas|staff|active|no
AM05 DU01 DU02 DU03 DU04 DUPL|Doublon, selon la banque|staff|active|no
AM10 AM18 FF01 CH21|Fichier de la Caisse à refaire|staff|active|no
BE01 BE05|Identité ou créancier non reconnu par la banque|staff|suspended|no
DT01 TM01 CH03 CH04|Date ou heure limite dépassée à la banque|wait|active|once
RC01 RR01 RR02 RR03 RR04|Code de banque ou motif réglementaire|staff|active|no
ED05|Échec du règlement entre banques|wait|active|once
CUST DS02|Annulé à votre demande auprès de la banque|none|active|no
NARR ZZ99|Motif propre à la banque|contact|active|no
"""
ROWS = [
    (code, label, step, state, retry == "once")
    for line in TABLE.strip().splitlines()
    for codes, label, step, state, retry in [line.split("|")]
    for code in codes.split()
]
_STATES = {Effect.KEPT: "active", Effect.SUSPENDED: "suspended", Effect.REVOKED: "revoked"}


def test_the_table_is_that_of_the_note_and_nothing_more() -> None:
    assert {
        (code, one.label, one.step.value, _STATES[one.effect], one.retry)
        for code, one in REASONS.items()
    } == {row for row in ROWS if row[0] not in ("NARR", "ZZ99")}
    assert reason_of("ZZ99") is reason_of("NARR") is OTHER
    assert reason_of(" am04 ") is REASONS["AM04"]


def test_every_step_has_words_and_a_reason() -> None:
    assert {one.step for one in [*REASONS.values(), OTHER]} == set(NextStep)
    assert all(step.label for step in NextStep)


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "label", "step", "state", "again"), ROWS)
def test_a_refusal_does_what_its_line_says(
    cast: Cast, code: str, label: str, step: str, state: str, again: bool
) -> None:
    order = signed(cast, slip(cast.affiliate))
    sent(cast)
    outcome = answer_order(
        order_id=order.pk, answer=Answer("RJCT", SAID, code, "dit la banque"), at=SAID
    )
    order.refresh_from_db()
    assert (outcome.possible, order.state, order.reason_code) == (True, "rejected", code)
    assert DebitAuthority.objects.get().state == state
    retried = DebitOrder.objects.filter(retry_of=order)
    assert [one.state for one in retried] == (["planned"] if again else [])
    letter = Mail.objects.get(
        key__startswith=f"debit:{order.reference}:rejected", address="patronne@exemple.ma"
    )
    assert label in letter.text
    assert NextStep(step).label in letter.text
    assert check().breaches == ()
    if again:  # once: the second refusal for the same reason is the employer's or staff's to mend
        one = retried.get()
        DebitOrder.objects.filter(pk=one.pk).update(run=order.run, state="sent")
        answer_order(order_id=one.pk, answer=Answer("RJCT", SAID, code), at=SAID)
        assert DebitOrder.objects.count() == 2


@pytest.mark.django_db
def test_three_refusals_for_lack_of_funds_in_a_row_block_nothing_and_repeat_nothing(
    cast: Cast,
) -> None:
    """There is no automatic mode to block: after each refusal the employer orders again, or does not."""
    owed = slip(cast.affiliate)
    behind = None
    for _turn in range(3):
        order = signed(cast, owed, behind=behind)
        behind = order.authority
        run = sent(cast)
        assert run.order_count == 1
        answer_order(order_id=order.pk, answer=Answer("RJCT", SAID, "AM04"), at=SAID)
    assert list(DebitOrder.objects.values_list("state", flat=True)) == ["rejected"] * 3
    assert DebitAuthority.objects.get().state == "active"


# ------------------------------------------------------------------ whatever format brings it

AGREED = ReadingProfile(reasons={"X12": "AM04", "10": "AM04"})
RETURN = "<RtrInf><Rsn><Prtry>{}</Prtry></Rsn></RtrInf>"


def returned(code: str) -> bytes:
    return camt(entry("5.00", sign="DBIT", txs=details(ref="B1", extra=RETURN.format(code))))


def confirmed(code: str) -> bytes:
    """A CP1 file that refuses one order."""
    return (
        f"E;CP1;230;F1;20260410180000;20260410;{RIB};MAD\n"
        f"D;1;REJ;PRE;B1;;T26000000136;;;;500;20260410;20260410;{code};;\n"
        "F;0;0;1;500;0;0\n"
    ).encode()


def refused_order(code: str) -> bytes:
    """A pain.002 with a code of the bank's own."""
    return pain_002(block(order("T26000000136", "RJCT", "XX").replace("XX", code)))


@pytest.mark.parametrize("write", [returned, confirmed, refused_order])
def test_a_national_code_is_read_by_the_table_of_the_bank(write: Callable[[str], bytes]) -> None:
    line = text_files.lines(write("X12"), AGREED)[0]
    assert (line.reason_code, [note.code for note in line.notes]) == ("AM04", [])
    assert reason_of(line.reason_code).step is NextStep.FUND


@pytest.mark.parametrize("write", [returned, confirmed, refused_order])
@pytest.mark.parametrize("code", ["Q77", "AC99"])
def test_a_code_that_no_table_knows_is_kept_and_told(
    write: Callable[[str], bytes], code: str
) -> None:
    line = text_files.lines(write(code), AGREED)[0]
    assert (line.reason_code, [note.code for note in line.notes]) == (code, ["L21"])
    assert reason_of(code) is OTHER


@pytest.mark.parametrize("write", [returned, confirmed, refused_order])
def test_an_iso_code_needs_no_table(write: Callable[[str], bytes]) -> None:
    for code in ("AM04", "NARR"):
        line = text_files.lines(write(code), ReadingProfile())[0]
        assert (line.reason_code, line.notes) == (code, ())


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "reason", "told"), [("X12", "AM04", []), ("Q77", "Q77", ["L21"])])
def test_an_order_refused_with_a_code_of_the_bank_tells_its_employer_what_to_do(
    cast: Cast, code: str, reason: str, told: list[str]
) -> None:
    profile = BankProfile.objects.create(
        bank=cast.bank_account.bank, version=1, data={"reasons": {"X12": "AM04"}},
        agreement="Accord 1", state="approved", effective_from=date(2026, 1, 1), proposed_by=cast.staff,
        proposed_at=SAID, decided_by=UserFactory(is_staff=True), decided_at=SAID,
    )  # fmt: skip
    assert profile.reading.reasons == {"X12": "AM04"}
    with time_machine.travel(SAID, tick=False):
        made = signed(cast, slip(cast.affiliate))
        run = sent(cast)
        data = pain_002(block(order(made.reference, "RJCT", code)))
        data = data.replace(b"CNSSPRL202604100001", run.message_id.encode())
        answer = received(cast.bank, cast.bank_account, data)
    made.refresh_from_db()
    assert (made.state, made.reason_code) == ("rejected", reason)
    assert [one["code"] for one in answer.faults if one["code"].startswith("L")] == told
