"""Seals of contracts, and whose keys were whose when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from connector.store.prepared import Change
from connector.store.tables import KeyHistory, columns, table
from connector.store.tables import Seal as SealRow

TWO_SIDED = "two-sided"
ONE_SIDED = "one-sided"
_seals, _keys = table(SealRow), table(KeyHistory)

# What every contract needs is made once: making a statement costs several times more than running it.
_of_type = (_seals.c.contract == bindparam("of_contract"), _seals.c.type == bindparam("of_type"))
_select_seal, _delete_seal = select(_seals).where(*_of_type), Change(delete(_seals).where(*_of_type))
_insert_seal = Change(insert(_seals))
_select_keys = (
    select(_keys)
    .where(_keys.c.participant == bindparam("of_participant"), _keys.c.party == bindparam("of_party"))
    .order_by(_keys.c.since, _keys.c.purpose, _keys.c.kid)
)


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as stored: `type` is `agreement` or `verification`, `party` who made it, `at` when, as it says itself."""

    contract: str
    type: str
    participant: str
    party: str
    kid: str
    jws: str
    at: float


class Seals:
    """The aggregate: at most one of each type for a contract; what it has read it does not read again in the same unit."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[tuple[str, str], Seal] = {}

    def put(self, seal: Seal) -> None:
        """Store a seal in the place of an earlier one, which an agreement that was refused had."""
        _delete_seal.run(self._conn, {"of_contract": seal.contract, "of_type": seal.type})
        _insert_seal.run(self._conn, columns(seal))
        self._known[seal.contract, seal.type] = seal

    def get(self, contract: str, kind: str) -> Seal | None:
        """Return a contract's seal of a type."""
        known = self._known.get((contract, kind))
        if known is not None:
            return known
        row = self._conn.execute(_select_seal, {"of_contract": contract, "of_type": kind}).first()
        if row is None:
            return None
        found = self._known[contract, kind] = Seal(**row._asdict())
        return found


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A party's public key in the time in which it was that party's. Times are seconds since 1970.

    Attributes:
        since, until: in between its signatures count; until is None while it is in use, and may lie ahead.
        used: of our own: from when it signs. listed: until when our DID document lists it for use; None: until further notice.
        endorsement: of our own: the JWS by which the key before it names it.
    """

    participant: str
    party: str
    purpose: str
    kid: str
    since: float
    jwk: dict[str, str]
    until: float | None = None
    used: float | None = None
    listed: float | None = None
    endorsement: str | None = None


class Keys:
    """The aggregate: keys are added and closed, never removed."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, key: HeldKey) -> None:
        """Insert a key."""
        self._conn.execute(insert(_keys), columns(key))

    def of(self, participant: str, party: str) -> Sequence[HeldKey]:
        """Return a party's keys as one of ours knows them (its own too), the first first."""
        rows = self._conn.execute(_select_keys, {"of_participant": participant, "of_party": party})
        return [HeldKey(**row._asdict()) for row in rows]

    def close(self, key: HeldKey, **values: Any) -> None:
        """Set until when a key counts (`until`) and is listed (`listed`)."""
        chosen = [getattr(_keys.c, name) == getattr(key, name) for name in _PRIMARY]
        self._conn.execute(update(_keys).where(*chosen).values(**values))


_PRIMARY = ("participant", "party", "purpose", "kid", "since")
