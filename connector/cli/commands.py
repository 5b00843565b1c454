"""What a command is: its verbs, their arguments, and the texts that go with them (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.errors import LocalError

if TYPE_CHECKING:
    from connector.cli.session import Session

DONE, REFUSED, MISUSED = 0, 1, 2
"""Exit codes: done; refused or failed; wrong use, or an installation that is not in order."""

COMMANDS = (
    "init",
    "serve",
    "participants",
    "keys",
    "operators",
    "peers",
    "datasets",
    "offers",
    "policies",
    "catalog",
    "contracts",
    "transfers",
    "duties",
    "fetch",
    "journal",
    "verify",
    "doctor",
)
"""Every command in the order of the help; each is a module of this folder."""


class MisusedError(LocalError):
    """What was typed cannot be a command of ours (exit code 2)."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument (no dashes) or an option.

    Attributes:
        flags: its spellings. metavar: the placeholder in the help. text: its help is the text `cli_argument_<text>`.
        settings: anything else `argparse` takes (`required`, `choices`, `action`, `nargs`, `type`, `dest`).
    """

    flags: tuple[str, ...]
    text: str
    metavar: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def positional(self) -> bool:
        """Whether it is known by its place."""
        return not self.flags[0].startswith("-")

    @property
    def shown(self) -> str:
        """How it is written: `PEER`, `--offer ID`, `--wait`, `--auth pinned|mock`."""
        choices = self.settings.get("choices")
        value = self.metavar or ("|".join(choices) if choices else "")
        more = " ..." if self.settings.get("nargs") in ("+", "*") or self.settings.get("action") == "append" else ""
        if self.positional:
            return value + more
        return f"{'|'.join(self.flags)} {value}".rstrip() + more

    @property
    def usage(self) -> str:
        """How it stands in a usage line: in brackets when it may be left out."""
        optional = self.settings.get("nargs") in ("?", "*") if self.positional else not self.settings.get("required")
        return f"[{self.shown}]" if optional else self.shown


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be done with a noun; the name is empty for a command without verbs.

    Attributes:
        run: does it and returns the exit code.
        client: whether it talks to the running connector, and so takes `--home`, `--as` and `--token-file`.
    """

    name: str
    run: Callable[[Session], int]
    arguments: tuple[Argument, ...] = ()
    client: bool = True


def place(metavar: str, dest: str, *, text: str | None = None, optional: bool = False) -> Argument:
    """Return a positional argument."""
    return Argument((dest,), text or dest, metavar, {"nargs": "?"} if optional else {})


def places(metavar: str, dest: str, *, optional: bool = False) -> Argument:
    """Return a positional argument that may be given several times."""
    return Argument((dest,), dest, metavar, {"nargs": "*" if optional else "+"})


def option(flag: str, metavar: str | None = None, *, text: str | None = None, **settings: Any) -> Argument:
    """Return an option that takes a value."""
    name = flag.lstrip("-").replace("-", "_")
    return Argument((flag,), text or name, metavar, settings)


def switch(flag: str, *, text: str | None = None) -> Argument:
    """Return an option that is there or not."""
    name = flag.lstrip("-").replace("-", "_")
    return Argument((flag,), text or name, None, {"action": "store_true"})


def count(text: str) -> int:
    """Read a whole number from 1 to 1000."""
    number = int(text)
    if not 1 <= number <= 1000:  # noqa: PLR2004 - the most a page of the API holds
        raise ValueError(text)
    return number


def port(text: str) -> int:
    """Read a port's number."""
    number = int(text)
    if not 1 <= number <= 65535:  # noqa: PLR2004 - the last port
        raise ValueError(text)
    return number


def seconds(text: str) -> float:
    """Read a length of time in seconds, at most a day."""
    number = float(text)
    if not 0 <= number <= 86400:  # noqa: PLR2004 - a day
        raise ValueError(text)
    return number


HOME = option("--home", "HOME", dest="home")
JSON = Argument(("--json",), "json", None, {"action": "store_true", "dest": "as_json"})
LANG = option("--lang", choices=("sv", "en"), dest="language")
AS = option("--as", "DID", dest="member")
TOKEN_FILE = option("--token-file", "FILE")
PARTS = (option("--cursor", "CURSOR"), switch("--all"))
"""What a list takes whose parts somebody else sizes."""
PAGING = (option("--limit", "N", type=count), *PARTS)
"""What every other list takes."""


def common(verb: Verb) -> tuple[Argument, ...]:
    """Return the options that a verb takes besides its own; they may also stand before the command."""
    return (HOME, AS, JSON, LANG, TOKEN_FILE) if verb.client else (JSON, LANG)
