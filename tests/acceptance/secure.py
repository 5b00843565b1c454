"""Towns that speak https on 127.0.0.1, each with an authority and a certificate of its own, as `init --tls dev` makes them."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector import clock
from connector.identity import authority, trust
from connector.identity.authority import Issued
from connector.identity.trust import Trust
from connector.net import certificates
from connector.services import peers
from tests.acceptance.towns import BY, Town, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.parties import Peer

LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(slots=True)
class Secure:
    """A running town with what its certificate was made of."""

    town: Town
    above: Issued
    shown: Issued

    @property
    def did(self) -> str:
        return self.town.did

    @property
    def files(self) -> Path:
        return self.town.home / "tls"

    @property
    def spki(self) -> str:
        return certificates.spki(self.shown.certificate)

    def by_certificate(self) -> Trust:
        """What others trust when they were given the certificate."""
        return trust.chosen(certificate=self.shown.pem)

    def by_authority(self, name: str = "localhost") -> Trust:
        """What others trust when they were given the authority."""
        return trust.chosen(authority=self.above.pem, name=name)

    def show(self, made: Issued) -> None:
        """Replace the files while the town runs."""
        authority.write(self.files, "server", made, replace=True)
        self.shown = made

    async def add(self, other: Secure, chosen: Trust | None = None) -> Peer:
        """Add a peer, by its certificate unless told otherwise."""
        wanted = other.by_certificate() if chosen is None else chosen
        seen = await peers.preview(self.town.house, self.did, other.did, trust=wanted)
        named: dict[str, Any] = {"fingerprints": seen.fingerprints, "by": BY, "trust": wanted}
        return await peers.add(self.town.house, self.did, other.did, **named)


@asynccontextmanager
async def secure_town(folder: Path, template: Path, name: str, **settings: Any) -> AsyncIterator[Secure]:
    """Give a running town; `template` is a database with our tables and no rows."""
    database, files = folder / f"{name}.db", folder / name / "tls"
    shutil.copyfile(template, database)
    own = {"public_tls_certificate_file": str(files / "server.pem"), "public_tls_key_file": str(files / "server.key")}
    town = await found(folder / name, f"sqlite:///{database}", name=name, **(own | settings))
    above = authority.authority(name, clock.now())
    shown = authority.issue(above, LOCAL, clock.now())
    authority.write(files, "server", shown)
    async with town.running():
        yield Secure(town, above, shown)


@asynccontextmanager
async def secure_towns(folder: Path, template: Path, *names: str, **settings: Any) -> AsyncIterator[list[Secure]]:
    """Give several of them."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(secure_town(folder, template, name, **settings)) for name in names]
