"""Every code that the programs can write in the trace has its sentence, in both languages."""

import ast
import re
from collections.abc import Iterator

from django.utils import translation
from django.utils.translation import gettext

from affiliates.enums import RequestAct, ReviewVerdict
from certificates.enums import CertificateState
from payments.enums import DebitAct, GraceState, ProfileState
from portal.acts import ACTS, SUBJECTS, is_reading, words_of
from tests.house.test_code import HOUSE, ROOMS

CODE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
ARABIC = re.compile(r"[\u0600-\u06ff]")
#: Codes made of a family and a member, as the programs write them; a new family is described here.
FAMILIES = {
    "f'post.{verdict.value}'": {f"post.{verdict.value}" for verdict in ReviewVerdict},
    "f'affiliation.{act.value}'": {f"affiliation.{act.value}" for act in RequestAct},
    "f'registration.{act.value}'": {f"registration.{act.value}" for act in RequestAct},
    "f'authority.{verb}'": {
        f"authority.{verb}"
        for verb in ("prepared", "signed", "activated", "refused", "suspended", "revoked")
    },
    "f'certificate.{state.value}'": {
        f"certificate.{state.value}"
        for state in (CertificateState.SUPERSEDED, CertificateState.REVOKED)
    },
    "f'payments.debit_{act.value}'": {f"payments.debit_{act.value}" for act in DebitAct},
    "f'payments.debit_{act}'": {"payments.debit_prepared", "payments.debit_sign"},
    "f'payments.grace_{state.value}'": {f"payments.grace_{state.value}" for state in GraceState},
    "f'payments.profile_{wanted.value}'": {
        f"payments.profile_{state.value}" for state in ProfileState
    },
    "f'{kind}.receipt_issued'": {"filing.receipt_issued", "payment.receipt_issued"},
    "f'{self.name}.{what}'": {
        f"{name}.{what}"
        for name in ("affiliation", "registration")
        for what in ("read", "read_piece")
    },
    "f'{self.name}.looked_up'": {"affiliation.looked_up", "registration.looked_up"},
}


def trees() -> Iterator[ast.AST]:
    for room in ROOMS:
        for path in (HOUSE / room).rglob("*.py"):
            if "migrations" not in path.parts:
                yield ast.parse(path.read_text("utf-8"))


def writers(everything: list[ast.AST]) -> set[str]:
    """The names of what writes in the trace: `portal.audit` and each helper that is given an `action`."""
    found = {"record", "record_all", "record_reading", "_trace"}
    for tree in everything:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = {arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)}
                if "action" in names:
                    found.add(node.name)
    return found


def written() -> tuple[set[str], set[str]]:
    """The codes that stand in the programs whole, and the families that they are made from."""
    everything = list(trees())
    known = writers(everything)
    codes, families = set(), set()
    for tree in everything:
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name not in known:
                continue
            told = [*call.args, *(word.value for word in call.keywords if word.arg == "action")]
            inside = {
                id(part)
                for argument in told
                for joined in ast.walk(argument)
                if isinstance(joined, ast.JoinedStr)
                for part in joined.values
            }
            for argument in told:
                for node in ast.walk(argument):
                    if isinstance(node, ast.JoinedStr):
                        families.add(ast.unparse(node))
                    elif (
                        isinstance(node, ast.Constant)
                        and isinstance(node.value, str)
                        and id(node) not in inside
                        and CODE.fullmatch(node.value)
                    ):
                        codes.add(node.value)
    return codes, families


def test_every_code_that_can_be_written_has_its_sentence() -> None:
    codes, families = written()
    assert len(codes) > 90
    assert "mandate.granted" in codes
    for family in families & set(FAMILIES):
        codes |= FAMILIES[family]
    unknown = {family for family in families - set(FAMILIES) if "." in family}
    # A family that is not described above is named by what it is about.
    openings = {family.split("'")[1].partition(".")[0] for family in unknown}
    assert openings <= set(SUBJECTS), unknown
    bare = {code for code in codes if words_of(code) == code}
    assert sorted(bare) == []
    assert len(codes - set(ACTS)) <= len(codes) // 3, "most have a sentence of their own"


def test_every_sentence_is_read_in_both_languages() -> None:
    with translation.override("ar"):
        french = [
            code for code, words in (ACTS | SUBJECTS).items() if not ARABIC.search(gettext(words))
        ]
    assert french == []
    assert all(words[0].isupper() and not words.endswith(".") for words in ACTS.values())


def test_looking_is_told_from_changing() -> None:
    assert {code for code in ACTS if is_reading(code)} >= {"staff.read", "payments.act_read"}
    assert not is_reading("mandate.granted")
    assert words_of("payments.of_tomorrow") == "Acte sur un paiement"
    assert words_of("gone.code") == "gone.code"
