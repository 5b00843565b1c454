"""The control of the negotiation benchmark: the store's two verbs over dicts, in the event loop, with nothing written anywhere.

It has the store's interface and its atomic units, so that all else (messages, tokens, validation, services, dispatcher) is the
product's. Journal records are kept as they are noted: not numbered, not linked. The start is read from a real home's database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

from connector import clock
from connector.errors import Unauthenticated
from connector.store import engine
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.parties import Participant, Peer
from connector.store.unit import Unit
from tests.simulation import memory

T = TypeVar("T")
_Key = tuple[str, str, str, str, str]


class DictStore:
    """The store's stand-in. `observe` is never called: nothing is committed."""

    postgresql = False
    failure = None

    def __init__(self, url: str, now: clock.Clock, observe: Callable[[float, int], None]) -> None:
        del observe
        self._now = now
        self._memory = _Memory()
        database = engine.create(url)
        with database.connect() as conn:
            self._memory.fill(Unit(conn, now(), reading=True))
        database.dispose()

    async def write(self, work: Callable[[Any], T]) -> T:
        """Run a unit now; what it registered runs after it."""
        result, unit = self._memory.run(work, self._now())
        for action in unit.actions:
            action()
        return result  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run a unit that only reads."""
        return self._memory.run(work, self._now())[0]  # type: ignore[no-any-return]

    async def probe(self) -> bool:
        """Tell that a dict can always be written."""
        return True

    async def close(self) -> None:
        """Leave everything to be forgotten."""


class _Exchanges(memory.Exchanges):
    """With the look-ups that a database has an index for."""

    def __init__(self, undo: memory.Undo, outbox: memory.Outboxes) -> None:
        super().__init__(undo, outbox)
        self._theirs: dict[_Key, str] = {}
        self._open: defaultdict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)

    def of_peer(self, participant: str, peer: str, protocol: str, role: str, peer_pid: str) -> Exchange | None:
        pid = self._theirs.get((participant, peer, protocol, role, peer_pid))
        return self.load(participant, pid) if pid else None

    def add(self, exchange: Exchange) -> None:
        super().add(exchange)
        self._open[exchange.participant, exchange.peer, exchange.protocol][exchange.pid] = None
        self._know(exchange)

    def save(self, exchange: Exchange, now: float) -> Exchange:
        before = self.rows.get(exchange.pid)
        if before is not None and exchange.turn.ended and not before.turn.ended:
            self._open[exchange.participant, exchange.peer, exchange.protocol].pop(exchange.pid, None)
        self._know(exchange)
        return super().save(exchange, now)

    def open_count(self, participant: str, peer: str, protocol: str) -> int:
        return len(self.open(participant, peer, protocol))

    def open(self, participant: str, peer: str, protocol: str) -> dict[str, None]:
        """Return the pids of the processes that have not ended."""
        return self._open[participant, peer, protocol]

    def stalled_count(self) -> int:
        return 0

    def _know(self, exchange: Exchange) -> None:
        if exchange.peer_pid is not None:
            key = (exchange.participant, exchange.peer, exchange.protocol, exchange.turn.role, exchange.peer_pid)
            self._theirs[key] = exchange.pid


class _Contracts(memory.Contracts):
    """With the look-ups that a database has an index for."""

    def __init__(self, undo: memory.Undo, exchanges: _Exchanges) -> None:
        super().__init__(undo, exchanges)
        self._processes = exchanges
        self._agreed: dict[tuple[str, str, str, str], str] = {}

    def by_agreement(self, participant: str, peer: str, agreement: str, role: str) -> Contract | None:
        return self.rows.get(self._agreed.get((participant, peer, agreement, role), ""))

    def offered_bytes(self, participant: str, peer: str) -> int:
        return sum(self.rows[pid].offered_bytes or 0 for pid in self._processes.open(participant, peer, "negotiation"))

    def change(self, key: str, **values: Any) -> None:
        super().change(key, **values)
        row = self.rows.get(key)
        if row is not None and row.agreement_id is not None:
            self._agreed[row.participant, row.peer, row.agreement_id, row.role] = key


class _Parties:
    """Participants and peers: read once, never changed."""

    def __init__(self) -> None:
        self.participants: Sequence[Participant] = ()
        self.rows: dict[tuple[str, str], Peer] = {}

    def get(self, participant: str, peer: str) -> Peer | None:
        return self.rows.get((participant, peer))

    def list(self, participant: str) -> Sequence[Peer]:
        return [row for row in self.rows.values() if row.participant == participant]


class _Spent:
    """Tokens that were used: a replay is refused here too."""

    def __init__(self, undo: memory.Undo) -> None:
        self._undo = undo
        self.rows: dict[tuple[str, str, str], float] = {}

    def spend(self, participant: str, issuer: str, jti: str, until: float) -> None:
        if (participant, issuer, jti) in self.rows:
            raise Unauthenticated("token_replayed")
        self._undo.put(self.rows, (participant, issuer, jti), until)

    def forget(self, before: float) -> None:
        self.rows = {key: until for key, until in self.rows.items() if until >= before}


class _Memory(memory.Memory):
    """A database in memory with everything that a running application asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.exchanges = _Exchanges(self.undo, self.outbox)
        self.contracts = _Contracts(self.undo, self.exchanges)
        self._parties, self._spent = _Parties(), _Spent(self.undo)
        self._participants = SimpleNamespace(list=lambda: self._parties.participants)
        self._operators = SimpleNamespace(list=lambda: (), forget_answers=lambda _before: None)

    def fill(self, unit: Unit) -> None:
        """Copy what a home has before its first negotiation."""
        self._parties.participants = unit.participants.list()
        for row in self._parties.participants:
            self._parties.rows |= {(row.id, peer.id): peer for peer in unit.peers.list(row.id)}
            self.policies.rows |= {
                (row.id, policy.digest): policy for policy in unit.policies.page(row.id, limit=10_000)
            }
            self.datasets.rows |= {(row.id, dataset.id): dataset for dataset in unit.datasets.page(row.id, limit=1000)}
            self.offers.rows |= {(row.id, offer.id): offer for offer in unit.offers.list(row.id)}

    def run(self, work: Callable[[Any], Any], now: float, *, commit: bool = True) -> tuple[Any, Any]:
        return super().run(lambda unit: work(self._complete(unit)), now, commit=commit)

    def _complete(self, unit: Any) -> Any:
        unit.peers, unit.spent = self._parties, self._spent
        unit.participants, unit.operators = self._participants, self._operators
        return unit
