"""What the papers of the newer kinds say, and the parts that all papers share. Rendered in French by documents.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from certificates.facts import AffiliateFacts, CertificateFacts, PersonFacts, PersonLineFacts
from portal import formats
from portal.clock import day_of
from regulation.text import _

# A long text in a field cannot push the rest of the paper away.
LONGEST_TEXT = 200
# A longer list is drawn by the page after its certificate (docs/decisions/long-lists.md).
SHORT_LIST = 40
PEOPLE_PER_PAGE = 50
# Their rank is written for the first of as many.
PEOPLE_PER_RANK = 10
# A name that would run under the next column ends with an ellipsis; the list of ten thousand has one line each.
LONGEST_NAME = 44


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of facts: its French label (a msgid), its value, and whether the value is a code."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A French sentence with its facts; the page says it in both languages."""

    message: str
    facts: dict[str, object] = field(default_factory=dict)


def short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def identity(affiliate: AffiliateFacts) -> list[Row]:
    """Who the employer is; what is not known takes no line."""
    place = " ".join(part for part in (affiliate.postal_code, affiliate.city) if part)
    rows = [
        Row(_("Raison sociale"), affiliate.name),
        Row(_("Raison sociale en arabe"), affiliate.name_ar),
        Row(_("Numéro d’affiliation"), affiliate.affiliation_number, is_code=True),
        Row(_("Identifiant de l’entreprise (ICE)"), affiliate.ice, is_code=True),
        Row(_("Activité"), affiliate.activity),
        Row(_("Adresse"), ", ".join(part for part in (affiliate.address, place) if part)),
        Row(_("Agence"), affiliate.agency),
    ]
    return [Row(row.label, short(row.value), row.is_code) for row in rows if row.value]


