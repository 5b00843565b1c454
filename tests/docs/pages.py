"""The project's pages: their fenced blocks, their links, and a shell that walks through the commands of one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "the block has ended"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the words behind it (which no reader sees), its text, and its first line's number."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int


def all_pages() -> list[Path]:
    """Return every page of the project, by name."""
    return sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "demo").rglob("*.md")})


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        language, *words = fence["kind"].split() or [""]
        found.append(Block(language, tuple(words), fence["text"], text.count("\n", 0, fence.start()) + 2))
    return found


def without_blocks(text: str) -> str:
    """Return a page's prose, without fenced blocks and inline code."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))


def as_pattern(line: str) -> str:
    """Return a pattern for a line of expected output, in which `…` stands for anything and spaces for any space."""
    return r"\s+".join(re.escape(word).replace("…", ".*") for word in line.split())


def as_template(text: str) -> str:
    """Return a pattern for a text with values in braces, which stand for anything; a line break is a space."""
    words = re.sub(r"\{\w+\}", "\0", " ".join(text.split())).split(" ")
    return r"\s+".join(re.escape(word).replace("\0", ".+") for word in words)


class Shell:
    """One bash that runs block after block, as a terminal does; ends at the first command that fails."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "-e"], cwd=folder, env=dict(environ), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, text: str) -> str:
        """Run the commands of a block and return what they print."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\necho; echo '{_END}'\n")
        self._process.stdin.flush()
        lines = list(self._lines())
        assert lines[-1:] == [_END], f"\n{text}\n{chr(10).join(lines)}"
        return "\n".join(lines[:-1])

    def refused(self, text: str) -> str:
        """Run a command that ends with exit code 1 and return what it prints."""
        return self.run(f"code=0\n{text.strip()} || code=$?\n[ $code -eq 1 ]")

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")
            if line.rstrip("\n") == _END:
                return


def clean_environ(**more: str) -> dict[str, str]:
    """Return our environment without a connector's settings, and with more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}
