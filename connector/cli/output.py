"""The one place that prints: tables and sentences for people, JSON for programs, errors and progress on the other stream."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from connector import ids, texts
from connector.cli import table
from connector.errors import ConnectorError

Record = Mapping[str, Any]
Column = tuple[str, Callable[[Record], object]]
"""A column of a table: its heading is the text `cli_field_<name>`, its cell what the function finds in a record."""


class Refused(ConnectorError):
    """The running connector refused or failed; its problem document (RFC 9457) says why."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("code", "")), field=problem.get("field"))
        self.problem = problem


@dataclass(slots=True)
class Output:
    """Prints in one language, for people or (`as_json`) for programs.

    A program gets exactly one JSON value on standard output. Sentences for people go to standard output, warnings, questions
    and progress to standard error.
    """

    language: str = "sv"
    as_json: bool = False
    _progress: bool = field(init=False, default=False)

    def flush(self) -> None:
        """Hand what was printed over at once, for a reader who waits for it."""
        sys.stdout.flush()

    def say(self, code: str, /, **values: object) -> None:
        """Print a sentence for people."""
        if not self.as_json:
            print(texts.say(code, self.language, "text", **values))

    def text(self, text: str) -> None:
        """Print a text that is complete already, such as a help page."""
        print(text.rstrip("\n"))

    def warn(self, code: str, /, **values: object) -> None:
        """Print a sentence on standard error, whoever reads."""
        print(texts.say(code, self.language, "text", **values), file=sys.stderr)

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Print rows below a warning or a question."""
        for row in rows:
            print("", *map(table.plain, row), sep="  ", file=sys.stderr)

    def value(self, value: object) -> None:
        """Print a JSON value."""
        print(table.written(value))

    def line(self, value: object) -> None:
        """Print a JSON value on one line, for a program that reads line by line."""
        print(table.written(value, indent=None))

    def shown(self, record: Record, words: Record | None = None) -> None:
        """Print one record: all of its members, to people those of `words` where it is given."""
        if self.as_json:
            self.value(record)
            return
        for line in table.details({self.name(key): value for key, value in (words or record).items()}):
            print(line)

    def listed(self, page: Record, columns: Sequence[Column]) -> None:
        """Print a list as the API gives it (`items`, `next`): a table with a word about what follows."""
        if self.as_json:
            self.value(page)
            return
        items: Iterable[Record] = page["items"]
        if not page["items"]:
            self.say("cli_nothing")
            return
        rows = [[cell(item) for _, cell in columns] for item in items]
        for line in table.table([self.name(name) for name, _ in columns], rows):
            print(line)
        if page.get("next"):
            self.say("cli_more", cursor=page["next"])

    def done(self, record: Record) -> None:
        """Print what a change has made of a record: to people the members that fit on a line."""
        self.shown(record, table.brief(record))

    def checked(self, check: Record) -> None:
        """Print a check of the doctor to people: whether it is well, what was found, what to do."""
        if not self.as_json:
            mark = texts.say("cli_check_ok" if check["ok"] else "cli_check_bad", self.language)
            print(f"{mark:<4} {table.plain(check['id'])}: {table.plain(check['text'])}")
            if check["next"]:
                print(f"     {table.plain(check['next'])}")

    def found(self, *, ok: bool, text: str) -> None:
        """Print what a check found to people: whether it holds, and in words."""
        if not self.as_json:
            mark = texts.say("cli_check_ok" if ok else "cli_check_bad", self.language)
            print(f"{mark:<4} {table.plain(text)}")

    def name(self, member: str) -> str:
        """Return what people call a member of a record: its text, or the member's own name."""
        known = f"cli_field_{member}"
        return texts.say(known, self.language) if known in texts.catalogue(self.language) else member

    def error(self, error: ConnectorError) -> None:
        """Print an error on standard error: code, sentence, next step; for programs as a problem document."""
        self.end_progress()
        problem = self.problem(error)
        if self.as_json:
            print(table.written(problem), file=sys.stderr)
            return
        where = f" [{problem['field']}]" if problem.get("field") else ""
        told = texts.say("cli_error", self.language, code=problem["code"], sentence=problem["detail"])
        print(table.plain(told + where), file=sys.stderr)
        if problem.get("next"):
            print(table.plain(texts.say("cli_next", self.language, sentence=problem["next"])), file=sys.stderr)

    def problem(self, error: ConnectorError) -> dict[str, Any]:
        """Return the problem document of an error."""
        if isinstance(error, Refused):
            return {"code": error.code, "detail": "", **error.problem}
        sentences = {
            key: texts.say(error.code, self.language, name, field=error.field, **error.values)
            for key, name in (("detail", "text"), ("next", "next"))
        }
        found = {"type": ids.NS + error.code, "code": error.code, **sentences}
        return found if error.field is None else {**found, "field": error.field}

    def ask(self, code: str, /, **values: object) -> bool:
        """Ask a person on the terminal; only a clear yes is a yes."""
        print(texts.say(code, self.language, "text", **values), end=" ", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip().lower()
        return answer in texts.say("cli_yes", self.language).split()

    def step(self, state: str) -> None:
        """Tell people, on standard error, that something they wait for has come to a state."""
        if not self.as_json:
            print(f"… {table.plain(state)}", file=sys.stderr, flush=True)

    def progress(self, done: int, whole: int | None) -> None:
        """Show how much has come, on a terminal only."""
        if self.as_json or not sys.stderr.isatty():
            return
        self._progress = True
        of = f" / {table.size(whole)} ({100 * done // whole} %)" if whole else ""
        print(f"\r\x1b[K{table.size(done)}{of}", end="", file=sys.stderr, flush=True)

    def end_progress(self) -> None:
        """Go to a fresh line when progress was shown."""
        if self._progress:
            self._progress = False
            print(file=sys.stderr)


def person_at_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def binary() -> BinaryIO:
    """Return standard output for bytes."""
    sys.stdout.flush()
    return sys.stdout.buffer


def prepare() -> None:
    """Let no character that the terminal lacks stop a command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def abandon() -> None:
    """Stop printing because nobody reads any more (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
