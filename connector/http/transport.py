"""Transport security of one installation, put together: our certificates, the public listener's TLS, and the calls' contexts."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from connector import clock
from connector.config import Config
from connector.errors import ConfigError, ConnectorError
from connector.http.tls import PublicTls
from connector.identity.pairfile import PairFiles
from connector.net import certificates as reading
from connector.net.client import Client
from connector.net.tls import Contexts, Expected
from connector.services import certificates
from connector.services.house import House, Tls

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 60.0


class Transport:
    """See the module.

    Args:
        settings: the configuration.
        now: the clock that certificates are judged by.

    Raises:
        ConfigError: as `pairfile.read`; `tls_authorities_wrong`.
    """

    def __init__(self, settings: Config, now: clock.Clock) -> None:
        public, client = settings.public_tls(), settings.client_tls()
        self._settings, self._now = settings, now
        own = None if public is None else self._pair(public)
        self.tls = Tls(own, own if client == public or client is None else self._pair(client))
        self._authorities = _authorities(settings)
        self._house: House | None = None
        self._looked = -LOOK_SECONDS
        self._expected: frozenset[Expected] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    def client(self, *, loopback: bool) -> Client:
        """Return the one outbound client."""
        own = self.tls.client
        contexts = Contexts(self._now, own=own, authorities=self._authorities, renewed=self._renewed)
        return Client(loopback=loopback, tls=contexts, secure=self.tls.public is not None)

    def follow(self, house: House) -> None:
        """Know the peers from now on, and close what was opened under a trust that ends."""
        self._house, self._expected = house, house.trusts.expected()
        house.trusts.watch(self._swapped)

    def listener(self) -> ssl.SSLContext | None:
        """Return the public listener's TLS, None where it speaks http (to this machine, or to a proxy)."""
        if self.tls.public is None or self._house is None:
            return None
        return PublicTls(self.tls.public, self._house.trusts, self._authorities, self._unknown).base

    def _pair(self, files: tuple[Path, Path]) -> PairFiles:
        return PairFiles(*files, self._now, credential=self._settings.credential(files[1]))

    def _swapped(self) -> None:
        if self._house is None:
            return
        before, self._expected = self._expected, self._house.trusts.expected()
        for ended in before - self._expected:
            self._later(self._house.client.forget(ended))

    def _renewed(self, key: str, der: bytes) -> None:
        """Remember a pinned peer's new certificate, if it is new."""
        house = self._house
        if house is not None and reading.pem(reading.read(der)) not in house.trusts.anchors():
            self._later(certificates.renewed(house, key, der))

    def _unknown(self) -> None:
        """Look, once a minute, whether a neighbour has renewed the certificate that was refused."""
        if self._house is not None and clock.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = clock.monotonic()
            self._later(certificates.look_again(self._house))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except ConnectorError as error:
                log.warning("peers' certificates were not followed: code=%s", error.code)

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _authorities(settings: Config) -> tuple[str, ...]:
    """Return the authorities of the settings as PEM. Raises ConfigError `tls_authorities_wrong`."""
    if settings.tls_authorities_file is None:
        return ()
    path = settings.path(settings.tls_authorities_file)
    try:
        return tuple(map(reading.pem, reading.read_pem(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError):
        raise ConfigError("tls_authorities_wrong", field="tls_authorities_file", path=str(path)) from None
