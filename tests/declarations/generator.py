"""Declaration files by the thousand, seeded: some right, most damaged in one to three ways."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from declarations.codecs import e_bds, prefill
from declarations.codecs.e_bds import NewHireLine, PrefilledLine
from declarations.codecs.fixed_width import FieldKind, Layout
from declarations.codecs.prefill import PrefillLine
from declarations.codecs.records import AffiliateHeader
from regulation.identifiers import (
    complete_affiliation_number,
    complete_registration_number,
    transfer_identifier,
)
from tests.declarations.factories import JANUARY

CEILING = 600_000
Damage = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Firm:
    """An employer as the fund knows it: its number and the prefill of its month."""

    affiliation_number: str
    header: AffiliateHeader
    people: tuple[PrefillLine, ...]

    @property
    def transfer_identifier(self) -> str:
        return transfer_identifier(self.affiliation_number, JANUARY)

    @property
    def prefill(self) -> bytes:
        return b"".join(
            prefill.write(
                transfer_identifier=self.transfer_identifier, header=self.header, lines=self.people
            )
        )


@dataclass(frozen=True)
class Sent:
    """A file as it is sent, and how it was damaged."""

    firm: Firm
    name: str
    content: bytes
    damages: tuple[str, ...]


def firm(rank: int, chance: random.Random) -> Firm:
    number = complete_affiliation_number(f"{200_000 + rank}")
    header = AffiliateHeader(
        number, JANUARY.compact, f"SOCIETE {rank}", "COMMERCE", "1 RUE DES ORANGERS", "CASABLANCA",
        "20000", "01", "20260127", "20260210",
    )  # fmt: skip
    people = tuple(
        PrefillLine(
            number, JANUARY.compact, complete_registration_number(f"1{1000 * rank + one:07}"),
            f"NOM {one}".ljust(30) + "PRENOM", one % 4, 0, 0, 0,
        )
        for one in range(1, chance.randint(2, 9))
    )  # fmt: skip
    return Firm(number, header, people)


def sent(firm: Firm, chance: random.Random) -> Sent:
    """One file of this firm: right one time in four."""
    supplement = chance.randint(1, 9) if chance.random() < 0.1 else 0
    lines = [] if supplement else [_line(person, chance) for person in firm.people]
    hires = [_hire(firm, rank, chance) for rank in range(chance.choice((0, 0, 1, 2)))]
    if supplement and not hires:
        hires = [_hire(firm, 1, chance)]
    content = b"".join(
        e_bds.write(
            transfer_identifier=firm.transfer_identifier,
            header=firm.header,
            lines=lines,
            new_hires=hires,
            supplement_number=supplement,
        )
    )
    name = e_bds.file_name(firm.affiliation_number, JANUARY.compact, supplement_number=supplement)
    chosen = chance.sample(sorted(DAMAGES), chance.choice((0, 1, 1, 1, 2, 3)))
    for damage in chosen:
        content = DAMAGES[damage](content, chance)
    if chance.random() < 0.05:
        name, chosen = (
            chance.choice(("DS.txt", f"DS_{firm.affiliation_number}_202512.txt")),
            [*chosen, "name"],
        )
    return Sent(firm, name, content, tuple(chosen))  # fmt: skip


def files(count: int, seed: int, firms: int = 40) -> Iterator[list[Sent]]:
    """`count` files, one of each firm at a time; always the same for one seed."""
    chance = random.Random(seed)
    known = [firm(rank, chance) for rank in range(firms)]
    while count > 0:
        yield [sent(one, chance) for one in known[:count]]
        count -= len(known)


def _line(person: PrefillLine, chance: random.Random) -> PrefilledLine:
    situation = chance.choice(("", "", "", "", "SO", "IT", "IL", "CS", "MS", "AT", "MP", "DE"))
    if situation in ("CS", "MS", "AT", "MP"):
        return e_bds.prefilled_line(
            person, days_declared=0, gross_wage=0, capped_wage=0, situation=situation
        )
    gross = chance.randrange(340_000, 2_000_000)
    return e_bds.prefilled_line(
        person,
        days_declared=chance.randint(20, 26),
        gross_wage=gross,
        capped_wage=min(gross, CEILING),
        situation=situation,
    )


def _hire(firm: Firm, rank: int, chance: random.Random) -> NewHireLine:
    gross = chance.randrange(340_000, 2_000_000)
    return e_bds.new_hire_line(
        firm.header,
        registration_number=complete_registration_number(f"1{9_000_000 + 10 * rank:07}"),
        name=f"ENTRANT {rank}".ljust(30) + "PRENOM",
        cin=f"AB{100_000 + rank}",
        days_declared=26,
        gross_wage=gross,
        capped_wage=min(gross, CEILING),
    )


# -- every kind of damage --------------------------------------------------------------------------


def _on_lines(act: Callable[[list[bytes], random.Random], None]) -> Damage:
    def damage(content: bytes, chance: random.Random) -> bytes:
        lines = content.split(b"\n")
        if len(lines) > 1:
            act(lines, chance)
        return b"\n".join(lines)

    return damage


def _in_a_line(act: Callable[[bytes, random.Random], bytes]) -> Damage:
    def on_one(lines: list[bytes], chance: random.Random) -> None:
        place = chance.randrange(len(lines))
        lines[place] = act(lines[place], chance)

    return _on_lines(on_one)


def _put(characters: bytes) -> Damage:
    """A character of these anywhere in a line."""

    def act(line: bytes, chance: random.Random) -> bytes:
        place = chance.randrange(max(len(line), 1))
        return line[:place] + bytes([chance.choice(characters)]) + line[place + 1 :]

    return _in_a_line(act)


def _in_a_field(value: Callable[[bytes, random.Random], bytes]) -> Damage:
    """Another value in a numeric field of a line, of the same width."""

    def act(line: bytes, chance: random.Random) -> bytes:
        layouts: dict[bytes, Layout] = {
            code.encode(): kind.layout for code, kind in e_bds.TYPES.items()
        }
        layout = layouts.get(line[1:3])
        if layout is None or len(line) < 200:
            return line
        fields = [one for one in layout.values if one.kind is not FieldKind.TEXT]
        first, last = layout.columns(chance.choice(fields).name)
        there = line[first - 1 : last]
        return (
            line[: first - 1]
            + value(there, chance).rjust(len(there), b"0")[: len(there)]
            + line[last:]
        )

    return _in_a_line(act)  # fmt: skip


def _twice(lines: list[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(lines))
    lines.insert(place, lines[place])


def _swap(lines: list[bytes], chance: random.Random) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


DAMAGES: dict[str, Damage] = {
    "a digit anywhere": _put(b"0123456789"),
    "a letter anywhere": _put(b"ABCXYZ"),
    "a sign anywhere": _put(b"-+.,;?*'"),
    "a control character": _put(bytes(range(32))),
    "a byte above 127": _put(bytes(range(128, 256))),
    "a line left out": _on_lines(lambda lines, chance: lines.pop(chance.randrange(len(lines))) and None),
    "a line twice": _on_lines(_twice),
    "two lines exchanged": _on_lines(_swap),
    "an empty line": _on_lines(lambda lines, chance: lines.insert(chance.randrange(len(lines)), b"")),
    "a line cut": _in_a_line(lambda line, chance: line[: chance.randrange(260)]),
    "a line too long": _in_a_line(lambda line, chance: line + b" " * chance.randint(1, 5000)),
    "a shifted line": _in_a_line(lambda line, chance: line[:20] + b" " + line[20:]),
    "blanks cut": lambda content, _: b"\n".join(line.rstrip() for line in content.split(b"\n")),
    "carriage returns": lambda content, _: content.replace(b"\n", b"\r\n"),
    "no last terminator": lambda content, _: content.rstrip(b"\n"),
    "a byte-order mark": lambda content, _: b"\xef\xbb\xbf" + content,
    "accents in UTF-8": lambda content, _: content.replace(b"NOM 1 ", "NÔM 1".encode(), 1),
    "accents in Latin-1": lambda content, _: content.replace(b"NOM 2", b"N\xd4M 2", 1),
    "another number": _in_a_field(lambda there, chance: str(chance.randrange(10 ** len(there))).encode()),
    "a number off by one": _in_a_field(lambda there, _: str(int(there) + 1).encode() if there.isdigit() else there),
    "a zero": _in_a_field(lambda there, _: b"0"),
    "a field of nines": _in_a_field(lambda there, _: b"9" * len(there)),
    "a wage from the left": _in_a_field(lambda there, _: there.lstrip(b"0").ljust(len(there), b"0")),
    "another situation": lambda content, chance: content.replace(
        b"SO00", chance.choice((b"ML00", b"CO00", b"XX00", b"so00"))
    ),
    "another category": lambda content, chance: content[:17] + chance.choice((b"A0", b"E1", b"Z9")) + content[19:],
    "two files in one": lambda content, _: content + content,
    "half a file": lambda content, chance: content[: chance.randrange(max(len(content), 1))],
    "nothing": lambda _content, _: b"",
    "UTF-16": lambda content, _: content.decode("latin-1").encode("utf-16"),
    "a PDF": lambda content, _: b"%PDF-1.7\n" + content,
    "a CSV": lambda _content, _: b"matricule;nom;salaire\n1;ALPHA;8500\n",
    "noise": lambda _content, chance: chance.randbytes(chance.randrange(2000)),
}  # fmt: skip
