"""The store is gone for a while: nothing is acknowledged, everybody is told, and it heals by itself (invariant I11)."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest

from connector import clock
from tests import postgres
from tests.acceptance import ledger, towns
from tests.acceptance.processes import Process, processes
from tests.acceptance.tap import Tap

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

OUTAGE_SECONDS: Final = 3.0
HEALED_WITHIN_SECONDS: Final = 10.0
_FULL_BYTES: Final = 4096


@contextmanager
def full_disk(process: Process) -> Iterator[None]:
    """Let a process write no file beyond its first bytes, as on a full disk."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_FULL_BYTES, hard))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@dataclass(slots=True)
class Database:
    """A PostgreSQL server that can be taken away and brought back, at the same place."""

    server: postgres.Server
    command: list[str] = field(default_factory=list)
    again: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        told = Path(f"/proc/{self.server.pid}/cmdline").read_bytes()
        self.command = [part.decode() for part in told.split(b"\0")[:-1]]

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Crash the server, and start it again at the end of the block."""
        os.kill(self.server.pid, signal.SIGQUIT)
        while _alive(Path(f"/proc/{self.server.pid}")):
            time.sleep(0.02)
        try:
            yield
        finally:
            self.start()

    def start(self) -> None:
        """Start it once more and wait until it accepts connections."""
        self.again = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self.server.folder, env=postgres._environment(), start_new_session=True, **postgres._account(),
        )  # fmt: skip
        deadline = clock.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.server.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert clock.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def end(self) -> None:
        """End the server that was started again."""
        if self.again is not None:
            self.again.send_signal(signal.SIGINT)
            self.again.wait(15)


def _alive(folder: Path) -> bool:
    try:
        return ") Z " not in (folder / "stat").read_text()
    except FileNotFoundError:
        return False


async def _prepare(a: Town, b: Town, folder: Path) -> None:
    (folder / "data.csv").write_text("time;level\n" * 100)
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("levels", f"file:{folder / 'data.csv'}")
        await b.publish("rain", f"file:{folder / 'data.csv'}")


async def _during(a: Process, b: Process, tap: Tap) -> str:
    """Look at a town without its store, and return the id of a contract that its neighbour offers meanwhile."""
    acknowledged = len(tap.acknowledged)
    offered = (await b.told("POST", "/contracts", {"peer": a.town.did, "dataset": "rain", "kind": "offer"}))["id"]
    ended = clock.monotonic() + OUTAGE_SECONDS
    while clock.monotonic() < ended:
        await _refuses(a)
        await asyncio.sleep(0.2)
    live, ready = await a.health("live"), await a.health("ready")
    assert live is not None
    assert ready is not None
    assert (live.status, ready.status) == (200, 503), (live, ready)
    assert "retry-after" in ready.headers
    assert len(tap.acknowledged) == acknowledged
    refused = [entry for entry in tap.book if entry.status == 503]
    assert refused
    assert all(entry.retry_after for entry in refused)
    waiting = (await b.told("GET", f"/contracts/{offered}"))["waiting"]
    assert waiting["waits_for"] == "us"
    assert waiting["last_error"] == "HTTP 503"
    assert waiting["next_attempt"] is not None
    return str(offered)


async def _refuses(process: Process) -> None:
    """Check that a write is answered with 503 and a time to come again."""
    body = {"name": "open.json", "document": {"@type": "Offer", "permission": [{"action": "use"}], "dct:title": "new"}}
    answer = await process.call("POST", "/policies", body)
    assert answer is not None
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0


async def _heals(a: Process, b: Process, offered: str) -> None:
    healed = await a.ready(HEALED_WITHIN_SECONDS)
    print(f"ready again after {healed:.2f} s")
    assert healed <= HEALED_WITHIN_SECONDS
    peers = await towns.eventually(lambda: _peers_name(b, offered))
    await a.told("POST", f"/contracts/{peers}/accept")
    await b.until(f"/contracts/{offered}", "FINALIZED", seconds=30)
    asked = (await b.told("POST", "/contracts", {"peer": a.town.did, "dataset": "levels"}))["id"]
    await b.until(f"/contracts/{asked}", "FINALIZED", seconds=30)


async def _story(a: Town, b: Town, folder: Path, outage: Any) -> None:
    tap = Tap(a.port, a.listen)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(tap.standing())
        await _prepare(a, b, folder)
        one, other = await stack.enter_async_context(processes(a, b))
        before = (await other.told("POST", "/contracts", {"peer": a.did, "dataset": "levels"}))["id"]
        await other.until(f"/contracts/{before}", "FINALIZED")
        with outage(one):
            offered = await _during(one, other, tap)
        await _heals(one, other, offered)
        assert [process.stop() for process in (one, other)] == [0, 0]
    books = [await ledger.ledger(town) for town in (a, b)]
    assert ledger.unsettled(books[0], books[1]) == []
    ledger.check_messages(books[0], tap.acknowledged)
    for book in books:
        ledger.check_chain(book)
        ledger.check_histories(book)


@pytest.mark.slow
async def test_i11_a_full_disk_acknowledges_nothing_and_heals(found_on_sqlite: Founding, tmp_path: Path) -> None:
    a, b = await found_on_sqlite("strangnas", tapped=True), await found_on_sqlite("trosa")
    await _story(a, b, tmp_path, full_disk)


@pytest.mark.slow
@pytest.mark.postgresql
async def test_i11_a_lost_database_acknowledges_nothing_and_heals(found_on_sqlite: Founding, tmp_path: Path) -> None:
    with postgres.running(durable=True) as server:
        database = Database(server)
        a = await towns.found(tmp_path / "strangnas", server.create(), tapped=True)
        b = await found_on_sqlite("trosa")
        try:
            await _story(a, b, tmp_path, lambda _process: database.gone())
        finally:
            database.end()


async def _peers_name(process: Process, contract: str) -> str | None:
    """Return what the peer calls a contract, once it has said so."""
    view = await process.told("GET", f"/contracts/{contract}")
    found: str | None = view["peer_pid"]
    return found
