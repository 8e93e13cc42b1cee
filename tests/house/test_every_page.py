"""Every page of the demonstration, in both languages, as a person of each kind opens it: is it whole, is it Arabic?

One heading and a title, links that lead somewhere, a label for each field, identifiers used once, images with a text;
and in the Arabic pages no French sentence left. What people typed stands in ``<bdi>`` or says its own direction, and is
not judged. How wide a page is, only a browser knows: tests/browser.
"""

import datetime
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from lxml import html

from affiliates.models import Affiliate, Mandate
from damancom.demo import build
from payments.models import Bank, SurchargeExemption
from portal.models import User
from tests.house.test_canary import Address, addresses, filled

NOW = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)
PEOPLE = (
    "",
    "yasmina@coiffure.example",
    "direction@atlasmaille.example",
    "cabinet@fiduciaire.example",
    "banque@detroit.example",
    "agent@caisse.example",
    "superviseur@caisse.example",
)
#: Words that no French sentence goes without, in small letters: names of firms are capitals.
FRENCH = re.compile(
    r"\b(?:le|la|les|des|du|une|est|vous|votre|vos|pour|avec|sans|dans|sur|par|que|qui|pas|ou|cette)\b"
)
#: What says its own language or direction, and what holds no words of ours.
NOT_OURS = (
    "ancestor-or-self::bdi or ancestor-or-self::*[@lang='fr'] or ancestor-or-self::*[@dir='auto'] or "
    "ancestor-or-self::*[@dir='ltr'] or ancestor-or-self::*[contains(@class,'dc-code')] or "
    "ancestor-or-self::script or ancestor-or-self::style or ancestor-or-self::textarea or "
    "ancestor-or-self::pre or ancestor-or-self::code"
)
UNLABELLED = (
    "//input[not(@type='hidden' or @type='submit' or @type='button' or @aria-label or @aria-labelledby "
    "or ancestor::label)] | //select[not(@aria-label or @aria-labelledby or ancestor::label)] | "
    "//textarea[not(@aria-label or @aria-labelledby or ancestor::label)]"
)


def faults_of(text: str, language: str, names: Collection[str] = ()) -> Iterator[str]:
    """What is wrong with one page; nothing when it is none (a file). ``names`` are nobody's language."""
    if "<html" not in text[:600]:
        return
    page = html.document_fromstring(text)
    headings = [" ".join(one.text_content().split()) for one in page.xpath("//h1")]
    if len(headings) != 1 or not headings[0]:
        yield f"headings: {headings}"
    title = page.findtext(".//title") or ""
    if not title.partition("·")[0].strip():
        yield f"title: {title!r}"
    told = page.xpath("//@id")
    yield from (f"id twice: {one}" for one in sorted({one for one in told if told.count(one) > 1}))
    for link in page.xpath("//a"):
        to = link.get("href")
        # Django's own links that tick all the rows of a list are buttons, and hidden without their script.
        if to == "#" and link.xpath("ancestor::*[contains(@class, 'actions')]"):
            continue
        words = link.text_content().strip()
        if to in (None, "", "#") or (to.startswith("#") and to[1:] not in told):
            yield f"link to nowhere: {to!r} {words[:40]!r}"
        elif not (
            words or link.get("aria-label") or link.get("title") or link.xpath(".//img[@alt!='']")
        ):
            yield f"link without words: {to}"
    labelled = set(page.xpath("//label/@for"))
    for field in page.xpath(UNLABELLED):
        if field.get("id") not in labelled:
            yield f"field without label: {field.get('name')}"
    yield from (f"image without text: {one.get('src')}" for one in page.xpath("//img[not(@alt)]"))
    if page.get("lang") != language or page.get("dir") != ("rtl" if language == "ar" else "ltr"):
        yield f"language: {page.get('lang')} {page.get('dir')}"
    if language == "ar":
        yield from _french_of(page, names)


def _french_of(page: Any, names: Collection[str]) -> Iterator[str]:
    told = [("", words) for words in page.xpath(f"//text()[not(ancestor::*[{NOT_OURS}])]")]
    for name in ("placeholder", "aria-label", "title", "alt", "data-label"):
        told += [(f" in {name}", words) for words in page.xpath(f"//@{name}")]
    for where, words in told:
        for name in names:
            words = words.replace(name, "")
        if FRENCH.search(words):
            yield f"French{where}: {' '.join(words.split())[:80]!r}"


