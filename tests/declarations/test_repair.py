"""Mending a file in one click: only what is certain, shown first, received as a new file."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from declarations import workflows
from declarations.codecs import e_bds
from declarations.enums import FileVerdict, RepairKind
from declarations.errors import NothingToRepair, RepairChanged
from declarations.models import Declaration, ReceivedFile
from declarations.rules import Expected
from declarations.rules.repair import Repair, propose
from portal.models import AuditEntry, User
from portal.storage import open_stored
from tests.cast import Cast
from tests.declarations.damage import CASES, Case
from tests.declarations.factories import AT, answer, employ, issue, send
from tests.declarations.samples import (
    LINES,
    MAIN,
    SUPPLEMENTARY,
    examine,
    put,
    read_prefill,
    total,
    without,
)

Damage = Callable[[], bytes]


def mend(content: bytes) -> Repair | None:
    return propose(content, Expected(prefill=read_prefill()))


def paper(letters: str, code: str, *, rank: int = 0) -> tuple[bytes, bytes]:
    """The example with Bravo absent under a paper letter, and as it should be."""
    absent = {"days_declared": 0, "gross_wage": 0, "capped_wage": 0}
    right = MAIN.with_line(1, situation=code, **absent)
    wrong = MAIN.with_line(
        1, situation=letters, control_sum=155667789 + rank, summed=False, **absent
    )
    return wrong, right


@pytest.mark.parametrize(
    "damage",
    [
        lambda: MAIN.content.replace(b"\n", b"\r\n"),
        lambda: MAIN.content.rstrip(b"\n"),
        lambda: b"\n".join(line.rstrip() for line in MAIN.content.split(b"\n")),
        lambda: b"\r\n".join(line.rstrip() for line in MAIN.content.split(b"\n")),
        lambda: MAIN.content.replace(b"\nB03", b"\n\n   \nB03") + b"\n\r\n",
        lambda: MAIN.content.replace(b" \n", b"     \n"),
        lambda: b"\xef\xbb\xbf" + MAIN.content,
        total(6, 112),
        total(9, 58),
        total(10, 90),
        lambda: put(MAIN.content, 6, 17, "0" * 128),
        lambda: put(MAIN.content, 6, 65, "000000025000000000445791138"),
        lambda: put(put(MAIN.content, 6, 112, "9"), 4, 260, " ").replace(b"\n", b"\r\n"),
    ],
)
def test_the_form_and_the_totals_are_mended_to_the_byte(damage: Damage) -> None:
    proposed = mend(damage())

    assert proposed is not None
    assert proposed.content == MAIN.content
    assert proposed.changes


@pytest.mark.parametrize(("letters", "code"), [("CO", "CS"), ("ML", "IL"), ("MT", "IT")])
@pytest.mark.parametrize("rank", [0, 4, 6])
def test_paper_letters_become_those_of_the_file(letters: str, code: str, rank: int) -> None:
    wrong, right = paper(letters, code, rank=rank)

    proposed = mend(wrong)

    assert proposed is not None
    assert proposed.content == right
    first = proposed.changes[0]
    assert (first.kind, first.line_number) == (RepairKind.SITUATION, 4)
    assert (first.record, first.field, first.old, first.new) == (
        "B02",
        "L_Situation",
        letters,
        code,
    )


def test_the_change_of_a_total_is_shown_old_and_new() -> None:
    proposed = mend(total(6, 112)())

    assert proposed is not None
    (change,) = proposed.changes
    assert (change.kind, change.line_number, change.field) == (
        RepairKind.TOTAL,
        6,
        "N_T_Salaire_Reel",
    )
    assert (change.old, change.new) == ("000000001262396", "000000001262395")


def test_line_numbers_are_those_of_the_file_received() -> None:
    proposed = mend(total(6, 112)().replace(b"\nB02", b"\n\n\nB02", 1))

    assert proposed is not None
    assert [(c.kind, c.line_number, c.count) for c in proposed.changes] == [
        (RepairKind.BLANK_LINES, 3, 2),
        (RepairKind.TOTAL, 8, 1),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda: MAIN.content,  # nothing to mend
        lambda: b"",
        lambda: b"%PDF-1.7\n",
        lambda: MAIN.content * 2,
        lambda: without(MAIN.content, 8),  # a new hire was lost: the totals still count it
        lambda: put(total(6, 112)(), 3, 112, "27"),  # another fault of a line
        lambda: put(
            MAIN.content, 3, 126, "1"
        ),  # a wage changed: sum of the line and totals disagree
        lambda: put(total(6, 112)(), 3, 114, "          8,5"),
        lambda: replace(MAIN, lines=LINES[:2]).content.replace(
            b"\n", b"\r\n"
        ),  # someone is missing
        lambda: MAIN.with_line(1, situation="ML", summed=False, control_sum=155667789),
        lambda: paper("CO", "CS", rank=40)[0],  # a sum that no rank explains
        lambda: MAIN.with_line(1, situation="CO"),  # unpaid leave with a wage: which one is right?
        lambda: put(total(6, 112)(), 1, 17, "9"),
    ],
)
def test_nothing_is_proposed_in_doubt(damage: Damage) -> None:
    assert mend(damage()) is None


def test_a_supplementary_file_is_mended_too() -> None:
    damaged = put(SUPPLEMENTARY.content, 7, 22, "0").replace(b"\n", b"\r\n")

    proposed = propose(damaged, Expected(prefill=read_prefill(), main_declared=True))

    assert proposed is not None
    assert proposed.content == SUPPLEMENTARY.content


def test_accents_keep_their_columns() -> None:
    lines = MAIN.content.decode().split("\n")
    lines[2] = lines[2].replace("AMINE", "AMÎNÉ").rstrip()
    for encoding in ("utf-8", "latin-1"):
        proposed = mend("\r\n".join(lines).encode(encoding))

        assert proposed is not None
        assert examine(proposed.content).verdict is FileVerdict.ACCEPTED
        assert "AMÎNÉ".encode(encoding) in proposed.content


def people(content: bytes) -> list[tuple[object, ...]]:
    """Who is declared, for how many days and how much."""
    found: list[tuple[object, ...]] = []
    for record in e_bds.reader(io.BytesIO(content)):
        if record.code == "02" and record.content:
            found.append(
                (record.content[2], record.content[9], record.content[10], record.content[11])
            )
        if record.code == "04" and record.content:
            found.append((record.content[2], *record.content[4:8]))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.severity}")
def test_a_repair_is_accepted_and_touches_nobody(case: Case) -> None:
    expected = case.expected()
    content = case.make()

    proposed = propose(content, expected)

    if proposed is not None:
        assert examine(proposed.content, expected).verdict is FileVerdict.ACCEPTED
        assert people(proposed.content) == people(content)


@given(st.integers(0, 2_700), st.binary(min_size=1, max_size=4))
def test_whatever_the_damage_a_repair_touches_nobody(position: int, noise: bytes) -> None:
    damaged = MAIN.content[:position] + noise + MAIN.content[position + len(noise) :]

    proposed = mend(damaged)

    if proposed is not None:
        assert examine(proposed.content).verdict is FileVerdict.ACCEPTED
        assert people(proposed.content) == people(damaged)
        assert mend(proposed.content) is None


# -- on the portal -----------------------------------------------------------------------------


@pytest.fixture
def _february() -> Iterator[None]:
    with time_machine.travel(AT, tick=True):
        yield


def faulty(cast: Cast) -> tuple[ReceivedFile, bytes]:
    """A refused file whose only fault is a total, and the file as it should be."""
    employ(cast.affiliate, 2)
    right = answer(issue(cast.owner, cast.affiliate))
    return send(cast.owner, cast.affiliate, put(right, 5, 112, "1")), right


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(cast: Cast, file: ReceivedFile) -> str:
    return reverse("declarations:repair", args=[cast.affiliate.affiliation_number, file.pk])


@pytest.mark.django_db
@pytest.mark.usefixtures("_february")
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_repair_is_shown_then_applied_as_a_new_file(cast: Cast, language: str) -> None:
    file, right = faulty(cast)
    assert file.verdict == FileVerdict.REFUSED
    client = browser(cast.owner)
    client.cookies["django_language"] = language
    number = cast.affiliate.affiliation_number
    result = client.get(reverse("declarations:file", args=[number, file.pk])).content.decode()
    assert page_of(cast, file) in result

    shown = client.get(page_of(cast, file)).content.decode()
    assert "N_T_Salaire_Reel" in shown
    assert "000000001700101" in shown
    assert "000000001700100" in shown
    assert ReceivedFile.objects.count() == 1  # looking changes nothing
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', shown)
    response = client.post(page_of(cast, file), {"digest": digest})

    mended = ReceivedFile.objects.exclude(pk=file.pk).get()
    assert response["Location"] == (
        reverse("declarations:file", args=[number, mended.pk]) + "?suivi=1"
    )
    assert open_stored(mended.stored).read() == right
    mended = workflows.check_file(file_id=mended.pk, at=AT)
    assert mended.verdict == FileVerdict.ACCEPTED
    assert Declaration.objects.get(received_file=mended).wage_bill == 17001
    file.refresh_from_db()
    assert file.verdict == FileVerdict.REFUSED  # the original stays
    entry = AuditEntry.objects.get(action="declarations.file.repaired")
    assert entry.facts["original"] == file.pk


@pytest.mark.django_db
@pytest.mark.usefixtures("_february")
def test_twice_is_once(cast: Cast) -> None:
    file, _ = faulty(cast)
    proposed = workflows.proposed_repair(file)
    assert proposed is not None
    digest = workflows.digest_of(proposed)

    first, _ = workflows.repair_file(actor=cast.owner, at=AT, file=file, digest=digest)
    second, _ = workflows.repair_file(actor=cast.owner, at=AT, file=file, digest=digest)

    assert first == second
    assert ReceivedFile.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("_february")
def test_a_repair_that_is_not_the_one_shown_is_refused(cast: Cast) -> None:
    file, right = faulty(cast)

    with pytest.raises(RepairChanged):
        workflows.repair_file(actor=cast.owner, at=AT, file=file, digest="0" * 64)
    sound = send(cast.owner, cast.affiliate, right)
    one = Declaration.objects.get(received_file=sound)
    workflows.submit(actor=cast.owner, at=AT, declaration=one, version=one.version)
    with pytest.raises(NothingToRepair):  # the month has been filed meanwhile
        workflows.repair_file(actor=cast.owner, at=AT, file=file, digest="0" * 64)
    assert ReceivedFile.objects.count() == 2
    response = browser(cast.owner).post(page_of(cast, file), {"digest": "0" * 64}, follow=True)
    assert "Aucune réparation certaine" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("_february")
def test_the_repair_page_is_for_those_who_declare(cast: Cast) -> None:
    file, _ = faulty(cast)
    page = page_of(cast, file)

    for user in (cast.owner, cast.fiduciaire):
        assert browser(user).get(page).status_code == 200
    for user in cast.outsiders:
        assert browser(user).get(page).status_code == 404
        assert browser(user).post(page, {"digest": "0" * 64}).status_code == 404
    number = cast.strangers_affiliate.affiliation_number
    elsewhere = reverse("declarations:repair", args=[number, file.pk])
    assert browser(cast.stranger).get(elsewhere).status_code == 404
    assert ReceivedFile.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_february")
def test_a_file_that_only_its_author_can_mend_offers_no_repair(cast: Cast) -> None:
    employ(cast.affiliate, 2)
    row = issue(cast.owner, cast.affiliate)
    bad = answer(row).replace(b"26000000085005000060000", b"27000000085005000060000")
    file = send(cast.owner, cast.affiliate, bad)
    number = cast.affiliate.affiliation_number

    shown = browser(cast.owner).get(reverse("declarations:file", args=[number, file.pk]))

    assert page_of(cast, file) not in shown.content.decode()
    assert (
        "Aucune réparation certaine"
        in browser(cast.owner).get(page_of(cast, file)).content.decode()
    )
