"""What every peer's certificate must be, in memory: the public listener needs it before it knows who calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connector.identity import trust
from connector.identity.trust import CERTIFICATE, Trust
from connector.net.tls import Expected
from connector.store.parties import REMOVED, Peer


@dataclass(slots=True)
class Trusts:
    """The trust of each (participant, peer); `generation` counts the changes."""

    generation: int = 0
    _watchers: list[Callable[[], None]] = field(default_factory=list)
    _known: dict[tuple[str, str], Trust] = field(default_factory=dict)

    def replace(self, rows: Iterable[Peer]) -> None:
        """Know these peers and no others."""
        self._take({(row.participant, row.id): trust.load(row.trust) for row in rows if row.state != REMOVED})

    def put(self, row: Peer) -> None:
        """Know a peer as it is now; nothing is known of one that was removed."""
        known = {key: found for key, found in self._known.items() if key != (row.participant, row.id)}
        if row.state != REMOVED:
            known[row.participant, row.id] = trust.load(row.trust)
        self._take(known)

    def watch(self, told: Callable[[], None]) -> None:
        """Tell of every change."""
        self._watchers.append(told)

    def anchors(self) -> list[str]:
        """Return the PEM of every certificate and authority that clients may lead to."""
        return sorted({text for found in self._known.values() for text in found.certificates})

    def foreign(self, participant: str, peer: str, key: str) -> bool:
        """Tell whether a certificate's key is pinned for others than a peer: none of them, nor of those under its roof."""
        owners = {did for (own, did), found in self._known.items() if own == participant and key in found.keys}
        return bool(owners) and _roof(peer) not in map(_roof, owners)

    def expected(self) -> frozenset[Expected]:
        """Return everything that certificates of peers must be when they are called."""
        return frozenset(found.expected(show=show) for found in self._known.values() for show in (False, True))

    def with_key(self, key: str) -> list[tuple[str, str]]:
        """Return every (participant, peer) for whom a certificate's key is pinned."""
        return [who for who, found in self._known.items() if key in found.keys]

    def pinned(self) -> list[tuple[str, str]]:
        """Return every (participant, peer) with a pinned certificate key."""
        return [who for who, found in self._known.items() if found.mode == CERTIFICATE]

    def _take(self, known: dict[tuple[str, str], Trust]) -> None:
        if known != self._known:
            self._known = known
            self.generation += 1
            for told in self._watchers:
                told()


def _roof(did: str) -> str:
    """Return the host of a `did:web` id: participants of one installation share a certificate."""
    return ":".join(did.split(":")[:3])
