"""Token buckets: how often a peer, or an address that proves nothing, may ask.

A request that proves who it is spends from its peer's bucket. Every other request is free until it is refused: refused
ones spend from the bucket of their address, so that one hostile neighbour behind a shared address takes nothing from those
who are answered.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from connector.clock import Clock
from connector.errors import TooMany

MOST_KEYS: Final = 10_000
_V6_SITE: Final = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Bucket:
    """A bucket that holds at most `burst` tokens and gains `rate` tokens a second."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one token and return 0, or take none and return the seconds until there is one."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Buckets:
    """A bucket for each key; the keys unused for longest are forgotten beyond `most`, so memory is bounded."""

    def __init__(self, rate: float, burst: float, most: int = MOST_KEYS) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """As `Bucket.take`, from the key's bucket."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)


@dataclass(frozen=True, slots=True)
class Limiter:
    """The buckets of one listener, the proxies it believes, and a steady clock in seconds."""

    peers: Buckets
    addresses: Buckets
    trusted: tuple[Network, ...]
    clock: Clock

    def identified(self, request: web.Request, participant: str, peer: str) -> None:
        """Note who the request proved to be, and spend one of that peer's tokens.

        Raises:
            TooMany: `http_too_many`.
        """
        request[PEER] = peer
        _enough(self.peers.take(f"{participant} {peer}", self.clock()))

    def refused(self, request: web.Request) -> None:
        """Spend a token of the address of a refused request, unless the request proved who it is.

        Raises:
            TooMany: `http_too_many`.
        """
        if PEER not in request:
            _enough(self.addresses.take(site(client_address(request, self.trusted)), self.clock()))


LIMITER: Final = web.AppKey("limiter", Limiter)
PEER: Final = web.RequestKey("peer", str)
"""The peer's DID, or the operator's name, once the request has proved it."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of settings such as `10.0.0.0/8` or `127.0.0.1`."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def trusts(trusted: tuple[Network, ...], address: str) -> bool:
    """Tell whether an address belongs to a configured proxy."""
    if not trusted:
        return False
    try:
        number = _plain(address)
    except ValueError:
        return False
    return any(number.version == network.version and number in network for network in trusted)


def client_address(request: web.BaseRequest, trusted: tuple[Network, ...]) -> str:
    """Return where a request comes from: the connection, or what a configured proxy says of it.

    Of `X-Forwarded-For` the last entry that is not a configured proxy counts: what stands before it is the client's claim.
    """
    address = request.remote or ""
    if not trusts(trusted, address):
        return address
    for entry in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
        claimed = entry.strip().strip("[]")
        try:
            _plain(claimed)
        except ValueError:
            return address
        address = claimed
        if not trusts(trusted, claimed):
            return claimed
    return address


def site(address: str) -> str:
    """Return the key under which an address is counted: IPv6 by its /64, which one client controls whole."""
    try:
        number = _plain(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((number, _V6_SITE), strict=False))
    return str(number)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    number = ipaddress.ip_address(address.partition("%")[0])
    return getattr(number, "ipv4_mapped", None) or number


def _enough(wait: float) -> None:
    if wait > 0:
        raise TooMany("http_too_many", retry_after_seconds=max(1, math.ceil(wait)))
