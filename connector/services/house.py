"""One running installation: its store, its keys, its participants, and the parts that everything else is handed.

Made once in `app.py`. What changes while it runs (participants, peers) is read from the store, with a short memory here:
a change made by this process is seen at once, one made by another process on the same database within a second.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from connector import clock
from connector.errors import ConfigError, Missing
from connector.identity import document as did_document
from connector.identity import participant as places
from connector.identity import pinned, trust
from connector.identity.authenticator import Authenticator
from connector.identity.keys import Signer
from connector.identity.pairfile import PairFiles
from connector.identity.pinned import PeerKeys
from connector.identity.ring import Ring, Signers
from connector.identity.trust import Trust
from connector.net.client import Client
from connector.services import keyring
from connector.services.exchange import Exchanging
from connector.services.filestate import FileState
from connector.services.negotiation import Negotiations
from connector.services.office import Office
from connector.services.transfer import Transfers
from connector.services.trusts import Trusts
from connector.store.parties import Participant, Peer
from connector.store.session import Store

log = logging.getLogger(__name__)
MEMORY_SECONDS = 1.0
LOOK_SECONDS = 60.0
Authenticators = Callable[[str, Signers], Mapping[str, Authenticator]]
key_folder = keyring.key_folder


@dataclass(frozen=True, slots=True)
class Member:
    """A participant of ours with its keys and the authenticators that speak for it."""

    row: Participant
    ring: Ring
    authenticators: Mapping[str, Authenticator]
    now: clock.Clock = clock.now

    @property
    def token(self) -> Signer:
        """The key that signs its requests now."""
        return self.ring.signer("token", self.now())

    @property
    def seal(self) -> Signer:
        """The key that seals its contracts now."""
        return self.ring.signer("seal", self.now())

    @property
    def id(self) -> str:
        """Its DID."""
        return self.row.id

    @property
    def base(self) -> str:
        """The base URL of its DSP endpoints."""
        return self.row.root + "/dsp/2025-1"


@dataclass(frozen=True, slots=True)
class Known:
    """A peer with the keys that may be used now."""

    row: Peer
    keys: PeerKeys
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificates that we show: the public listener's own, and the one we call with; None where there is none."""

    public: PairFiles | None = None
    client: PairFiles | None = None


