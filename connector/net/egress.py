"""Which URLs and which addresses the server may call (pure; the sockets are opened in `dial.py`).

An address is judged where it is about to be connected, after every spelling and every DNS answer has become a number,
so neither odd spellings nor a name that changes its answer gets past. The ranges are those of the IANA special-purpose
registries; Python's `is_global` alone lets translated and tunnelled addresses through (64:ff9b::/96, 2002::/16, ...).
"""

from __future__ import annotations

import enum
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from yarl import URL

from connector.errors import Unreachable

MAX_URL = 2048
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_LOOPBACK_ADDRESSES = frozenset({ip_address("127.0.0.1"), ip_address("::1")})
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\\]+)(?:[/?][!$-;=?-\[\]_a-z~]*)?", re.ASCII)
_AUTHORITY = re.compile(
    r"(?P<host>[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[1-9][0-9]{0,4}))?", re.ASCII
)
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)", re.ASCII)
_DOTTED = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}", re.ASCII)
_MOST_PORT = 65535

_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_GLOBAL_UNICAST = ip_network("2000::/3")
_DENIED = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments, some of which Python calls global
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "2001::/23",  # protocol assignments, Teredo (2001::/32) among them
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


class Reach(enum.Enum):
    """Who named the address decides how far the call may reach."""

    PEER = "peer"
    """A peer named it: public addresses only."""

    OPERATOR = "operator"
    """The operator named it: private networks too, but never link-local or metadata addresses."""


def loopback_host(host: str) -> bool:
    """Tell whether a URL's host is one of the three that mean this machine: the only hosts reached over http.

    Everything that treats an installation as a loopback one asks here (architecture, "Two listeners").
    """
    return host.lower() in _LOOPBACK_HOSTS


def allowed(address: str, reach: Reach, *, loopback: bool) -> bool:
    """Tell whether a numeric address may be connected.

    Args:
        address: the host of a socket address, as the operating system is about to use it.
        reach: who named it.
        loopback: whether the installation itself is a loopback one; then 127.0.0.1 and ::1 are allowed.
    """
    try:
        number = ip_address(address)
    except ValueError:
        return False
    if number in _LOOPBACK_ADDRESSES:
        return loopback
    if reach is Reach.OPERATOR and any(number in network for network in _PRIVATE):
        return getattr(number, "scope_id", None) is None
    return _public(number)


def check_url(url: str, *, loopback: bool) -> URL:
    """Return the URL to call, exactly as spelled: https, or http to a loopback host of a loopback installation.

    Args:
        url: an absolute URL in ASCII, without user information or fragment.
        loopback: whether the installation itself is a loopback one.

    Raises:
        Unreachable: `url_refused`, with the `reason`: spelling, host, scheme or loopback.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None:
        raise Unreachable("url_refused", reason="spelling")
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None or int(authority["port"] or 1) > _MOST_PORT or not _plausible(authority["host"]):
        raise Unreachable("url_refused", reason="host")
    local = loopback_host(authority["host"])
    if local and not loopback:
        raise Unreachable("url_refused", reason="loopback")
    if match["scheme"] == "http" and not local:
        raise Unreachable("url_refused", reason="scheme")
    return URL(url, encoded=True)


def within(url: str, base: str, *, query: bool = False) -> bool:
    """Tell whether a URL lies at or under a base URL: same scheme, host and port, and the whole base path.

    Dot segments, encoded separators and backslashes never count as within, so that no server can read the URL as lying
    elsewhere. A slash at the end of either makes no difference.

    Args:
        url: the URL in question, such as a callback address.
        base: the base, such as a pinned peer's.
        query: whether the URL may have a query, as a link to a next page does; an address to extend may not.
    """
    try:
        inner, outer = check_url(url, loopback=True), check_url(base, loopback=True)
    except Unreachable:
        return False
    path, root = inner.raw_path.rstrip("/"), outer.raw_path.rstrip("/")
    return (
        (inner.scheme, inner.host, inner.port) == (outer.scheme, outer.host, outer.port)
        and (query or "?" not in url)
        and _plain_path(inner.raw_path)
        and (path == root or path.startswith(root + "/"))
    )


def _public(number: IPv4Address | IPv6Address) -> bool:
    if number.is_multicast or not number.is_global or any(number in network for network in _DENIED):
        return False
    return number.version == 4 or (number in _GLOBAL_UNICAST and number.scope_id is None)  # noqa: PLR2004 - IP version


def _plausible(host: str) -> bool:
    """Refuse the spellings of numbers that only some resolvers read as addresses (`0x7f.1`, `2130706433`)."""
    if host.startswith("["):
        return _is_ipv6(host[1:-1])
    if _NUMERIC.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
        return _DOTTED.fullmatch(host) is not None
    return all(0 < len(label) <= 63 for label in host.removesuffix(".").split("."))  # noqa: PLR2004 - RFC 1035


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6  # noqa: PLR2004 - IP version
    except ValueError:
        return False


def _plain_path(path: str) -> bool:
    lowered = path.lower()
    if "%2e" in lowered or "%2f" in lowered or "%5c" in lowered or "//" in path:
        return False
    return not any(segment in {".", ".."} for segment in path.split("/"))
