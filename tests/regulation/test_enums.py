import pytest

from regulation import enums
from regulation.enums import Branch, LabelledEnum
from regulation.text import Sentence

KINDS = [
    kind
    for kind in vars(enums).values()
    if isinstance(kind, type) and issubclass(kind, LabelledEnum)
]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not LabelledEnum])
def test_members_are_texts_with_a_french_label(kind: type[LabelledEnum]) -> None:
    assert kind.choices() == [(str(member), member.label) for member in kind]
    assert all(label and not label.isupper() for _value, label in kind.choices())


def test_a_member_equals_its_value() -> None:
    assert Branch("PF") is Branch.PF
    assert f"{Branch.AMO_SOLIDARITY}" == "AMO_SOLIDARITY"


def test_a_sentence_is_stored_and_read_back() -> None:
    sentence = Sentence("{base} × {rate}", {"base": "1", "rate": "2"}, ("base",))
    assert Sentence.from_json(sentence.to_json()) == sentence
    assert str(sentence) == "1 × 2"
