"""The Arabic catalogue: bring it up to date with the sources, judge it, compile it. Needs no system gettext.

``python -m damancom.messages update`` adds what the sources say and removes what they no longer do (`make messages`);
``check`` names every text without a good Arabic translation (`make check`); ``compile`` writes the files Django reads.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CHECKOUT = Path(__file__).resolve().parent.parent
CATALOGUE = CHECKOUT / "locale" / "ar" / "LC_MESSAGES" / "django.po"
ROOMS = (
    "damancom", "certificates", "disputes", "payments", "declarations", "affiliates", "portal", "regulation",
)  # fmt: skip

# Function name → positions of (singular, plural, context) among its arguments.
MARKERS: dict[str, tuple[int, int | None, int | None]] = {
    "_": (0, None, None),
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|(?<!\{)\{\w*[^{}]*\}(?!\})|%[sd]")

Key = tuple[str | tuple[str, str], str | None]  # (msgid or (msgid, plural), context)


def sources() -> dict[Key, str]:
    """Every text of the sources, with the first file that says it."""
    found: dict[Key, str] = {}
    files = [path for room in ROOMS for path in sorted((CHECKOUT / room).rglob("*.py"))]
    for path in files:
        if "migrations" not in path.parts:
            for key in _in_python(path.read_text("utf-8")):
                found.setdefault(key, str(path.relative_to(CHECKOUT)))
    for path in sorted((CHECKOUT / "regulation" / "parameters").glob("*.toml")):
        for text in _in_table(tomllib.loads(path.read_text("utf-8"))):
            found.setdefault((text, None), str(path.relative_to(CHECKOUT)))
    for path in sorted((CHECKOUT / "templates").rglob("*.*")):
        for key in _in_template(path.read_text("utf-8"), str(path)):
            found.setdefault(key, str(path.relative_to(CHECKOUT)))
    return found


def complaints() -> list[str]:
    """What is wrong with the Arabic catalogue, one line per text; empty when all is well."""
    catalogue = _read()
    said = sources()
    result = [f"{CATALOGUE.name}: written twice: {text!r}" for text in _repeated()]
    for key, path in said.items():
        message = catalogue.get(*_lookup(key))
        name = key[0] if isinstance(key[0], str) else key[0][0]
        if message is None or not _is_translated(message):
            result.append(f"{path}: not translated: {name!r}")
        elif message.fuzzy:
            result.append(f"{path}: fuzzy: {name!r}")
        elif not _same_placeholders(message):
            result.append(f"{path}: placeholders differ: {name!r}")
    result += [
        f"{CATALOGUE.name}: no longer said: {message.id!r}"
        for message in catalogue
        if message.id and _key(message) not in said
    ]
    return result


def update() -> int:
    """Add what the sources say, untranslated, and drop what they no longer do; returns the number added."""
    catalogue, said = _read(), sources()
    added = 0
    for identifier, context in said:
        if catalogue.get(*_lookup((identifier, context))) is None:
            catalogue.add(identifier, context=context)
            added += 1
    for message in list(catalogue):
        if message.id and _key(message) not in said:
            catalogue.delete(*_lookup(_key(message)))
    catalogue.obsolete.clear()
    output = BytesIO()
    write_po(output, catalogue, width=0, sort_output=True, no_location=True)
    CATALOGUE.write_bytes(output.getvalue().rstrip() + b"\n")
    return added


def compile_catalogues() -> None:
    """Write each ``.mo`` that is older than its ``.po``."""
    for source in (CHECKOUT / "locale").rglob("*.po"):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        with source.open("rb") as text:
            catalogue = read_po(text)
        draft = compiled.with_suffix(".new")
        with draft.open("wb") as output:
            write_mo(output, catalogue)
        draft.replace(compiled)


def _in_python(text: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            function = node.func
            name = getattr(function, "id", getattr(function, "attr", ""))
            if name in MARKERS:
                yield from _call(name, node.args)


def _call(name: str, arguments: list[ast.expr]) -> Iterator[Key]:
    values = [part.value if isinstance(part, ast.Constant) else None for part in arguments]
    singular, plural, context = (
        values[place] if place is not None and place < len(values) else None
        for place in MARKERS[name]
    )
    if isinstance(singular, str) and singular:
        identifier = (singular, plural) if isinstance(plural, str) else singular
        yield identifier, context if isinstance(context, str) else None


def _in_table(node: object) -> Iterator[str]:
    """The texts of a table of the law that a person reads: its sources, and why a value is unknown."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("reference", "unknown") if key in node)
        yield from node.get("terms", ())
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _in_table(child)


def _in_template(text: str, origin: str) -> Iterator[Key]:
    # Django turns a template into calls of gettext for xgettext to read; we read the same calls.
    from django.utils.translation.template import templatize

    calls = templatize(text, origin=origin)
    for found in re.finditer(r"\b(_|n?p?gettext)\((?=[urb]*['\"])", calls):
        expression = _balanced(calls, found.start())
        if expression is not None:
            yield from _in_python(expression)


def _balanced(text: str, start: int) -> str | None:
    """The shortest call that begins at ``start`` and parses."""
    end = start
    while (end := text.find(")", end) + 1) > 0:
        candidate = text[start:end]
        try:
            ast.parse(candidate, mode="eval")
        except SyntaxError:
            continue
        return candidate
    return None


def _read() -> Catalog:
    if not CATALOGUE.exists():
        CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
        return Catalog(locale="ar", domain="django")
    with CATALOGUE.open("rb") as text:
        return read_po(text, locale="ar", domain="django")


def _lookup(key: Key) -> tuple[str, str | None]:
    identifier, context = key
    return (identifier if isinstance(identifier, str) else identifier[0]), context


def _key(message: Message) -> Key:
    identifier = message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
    return identifier, message.context


def _texts(text: "str | Sequence[str] | None") -> list[str]:
    """A singular alone, or all the plural forms."""
    return [text] if isinstance(text, str) else list(text or ())


def _is_translated(message: Message) -> bool:
    texts = _texts(message.string)
    return bool(texts) and all(text.strip() for text in texts)


def _same_placeholders(message: Message) -> bool:
    """Whether the translation names the same facts; one Arabic plural form may leave out the number it implies."""
    identifiers, texts = _texts(message.id), _texts(message.string)
    wanted = {name for text in identifiers for name in PLACEHOLDER.findall(text)}
    if len(texts) == 1:
        return set(PLACEHOLDER.findall(texts[0])) == wanted
    return all(set(PLACEHOLDER.findall(text)) <= wanted for text in texts)


def _repeated() -> list[str]:
    """Texts that the file holds twice (a merge may do that)."""
    if not CATALOGUE.exists():
        return []
    seen: set[str] = set()
    twice = []
    for entry in CATALOGUE.read_text("utf-8").split("\n\n"):
        lines = [line for line in entry.splitlines() if not line.startswith("#")]
        head = "\n".join(lines).split("\nmsgstr")[0]
        if head in seen and head.strip():
            twice.append(head)
        seen.add(head)
    return twice


def main(arguments: list[str]) -> int:
    import django

    django.setup()
    match arguments:
        case ["update"]:
            print(f"{update()} textes ajoutés à {CATALOGUE.relative_to(CHECKOUT)}.")
        case ["compile"]:
            compile_catalogues()
        case ["check"]:
            found = complaints()
            print("\n".join(found))
            return 1 if found else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
