"""The house that the real services run in, on a simulated database: their coroutines never wait for anything here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar

from connector.services.exchange import Exchanging
from connector.services.negotiation import Negotiations
from connector.services.office import Office
from connector.services.transfer import Transfers
from connector.services.trusts import Trusts

T = TypeVar("T")
GRANT_KEY = b"simulated grant key"


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    message = "a service waited for something"
    raise RuntimeError(message)


class Store:
    """The store's two verbs, as the services call them."""

    def __init__(self, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
        self._write, self._read = write, read

    async def write(self, work: Callable[[Any], T]) -> T:
        return self._write(work)  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Any], T]) -> T:
        return self._read(work)  # type: ignore[no-any-return]


class Home:
    """What the services use of `services.house.House`, for one participant."""

    grant_key = GRANT_KEY

    def __init__(self, did: str, office: Office, store: Store, now: Callable[[], float]) -> None:
        self.office, self.store, self.now = office, store, now
        transfers = Transfers()
        self.exchanging = Exchanging(office, {"negotiation": Negotiations(), "transfer": transfers})
        transfers.exchanging = self.exchanging
        self._member = SimpleNamespace(id=did)
        self.trusts = Trusts()

    def member(self, _participant: str) -> Any:
        return self._member

    async def peer(self, participant: str, peer: str) -> Any:
        row = await self.store.read(lambda unit: unit.peers.get(participant, peer))
        return SimpleNamespace(row=row, keys=None) if row else None

    def forget(self, _participant: str, _peer: str) -> None:
        """Nothing is remembered here."""
