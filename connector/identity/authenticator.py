"""The seam where a request's sender is recognised, and its two implementations' common words.

Two ship with the server: `PinnedAuthenticator` here and the laboratory one in `mock.py`; the conformance kit's static
header lives in the tests. Each peer is stored with the name of the one that speaks for it (`pinned`, `mock`), and a
request is only ever verified by that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connector.errors import Unauthenticated
from connector.identity import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.identity.keys import Signer
    from connector.identity.pinned import PeerKeys
    from connector.identity.ring import Signers

PINNED = "pinned"
MOCK = "mock"
AUTHORIZATION_CHARACTERS = 16 * 1024
_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Identity:
    """A sender that proved who it is.

    `jti` is spent by the caller by (peer, jti), in the transaction of the request's effect, and kept until `expires`
    (seconds); it is None only where there is nothing to spend.
    """

    peer_id: str
    jti: str | None
    expires: float


class Authenticator(Protocol):
    """One way of proving who speaks, for one participant of ours."""

    def identify(self, authorization: str | None) -> str | None:
        """Return the peer that an `Authorization` header claims, unverified; None if it is not in this way's form."""

    def verify(self, authorization: str | None, peer: PeerKeys, *, audience: str, now: float) -> Identity:
        """Return the sender, proved to be `peer` and to speak to `audience`, which is our participant's id.

        Raises:
            Unauthenticated: it is not proved; for the codes see `tokens.verify`.
        """

    def authorization(self, peer_id: str, *, now: float, jti: str) -> str:
        """Return the `Authorization` header of a request of ours to a peer: a fresh one for every attempt."""


class PinnedAuthenticator:
    """`Authorization: Bearer` with a self-issued token, verified by the peer's pinned keys.

    Args:
        did: our participant.
        signer: its token key, or what gives the one to use at a time (`ring.Signers`).
    """

    def __init__(self, did: str, signer: Signer | Signers) -> None:
        self._did = did
        self._signer = signer

    def identify(self, authorization: str | None) -> str | None:
        """Return the issuer that the token claims."""
        token = _bearer(authorization)
        return None if token is None else tokens.peek_issuer(token)

    def verify(self, authorization: str | None, peer: PeerKeys, *, audience: str, now: float) -> Identity:
        """Verify the token; see `tokens.verify`."""
        token = _bearer(authorization)
        if token is None:
            raise Unauthenticated("token_missing")
        claims = tokens.verify(token, audience=audience, keys=peer, now=now)
        return Identity(claims.issuer, claims.jti, claims.expires)

    def authorization(self, peer_id: str, *, now: float, jti: str) -> str:
        """Return a bearer token for one request, good for five minutes."""
        signer = self._signer(now) if callable(self._signer) else self._signer
        return f"Bearer {tokens.mint(signer, self._did, peer_id, now, jti)}"


def claimed(authenticators: Mapping[str, Authenticator], authorization: str | None) -> tuple[str, str] | None:
    """Return (the authenticator's name, the claimed peer) for a header, or None.

    The caller looks the peer up and goes on only if it is stored with that very authenticator.
    """
    for name, authenticator in authenticators.items():
        peer = authenticator.identify(authorization)
        if peer is not None:
            return name, peer
    return None


def _bearer(authorization: str | None) -> str | None:
    if authorization is None or len(authorization) > AUTHORIZATION_CHARACTERS:
        return None
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return authorization[len(_SCHEME) :].strip(" ")