@dataclass(slots=True)
class House:
    """See the module."""

    home: Path
    store: Store
    client: Client
    grant_key: bytes
    authenticators: Authenticators
    office: Office
    page_size: int = 100
    now: clock.Clock = clock.now
    credentials: Path | None = None
    tls: Tls = field(default_factory=Tls)
    trusts: Trusts = field(init=False, default_factory=Trusts)
    retention: Mapping[str, int] = field(default_factory=dict)
    retained: dict[str, float] = field(init=False, default_factory=dict)
    exchanging: Exchanging = field(init=False)
    files: FileState = field(init=False, default_factory=FileState)
    _members: dict[str, Member] = field(init=False, default_factory=dict)
    _listed: float = field(init=False, default=-math.inf)
    _looked: dict[tuple[str, str], float] = field(init=False, default_factory=dict)
    _peers: dict[tuple[str, str], tuple[float, Known | None]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        transfers = Transfers()
        self.exchanging = Exchanging(self.office, {"negotiation": Negotiations(), "transfer": transfers})
        transfers.exchanging = self.exchanging

    async def load(self) -> None:
        """Read the participants and their keys, also those that another process of this installation has made since.

        Raises:
            ConfigError: a key file is missing, unreadable or open to others.
        """
        rows = await self.store.read(lambda unit: unit.participants.list())
        await self.load_trusts([row.id for row in rows])
        self._members = {row.id: await self._member(row) for row in rows}

    async def load_trusts(self, participants: Sequence[str]) -> None:
        """Read what every peer's certificate must be."""
        self.trusts.replace(
            await self.store.read(lambda unit: [row for own in participants for row in unit.peers.list(own)])
        )

    @property
    def members(self) -> Mapping[str, Member]:
        """Our participants by their DID, the first made first."""
        return self._members

    def member(self, participant: str) -> Member:
        """Return a participant of ours. Raises Missing `participant_unknown`."""
        found = self._members.get(participant)
        if found is None:
            raise Missing("participant_unknown")
        return found

    def at(self, path: str) -> Member | None:
        """Return the participant whose root has that path (`""`, or `/va` for one under a path)."""
        return next((member for member in self._members.values() if path_of(member.row.root) == path), None)

    async def find(self, participant: str) -> Member:
        """Return a participant of ours, also one that another process has just made. Raises Missing `participant_unknown`."""
        if participant not in self._members:
            await self.refresh()
        return self.member(participant)

    async def find_at(self, path: str) -> Member | None:
        """Return the participant whose root has that path, also one that another process has just made."""
        if self.at(path) is None:
            await self.refresh()
        return self.at(path)

    async def refresh(self) -> None:
        """Read the participants again, at most once a second: anybody may ask for what is not there."""
        now = self.now()
        if self._listed <= now < self._listed + MEMORY_SECONDS:
            return
        self._listed = now
        try:
            await self.load()
        except ConfigError as error:
            log.warning("a participant's keys cannot be read: code=%s path=%s", error.code, error.values.get("path"))

    async def peer(self, participant: str, peer: str) -> Known | None:
        """Return a peer of a participant, remembered for a second."""
        now = self.now()
        remembered = self._peers.get((participant, peer))
        if remembered and remembered[0] > now:
            return remembered[1]
        row = await self.store.read(lambda unit: unit.peers.get(participant, peer))
        known = Known(row, keys_of(row), trust.load(row.trust)) if row else None
        self._peers[participant, peer] = (now + MEMORY_SECONDS, known)
        if len(self._peers) > 10_000:  # noqa: PLR2004 - a bound on memory, whoever calls
            self._peers.clear()
        return known

    def may_look_again(self, participant: str, peer: str, *, seconds: float = LOOK_SECONDS) -> bool:
        """Tell, once a minute, that a peer's DID document may be fetched again because of a key that we do not know."""
        now, key = self.now(), (participant, peer)
        if self._looked.get(key, 0.0) > now - seconds:
            return False
        self._looked[key] = now
        return True

    def forget(self, participant: str, peer: str) -> None:
        """Forget what is remembered of a peer, after a change of it."""
        self._peers.pop((participant, peer), None)

    async def _member(self, row: Participant) -> Member:
        known = self._members.get(row.id)
        ring = await keyring.load(self.home, self.store, row, known.ring if known else None, self.credentials)
        made = known.authenticators if known else self.authenticators(row.id, partial(self._token, row.id))
        return Member(self._spoken(row), ring, made, self.now)

    def _spoken(self, row: Participant) -> Participant:
        """Return a participant with the scheme that is spoken now; one without a root of its own stays so."""
        if not row.root:
            return row
        scheme = places.place(row.id, secure=self.client.secure).scheme
        return replace(row, root=f"{scheme}://{row.root.partition('://')[2]}")

    def _token(self, participant: str, now: float) -> Signer:
        return self._members[participant].ring.signer("token", now)


def keys_of(row: Peer) -> PeerKeys:
    """Return the keys of a peer that may be used: pinned, and in the document as it was last seen."""
    if row.document is None:
        return PeerKeys(row.id, {})
    return PeerKeys.of(pinned.load(row.pins), did_document.read(row.id, row.document))


def grant_token(key: bytes, grant: str, generation: int) -> str:
    """Return the token of a grant's generation: the grant's id, the generation and their HMAC-SHA256 under the key file."""
    named = f"{grant.removeprefix('urn:uuid:')}.{generation}"
    return f"{named}.{hmac.new(key, named.encode(), hashlib.sha256).hexdigest()}"


def grant_named(key: bytes, token: str) -> tuple[str, int] | None:
    """Return the (grant id, generation) that a token was made for, or None for anything else."""
    grant, dot, rest = token.partition(".")
    generation = rest.partition(".")[0]
    if not dot or not generation.isascii() or not generation.isdecimal() or len(generation) > 9:  # noqa: PLR2004
        return None
    made = grant_token(key, grant, int(generation))
    return (f"urn:uuid:{grant}", int(generation)) if hmac.compare_digest(made.encode(), token.encode()) else None


def path_of(root: str) -> str:
    """Return the path of a root URL: empty, or from a slash on."""
    return "/" + root.split("/", 3)[3] if root.count("/") > 2 else ""  # noqa: PLR2004 - scheme://host
