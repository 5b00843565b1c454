"""Writes the commands of `docs/reference/cli.md` from the command line's own parser; `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from connector import texts
from connector.cli.commands import AS, COMMANDS, HOME, JSON, LANG, TOKEN_FILE, Argument, Verb
from connector.cli.parser import PROGRAM, verbs

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
BEGIN, END = "<!-- commands: begin -->", "<!-- commands: end -->"
LANGUAGE = "en"


def commands() -> str:
    """Return every command with its arguments as Markdown."""
    lines = ["## Options that every command takes", "", *_arguments((HOME, AS, JSON, LANG, TOKEN_FILE))]
    for name in COMMANDS:
        lines += [f"## {name}", "", texts.say(f"cli_help_{name}", LANGUAGE), ""]
        for verb in verbs(name):
            lines += _verb(name, verb)
    return "\n".join(lines).rstrip("\n")


def page(text: str) -> str:
    """Return the page with fresh commands between its markers."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{commands()}\n\n{END}{rest.partition(END)[2]}"


def _verb(name: str, verb: Verb) -> list[str]:
    usage = " ".join([PROGRAM, name, *filter(None, [verb.name]), *(argument.usage for argument in verb.arguments)])
    told = [f"{texts.say(f'cli_help_{name}_{verb.name}', LANGUAGE)}", ""] if verb.name else []
    return ["```", usage, "```", "", *told, *_arguments(verb.arguments)]


def _arguments(arguments: Iterable[Argument]) -> list[str]:
    rows = [f"- `{item.shown}`: {texts.say(f'cli_argument_{item.text}', LANGUAGE)}" for item in arguments]
    return [*rows, ""] if rows else []


def main() -> int:
    """Write the page, or with `--check` tell whether it is as the parser says."""
    text = PAGE.read_text(encoding="utf-8")
    fresh = page(text)
    if "--check" in sys.argv:
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
