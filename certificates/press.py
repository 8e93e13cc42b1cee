"""The press: a process of its own that turns HTML into PDF/A-3a and can reach nothing but what it is handed.

It holds no database, no setting and no secret. Fonts and style come from the repository and are read here, by our
own code; WeasyPrint may open `data:` addresses only. A document that harms it ends this process, not a web worker:
`certificates.printing` starts another. Run as ``python -m certificates.press``; on each pipe a message is eight bytes
of length (big endian), then that many bytes. In: one byte of order, then for a page (``P``) or a part of a long list
(``L``) 16 bytes of identifier and the HTML, for binding (``B``) each part with its own length before it. Out: the PDF.
"""

import base64
import gc
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import pydyf  # type: ignore[import-untyped]
import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

from certificates.binding import bind

ROOT = Path(__file__).resolve().parent.parent
FONTS = ROOT / "static" / "fonts"
STYLE = ROOT / "templates" / "certificates" / "pdf" / "print.css"

LENGTH_BYTES = 8
IDENTIFIER_BYTES = 16
FOLDER_PREFIX = "press-"
LARGEST_HTML = 4 * 1024 * 1024
# The parts of the longest list, a hundred thousand people.
LARGEST_BINDING = 64 * 1024 * 1024
MEMORY_LIMIT = 2 * 1024**3

# Families of our own name: a font of the same name on the machine can never take their place.
_FACES = (
    ("Document Sans", 400, "noto-sans-latin-400-normal.woff2"),
    ("Document Sans", 600, "noto-sans-latin-600-normal.woff2"),
    ("Document Sans", 700, "noto-sans-latin-700-normal.woff2"),
    ("Document Sans Extended", 400, "noto-sans-latin-ext-400-normal.woff2"),
    ("Document Sans Extended", 700, "noto-sans-latin-ext-700-normal.woff2"),
    ("Document Naskh", 400, "noto-naskh-arabic-arabic-400-normal.woff2"),
    ("Document Naskh", 700, "noto-naskh-arabic-arabic-700-normal.woff2"),
    ("Document Tifinagh", 400, "noto-sans-tifinagh-tifinagh-400-normal.woff2"),
)


class Press:
    """Renders documents one after the other; fonts and style are read once, when it starts."""

    def __init__(self) -> None:
        # A refused address ends the rendering instead of leaving a hole in an official paper.
        self._fetcher = URLFetcher(
            allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True
        )
        self._fonts = FontConfiguration()
        self._style = weasyprint.CSS(
            string=_font_faces() + STYLE.read_text(encoding="utf-8"),
            font_config=self._fonts,
            url_fetcher=self._fetcher,
        )

    def pdf(self, html: str, identifier: bytes, *, is_list: bool = False) -> bytes:
        """Return the PDF/A-3a (archival, tagged) of an HTML page; the same page gives the same bytes.

        In a part of a long list (``is_list``) each column of a page is one cell of many lines: see _rows_of_people.
        """
        document = weasyprint.HTML(string=html, url_fetcher=self._fetcher, media_type="print")
        pdf: bytes = document.write_pdf(
            stylesheets=[self._style],
            font_config=self._fonts,
            pdf_variant="pdf/a-3a",
            pdf_identifier=identifier,
            finisher=_rows_of_people if is_list else None,
        )
        return pdf


def _rows_of_people(_document: object, pdf: pydyf.PDF) -> None:
    """Give each person of a list a row in the tags.

    A cell is drawn as lines, because the renderer spends seven milliseconds on a row and a third of one on a line
    (docs/decisions/long-lists.md). The tag of each line becomes a cell of its own, beside those of the same rank; a
    cell that holds fewer (the rank, written every ten lines) spans the rows until its next one.
    """
    tags = {
        one.reference: one
        for one in pdf.objects
        if isinstance(one, pydyf.Dictionary) and one.get("Type") == "/StructElem"
    }
    for head in [one for one in tags.values() if one["S"] == "/TH"]:
        # The numbers that the renderer gives to headings are the same in each part: a scope needs none.
        head.pop("ID", None)
        head["A"] = pydyf.Dictionary({"O": "/Table", "Scope": "/Column"})
    for body in [one for one in tags.values() if one["S"] == "/TBody"]:
        columns = [tags[cell] for cell in tags[body["K"][0]]["K"]]
        lines = max(len(column["K"]) for column in columns)
        body["K"] = pydyf.Array()
        for rank in range(lines):
            row = pydyf.Dictionary({"Type": "/StructElem", "S": "/TR", "P": body.reference})
            pdf.add_object(row)
            row["K"] = pydyf.Array()
            body["K"].append(row.reference)
            for column in columns:
                every = -(-lines // len(column["K"]))
                if rank % every:
                    continue
                line = tags[column["K"][rank // every]]
                line |= {"S": "/TD", "P": row.reference}
                if len(line["K"]) == 1:
                    # Without the array around it: ten thousand of them weigh.
                    line["K"] = line["K"][0]
                if every > 1:
                    spanned = min(every, lines - rank)
                    line["A"] = pydyf.Dictionary({"O": "/Table", "RowSpan": spanned})
                row["K"].append(line.reference)


def _font_faces() -> str:
    rules = []
    for family, weight, name in _FACES:
        data = base64.b64encode((FONTS / name).read_bytes()).decode()
        rules.append(
            f'@font-face {{ font-family: "{family}"; font-weight: {weight};'
            f' src: url("data:font/woff2;base64,{data}"); }}\n'
        )
    return "".join(rules)


def _receive(source: BinaryIO) -> bytes | None:
    header = source.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    length = int.from_bytes(header, "big")
    message = source.read(1)
    if length > (LARGEST_BINDING if message == b"B" else LARGEST_HTML):
        raise ValueError(f"a message of {length} bytes is more than the press takes")
    return message + source.read(length - 1)


def main() -> None:
    """Serve pages until the other end closes, then remove the folder that was given for temporary files.

    Ctrl-C in a terminal is for the web server; the press ends when that one does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    try:
        _serve(Press())
    finally:
        folder = Path(tempfile.gettempdir())
        if folder.name.startswith(FOLDER_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)


def _serve(press: Press) -> None:
    source, target = sys.stdin.buffer, sys.stdout.buffer
    # What a page leaves behind is collected between two pages, not ten times while one is drawn: a quarter faster.
    gc.collect()
    gc.freeze()
    gc.disable()
    while (message := _receive(source)) is not None:
        pdf = _obey(press, message)
        target.write(len(pdf).to_bytes(LENGTH_BYTES, "big") + pdf)
        target.flush()
        gc.collect()


def _obey(press: Press, message: bytes) -> bytes:
    order, said = message[:1], message[1:]
    if order == b"B":
        parts = []
        while said:
            end = LENGTH_BYTES + int.from_bytes(said[:LENGTH_BYTES], "big")
            parts.append(said[LENGTH_BYTES:end])
            said = said[end:]
        return bind(parts)
    html = said[IDENTIFIER_BYTES:].decode()
    return press.pdf(html, said[:IDENTIFIER_BYTES], is_list=order == b"L")


if __name__ == "__main__":
    main()
