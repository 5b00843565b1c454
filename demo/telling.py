"""The transcript: scenes, commands and results in the reader's language, as lines that fit on a terminal."""

from __future__ import annotations

import shlex
import sys
import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("en", "sv")
WIDTH: Final = 110
_TEXTS: Final = Path(__file__).parent / "texts"
_INDENT: Final = "     "


def load(language: str) -> dict[str, Any]:
    """Return the texts of a language: tables `scenes`, `lines`, `moves` and `failures`."""
    return tomllib.loads((_TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


class Telling:
    """Tells the story in one language on standard output."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = load(language)
        self._scene = 0
        self._after = ""

    def scene(self, key: str) -> None:
        """Begin a scene: its title, and why it matters."""
        found = self._texts["scenes"][key]
        self._scene += 1
        title = f"{self._scene}. {found['title']}"
        self._print(f"\n{title}\n{'-' * len(title)}")
        self._wrapped(found["why"], "", "")

    def title(self) -> None:
        """Print the demo's title and what it is."""
        found = self._texts["scenes"]["title"]
        self._print(f"{found['title']}\n{'=' * len(found['title'])}")
        self._wrapped(found["why"], "", "")

    def text(self, key: str, **values: Any) -> str:
        """Return a line's text."""
        return str(self._texts["lines"][key].format(**values))

    def line(self, key: str, **values: Any) -> None:
        """Print what happened."""
        self._wrapped(self.text(key, **values), _INDENT, _INDENT + "  ")

    def move(self, who: str, move: str, state: str) -> None:
        """Print a move of a negotiation or transfer, and the state that it led to."""
        what = self._texts["moves"].get(move, move)
        self._print(f"{_INDENT}{f'{who} {what}':<66} -> {state}")

    def command(self, words: Sequence[str]) -> None:
        """Print a command as it can be typed in the demo's folder; a long one goes on behind a backslash."""
        self._print("" if self._after != "command" else None)
        lines = [""]
        for part in _parts(words):
            if len(lines[-1]) + len(part) < WIDTH - len(_INDENT):
                lines[-1] += f" {part}"
            else:
                lines.append(f"   {part}")
        self._print("  $" + " \\\n   ".join(lines))
        self._after = "command"

    def plain(self, text: str = "") -> None:
        """Print a line as it is."""
        self._print(text)

    def failure(self, key: str, tail: Sequence[str], **values: Any) -> None:
        """Print on standard error why the demo stops, and the end of a log."""
        told = [self._texts["failures"][key].format(**values)]
        if tail:
            told += [self._texts["failures"]["tail"], *(f"  {line}" for line in tail)]
        sys.stdout.flush()
        print("\n" + "\n".join(told), file=sys.stderr, flush=True)

    def _wrapped(self, text: str, first: str, later: str) -> None:
        self._print(
            textwrap.fill(
                " ".join(text.split()), WIDTH, initial_indent=first, subsequent_indent=later,
                break_long_words=False, break_on_hyphens=False,
            )
        )  # fmt: skip

    def _print(self, text: str | None) -> None:
        """Print a line; none for nothing."""
        self._after = ""
        if text is not None:
            print(text, flush=True)


def _parts(words: Sequence[str]) -> list[str]:
    """Return the words of a command, quoted, an option together with its value."""
    parts: list[str] = []
    for word in words:
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and not word.startswith("-"):
            parts[-1] += f" {shlex.quote(word)}"
        else:
            parts.append(shlex.quote(word))
    return parts
