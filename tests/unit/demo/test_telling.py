"""The transcript: the same texts in both languages, and commands that can be pasted although they are long."""

from __future__ import annotations

import shlex
import string
from typing import Any

import pytest

from demo.telling import WIDTH, Telling, load


def values_of(text: Any) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_tell_the_same() -> None:
    swedish, english = load("sv"), load("en")
    assert swedish.keys() == english.keys()
    for table in swedish:
        assert list(swedish[table]) == list(english[table])
    for table in ("lines", "failures"):
        for key, text in swedish[table].items():
            assert values_of(text) == values_of(english[table][key]), key


def test_a_long_command_can_be_pasted_and_keeps_options_with_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["connector", "--home", "x" * 40, "datasets", "add", "id", "--title", "A title of several words", "--source",
             "file:" + "y" * 60, "--policy", "policies/open.json", "--approval", "person"]  # fmt: skip
    Telling("en").command(words)
    printed = capsys.readouterr().out.strip()
    assert shlex.split(printed.removeprefix("$ ").replace("\\\n", " ")) == words
    lines = printed.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= WIDTH and not line.rstrip(" \\").split()[-1].startswith("--") for line in lines)


def test_commands_in_a_row_stand_together(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Telling("en")
    tell.command(["connector", "one"])
    tell.command(["connector", "two"])
    tell.line("approval")
    tell.command(["connector", "three"])
    assert capsys.readouterr().out == (
        "\n  $ connector one\n  $ connector two\n     a person approves each contract\n\n  $ connector three\n"
    )
