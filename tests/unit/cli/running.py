"""Command lines run in this process, and towns: connectors run as processes of their own, as an operator runs them."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.__main__ import _serve
from connector.cli.main import main

START_SECONDS = 30
_PORTS = (12_000, 32_000)
QUICK = {"CONNECTOR_PEER_RATE_PER_SECOND": "1000", "CONNECTOR_PEER_BURST": "1000", "CONNECTOR_LOG_LEVEL": "warning"}
"""Settings that let tests ask as fast as they can."""
PROGRAM = (sys.executable, "-m", "connector")


@dataclass(frozen=True, slots=True)
class Done:
    """What a command line left: its exit code, what it printed, and where it complained."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def problem(self) -> Any:
        """The JSON problem on standard error."""
        return json.loads(self.err)


def run(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> Done:
    """Run a command line in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = main(_serve, [str(argument) for argument in arguments], environ or {})
    return Done(code, _written(out), _written(err).decode())


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody used a moment ago, from below those that the system gives to whoever connects."""
    ports: set[int] = set()
    while len(ports) < count:
        port = random.randrange(*_PORTS)  # noqa: S311 - no secret
        with socket.socket() as held, suppress(OSError):
            held.bind(("127.0.0.1", port))
            ports.add(port)
    return sorted(ports)


@dataclass(slots=True)
class Town:
    """A home, and the process that serves it."""

    home: Path
    did: str
    public: int
    admin: int
    process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str | Path) -> Done:
        """Run a command on this town, in English."""
        return run("--home", self.home, "--lang", "en", *arguments)

    def json(self, *arguments: str | Path) -> Any:
        """Run a command that succeeds and return the JSON it prints."""
        done = self.run(*arguments, "--json")
        assert done.code == 0, done.err
        return done.json

    def serve(self) -> None:
        """Start it and wait for its line."""
        environ = {**os.environ, **QUICK}
        command = [*PROGRAM, "serve", "--home", str(self.home), "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["state"] == "ready"

    def stop(self) -> int:
        """Stop it as a service manager does and return its exit code."""
        process, self.process = self.process, None
        assert process is not None
        process.terminate()
        try:
            return process.wait(20)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()


def found(home: Path, name: str) -> Town:
    """Make a home with `connector init`."""
    public, admin = free_ports(2)
    did = f"did:web:localhost%3A{public}"
    ports = ("--public-port", str(public), "--admin-port", str(admin))
    done = run("init", home, "--did", did, "--name", name, *ports, "--lang", "en")
    assert done.code == 0, done.err
    return Town(home, did, public, admin)


@contextmanager
def serving(*towns: Town) -> Iterator[None]:
    """Run towns until the end of the block."""
    try:
        for town in towns:
            town.serve()
        yield
    finally:
        for town in towns:
            if town.process is not None:
                town.stop()


def until(
    town: Town, noun: str, identity: str, *states: str, waits_for: tuple[str, ...] | None = None, seconds: float = 15
) -> Any:
    """Return a contract or transfer once it is in one of the states, and waits for one of those named.

    A state is shown before the peer has acknowledged the message that leads to it; a test that goes on at the peer says
    whom the process waits for, which is `us` until then.
    """
    end = time.monotonic() + seconds
    while True:
        shown = town.json(noun, "show", identity)
        if shown["state"] in states and (waits_for is None or shown["waiting"]["waits_for"] in waits_for):
            return shown
        assert time.monotonic() < end, shown
        time.sleep(0.05)
