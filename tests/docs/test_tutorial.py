"""The tutorial is walked through as it stands: every command is run, and prints what the page says."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import ROOT, Block, Shell
from tests.unit.cli.running import free_ports

pytestmark = pytest.mark.slow
TUTORIALS = ROOT / "docs" / "tutorial"
PLACEHOLDERS = ("PASTE-THE-ID-HERE", "KLISTRA-IN-ID-HÄR")
_ID = re.compile(r"urn:uuid:[0-9a-f-]{36}")


class Walk:
    """A reader who follows the page with a terminal, and a terminal more for each server."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._shell = Shell(ROOT, pages.clean_environ(HOME=str(home)))
        self._ports = dict(zip(("9101", "9102", "9201", "9202"), map(str, free_ports(4)), strict=True))
        self._servers: list[subprocess.Popen[str]] = []
        self.said = ""

    def take(self, block: Block) -> None:
        """Do what a block says, or compare what it shows with what was printed last."""
        text = self._with_ports(block.text)
        if block.language == "text":
            for line in text.splitlines():
                assert re.search(pages.as_pattern(line), self.said), f"line {block.line}: {line}\n{self.said}"
        elif block.language == "sh":
            self.said = self._do(text, block.words)

    def close(self) -> None:
        """Close every terminal."""
        self._stop()
        self._shell.close()

    def _stop(self) -> None:
        """Press Ctrl-C where a server runs."""
        for server in self._servers:
            server.send_signal(signal.SIGINT)
        for server in self._servers:
            assert server.wait(20) == 0
            assert server.stdout is not None
            server.stdout.close()
        self._servers.clear()

    def _do(self, text: str, words: tuple[str, ...]) -> str:
        if text.startswith("connector serve"):
            return self._serve(text)
        if "end" in words:
            self._stop()
        for placeholder in PLACEHOLDERS:
            text = text.replace(placeholder, self._first_id() if placeholder in text else "")
        return self._shell.refused(text) if "refused" in words else self._shell.run(text)

    def _first_id(self) -> str:
        found = _ID.search(self.said)
        assert found, self.said
        return found[0]

    def _serve(self, text: str) -> str:
        """Start a server in a terminal of its own, prepared as this one, and return its first line."""
        folder = self._shell.run("pwd").strip()
        environ = dict(line.split("=", 1) for line in self._shell.run("env").splitlines() if re.match(r"\w+=", line))
        process = subprocess.Popen(
            ["bash", "-c", f"exec {text}"], cwd=folder, env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._servers.append(process)
        assert process.stdout is not None
        return process.stdout.readline()

    def _with_ports(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)|(?<=%3A){port}", free, text)
        return text


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    made = Walk(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("page", sorted(TUTORIALS.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_the_tutorial_does_what_the_page_says(walk: Walk, tmp_path: Path, page: Path) -> None:
    for block in pages.blocks(page):
        walk.take(block)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted({page.name.split(".")[0] for page in TUTORIALS.glob("*.md")}))
def test_both_languages_have_the_same_steps(name: str) -> None:
    swedish, english = (pages.blocks(TUTORIALS / f"{name}.{language}.md") for language in ("sv", "en"))
    assert [(block.language, block.words) for block in swedish] == [(block.language, block.words) for block in english]
