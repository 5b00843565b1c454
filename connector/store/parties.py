"""Who is who: participants that we are, operators of this installation, peers, and tokens that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from connector.store.keyset import keyset
from connector.store.prepared import Change
from connector.store.tables import Answered as AnsweredRow
from connector.store.tables import Operator as OperatorRow
from connector.store.tables import Participant as ParticipantRow
from connector.store.tables import Peer as PeerRow
from connector.store.tables import Spent, columns, table

_participants, _operators, _peers = table(ParticipantRow), table(OperatorRow), table(PeerRow)
_spent, _answered = table(Spent), table(AnsweredRow)

# What messages and reads of data need is made once: making a statement costs several times more than running it.
_spend = Change(insert(_spent))
_select_peer = select(_peers).where(
    _peers.c.participant == bindparam("of_participant"), _peers.c.id == bindparam("of_id")
)
PINNED = "pinned"
KEY_CHANGED = "key-changed"
REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Participant:
    """An organisation that we are: its DID, name and root URL (without a trailing slash)."""

    id: str
    name: str
    root: str
    created: float


class Participants:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, participant: Participant) -> None:
        """Insert a participant."""
        self._conn.execute(insert(_participants), columns(participant))

    def list(self) -> Sequence[Participant]:
        """Return all participants, the first made first."""
        rows = self._conn.execute(select(_participants).order_by(_participants.c.created, _participants.c.id))
        return [Participant(**row._asdict()) for row in rows]


@dataclass(frozen=True, slots=True)
class Operator:
    """A named holder of a token. `scope` is `read`, `write` or `approve`; each includes the one before it."""

    name: str
    scope: str
    token_digest: str
    created: float
    created_by: str


class Operators:
    """The aggregate, with the answers given to their idempotency keys."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, operator: Operator) -> None:
        """Insert an operator."""
        self._conn.execute(insert(_operators), columns(operator))

    def by_token(self, digest: str) -> Operator | None:
        """Return the operator whose token has that digest."""
        row = self._conn.execute(select(_operators).where(_operators.c.token_digest == digest)).first()
        return Operator(**row._asdict()) if row else None

    def get(self, name: str) -> Operator | None:
        """Return an operator by name."""
        row = self._conn.execute(select(_operators).where(_operators.c.name == name)).first()
        return Operator(**row._asdict()) if row else None

    def page(self, *, after: str | None = None, limit: int = 50) -> Sequence[Operator]:
        """Return operators by name, after the cursor (a name)."""
        cursor = None if after is None else (after,)
        rows = self._conn.execute(keyset(select(_operators), (_operators.c.name,), cursor, limit))
        return [Operator(**row._asdict()) for row in rows]

    def count(self, *, scope: str | None = None) -> int:
        """Return how many operators there are, with a scope where it is given."""
        wanted = select(func.count()).select_from(_operators)
        return self._conn.execute(wanted if scope is None else wanted.where(_operators.c.scope == scope)).scalar_one()

    def remove(self, name: str) -> None:
        """Remove an operator; the token opens nothing from the commit on."""
        self._conn.execute(delete(_operators).where(_operators.c.name == name))

    def answered(self, operator: str, key: str) -> tuple[str, int, str] | None:
        """Return (request digest, status, body) of the answer given under an idempotency key."""
        wanted = select(_answered).where(_answered.c.operator == operator, _answered.c.key == key)
        row = self._conn.execute(wanted).first()
        return (row.digest, row.status, row.body) if row else None

    def keep_answer(self, operator: str, key: str, **values: Any) -> None:
        """Keep an answer (digest, status, body, at) under an idempotency key."""
        self._conn.execute(insert(_answered), {"operator": operator, "key": key} | values)

    def forget_answers(self, before: float) -> None:
        """Remove answers given before a time."""
        self._conn.execute(delete(_answered).where(_answered.c.at < before))


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody else's participant as one of ours knows it.

    Attributes:
        auth: `pinned` or `mock`. base: the base URL of its DSP endpoints, without a trailing slash.
        state: `pinned`, `key-changed` (nothing is accepted from it or sent to it until a person confirms), or `removed` (nothing
            is accepted from it, it is shown nowhere; it is still told that what was open has ended).
        pins: the pinned keys, each {"thumbprint", "purpose", "kid", "jwk"}.
        document: its DID document as it was seen. checked: when.
        seals: since when it is known to seal its contracts, or None: a plain peer.
        attested: what an operator of ours vouches for: `facts`, an operand's IRI to its value, and `part_of`, IRIs; or None.
        trust: what its certificate must be (`identity.trust`), or None: its token key alone proves who it is.
    """

    participant: str
    id: str
    auth: str
    base: str
    state: str
    pins: list[dict[str, Any]]
    document: dict[str, Any] | None
    created: float
    created_by: str
    checked: float
    seals: float | None = None
    attested: dict[str, Any] | None = None
    trust: dict[str, Any] | None = None


class Peers:
    """The aggregate; what it has read it does not read again in the same unit."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[tuple[str, str], Peer] = {}

    def add(self, peer: Peer) -> None:
        """Insert a peer."""
        self._conn.execute(insert(_peers), columns(peer))

    def get(self, participant: str, peer: str) -> Peer | None:
        """Return a peer of a participant."""
        known = self._known.get((participant, peer))
        if known is not None:
            return known
        row = self._conn.execute(_select_peer, {"of_participant": participant, "of_id": peer}).first()
        if row is None:
            return None
        found = self._known[participant, peer] = Peer(**row._asdict())
        return found

    def list(self, participant: str) -> Sequence[Peer]:
        """Return a participant's peers by id; removed ones are none any more."""
        wanted = select(_peers).where(_peers.c.participant == participant, _peers.c.state != REMOVED)
        wanted = wanted.order_by(_peers.c.id)
        return [Peer(**row._asdict()) for row in self._conn.execute(wanted)]

    def page(self, participant: str, *, after: str | None = None, limit: int = 50) -> Sequence[Peer]:
        """Return a participant's peers by id, after the cursor (an id); removed ones are none any more."""
        wanted = select(_peers).where(_peers.c.participant == participant, _peers.c.state != REMOVED)
        cursor = None if after is None else (after,)
        return [Peer(**row._asdict()) for row in self._conn.execute(keyset(wanted, (_peers.c.id,), cursor, limit))]

    def change(self, participant: str, peer: str, **values: Any) -> None:
        """Change what we know of a peer."""
        self._known.pop((participant, peer), None)
        chosen = (_peers.c.participant == participant) & (_peers.c.id == peer)
        self._conn.execute(update(_peers).where(chosen).values(**values))

    def remove(self, participant: str, peer: str) -> None:
        """Forget a peer."""
        self._known.pop((participant, peer), None)
        self._conn.execute(delete(_peers).where(_peers.c.participant == participant, _peers.c.id == peer))


class SpentTokens:
    """Tokens that were used, by (participant, issuer, jti)."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def spend(self, participant: str, issuer: str, jti: str, until: float) -> None:
        """Spend a token. Raises sqlalchemy.exc.IntegrityError when it was used before."""
        values = {"participant": participant, "issuer": issuer, "jti": jti, "until": until}
        _spend.run(self._conn, values)

    def forget(self, before: float) -> None:
        """Remove tokens that expired before a time."""
        self._conn.execute(delete(_spent).where(_spent.c.until < before))
