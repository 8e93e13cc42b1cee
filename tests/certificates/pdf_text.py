"""The text of a PDF page, for assertions: glyphs back to characters through each font's own table."""

import io
import re

import pikepdf

_HEX = re.compile(r"<([0-9A-Fa-f]*)>")


def _characters(font: pikepdf.Object) -> dict[int, str]:
    table: dict[int, str] = {}
    text = font.ToUnicode.read_bytes().decode("latin-1")
    for block in re.findall(r"beginbfchar(.*?)endbfchar", text, re.DOTALL):
        codes = _HEX.findall(block)
        for code, target in zip(codes[::2], codes[1::2], strict=True):
            table[int(code, 16)] = bytes.fromhex(target).decode("utf-16-be", "replace")
    return table


def text_of(pdf_bytes: bytes) -> str:
    """The words of all pages in drawing order, runs apart by a blank, every kind of space made plain."""

    words: list[str] = []
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        for page in pdf.pages:
            tables = {name: _characters(font) for name, font in page.Resources.Font.items()}
            current: dict[int, str] = {}
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) == "Tf":
                    current = tables[str(operands[0])]
                elif str(operator) in ("Tj", "TJ"):
                    words.append(_run(operands[0], current))
                elif str(operator) == "ET":
                    words.append(" ")
    return re.sub(r"[\s\u00a0\u202f]+", " ", "".join(words))


def _run(shown: pikepdf.Object, table: dict[int, str]) -> str:
    pieces = shown if isinstance(shown, pikepdf.Array) else [shown]
    text = []
    for piece in pieces:
        if isinstance(piece, pikepdf.String):
            raw = bytes(piece)
            text += [
                table.get(int.from_bytes(raw[at : at + 2], "big"), "")
                for at in range(0, len(raw), 2)
            ]
    return "".join(text)
