"""The journal: how long a whole one takes to check and in how much memory, and what writing it costs negotiations."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from bench.figures import Figure, median, percentile, spread
from bench.negotiation import pair
from bench.scale import Scale
from connector import clock
from connector.evidence import heads as pure
from connector.identity import keys
from connector.identity.periods import KeyPeriod
from connector.services.heads import MOST_RECORDS
from connector.store import engine, journal, migrate, verification
from connector.store.heads import Heads, SealedHead
from connector.store.journal import Note

_ME = "did:web:ekby.example"
_BATCH = 2_000
_KIB = 1024


def verify(folder: Path, scale: Scale) -> list[Figure]:
    """Write a journal in bulk, sign its heads, and check all of it."""
    folder.mkdir(parents=True)
    url, key = f"sqlite:///{folder / 'journal.db'}", keys.generate()
    migrate.upgrade(url)
    _fill(url, scale.records, key)
    before, began = _peak(), time.perf_counter()
    made = engine.reading(url)
    with made.connect() as conn:
        conn.exec_driver_sql("BEGIN")
        verdict = verification.verify(conn, _ME, [KeyPeriod("seal", key.public, 0.0)])
    took, grown = time.perf_counter() - began, _peak() - before
    made.dispose()
    assert verdict.whole, verdict
    assert (verdict.records, verdict.covered) == (scale.records, scale.records)
    how = f"{scale.records:,} records with payloads under {verdict.heads} signed heads, SQLite, one process"
    return [
        Figure("Checking a journal", took * 1_000_000 / scale.records, "s a million", ("at most", 60), how),
        Figure(
            "Memory for it, beside the process itself", grown, "MiB", ("at most", 64), "growth of the peak resident set"
        ),
    ]


def cost(folder: Path, scale: Scale) -> list[Figure]:
    """Time negotiations one after the other with the journal and without it, in turns."""
    kept, bare = list[float](), list[float]()
    medians = list[float]()
    with pair(folder / "with", "durable") as durable, pair(folder / "without", "unjournalled") as control:
        for _ in range(scale.rounds):
            without = control.negotiate(scale.latencies, in_flight=1)
            with_it = durable.negotiate(scale.latencies, in_flight=1)
            medians.append(median(with_it) / median(without))
            kept, bare = kept + with_it, bare + without
    ratio = percentile(kept, 0.99) / percentile(bare, 0.99)
    how = f"{len(kept)} negotiations each, one after the other, in turns; rounds' medians {spread(medians)}"
    return [
        Figure("Negotiation's p99 with the journal, against without", ratio, "", ("at most", 1.25), how),
        Figure(
            "Negotiation's p50 with the journal, against without", median(kept) / median(bare), "", None, "the same run"
        ),
    ]


def _fill(url: str, count: int, key: keys.KeyPair) -> None:
    made, start = engine.create(url, durable=False), 1_700_000_000.0
    with made.connect() as conn:
        for first in range(0, count, _BATCH):
            conn.exec_driver_sql("BEGIN")
            numbers = range(first, min(first + _BATCH, count))
            notes = [
                Note(_ME, start + number, "test.noted", f"urn:uuid:{number}", _payload(number)) for number in numbers
            ]
            journal.append(conn, notes)
            conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("BEGIN")
        heads, earlier = Heads(conn), None
        for first in range(1, count + 1, MOST_RECORDS):
            hashes = heads.hashes(_ME, first, min(first + MOST_RECORDS - 1, count))
            head = pure.following(earlier, hashes, participant=_ME, at=clock.iso(start))
            earlier = pure.read(pure.sign(key, head))
            heads.add(SealedHead(_ME, head.number, head.first, head.last, start, earlier.digest, earlier.text))
        conn.exec_driver_sql("COMMIT")
    made.dispose()


def _payload(number: int) -> dict[str, object]:
    return {
        "contract": f"urn:uuid:contract-{number % 1000}", "peer": "did:web:sjoby.example", "dataset": "levels",
        "method": "GET", "path": "2026/levels.csv", "status": 200, "bytes": number, "complete": True,
    }  # fmt: skip


def _peak() -> float:
    """Return the largest resident set so far, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