def pages_of(user: User | None) -> Iterator[tuple[Address, str]]:
    """The addresses that this person may open, with keys of their own."""
    mine = set(Affiliate.objects.filter(memberships__user=user).values_list("pk", flat=True))
    mine |= set(
        Mandate.objects.filter(
            representative__members=user, revoked_at__isnull=True, ends_on__isnull=True
        ).values_list("affiliate", flat=True)
    )
    if user is not None and user.is_staff:
        mine = set(Affiliate.objects.values_list("pk", flat=True))
    one = Affiliate.objects.filter(pk__in=mine).order_by("pk").first()
    for address in addresses():
        if "autocomplete" in address.route or address.name == "portal:logout":
            continue
        keys = [one.pk] if one is not None and not user.is_staff else mine  # type: ignore[union-attr]
        yield address, filled(address, one.affiliation_number if one else "0000000", keys or [0])


@pytest.mark.slow
def test_every_page_is_whole_and_in_one_language(db: None, tmp_path: Path) -> None:
    build.load(now=NOW, folder=tmp_path)
    names = [*Bank.objects.values_list("name", flat=True)]
    names += SurchargeExemption.objects.values_list("reference", flat=True)
    found: dict[str, list[str]] = {}
    seen = 0
    for email in PEOPLE:
        user = User.objects.get(email=email) if email else None
        for language in ("ar", "fr"):
            client = Client(raise_request_exception=False)
            if user is not None:
                client.force_login(user)
            client.cookies["django_language"] = language
            for address, path in pages_of(user):
                with transaction.atomic():
                    answer: Any = client.get(path)
                    if answer.status_code == 200 and not answer.streaming:
                        seen += 1
                    # Why a list is opened is asked first: the page that asks is one too, and so is what it hides.
                    if b'name="purpose"' in getattr(answer, "content", b""):
                        client.post(path, {"purpose": "supervision", "detail": ""})
                        answer = client.get(path)
                    if not answer.streaming and "html" in answer.headers.get("Content-Type", ""):
                        for fault in faults_of(answer.content.decode(), language, names):
                            at = f"{address.name or address.route} [{language}]"
                            found.setdefault(fault, []).append(at)
                    transaction.set_rollback(True)
    assert seen > 500
    told = [f"{fault}: {', '.join(sorted(set(where))[:4])}" for fault, where in found.items()]
    assert not told, "\n".join(sorted(told))


WHOLE = '<html lang="fr" dir="ltr"><title>Accès · Damancom</title><h1>Accès</h1>{}'


@pytest.mark.parametrize(
    ("piece", "fault"),
    [
        ("<h1>Deux</h1>", "headings: ['Accès', 'Deux']"),
        ('<a href="">ici</a>', "link to nowhere: '' 'ici'"),
        ('<a href="#rien">ici</a>', "link to nowhere: '#rien' 'ici'"),
        ('<a href="/x/"> </a>', "link without words: /x/"),
        ('<input name="cin">', "field without label: cin"),
        ('<p id="a"></p><p id="a"></p>', "id twice: a"),
        ('<img src="/x.png">', "image without text: /x.png"),
    ],
)
def test_the_sweep_sees_each_fault(piece: str, fault: str) -> None:
    assert list(faults_of(WHOLE.format(""), "fr")) == []
    assert list(faults_of(WHOLE.format(piece), "fr")) == [fault]


def test_the_sweep_sees_french_in_an_arabic_page() -> None:
    page = WHOLE.replace('"fr" dir="ltr"', '"ar" dir="rtl"').replace("Accès", "الولوج")
    assert list(faults_of(page.format("<p><bdi>Café de la Gare</bdi></p>"), "ar")) == []
    assert list(faults_of(page.format("<p>Choisissez une banque</p>"), "ar")) == [
        "French: 'Choisissez une banque'"
    ]
    assert list(faults_of(page.format('<p aria-label="Vers le haut"></p>'), "ar")) == [
        "French in aria-label: 'Vers le haut'"
    ]
