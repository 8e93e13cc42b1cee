"""The press: a process of its own that turns HTML into PDF/A-3a and can reach nothing but what it is handed.

It holds no database, no setting and no secret. Fonts and style come from the repository and are read here, by our
own code; WeasyPrint may open `data:` addresses only. A document that harms it ends this process, not a web worker:
`certificates.documents` starts another. Run as ``python -m certificates.press``; on each pipe a message is eight
bytes of length (big endian), then that many bytes: 16 bytes of identifier followed by the HTML in, the PDF out.
"""

import base64
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

ROOT = Path(__file__).resolve().parent.parent
FONTS = ROOT / "static" / "fonts"
STYLE = ROOT / "templates" / "certificates" / "pdf" / "print.css"

LENGTH_BYTES = 8
IDENTIFIER_BYTES = 16
FOLDER_PREFIX = "press-"
LARGEST_HTML = 4 * 1024 * 1024
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

    def pdf(self, html: str, identifier: bytes) -> bytes:
        """Return the PDF/A-3a (archival, tagged) of an HTML page; the same page gives the same bytes."""
        document = weasyprint.HTML(string=html, url_fetcher=self._fetcher, media_type="print")
        pdf: bytes = document.write_pdf(
            stylesheets=[self._style],
            font_config=self._fonts,
            pdf_variant="pdf/a-3a",
            pdf_identifier=identifier,
        )
        return pdf


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
    if length > LARGEST_HTML:
        raise ValueError(f"a page of {length} bytes is more than the press takes")
    return source.read(length)


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
    while (message := _receive(source)) is not None:
        pdf = press.pdf(message[IDENTIFIER_BYTES:].decode(), message[:IDENTIFIER_BYTES])
        target.write(len(pdf).to_bytes(LENGTH_BYTES, "big") + pdf)
        target.flush()


if __name__ == "__main__":
    main()
