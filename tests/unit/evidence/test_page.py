"""The page for people: complete, in two languages, and nothing that a party writes can be anything but text in it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from connector.evidence import bundle, compose, contents, page
from tests.unit.evidence.bundles import CONSUMER, OFFER, PAIRS, PROVIDER, Case

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u0007&lt;'


def shown(case: Case) -> str:
    return bundle.unpack(case.packed())["contract.html"].decode()


class Seen(HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_tells_the_contract_in_both_languages() -> None:
    seen = Seen(shown(Case())).text
    for part in (PROVIDER, CONSUMER, "urn:agreement:1", "levels", PAIRS[PROVIDER].kid, PAIRS[CONSUMER].kid):
        assert part in seen
    for part in (
        "Diarienummer",
        "Diary number",
        "den 1 januari 2027",
        "1 January 2027",
        "tvingas tekniskt",
        "Underskrifter",
    ):
        assert part in seen


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    text = shown(Case())
    seen = Seen(text)
    assert not {"script", "img", "link", "iframe", "object", "embed", "a", "form", "base"} & set(seen.tags)
    assert {name for name, _ in seen.attributes} <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "value",
    }
    assert not re.search(r"url\(|@import|javascript:|src=|href=", text)
    assert "default-src 'none'" in text
    assert "@page{size:A4" in text


def test_a2_40_what_a_party_wrote_is_text_and_nothing_in_it_is_hidden() -> None:
    case = Case(offer={**OFFER, "target": HOSTILE, f"https://x.example/{HOSTILE}": HOSTILE})
    material = case.material()
    agreement = {**case.agreement, "target": HOSTILE}
    text = bundle.unpack(compose.compose(_with(material, agreement), PAIRS[PROVIDER]))["contract.html"].decode()
    assert "script" not in Seen(text).tags
    assert "img" not in Seen(text).tags
    assert "\u202e" not in text
    assert "\u0007" not in text
    assert "\\u{202e}" in text


def _with(material: Any, agreement: dict[str, Any]) -> Any:

    return replace(material, agreement=agreement)


def test_it_is_said_who_has_not_sealed() -> None:
    text = Seen(shown(Case(sealed_by=(PROVIDER,)))).text
    assert "Bara en part har sigillerat" in text
    assert "Only one party has sealed" in text
    assert "Inget." in text


def test_terms_that_cannot_be_told_stand_in_full() -> None:
    material = _with(Case().material(), {**Case().agreement, "permission": 7, "prohibition": []})
    text = bundle.unpack(compose.compose(material, PAIRS[PROVIDER]))["contract.html"].decode()
    assert "Villkoren går inte att uttrycka i ord här" in text


def test_records_that_were_left_out_are_counted() -> None:

    text = bundle.unpack(compose.compose(replace(Case().material(), left_out=12), PAIRS[PROVIDER]))["contract.html"]
    assert b"12 \xc3\xa4ldre poster" in text


def test_the_same_files_give_the_same_page() -> None:
    files = bundle.unpack(Case().packed())
    assert page.render(contents.read(files, contents.about(files))) == files["contract.html"]
    assert page.generator().encode() in files["contract.html"]


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_section_has_a_heading(language: str) -> None:
    for part in shown(Case()).split("<h2>")[1:]:
        assert part.partition("</h2>")[0].strip()
    assert f'<section lang="{language}">' in shown(Case())
