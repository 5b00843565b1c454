"""The stage: a folder of its own, the parties on it, and the `connector` command that everything is done with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from demo.failure import Failure
from demo.processes import Running
from demo.telling import Telling

PROGRAM: Final = Path(sys.executable).parent / "connector"
_COMMAND_SECONDS: Final = 60
_UNTIL_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Party:
    """A participant: its home is a folder on the stage; a further participant under that roof is named with `--as`."""

    name: str
    home: str
    did: str
    further: bool = False

    @property
    def prefix(self) -> list[str]:
        """What stands before a command of this party."""
        return ["--home", self.home, *(["--as", self.did] if self.further else [])]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left: its exit code, the JSON value it printed, and the problem it told of."""

    code: int
    value: Any
    problem: dict[str, Any]


@dataclass(slots=True)
class Stage:
    """Where the story is played.

    Attributes:
        folder: holds homes, data, policies and what is received; commands are run in it.
        running: every process that was started, to be ended.
        commands: how many commands have been run.
    """

    folder: Path
    tell: Telling
    parties: dict[str, Party] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)
    commands: int = 0

    @property
    def environ(self) -> dict[str, str]:
        """Our environment without settings of other installations."""
        return {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}

    def name(self, did: str) -> str:
        """Return the name of a participant."""
        return next(party.name for party in self.parties.values() if party.did == did)

    def log(self, home: str) -> Path:
        """Return the log of the connector that serves a home."""
        return self.folder / f"{home}.log"

    def run(self, *words: str) -> Answer:
        """Run a command without telling of it."""
        self.commands += 1
        command = [str(PROGRAM), "--json", "--lang", self.tell.language, *words]
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=self.environ, capture_output=True, check=False,
                stdin=subprocess.DEVNULL, timeout=_COMMAND_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure("command", command=" ".join(["connector", *words]), code="-", told=error) from None
        return Answer(done.returncode, _json(done.stdout), _json(done.stderr) or {})

    def ask(self, party: Party, *words: str, told: bool = True) -> Any:
        """Run a command of a party that must succeed, and return its value. Raises Failure."""
        return self.succeed(party, words, self.attempt(party, *words, told=told))

    def attempt(self, party: Party, *words: str, told: bool = True) -> Answer:
        """Run a command of a party, whatever comes of it."""
        if told:
            self.tell.command(["connector", *party.prefix, *words])
        return self.run(*party.prefix, *words)

    def together(self, commands: Sequence[tuple[Party, Sequence[str]]]) -> list[Any]:
        """Run commands that must succeed side by side, and return their values in order. Raises Failure."""
        for party, words in commands:
            self.tell.command(["connector", *party.prefix, *words])
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(lambda item: self.attempt(item[0], *item[1], told=False), commands))
        return [self.succeed(party, words, found) for (party, words), found in zip(commands, answers, strict=True)]

    def succeed(self, party: Party, words: Sequence[str], answer: Answer) -> Any:
        """Return the value of a command that succeeded. Raises Failure."""
        if answer.code != 0:
            told = answer.problem.get("detail") or answer.problem or answer.value
            line = " ".join(["connector", *party.prefix, *words])
            raise Failure("command", self.log(party.home), command=line, code=answer.code, told=told)
        return answer.value

    def until(self, party: Party, noun: str, identity: str, states: Collection[str]) -> Any:
        """Return a contract or transfer once it is in one of the states. Raises Failure when that takes too long."""
        end = time.monotonic() + _UNTIL_SECONDS
        while True:
            found = self.ask(party, noun, "show", identity, told=False)
            if found["state"] in states:
                return found
            if time.monotonic() > end:
                raise Failure(
                    "state", self.log(party.home), id=identity, state=found["state"], wanted=", ".join(states)
                )
            time.sleep(_PAUSE_SECONDS)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody used a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [int(held.getsockname()[1]) for held in sockets]
    finally:
        for held in sockets:
            held.close()


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return {"detail": data.decode(errors="replace").strip()} if data.strip() else None
