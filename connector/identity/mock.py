"""The header of Eclipse EDC's iam-mock, for interoperability laboratories on one machine.

It is a JSON object with `clientId`, without any proof: anybody can be anybody. Therefore it cannot be made unless every
listener of the installation is on loopback.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connector import loader
from connector.errors import ConfigError, ConnectorError, Unauthenticated
from connector.identity.authenticator import AUTHORIZATION_CHARACTERS, Identity
from connector.ids import acceptable
from connector.net.egress import loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.identity.pinned import PeerKeys

_REGION = "eu"
_DEPTH = 4


class MockAuthenticator:
    """Believes the name in the header.

    Args:
        own_id: our participant's id, sent as `clientId`.
        listeners: the host of every listener of the installation.

    Raises:
        ConfigError: `mock_needs_loopback`: a listener is reachable from elsewhere, or there is none to judge by.
    """

    def __init__(self, own_id: str, *, listeners: Iterable[str]) -> None:
        hosts = tuple(listeners)
        if not hosts or not all(map(loopback_host, hosts)):
            raise ConfigError("mock_needs_loopback")
        self._own_id = own_id

    def identify(self, authorization: str | None) -> str | None:
        """Return the `clientId`."""
        if authorization is None or not authorization.startswith("{"):
            return None
        try:
            header = loader.load_object(
                authorization.encode(errors="surrogatepass"), limit=AUTHORIZATION_CHARACTERS, depth=_DEPTH
            )
        except ConnectorError:
            return None
        name = header.get("clientId")
        return name if isinstance(name, str) and acceptable(name) else None

    def verify(self, authorization: str | None, peer: PeerKeys, *, audience: str, now: float) -> Identity:  # noqa: ARG002 - the header carries no audience to hold anyone to
        """Return the peer if the header names it; there is no token to spend."""
        if self.identify(authorization) != peer.did:
            raise Unauthenticated("token_issuer")
        return Identity(peer.did, None, now)

    def authorization(self, peer_id: str, *, now: float, jti: str) -> str:  # noqa: ARG002 - nothing in it is fresh
        """Return the header as EDC sends it; EDC up to 0.17 reads `region` too."""
        return json.dumps({"clientId": self._own_id, "audience": peer_id, "region": _REGION})
