"""The pages hold: links lead somewhere, examples can be read, commands exist, diagrams are those of the tables."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from connector import config
from connector.cli import parser
from connector.cli.commands import COMMANDS
from demo import telling
from tests.docs import pages
from tests.docs.pages import ROOT
from tools import diagrams

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_RUN = re.compile(r"^(?:sudo )?(?:-u connector )?(?:env \S+ )?connector (?P<words>.+)$", re.MULTILINE)
_INLINE = re.compile(r"`connector ([^`\n]+)`")
ALL = pages.all_pages()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", pages.without_blocks(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(pages.without_blocks(page.read_text(encoding="utf-8"))):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or ROOT not in [target, *target.parents] or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", ALL, ids=named)
def test_examples_can_be_read(page: Path) -> None:
    readers: dict[str, Any] = {"json": json.loads, "toml": tomllib.loads}
    for block in pages.blocks(page):
        if block.language in readers:
            readers[block.language](block.text)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how-to").glob("*.md")), ids=named)
def test_settings_in_how_tos_exist(page: Path) -> None:
    for block in pages.blocks(page):
        if block.language == "toml":
            assert set(tomllib.loads(block.text)) <= set(config.SETTINGS)


@pytest.mark.parametrize("page", ALL, ids=named)
def test_commands_can_be_typed(page: Path) -> None:
    for block in pages.blocks(page):
        if block.language == "sh":
            for command in _RUN.finditer(re.sub(r" \\\n\s*", " ", block.text)):
                parser.build("en").read(shlex.split(command["words"], comments=True))


@pytest.mark.parametrize("page", ALL, ids=named)
def test_commands_that_are_spoken_of_exist(page: Path) -> None:
    for spoken in _INLINE.findall(page.read_text(encoding="utf-8")):
        words = [word for word in re.sub(r"--(home|as) \S+", "", spoken).split() if not word.startswith("-")]
        noun, *rest = words or [""]
        if not noun.isascii() or not noun.islower():
            continue
        assert noun in COMMANDS, spoken
        verbs = {verb.name for verb in parser.verbs(noun)}
        assert "" in verbs or not rest or rest[0] in verbs or not rest[0].islower(), spoken


def test_each_decision_has_a_number_of_its_own_that_its_page_says() -> None:
    files = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(file.name.partition("-")[0]) for file in files]
    assert len(set(numbers)) == len(numbers)
    said = [file.read_text(encoding="utf-8").partition(".")[0] for file in files]
    assert said == [f"# {number}" for number in numbers]


def test_the_diagrams_are_those_of_the_tables() -> None:
    text = diagrams.PAGE.read_text(encoding="utf-8")
    assert diagrams.page(text) == text


def test_the_readme_opens_with_the_two_commands() -> None:
    page = ROOT / "README.md"
    assert pages.blocks(page)[0].text == "make demo\nmake test\n"
    assert page.read_text(encoding="utf-8").splitlines()[2] == "```"


def test_what_the_readme_shows_is_what_the_demo_tells() -> None:
    texts = telling.load("en")
    moves = [f"{{who}} {move} -> {{state}}" for move in texts["moves"].values()]
    told = [pages.as_template(text) for text in [*texts["lines"].values(), *moves]]
    shown = next(block.text for block in pages.blocks(ROOT / "README.md") if block.language == "text").splitlines()
    assert len(shown) == 10
    for line in shown:
        if line.startswith("  $ connector "):
            parser.build("en").read(shlex.split(line)[2:])
        else:
            assert any(re.fullmatch(pattern, line.strip()) for pattern in told), line
