"""The hash chain of a journal.

A record's hash covers (previous hash, number, time, kind, subject, salted digest of the payload), as canonical JSON
(RFC 8785) under SHA-256. A payload can be removed later without breaking the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from connector import canonical

GENESIS: Final = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `at` is an xsd:dateTime; `payload_digest` is `payload_digest(salt, payload)`."""

    number: int
    at: str
    kind: str
    subject: str
    payload_digest: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain is broken: the record's number and a code.

    The codes: `number` (missing, or not where it belongs), `hash` (changed, or linked to another record before it), `payload`
    (changed), `head` (the end is not where it was).
    """

    number: int
    code: str


def payload_digest(salt: str, payload: str) -> str:
    """Return the digest of a payload's exact text with its salt."""
    return canonical.of_bytes(f"{salt}\n{payload}".encode())


def link(previous: str, record: Record) -> Record:
    """Return the record with its hash."""
    covered: list[Any] = [
        previous,
        record.number,
        record.at,
        record.kind,
        record.subject,
        record.payload_digest,
    ]
    return replace(record, hash=canonical.digest(covered))


def faults(
    records: Iterable[tuple[Record, tuple[str, str] | None]],
    previous: str = GENESIS,
    *,
    after: int = 0,
    head: tuple[int, str] | None = None,
) -> Iterator[Fault]:
    """Yield where a chain read in order is broken.

    Args:
        records: each record with (salt, payload), or None where the payload has been removed.
        previous: the hash before the first of them.
        after: the number before the first of them.
        head: number and hash of the last record as kept elsewhere; without it, records missing at the end go unnoticed.
    """
    expected = after + 1
    for record, payload in records:
        if record.number != expected:
            # Of a gap the first number that is missing; of a record before its place its own.
            yield Fault(min(expected, record.number), "number")
            expected = record.number
        if link(previous, record).hash != record.hash:
            yield Fault(record.number, "hash")
        if payload is not None and payload_digest(*payload) != record.payload_digest:
            yield Fault(record.number, "payload")
        previous, expected = record.hash, expected + 1
    if head is not None and head != (expected - 1, previous):
        yield Fault(_end(head[0], expected - 1), "head")


def _end(kept: int, found: int) -> int:
    """Return the first number that is missing or too much; the last one where only its hash is another."""
    return kept if found == kept else min(kept, found) + 1
