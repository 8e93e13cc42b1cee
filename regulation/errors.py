"""Refusals: one sentence, a stable code and named facts."""

from regulation.text import _


class DomainError(Exception):
    """A refusal that a person can understand and act upon.

    Subclasses set `code`, stable and in dotted lower case, and `message`, a
    French msgid with `{facts}`.  `str()` renders the French sentence; the rooms
    above translate `message` and format it with `facts`.
    """

    code: str = "refused"
    message: str = _("Cette opération est refusée.")
    #: Facts that are French msgids themselves.
    translated: tuple[str, ...] = ()

    def __init__(self, **facts: object) -> None:
        super().__init__(facts)
        self.facts: dict[str, object] = facts

    def __str__(self) -> str:
        return self.message.format(**self.facts)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders in task results; keyword facts do
        # not survive the default protocol.
        return (_rebuild, (type(self), self.facts))


def _rebuild(kind: type[DomainError], facts: dict[str, object]) -> DomainError:
    return kind(**facts)
