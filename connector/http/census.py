"""Who is connected, and who must give way: the caps on connections, without a socket in sight.

A connection *waits* while it is the client's turn: before its first request, between requests, while a body arrives.
When an address or the listener is full, the connection that has waited longest gives way to the new one, so sockets that
are held open and silent never keep an honest client out. Only when nobody waits is the new one refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class Occupant(Protocol):
    """A connection as the census sees it."""

    def evict(self) -> None:
        """Close at once."""


class Census:
    """The connections of one listener, counted by address and in all.

    Args:
        per_address: the most connections of one address; 0 counts none (a configured proxy speaks for many).
        total: the most connections in all.
    """

    def __init__(self, per_address: int, total: int) -> None:
        self._per_address = per_address
        self._total = total
        self._addresses: dict[Occupant, str | None] = {}
        self._by_address: dict[str, set[Occupant]] = {}
        self._waiting: OrderedDict[Occupant, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._addresses)

    def admit(self, occupant: Occupant, address: str | None) -> bool:
        """Count a new connection, if need be in the place of one that waits; False when it must be refused.

        Args:
            occupant: the connection; from now on it waits.
            address: the key of its address, or None when it is not counted by address.
        """
        if not self._room_at(address) or not self._room():
            return False
        self._addresses[occupant] = address
        if address is not None:
            self._by_address.setdefault(address, set()).add(occupant)
        self._waiting[occupant] = None
        return True

    def waits(self, occupant: Occupant) -> None:
        """Note that it is the client's turn."""
        if occupant in self._addresses:
            self._waiting[occupant] = None
            self._waiting.move_to_end(occupant)

    def works(self, occupant: Occupant) -> None:
        """Note that it is our turn: the connection keeps its place."""
        self._waiting.pop(occupant, None)

    def leaves(self, occupant: Occupant) -> None:
        """Forget a connection; may be repeated."""
        self._waiting.pop(occupant, None)
        address = self._addresses.pop(occupant, None)
        if address is None:
            return
        those = self._by_address[address]
        those.discard(occupant)
        if not those:
            del self._by_address[address]

    def _room(self) -> bool:
        return len(self) < self._total or self._evict(next(iter(self._waiting), None))

    def _room_at(self, address: str | None) -> bool:
        those = self._by_address.get(address, set()) if address is not None else set()
        if len(those) < self._per_address or address is None:
            return True
        return self._evict(next((occupant for occupant in self._waiting if occupant in those), None))

    def _evict(self, occupant: Occupant | None) -> bool:
        if occupant is None:
            return False
        self.leaves(occupant)
        occupant.evict()
        return True
