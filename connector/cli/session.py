"""What a command is given: what was typed, the home's settings, and the running connector to talk to."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.commands import DONE, MisusedError
from connector.cli.output import Column, Output
from connector.errors import ConfigError, Missing

if TYPE_CHECKING:
    from connector import config
    from connector.cli import api
    from connector.cli.main import Serve

TOKEN_FILE = "operator.token"  # noqa: S105 - the name of the file


class Session:
    """One run of one command; everything is found when it is first asked for."""

    def __init__(
        self, arguments: Namespace, environ: Mapping[str, str], output: Output, serve: Callable[[], Serve]
    ) -> None:
        self._arguments = arguments
        self.environ = environ
        self.output = output
        self.serve = serve

    def typed(self, name: str, default: Any = None) -> Any:
        """Return an argument, or the default for one that was not typed."""
        return getattr(self._arguments, name, default)

    @cached_property
    def home(self) -> Path:
        """The home: `--home`, or the folder one stands in if it is a home. Raises MisusedError."""
        from connector import config  # noqa: PLC0415 - slow, and commands that work on files alone have no need of it

        named = self.typed("home")
        if named is None and not Path(config.FILE).is_file():
            raise MisusedError("cli_home_unnamed", field="--home")
        home = Path(named or ".").absolute()
        if not home.is_dir():
            raise MisusedError("cli_home_missing", field="--home", path=str(home))
        return home

    @cached_property
    def settings(self) -> config.Config:
        """The home's settings; from here on their language is spoken unless `--lang` names one. Raises ConfigError."""
        from connector import config  # noqa: PLC0415 - as above

        found = config.load(self.home, self.environ)
        self.output.language = self.typed("language") or found.language
        return found

    @cached_property
    def api(self) -> api.Api:
        """The running connector, called as the operator whose token file it is. Raises ConfigError."""
        from connector.cli import api  # noqa: PLC0415 - as above

        where = api.address(self.settings)
        return api.Api(
            where, self.home, _token(Path(self.typed("token_file") or self.home / TOKEN_FILE)), self.output.language
        )

    @cached_property
    def member(self) -> str:
        """The participant that is meant: `--as`, or the installation's first."""
        if (named := self.typed("member")) is not None:
            return str(named)
        first = self.api.get(self.at("participants", limit=1))["items"]
        if not first:
            raise Missing("no_participant")
        return str(first[0]["id"])

    def at(self, *segments: str, **query: object) -> str:
        """Return the API's path of something that belongs to the whole installation."""
        from connector.cli import api  # noqa: PLC0415 - as above

        return api.path(*segments, **query)

    def path(self, *segments: str, **query: object) -> str:
        """Return the API's path of something that belongs to the participant."""
        return self.at("participants", self.member, *segments, **query)

    def removed(self, path: str) -> int:
        """Remove what is at a path and say so."""
        gone = self.api.delete(path)
        if self.output.as_json:
            self.output.value(gone)
        self.output.say("cli_removed", id=gone["id"])
        return DONE

    def list(self, columns: tuple[Column, ...], *segments: str) -> None:
        """Print a page of a list of the participant's, or all of it with `--all`."""
        self.list_at(columns, lambda **query: self.path(*segments, **query))

    def list_at(self, columns: tuple[Column, ...], path: Callable[..., str]) -> None:
        """Print a page of a list at any path, or all of it with `--all`."""
        page = self.api.get(path(limit=self.typed("limit"), cursor=self.typed("cursor")))
        while self.typed("all") and page.get("next"):
            following = self.api.get(path(limit=self.typed("limit"), cursor=page["next"]))
            page = {**following, "items": page["items"] + following["items"]}
        self.output.listed(page, columns)


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError("cli_token_missing", field="--token-file", path=str(file)) from None
    if not token or not token.isprintable() or " " in token:
        raise ConfigError("cli_token_missing", field="--token-file", path=str(file))
    return token
