"""Towns as real processes: `connector serve`, driven through the management API, ended by their process ids."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from connector import clock
from tests.acceptance.towns import Town

_GONE = (aiohttp.ClientError, TimeoutError, ConnectionError)
_END_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of the management API."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def id(self) -> str:
        """The id of the resource that was answered."""
        assert 200 <= self.status < 300, (self.status, self.body)
        found: str = self.body["id"]
        return found


@dataclass(slots=True)
class Process:
    """A town's connector as a process."""

    town: Town
    session: aiohttp.ClientSession
    environment: dict[str, str] = field(default_factory=dict)
    popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is not ready yet."""
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "connector", "serve", "--home", self.town.home],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )

    @property
    def log(self) -> Any:
        """Where its output goes."""
        return self.town.home / "log"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.popen is not None
        return self.popen.pid

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can be."""
        assert self.popen is not None
        os.kill(self.popen.pid, signal.SIGKILL)
        self.popen.wait(_END_SECONDS)

    def stop(self) -> int:
        """End it as an operator does and return its exit code; nothing happens when it has ended."""
        assert self.popen is not None
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    async def health(self, which: str = "ready") -> Told | None:
        """Return what a health check says, or None without an answer."""
        return await self._ask("GET", f"/health/{which}")

    async def ready(self, seconds: float = 30.0) -> float:
        """Wait until it is ready and return how long that took."""
        began = clock.monotonic()
        while clock.monotonic() - began < seconds:
            assert self.popen is not None
            assert self.popen.poll() is None, self.log.read_text()[-2000:]
            answer = await self.health()
            if answer is not None and answer.status == 200:
                return clock.monotonic() - began
            await asyncio.sleep(0.03)
        raise AssertionError(self.log.read_text()[-2000:])

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Told | None:
        """Ask the management API for the town's participant; None when no answer came."""
        headers = {"Authorization": f"Bearer {self.town.token}"} | ({"Idempotency-Key": key} if key else {})
        return await self._ask(method, f"/api/v1/participants/{quote(self.town.did, safe='')}{path}", body, headers)

    async def told(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the management API, and insist on success."""
        answer = await self.call(method, path, body)
        assert answer is not None
        assert 200 <= answer.status < 300, (answer.status, answer.body)
        return answer.body

    async def until(self, path: str, *states: str, seconds: float = 20.0) -> Any:
        """Return a contract or transfer once it is in one of the states."""
        deadline = clock.monotonic() + seconds
        while True:
            view = await self.told("GET", path)
            if view["state"] in states:
                return view
            assert clock.monotonic() < deadline, view
            await asyncio.sleep(0.02)

    async def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Told | None:
        url = f"http://127.0.0.1:{self.town.admin}{path}"
        try:
            async with self.session.request(method, _exactly(url), json=body, headers=headers) as answer:
                told = await answer.json(content_type=None)
                return Told(answer.status, told, {name.lower(): value for name, value in answer.headers.items()})
        except _GONE:
            return None


def _exactly(url: str) -> Any:
    from yarl import URL  # noqa: PLC0415 - aiohttp's own; a DID's percent signs are not to be read

    return URL(url, encoded=True)


@asynccontextmanager
async def processes(*towns: Town, **environment: str) -> AsyncIterator[list[Process]]:
    """Run towns as processes until the end of the block; whichever still lives then is told to end."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        made = [Process(town, session, dict(environment)) for town in towns]
        with _ended(made):
            for process in made:
                process.start()
            for process in made:
                await process.ready()
            yield made


@contextmanager
def _ended(made: list[Process]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in made:
            if process.popen is not None and process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait(_END_SECONDS)
