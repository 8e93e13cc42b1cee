"""Lines judged together say exactly what they say one by one."""

import io
import random
from collections.abc import Iterator

import pytest

from declarations.codecs import e_bds, prefill
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.codecs.records import AffiliateHeader, RecordReader, Together
from declarations.rules import Examination, Expected, examination
from regulation.identifiers import complete_registration_number, transfer_identifier
from regulation.periods import Period
from tests.declarations.generator import files

JANUARY = Period(2026, 1)
PEOPLE = 300
WIDTH = 261
HEADER = AffiliateHeader(
    *("1234567", JANUARY.compact, "SOCIETE", "", "1 RUE DES ORANGERS", "CASABLANCA"),
    *("20000", "01", "20260127", "20260210"),
)


class OneByOne(Examination):
    def _together(self, reader: RecordReader) -> Together | None:
        return None


def said(one: Examination, content: bytes) -> tuple[object, ...]:
    lines = list(one.run(io.BytesIO(content)))
    state = one.state
    return (
        lines,
        one.findings,
        one.summary,
        one.lines_read,
        state.prefilled,
        (state.first_seen, state.previous_number, state.allowances, state.allowances_returned),
    )


@pytest.fixture(scope="module")
def right() -> tuple[PrefillFile, bytes]:
    """A month of 300 people, allowances among them, and the declaration that answers it."""
    identifier = transfer_identifier("1234567", JANUARY)
    people = [
        PrefillLine(
            *(
                "1234567",
                JANUARY.compact,
                complete_registration_number(f"{1 + 8 * (rank % 2)}{rank:07}"),
            ),
            *(f"NOM {rank}".ljust(30) + "PRENOM", rank % 4),
            *((60_000, 3_600, 56_400) if rank % 5 == 0 else (0, 0, 0)),
        )
        for rank in range(1, PEOPLE + 1)
    ]
    people.sort(key=lambda one: one.registration_number)
    answers = [
        e_bds.prefilled_line(
            person,
            days_declared=26,
            gross_wage=350_000 + 1_700 * rank,
            capped_wage=min(350_000 + 1_700 * rank, 600_000),
        )
        for rank, person in enumerate(people)
    ]
    issued = prefill.write(transfer_identifier=identifier, header=HEADER, lines=people)
    sent = e_bds.write(transfer_identifier=identifier, header=HEADER, lines=answers)
    return prefill.read(io.BytesIO(b"".join(issued))), b"".join(sent)


def damaged(content: bytes, count: int) -> Iterator[bytes]:
    """The file with one to three of its bytes changed, or lines exchanged, repeated or left out."""
    chance = random.Random(20_260_131)
    for _ in range(count):
        lines = content.splitlines(keepends=True)
        for _ in range(chance.randint(1, 3)):
            rank = chance.randrange(2, PEOPLE + 2)
            match chance.randrange(8):
                case 0:
                    other = chance.randrange(2, PEOPLE + 2)
                    lines[rank], lines[other] = lines[other], lines[rank]
                case 1:
                    lines[rank] = lines[chance.randrange(2, PEOPLE + 2)]
                case 2:
                    del lines[rank]
                case 3:
                    lines[rank] = lines[rank][:-1] + b"\r\n"
                case _:
                    column = chance.choice((chance.randrange(3, 157), chance.randrange(260)))
                    new = chance.choice(b"0123456789 AZa\n\r\t;-\xe9\x00")
                    lines[rank] = lines[rank][:column] + bytes((new,)) + lines[rank][column + 1 :]
        yield b"".join(lines)


def test_every_byte_changed_is_judged_alike(right: tuple[PrefillFile, bytes]) -> None:
    issued, content = right
    for one in damaged(content, 400):
        for expected in (Expected(prefill=issued), Expected()):
            assert said(Examination(expected), one) == said(OneByOne(expected), one)


def test_generated_files_are_judged_alike() -> None:
    for group in files(2_000, 20_260_131):
        for one in group:
            expected = Expected(
                prefill=prefill.read(io.BytesIO(one.firm.prefill)), file_name=one.name
            )
            ours = said(Examination(expected), one.content)
            assert ours == said(OneByOne(expected), one.content), one.damages


@pytest.mark.parametrize("ended", [b"\n", b"\r\n"])
def test_a_right_file_is_judged_together(
    right: tuple[PrefillFile, bytes], ended: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, content = right
    alone = 0
    judge = Examination._judge

    def counted(self: Examination, record: object) -> object:
        nonlocal alone
        alone += 1
        return judge(self, record)  # type: ignore[arg-type]

    monkeypatch.setattr(Examination, "_judge", counted)
    one = Examination(Expected(prefill=issued))
    assert len(list(one.run(io.BytesIO(content.replace(b"\n", ended))))) == PEOPLE
    assert {found.code for found in one.findings} <= {"D1"}
    assert alone < 12  # the headers, the totals, a line at the edge of a chunk
    assert one.state.prefilled.af_net == 60 * 56_400


def test_a_control_that_is_left_out_is_seen(
    right: tuple[PrefillFile, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: every line held for sound, the comparison says so."""
    issued, content = right
    monkeypatch.setattr(examination, "to_look_at", lambda lines, state: [])
    expected = Expected(prefill=issued)
    different = [
        one
        for one in damaged(content, 20)
        if said(Examination(expected), one) != said(OneByOne(expected), one)
    ]
    assert len(different) > 5
