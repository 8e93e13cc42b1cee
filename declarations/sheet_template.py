"""The spreadsheet of a month to fill: who the fund expects, and empty cells for days, wage and situation.

Its columns are those that `declarations.codecs.sheets` reads back; docs/formats/tableur.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from django.http import FileResponse
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from affiliates.models import Affiliate, Employee
from declarations import queries
from declarations.codecs.prefill import PrefillFile, PrefillLine
from declarations.enums import LineOrigin, LineSituation, SheetColumn
from declarations.models import Declaration
from portal import downloads, exports, formats
from portal.exports import Column, Value
from portal.sheets.table import column_name
from regulation.money import from_cents
from regulation.periods import Period

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

#: Rows left for people the fund does not know yet.
SPARE_ROWS: Final = 100

_WIDTHS: Final = {
    SheetColumn.AFFILIATE: 12,
    SheetColumn.PERIOD: 9,
    SheetColumn.NUMBER: 15,
    SheetColumn.LAST_NAME: 24,
    SheetColumn.FIRST_NAME: 20,
    SheetColumn.CIN: 12,
    SheetColumn.CHILDREN: 9,
    SheetColumn.AF_PAYABLE: 11,
    SheetColumn.AF_DEDUCTED: 11,
    SheetColumn.AF_NET: 11,
    SheetColumn.DAYS: 10,
    SheetColumn.WAGE: 14,
    SheetColumn.SITUATION: 10,
}
#: What the employer fills; the rest is the fund's.
_FILLED: Final = (SheetColumn.DAYS, SheetColumn.WAGE, SheetColumn.SITUATION)


def columns() -> list[Column]:
    """The columns of the template, in order, their titles in the language of the reader."""
    return [Column(_(column.label), width) for column, width in _WIDTHS.items()]


def rows(affiliate: Affiliate, prefill: PrefillFile) -> Iterator[Sequence[Value]]:
    """A row for each person of the prefill; the card as the register has it. One query."""
    known = Employee.objects.filter(registration_number__in=list(prefill.lines))
    cards = dict(known.exclude(cin="").values_list("registration_number", "cin"))
    period = int(prefill.header.period)
    for number, line in sorted(prefill.lines.items()):
        yield (affiliate.affiliation_number, period, *_person(line, cards.get(number, "")))


def _person(line: PrefillLine, card: str) -> tuple[Value, ...]:
    return (
        line.registration_number,
        line.name[:30].strip(),
        line.name[30:].strip(),
        card or None,
        line.children,
        from_cents(line.af_payable),
        from_cents(line.af_deducted),
        from_cents(line.af_net),
        None,
        None,
        None,
    )


def template_of(form: str, affiliate: Affiliate, period: Period) -> FileResponse | None:
    """The template of a month as `csv` or `xlsx`; None while no prefill was issued."""
    prefill = queries.issued_prefill(affiliate, period)
    if prefill is None:
        return None
    # A month whose main declaration is submitted only takes people who were left out.
    people = () if queries.month_is_filed(affiliate, period) else rows(affiliate, prefill)
    return _sheet_of(form, affiliate, period, people, "salaires")


def correction_of(form: str, declaration: Declaration) -> FileResponse:
    """What was filed as `csv` or `xlsx`, line for line, to be changed and sent back as its correction."""
    period = Period.from_day(declaration.period)
    return _sheet_of(form, declaration.affiliate, period, declared(declaration), "correction")


def declared(declaration: Declaration) -> Iterator[Sequence[Value]]:
    """A row for each line of a declaration, with what it declares. One query."""
    number = declaration.affiliate.affiliation_number
    period = int(Period.from_day(declaration.period).compact)
    for line in declaration.lines.order_by("rank").iterator():
        known = line.origin == LineOrigin.PREFILLED
        allowances = (line.af_payable, line.af_deducted, line.af_net)
        yield (
            number,
            period,
            line.registration_number,
            line.full_name[:30].strip(),
            line.full_name[30:].strip(),
            line.cin or None,
            line.children if known else None,
            *(allowances if known else (None, None, None)),
            line.days_declared,
            line.gross_wage,
            line.situation or None,
        )


def _sheet_of(
    form: str,
    affiliate: Affiliate,
    period: Period,
    people: Iterable[Sequence[Value]],
    kind: str,
) -> FileResponse:
    name = f"{kind}-{affiliate.affiliation_number}-{period.compact}"
    title = formats.period(period)
    if form == "csv":
        return exports.attachment_of("csv", name=name, title=title, columns=columns(), rows=people)

    def write(stream: BinaryIO) -> None:
        _write_workbook(stream, affiliate, period, people)

    return downloads.attachment(
        exports.made_whole(write), name=f"{name}.xlsx", content_type=exports.TYPES["xlsx"]
    )


# -- the workbook ------------------------------------------------------------------------------


def _write_workbook(
    stream: BinaryIO,
    affiliate: Affiliate,
    period: Period,
    people: Iterable[Sequence[Value]],
) -> None:
    with exports.open_workbook(stream) as workbook:
        known = exports.cell_formats(workbook, bg_color="#EEF1F5", locked=True)
        open_cells = exports.cell_formats(workbook, bg_color="#FFFDF0", border=4, locked=False)
        sheet = workbook.add_worksheet(exports.sheet_name(_("Salaires %s") % period.compact))
        sheet.freeze_panes(1, 5)
        sheet.protect("", _ALLOWED)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        if get_language_bidi():
            sheet.right_to_left()
        for place, shown in enumerate(columns()):
            sheet.set_column(place, place, shown.width)
            sheet.write_string(0, place, shown.title, known.title)
        last = 0
        for last, row in enumerate(people, 1):
            for place, (column, value) in enumerate(zip(_WIDTHS, row, strict=True)):
                if column in _FILLED and value is not None:
                    exports.write_cell(sheet, last, place, value, open_cells)
                elif column in _FILLED:
                    sheet.write_blank(last, place, None, _format(column, open_cells))
                else:
                    exports.write_cell(sheet, last, place, value, known)
        for spare in range(last + 1, last + 1 + SPARE_ROWS):
            for place, column in enumerate(_WIDTHS):
                sheet.write_blank(spare, place, None, _format(column, open_cells))
        _validate(sheet, last + SPARE_ROWS)
        _write_guide(workbook, affiliate, period)


_ALLOWED: Final = {
    "select_locked_cells": True,
    "select_unlocked_cells": True,
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "sort": True,
    "autofilter": True,
}


def _format(column: SheetColumn, looks: exports.CellFormats) -> Any:
    if column in (SheetColumn.DAYS, SheetColumn.CHILDREN):
        return looks.count
    if column in (
        SheetColumn.WAGE,
        SheetColumn.AF_PAYABLE,
        SheetColumn.AF_DEDUCTED,
        SheetColumn.AF_NET,
    ):
        return looks.amount
    return looks.text


def _validate(sheet: Worksheet, last: int) -> None:
    """What the spreadsheet itself says of a wrong value, before the portal does."""
    places = {column: place for place, column in enumerate(_WIDTHS)}
    rules: dict[SheetColumn, dict[str, object]] = {
        SheetColumn.DAYS: {
            "validate": "integer",
            "criteria": "between",
            "minimum": 0,
            "maximum": 26,
            "error_message": _("Un nombre entier de jours, de 0 à 26."),
        },
        SheetColumn.WAGE: {
            "validate": "decimal",
            "criteria": ">=",
            "value": 0,
            "error_message": _("Un montant en dirhams, sans formule."),
        },
        SheetColumn.SITUATION: {
            "validate": "list",
            "source": [one.value for one in LineSituation if one.value],
            "error_message": _("Un code de la liste, ou rien : voir le mode d’emploi."),
        },
    }
    for column, rule in rules.items():
        place = places[column]
        sheet.data_validation(1, place, last, place, {**rule, "error_type": "warning"})


def _write_guide(workbook: Any, affiliate: Affiliate, period: Period) -> None:
    heading = _("Salaires %(of_period)s – %(name)s") % {
        "of_period": formats.of_period(period),
        "name": affiliate.name,
    }
    letters = {column: column_name(place) for place, column in enumerate(_WIDTHS, 1)}
    exports.write_guide(workbook, name=_("Mode d’emploi"), heading=heading, lines=_guide(letters))


def _guide(letters: dict[SheetColumn, str]) -> Iterator[tuple[str, str]]:
    """What a person who fills the sheet must know, a subject a line."""
    yield (
        _("À remplir"),
        _(
            "Les cellules claires : jours déclarés (%(days)s), salaire réel en dirhams (%(wage)s), situation "
            "(%(situation)s). Les cellules grises viennent de la Caisse et ne se changent pas."
        )
        % {
            "days": letters[SheetColumn.DAYS],
            "wage": letters[SheetColumn.WAGE],
            "situation": letters[SheetColumn.SITUATION],
        },
    )
    yield (
        _("Chaque personne"),
        _(
            "Toute personne de la liste doit être déclarée, payée ou non. Sans jours ni salaire, donnez sa situation."
        ),
    )
    yield (
        _("Un nouveau salarié"),
        _(
            "Écrivez-le sous la liste : numéro d’immatriculation ou, s’il n’en a pas encore, 000000000 et sa CIN ; "
            "nom, prénom, jours et salaire. Il n’a pas de situation."
        ),
    )
    yield (
        _("Des valeurs"),
        _(
            "Pas de formules, de cellules fusionnées ni de macros. Le salaire plafonné et les totaux sont calculés par "
            "le portail."
        ),
    )
    yield (
        _("La protection"),
        _(
            "La feuille est protégée sans mot de passe, contre les gestes involontaires : vous pouvez l’ôter."
        ),
    )
    yield (
        _("Déposer"),
        _(
            "Enregistrez en .xlsx ou en .csv et déposez le fichier sur la page du mois. Vous verrez toutes les "
            "anomalies, cellule par cellule ; rien n’est déposé avant votre accord."
        ),
    )
    for situation in LineSituation:
        if situation.value:
            yield situation.value, _(situation.label)
