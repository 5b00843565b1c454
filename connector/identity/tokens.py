"""Request tokens: made for our own participants, and THE one strict verifier for those of peers (pure).

Sources: RFC 7519, RFC 8725, DCP 1.0 "Self-Issued ID Tokens", and rows 7 to 14 of the threat table. Where those allow a
choice the stricter one is taken: one algorithm per key, one audience, finite times, three header members, a `jti` always.
A token is spent by the caller, by (issuer, jti), in the transaction of its effect: never by its bytes, as the same token
can carry two valid ECDSA signatures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from connector import loader
from connector.canonical import canonical
from connector.errors import ConnectorError, Unauthenticated
from connector.identity import jws
from connector.ids import acceptable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.identity.keys import Signer
    from connector.identity.pinned import PeerKey, PeerKeys

TOKEN_CHARACTERS = 16 * 1024
TYP = "dataspace-request+jwt"
LIFETIME_SECONDS = 300
MOST_LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 30
_TYPES = frozenset({"jwt", TYP})
_DEPTH = 16
_REQUIRED = ("iss", "sub", "aud", "iat", "exp", "jti")
_VERIFIER = jwt.PyJWT({"enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: who speaks, the id to spend, and when that id may be forgotten (seconds).

    `expires` is the time after which the verifier itself refuses the token, leeway included.
    """

    issuer: str
    jti: str
    expires: float


def mint(signer: Signer, did: str, audience: str, now: float, jti: str, lifetime: int = LIFETIME_SECONDS) -> str:
    """Return a self-issued ES256 token for one request.

    Args:
        signer: the participant's token key.
        did: the participant: `iss` and `sub`.
        audience: the peer's id.
        now: the time now, in seconds.
        jti: a fresh identifier.
        lifetime: seconds, 600 at most.
    """
    issued = int(now)
    expires = issued + min(lifetime, MOST_LIFETIME_SECONDS)
    claims = {"iss": did, "sub": did, "aud": audience, "iat": issued, "exp": expires, "jti": jti}
    return jws.sign(signer, canonical(claims), typ=TYP, kid=f"{did}#{signer.kid}")


def peek_issuer(token: str) -> str | None:
    """Return whom a token claims to be from, to look the peer up; nothing is verified."""
    try:
        claims = _claims(_parse(token))
    except Unauthenticated:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) and acceptable(issuer) else None


def verify(token: str, *, audience: str, keys: PeerKeys, now: float) -> Claims:
    """Return what a peer's token says, or refuse it.

    Args:
        token: the compact JWS, without a scheme.
        audience: our participant's id.
        keys: the keys of the peer that the token claims to be from.
        now: the time now, in seconds.

    Raises:
        Unauthenticated: `token_malformed`, `token_key_unknown` (the caller may look for a rotation and try again),
            `token_key_purpose`, `token_signature`, `token_issuer`, `token_audience`, `token_times`, `token_expired`,
            `token_not_yet_valid`, `token_lifetime`, `token_id`.
    """
    parsed = _parse(token)
    claims = _claims(parsed)
    key = _key(parsed.header, keys)
    _verify_signature(token, key)
    if claims.get("iss") != keys.did or claims.get("sub") != keys.did:
        raise Unauthenticated("token_issuer")
    if claims.get("aud") != audience:
        raise Unauthenticated("token_audience")
    expires = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not acceptable(jti):
        raise Unauthenticated("token_id")
    return Claims(keys.did, jti, expires)


def _parse(token: str) -> jws.Parsed:
    try:
        parsed = jws.parse(token, limit=TOKEN_CHARACTERS)
    except ValueError:
        raise Unauthenticated("token_malformed") from None
    if parsed.header.get("typ", "jwt").lower() not in _TYPES:
        raise Unauthenticated("token_malformed", field="typ")
    return parsed


def _claims(parsed: jws.Parsed) -> dict[str, Any]:
    try:
        return loader.load_object(parsed.payload, limit=TOKEN_CHARACTERS, depth=_DEPTH)
    except ConnectorError:
        raise Unauthenticated("token_malformed") from None


def _key(header: Mapping[str, Any], keys: PeerKeys) -> PeerKey:
    kid = header.get("kid", keys.sole)
    key = keys.keys.get(kid) if kid is not None and kid.startswith(f"{keys.did}#") else None
    if key is None:
        raise Unauthenticated("token_key_unknown")
    if "token" not in key.purposes:
        raise Unauthenticated("token_key_purpose")
    return key


def _verify_signature(token: str, key: PeerKey) -> None:
    """Let PyJWT check the signature; the claims are checked here, as it knows neither our clock nor our limits."""
    options: jwt.types.Options = {
        "require": list(_REQUIRED),
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
        "verify_jti": False,
    }
    try:
        _VERIFIER.decode(token, key.key.load(), algorithms=[key.key.alg], options=options)
    except jwt.MissingRequiredClaimError:
        raise Unauthenticated("token_malformed") from None
    except jwt.PyJWTError:
        raise Unauthenticated("token_signature") from None


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    """Check `iat`, `exp` and `nbf`, and return until when the token is good."""
    issued, expires, start = (_time(claims.get(name)) for name in ("iat", "exp", "nbf"))
    if issued is None or expires is None or ("nbf" in claims and start is None):
        raise Unauthenticated("token_times")
    if not 0 < expires - issued <= MOST_LIFETIME_SECONDS:
        raise Unauthenticated("token_lifetime")
    if max(issued, start or 0.0) > now + LEEWAY_SECONDS:
        raise Unauthenticated("token_not_yet_valid")
    if now >= expires + LEEWAY_SECONDS:
        raise Unauthenticated("token_expired")
    return expires + LEEWAY_SECONDS


def _time(value: Any) -> float | None:
    """Return a finite JSON number; a number as text, a Boolean or null is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