def good_standing(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    """A good standing, for everyone or for one call for tenders."""
    assert facts.span is not None and facts.standing is not None  # noqa: S101, PT018  what the kind has
    standing = facts.standing
    known = {"day": day_of(issued_at), "first": facts.span[0], "last": facts.span[1]}
    rows = identity(facts.affiliate)
    if facts.about:
        rows.append(Row(_("Pour le marché"), short(facts.about)))
    if standing.held:
        rows.append(Row(_("Contesté, en attente de décision"), formats.dirhams(standing.held)))
    rows.append(Row(_("Vaut jusqu’au"), formats.day(standing.valid_until)))
    return {
        "statement": Statement(
            _(
                "La Caisse atteste qu’au {day} l’employeur désigné ci-dessous est en situation régulière : ses "
                "déclarations de la période {first} à la période {last} sont déposées et aucune cotisation échue "
                "ne reste à payer."
            ),
            known,
        ),
        "rows": rows,
        "note": Statement(
            _(
                "Situation au {day}. Passé le {until}, demandez une attestation plus récente. Un montant contesté "
                "n’est pas réclamé tant que la réclamation n’est pas décidée."
            ),
            {"day": known["day"], "until": standing.valid_until},
        ),
    }


def employees(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    """The people declared in one month."""
    assert facts.span is not None  # noqa: S101  what the kind has
    return {
        "statement": Statement(
            _(
                "La Caisse atteste que l’employeur désigné ci-dessous a déclaré {count} salariés pour la période "
                "{first}."
            ),
            {"count": len(facts.people), "first": facts.span[0]},
        ),
        "rows": [
            *identity(facts.affiliate)[:5],
            Row(_("Période"), formats.period(facts.span[0])),
            Row(_("Salariés déclarés"), formats.number(len(facts.people))),
            Row(_("Jours déclarés"), formats.number(sum(one.days for one in facts.people))),
        ],
        "people": [] if list_length(facts.people) else facts.people,
        "length": list_length(facts.people),
        "note": Statement(
            _(
                "Liste arrêtée au {day}, telle que déclarée par l’employeur. Elle ne dit rien des salaires et ne "
                "vaut pas attestation de paiement des cotisations."
            ),
            {"day": day_of(issued_at)},
        ),
    }


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a long list: each column as lines; the names one by one when some need another font."""

    folio: int
    ranks: tuple[str, ...]
    numbers: str
    names: str
    tall_names: tuple[str, ...]
    days: str


def list_pages(people: Sequence[PersonLineFacts]) -> Iterator[ListPage]:
    """The pages that follow the certificate, numbered from 2."""
    for folio, first in enumerate(range(0, len(people), PEOPLE_PER_PAGE), start=2):
        some = people[first : first + PEOPLE_PER_PAGE]
        names = tuple(_one_line(one.name) for one in some)
        yield ListPage(
            folio=folio,
            ranks=tuple(
                formats.number(first + rank + 1) for rank in range(0, len(some), PEOPLE_PER_RANK)
            ),
            numbers="\n".join(one.registration_number or "—" for one in some),
            names="\n".join(names),
            tall_names=() if all(map(_is_plain, names)) else names,
            days="\n".join(str(one.days) for one in some),
        )


def list_length(people: Sequence[PersonLineFacts]) -> int:
    """How many pages the certificate of these people has, its own included, when it is a long list; else 0."""
    return 1 - (-len(people) // PEOPLE_PER_PAGE) if len(people) > SHORT_LIST else 0


def _is_plain(name: str) -> bool:
    return all(character < "\u0250" for character in name)


def _one_line(name: str) -> str:
    """A name that takes exactly one line, whatever it holds."""
    name = " ".join(name.split()) or "—"
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _person(person: PersonFacts) -> list[Row]:
    since = formats.day(person.employed_since) if person.employed_since else ""
    rows = [
        Row(_("Salarié"), short(person.name)),
        Row(_("Nom en arabe"), short(person.name_ar)),
        Row(_("Numéro d’immatriculation"), person.registration_number, is_code=True),
        Row(_("Employé depuis le"), since),
    ]
    return [row for row in rows if row.value]


def _employer(affiliate: AffiliateFacts) -> list[Row]:
    return [
        Row(_("Employeur"), short(affiliate.name)),
        Row(_("Numéro d’affiliation"), affiliate.affiliation_number, is_code=True),
    ]


def employee(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    """The registration of an employee, handed over by the employer."""
    assert facts.person is not None  # noqa: S101  what the kind has
    return {
        "statement": Statement(
            _(
                "La Caisse atteste que le salarié désigné ci-dessous est immatriculé au régime de sécurité sociale "
                "sous le numéro {number}."
            ),
            {"number": facts.person.registration_number},
        ),
        "rows": [*_person(facts.person), *_employer(facts.affiliate)],
        "note": Statement(
            _(
                "Délivrée au {day} à la demande de l’employeur, pour être remise au salarié. Elle ne dit rien de "
                "ses droits ni de ses salaires."
            ),
            {"day": day_of(issued_at)},
        ),
    }


def wages(facts: CertificateFacts, issued_at: datetime) -> dict[str, Any]:
    """The wages declared for an employee, handed over by the employer."""
    assert facts.person is not None and facts.span is not None  # noqa: S101, PT018  what the kind has
    return {
        "statement": Statement(
            _(
                "La Caisse atteste que l’employeur désigné ci-dessous a déclaré pour le salarié désigné ci-dessous, "
                "de la période {first} à la période {last} incluses, des salaires de {total} DH au total."
            ),
            {"first": facts.span[0], "last": facts.span[1], "total": facts.gross_wages},
        ),
        "rows": [*_person(facts.person), *_employer(facts.affiliate)],
        "wages": facts.wages,
        "wages_days": sum(month.days for month in facts.wages),
        "wages_total": facts.gross_wages,
        "note": Statement(
            _(
                "Montants en dirhams, tels que déclarés par l’employeur au {day} ; un mois absent n’a pas de "
                "déclaration pour ce salarié. Délivrée à la demande de l’employeur, pour être remise au salarié."
            ),
            {"day": day_of(issued_at)},
        ),
    }


def to_compare(facts: CertificateFacts) -> list[Row]:
    """The few facts of the newer kinds that a reader compares with the paper."""
    rows = [Row(_("Pour le marché"), facts.about)]
    if facts.standing is not None:
        rows.append(Row(_("Vaut jusqu’au"), formats.day(facts.standing.valid_until)))
    if facts.person is not None:
        rows.append(Row(_("Salarié"), facts.person.name))
        rows.append(
            Row(_("Numéro d’immatriculation"), facts.person.registration_number, is_code=True)
        )
    if facts.wages:
        rows.append(Row(_("Salaires déclarés, au total"), formats.dirhams(facts.gross_wages)))
    if facts.people:
        rows.append(Row(_("Salariés déclarés"), formats.number(len(facts.people))))
    return [row for row in rows if row.value]
