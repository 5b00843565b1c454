"""kill -9 at any moment: what was acknowledged is there, nothing is there twice, and the start is quick (I3, I12)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlmodel import SQLModel

from connector.store import migrate, verification
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, OTHER
from tests.store.writing import write_token

ROOT = Path(__file__).parents[2]
KILLS = 12


def _start(url: str, run: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.store.writing", url, str(run)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})


def _killed(process: subprocess.Popen[bytes], after_seconds: float) -> list[str]:
    """Kill a process some time after its first word, and return what it said was acknowledged."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_seconds)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()
    # A last line that was cut off was not said.
    return (first + rest).decode().split("\n")[:-1]


def _tokens(unit: Unit, statement: str) -> Counter[str]:
    return Counter(unit.conn.execute(text(statement)).scalars())


def _check(acknowledged: set[str], unit: Unit) -> None:
    stored = _tokens(unit, "SELECT digest FROM message")
    assert set(stored.values()) <= {1}
    assert acknowledged <= set(stored)
    assert _tokens(unit, "SELECT pid FROM exchange") == stored
    assert _tokens(unit, "SELECT process FROM outbox") == stored
    assert _tokens(unit, "SELECT subject FROM journal") == stored
    for participant in (ME, OTHER):
        assert verification.verify(unit.conn, participant, []).faults == []


@pytest.mark.slow
async def test_i3_what_was_acknowledged_survives_a_kill_and_nothing_is_there_twice(migrated_url: str) -> None:
    chance = random.Random(2025)  # noqa: S311 - moments of death, not secrets
    acknowledged: set[str] = set()
    following = _start(migrated_url, 0)
    for run in range(1, KILLS + 1):
        process = following
        said = await asyncio.to_thread(_killed, process, chance.uniform(0.0, 0.25))
        following = _start(migrated_url, run) if run < KILLS else process
        assert said
        assert not acknowledged & set(said)
        acknowledged |= set(said)
        store = Store(migrated_url)
        await store.read(partial(_check, acknowledged))
        await store.close()
    assert len(acknowledged) > KILLS * 10


def _fill(unit: Unit, count: int) -> None:
    """Write many processes at once, each with a message and a pending move."""
    write_token(unit, "first")
    copied = {
        "exchange": ("pid", "peer_pid"),
        "outbox": ("id", "process"),
        "message": ("process", "digest"),
    }
    for name, changed in copied.items():
        table = SQLModel.metadata.tables[name]
        row = dict(unit.conn.execute(table.select()).mappings().one())
        row.pop("number", None)
        rows = [row | {column: f"{row[column]}-{number}" for column in changed} for number in range(count)]
        unit.conn.execute(insert(table), rows)


@pytest.mark.slow
async def test_i12_a_start_after_a_kill_with_ten_thousand_processes_is_quick(migrated_url: str) -> None:
    store = Store(migrated_url)
    await store.write(lambda unit: _fill(unit, 10_000))
    await store.close()
    await asyncio.to_thread(_killed, _start(migrated_url, 1), 0.2)
    start = time.monotonic()
    migrate.upgrade(migrated_url)
    store = Store(migrated_url)
    pending = await store.read(lambda unit: unit.outbox.all())
    await store.read(lambda unit: (unit.exchanges.next_check(), unit.exchanges.stalled_count()))
    assert await store.probe()
    took = time.monotonic() - start
    await store.close()
    assert len(pending) > 10_000
    assert took < 3.0
