"""Many new hires at once, from a spreadsheet: each sound row becomes the draft of a request.

A row is a person of its own: forty seasonal workers do not wait for the one whose card is mistyped. What is told
wrong is mended in the workbook, and the whole workbook sent again: who already has a request keeps it
(docs/decisions/spreadsheets.md).
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, Final
from uuid import UUID, uuid5

from django.db import transaction

from affiliates.codecs.hire_sheet import LAYOUT, MOST_PEOPLE, read_hire
from affiliates.countries import codes_by_name
from affiliates.enums import CardKind, HireColumn, RegistrationState
from affiliates.errors import (
    AlreadyYourEmployee,
    CardAlreadyRequested,
    CardTwiceInSheet,
    SheetWithoutPeople,
    TooManyInSheet,
)
from affiliates.models import OPEN_REGISTRATIONS, Affiliate, RegistrationRequest
from affiliates.queries.registrations import hire_limits
from affiliates.rules import NewHire
from affiliates.workflows.registrations import save_request, send_with_pieces
from portal import audit, clock
from portal.models import User
from portal.pieces import Upload, shown_name
from portal.reading_sheets import read_table
from portal.sheets.table import Cell, SheetFault, SheetTable, cell_name
from portal.sheets.texts import ADVISORY
from regulation.errors import DomainError

SHEET_LIMIT: Final = 2 * 1_048_576
#: Of a cell, enough to find it again.
_SHOWN: Final = 60


@dataclass(frozen=True)
class CellFault:
    """What is wrong in one cell."""

    cell: str
    column: HireColumn
    value: str
    refusal: DomainError


@dataclass(frozen=True)
class RowOutcome:
    """What became of one row: a draft now kept, a request or a number there was already, or its faults."""

    row: int
    name: str
    request: RegistrationRequest | None = None
    already: DomainError | None = None
    faults: list[CellFault] = field(default_factory=list)


@dataclass(frozen=True)
class SheetOutcome:
    """What became of a whole sheet; ``form`` are the faults that its reader found."""

    form: list[SheetFault]
    rows: list[RowOutcome] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether nothing of it could be read."""
        return any(fault.code not in ADVISORY for fault in self.form)

    @property
    def kept(self) -> list[RowOutcome]:
        return [row for row in self.rows if row.request is not None and row.already is None]

    @property
    def known(self) -> list[RowOutcome]:
        return [row for row in self.rows if row.already is not None]

    @property
    def faulty(self) -> list[RowOutcome]:
        return [row for row in self.rows if row.faults]


def take_hires(
    *,
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    intent: UUID,
    stream: BinaryIO,
) -> SheetOutcome:
    """Keep a draft for each sound row of a sheet, and tell each other one.

    Taken again, by a second click or with its faults mended, no person is asked for twice. Raises
    SheetWithoutPeople and TooManyInSheet, and keeps nothing then. Stopped in its middle, what is done stays done.
    """
    table = read_table(stream, LAYOUT)
    outcome = SheetOutcome(table.faults)
    if outcome.is_refused:
        return outcome
    if not table.rows:
        raise SheetWithoutPeople()
    if len(table.rows) > MOST_PEOPLE:
        raise TooManyInSheet(limit=MOST_PEOPLE)
    limits, countries = hire_limits(affiliate, clock.day_of(at)), codes_by_name()
    cards: dict[tuple[CardKind, str], int] = {}
    for number, cells in table.rows:
        read = read_hire(cells, limits, countries)
        faults = dict(read.faults)
        card = (read.person.card_kind, read.person.card_number)
        first = cards.setdefault(card, number)
        if first != number and card[1]:
            faults[HireColumn.CARD_NUMBER] = CardTwiceInSheet(row=first)
        name = f"{read.person.first_name} {read.person.last_name}".strip()
        if faults:
            told = [_fault(table, number, cells, column, one) for column, one in faults.items()]
            outcome.rows.append(RowOutcome(number, name, faults=told))
            continue
        own = uuid5(intent, f"{card[0]}:{card[1]}")
        outcome.rows.append(_keep(actor, at, affiliate, own, number, read.person))
    _record(actor, affiliate, outcome)
    return outcome


def _keep(
    actor: User,
    at: datetime.datetime,
    affiliate: Affiliate,
    intent: UUID,
    number: int,
    person: NewHire,
) -> RowOutcome:
    name = f"{person.first_name} {person.last_name}"
    try:
        request = save_request(
            actor=actor, at=at, affiliate=affiliate, intent=intent, person=person
        )
    except CardAlreadyRequested as already:
        asked = RegistrationRequest.objects.filter(
            affiliate=affiliate,
            state__in=OPEN_REGISTRATIONS,
            card_kind=person.card_kind.value,
            card_number=person.card_number,
        ).first()
        return RowOutcome(number, name, request=asked, already=already)
    except AlreadyYourEmployee as already:
        return RowOutcome(number, name, already=already)
    return RowOutcome(number, name, request=request)


def _fault(
    table: SheetTable,
    number: int,
    cells: Mapping[str, Cell],
    column: HireColumn,
    refusal: DomainError,
) -> CellFault:
    cell = cells.get(column)
    place = table.columns.get(column, 0)
    return CellFault(cell_name(number, place), column, cell.text[:_SHOWN] if cell else "", refusal)


@dataclass(frozen=True)
class PiecesOutcome:
    """What became of the copies of one card; without a request, nobody waits for them."""

    names: list[str]
    request: RegistrationRequest | None = None
    refusal: DomainError | None = None


def join_copies(
    *, actor: User, at: datetime.datetime, affiliate: Affiliate, uploads: Sequence[Upload]
) -> list[PiecesOutcome]:
    """Join each copy of a card to the draft whose card its name holds, and send the draft.

    Each draft is sent alone: what is refused of one is told and holds no other back. A copy sent again finds its
    request sent, and changes nothing.
    """
    waiting = RegistrationRequest.objects.filter(
        affiliate=affiliate,
        state__in=(RegistrationState.DRAFT.value, RegistrationState.SENT.value),
    ).select_related("affiliate")
    by_card = {row.card_number: row for row in waiting if row.card_number}
    found: dict[int, list[Upload]] = {}
    done = []
    for upload in uploads:
        card = next((card for card in cards_in(upload.name or "") if card in by_card), None)
        if card is None:
            done.append(PiecesOutcome([shown_name(upload.name or "")]))
        else:
            found.setdefault(by_card[card].pk, []).append(upload)
    rows = {row.pk: row for row in by_card.values()}
    for key, pieces in found.items():
        names = [shown_name(piece.name or "") for piece in pieces]
        try:
            sent = send_with_pieces(actor=actor, at=at, request=rows[key], pieces=pieces)
        except DomainError as refusal:
            done.append(PiecesOutcome(names, rows[key], refusal))
        else:
            done.append(PiecesOutcome(names, sent))
    return done


def cards_in(name: str) -> list[str]:
    """The numbers of cards that the name of a file may hold: its words, and two words together (« AB 123456 »)."""
    words = re.findall("[A-Z0-9]+", shown_name(name).rpartition(".")[0].upper(), re.ASCII)
    return [*words, *(first + second for first, second in pairwise(words))]


@transaction.atomic
def _record(actor: User, affiliate: Affiliate, outcome: SheetOutcome) -> None:
    audit.record(
        actor=actor,
        action="registration.sheet",
        subject=affiliate,
        affiliation_number=affiliate.affiliation_number,
        kept=len(outcome.kept),
        known=len(outcome.known),
        faulty=len(outcome.faulty),
    )
