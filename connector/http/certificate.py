"""Which certificate a request came with, and whether it is its sender's (per route; the handshake demands none).

It is the connection's own, or what a proxy forwards that ends TLS before us: RFC 9440 `Client-Cert` and `Client-Cert-Chain`,
or in `Client-Cert` a percent-encoded PEM as nginx writes it. The headers are believed from the configured addresses alone, and
a request from such an address has no other certificate than what they say.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from cryptography import x509

from connector.clock import Clock
from connector.errors import Unauthenticated
from connector.http.limits import Network, trusts
from connector.identity.trust import Shown
from connector.net import certificates, probe
from connector.services.house import House

CLIENT_CERT: Final = "Client-Cert"
CLIENT_CERT_CHAIN: Final = "Client-Cert-Chain"
_MOST_CHARACTERS: Final = 16 * 1024
_MOST_BETWEEN: Final = 8


@dataclass(frozen=True, slots=True)
class Certificates:
    """Judges requests by their certificates.

    Attributes:
        house: knows what each peer's certificate must be.
        proxies: addresses whose `Client-Cert` is believed.
        now: the clock.
    """

    house: House
    proxies: tuple[Network, ...]
    now: Clock

    async def demand(self, request: web.Request, participant: str, peer: str) -> None:
        """Refuse a request whose certificate is not that of the peer which its token names.

        Raises:
            Unauthenticated: a code of `Trust.check`, `client_certificate_unreadable`.
        """
        known = await self.house.peer(participant, peer)
        if known is None:
            return
        shown = self.shown(request)
        known.trust.check(shown, self.now())
        if shown is None:
            return
        if self.house.trusts.foreign(participant, peer, certificates.spki(shown.certificate)):
            raise Unauthenticated("client_certificate_foreign")

    def shown(self, request: web.Request) -> Shown | None:
        """Return the certificate that a request came with. Raises Unauthenticated `client_certificate_unreadable`."""
        if trusts(self.proxies, request.remote or ""):
            return _forwarded(request)
        transport = request.transport
        tls = None if transport is None else transport.get_extra_info("ssl_object")
        found = () if tls is None else probe.chain(tls)
        return Shown(found[0], found[1:]) if found else None


CERTIFICATES: Final = web.AppKey("certificates", Certificates)


def _forwarded(request: web.Request) -> Shown | None:
    texts = request.headers.getall(CLIENT_CERT, [])
    if not texts or texts == [""]:
        return None
    chain = ",".join(request.headers.getall(CLIENT_CERT_CHAIN, []))
    try:
        if len(texts) > 1 or len(texts[0]) > _MOST_CHARACTERS or len(chain) > _MOST_CHARACTERS:
            raise Unauthenticated("client_certificate_unreadable")
        between = [_bytes(item) for item in chain.split(",") if item.strip()][:_MOST_BETWEEN]
        return Shown(_certificate(texts[0]), tuple(map(certificates.read, between)))
    except (ValueError, binascii.Error):
        raise Unauthenticated("client_certificate_unreadable") from None


def _certificate(text: str) -> x509.Certificate:
    if text.startswith("-----BEGIN"):
        return certificates.read(certificates.der(certificates.read_pem(unquote(text))[0]))
    return certificates.read(_bytes(text))


def _bytes(text: str) -> bytes:
    """Read a byte sequence of a structured field (RFC 8941 section 3.3.5): base64 between colons."""
    inner = text.strip()
    if len(inner) < 2 or inner[0] != ":" or inner[-1] != ":":  # noqa: PLR2004 - the two colons
        message = "not a byte sequence"
        raise ValueError(message)
    return base64.b64decode(inner[1:-1], validate=True)
