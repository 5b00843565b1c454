"""What units of work need besides the database: the decision seam, fresh ids, tokens of grants, and whom to tell afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector import ids
from connector.identity.keys import Signer
from connector.services.decide import Decide, automatic
from connector.store.exchanges import Exchange
from connector.store.outbox import Parcel


def _nobody(*_ignored: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per peer (A.2 row 36): open processes of a kind, moves in one process, bytes of an offer and of all in open ones."""

    open_processes: int = 100
    rounds: int = 20
    policy_bytes: int = 64 * 1024
    policies_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Office:
    """Handed to every unit that changes a process.

    Attributes:
        decide: the decision seam.
        token: makes the token of (grant id, generation); only its digest is ever stored.
        seal: the key that seals one of our participants' contracts at a time; None: nothing is sealed.
        root: the root URL of one of our participants, by its DID.
        parcel: told of a new pending move, and of its process, after the commit (the dispatcher).
        settled: told of a move that is no longer pending.
        heard: told that a peer is alive (participant, peer).
        closed: told of a closed grant, or of a transfer that we as consumer read no more (running streams are cut).
        renewed: told of a grant whose token changed.
        watch: told that `check_at` or an expiry may have changed.
        lease_seconds: how long a process holds what it is about to send.
    """

    decide: Decide = automatic
    token: Callable[[str, int], str] = lambda grant, generation: f"{grant}.{generation}"
    seal: Callable[[str, float], Signer | None] = lambda _participant, _now: None
    root: Callable[[str], str] = lambda did: did
    new_id: Callable[[], str] = ids.new
    parcel: Callable[[Parcel, Exchange], None] = _nobody
    settled: Callable[[str], None] = _nobody
    heard: Callable[[str, str], None] = _nobody
    closed: Callable[[str], None] = _nobody
    renewed: Callable[[str], None] = _nobody
    watch: Callable[[], None] = _nobody
    limits: Limits = Limits()
    lease_seconds: float = 60.0
