"""The pages keep the laws of the house: nothing inline, nothing from elsewhere, both directions."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
PAGES = sorted(
    path
    for path in TEMPLATES.rglob("*.html")
    if "pdf" not in path.parts and path.name != "_README.html"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_page_holds_no_inline_style_script_or_handler_and_no_other_host(page: Path):
    text = page.read_text("utf-8")
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert "<style" not in text
    assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", text)


@pytest.mark.parametrize(
    "sheet", sorted((STATIC / "css").glob("*.css")), ids=lambda path: path.name
)
def test_our_sheets_know_no_left_or_right_and_no_other_host(sheet: Path):
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.DOTALL)
    physical = re.findall(
        r"(?:margin|padding|border)-(?:left|right)|(?<![-\w])(?:left|right)\s*:", text
    )
    assert physical == []
    assert not re.search(r"url\([\"']?(?:https?:)?//", text)


def test_each_vendored_font_and_library_has_its_licence():
    licences = [path.stem.removeprefix("OFL-") for path in (STATIC / "fonts").glob("OFL-*.txt")]
    fonts = [path.name for path in (STATIC / "fonts").glob("*.woff2")]
    assert fonts
    assert [name for name in fonts if not name.startswith(tuple(licences))] == []
    for library in (STATIC / "vendor").iterdir():
        assert (library / "LICENSE").is_file(), library.name
