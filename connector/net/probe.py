"""A look at how another host answers: its addresses, the way there, its TLS and its certificates. No request is sent.

The addresses are judged as those of every other call; the certificate is looked at, not believed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509

from connector.net import certificates
from connector.net.client import Client
from connector.net.egress import Reach, allowed, check_url
from connector.net.tls import client_context, connecting_code

SECONDS: Final = 5.0
_HTTPS: Final = 443
_HTTP: Final = 80


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Attributes:
        addresses: what the name leads to. address: the one that answered.
        chain: what the other side shows, its own certificate first; empty over http.
        version: of TLS, such as `TLSv1.3`.
        failure: a key of the texts catalogue for what kept us from going on, or None. `stage` says where: dns, route or tls.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    address: str | None = None
    chain: tuple[x509.Certificate, ...] = ()
    version: str | None = None
    failure: str | None = None
    stage: str = field(default="")


async def look(client: Client, url: str, *, reach: Reach) -> Looked:
    """Connect to the host of a URL and look, for five seconds at each step.

    Raises:
        Unreachable: `url_refused`.
    """
    target = check_url(url, loopback=client.loopback)
    host, secure = target.host or "", target.scheme == "https"
    port = target.port or (_HTTPS if secure else _HTTP)
    try:
        found = await asyncio.wait_for(client.resolver.resolve(host, port), SECONDS)
    except (OSError, TimeoutError):
        return Looked(host, port, failure="check_dns_failed", stage="dns")
    addresses = tuple(dict.fromkeys(one["host"] for one in found))
    opened, failure = await _connect(client, addresses, port, reach)
    if opened is None:
        return Looked(host, port, addresses, failure=failure, stage="route")
    address = str(opened.getpeername()[0])
    if not secure:
        opened.close()
        return Looked(host, port, addresses, address)
    return await _handshake(Looked(host, port, addresses, address), opened)


async def _connect(
    client: Client, addresses: tuple[str, ...], port: int, reach: Reach
) -> tuple[socket.socket | None, str]:
    failure = "peer_unreachable"
    for address in addresses:
        try:
            if allowed(address, reach, loopback=client.loopback):
                return await asyncio.wait_for(_open(address, port), SECONDS), ""
            failure = "address_refused"
        except TimeoutError:
            failure = "peer_timeout"
        except OSError:
            failure = "peer_unreachable"
    return None, failure


async def _open(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    opened.settimeout(0)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


async def _handshake(so_far: Looked, opened: socket.socket) -> Looked:
    context = client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # this only looks
    made = asyncio.get_running_loop().create_connection(
        asyncio.Protocol, sock=opened, ssl=context, server_hostname=so_far.host, ssl_handshake_timeout=SECONDS
    )
    try:
        transport, _ = await made
    except (OSError, TimeoutError) as error:
        opened.close()
        code = connecting_code(error) if isinstance(error, ssl.SSLError) else "peer_tls_broken"
        return _with(so_far, failure=code, stage="tls")
    tls = transport.get_extra_info("ssl_object")
    try:
        return _with(so_far, chain=chain(tls), version=tls.version())
    finally:
        transport.abort()


def chain(tls: Any) -> tuple[x509.Certificate, ...]:
    """Return every certificate that the other side has sent, its own first; none if it sent none or one that cannot be read."""
    own = tls.getpeercert(binary_form=True)
    if own is None:
        return ()
    raw = _sent(tls) or [own]
    try:
        return tuple(map(certificates.read, raw))
    except ValueError:
        return ()


def _sent(tls: Any) -> list[bytes]:
    """Return the chain as it came: a method of its own from Python 3.13 on, one of the inner object before."""
    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain())
    ask = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    found = None if ask is None else ask()
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found or ()]


def _with(so_far: Looked, **values: Any) -> Looked:
    return Looked(so_far.host, so_far.port, so_far.addresses, so_far.address, **values)
