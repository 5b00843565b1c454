"""Compact JWS: made with a `Signer`, taken apart strictly (pure). Source: RFC 7515 sections 3.1, 5.1 and 5.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.canonical import canonical
from connector.errors import ConnectorError
from connector.identity.keys import decode, encode
from connector.loader import load_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.identity.keys import PublicKey, Signer

HEADER_CHARACTERS = 8 * 1024
HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_PARTS = 3
_HEADER_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Parsed:
    """A compact JWS taken apart; nothing of it is to be believed before `verified_by` says so."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    def verified_by(self, key: PublicKey) -> bool:
        """Tell whether the key made the signature, with the algorithm bound to the key and named in the header."""
        return self.header.get("alg") == key.alg and key.verifies(self.signature, self.signed)


def sign(signer: Signer, payload: bytes, *, typ: str, kid: str) -> str:
    """Return the compact JWS over a payload, with a header of `alg`, `kid` and `typ`."""
    header = canonical({"alg": signer.alg, "kid": kid, "typ": typ})
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(signer.sign(signed.encode()))}"


def parse(text: str, *, limit: int) -> Parsed:
    """Take a compact JWS apart, whose header may hold only `alg`, `kid` and `typ`.

    Args:
        text: header, payload and signature, each base64url, with dots between.
        limit: the most characters of the whole; the header has 8 KiB of its own.

    Raises:
        ValueError: anything else than that; the reason is not for a peer's eyes.
    """
    if len(text) > limit:
        message = "too long"
        raise ValueError(message)
    parts = text.split(".")
    if len(parts) != _PARTS or len(parts[0]) > HEADER_CHARACTERS:
        message = "not three parts"
        raise ValueError(message)
    header = _header(decode(parts[0]))
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Parsed(header, decode(parts[1]), signed, decode(parts[2]))


def _header(data: bytes) -> dict[str, Any]:
    try:
        header = load_object(data, limit=HEADER_CHARACTERS, depth=_HEADER_DEPTH)
    except ConnectorError as error:
        raise ValueError(error.code) from None
    if not header.keys() <= HEADER_MEMBERS or not all(isinstance(value, str) for value in header.values()):
        message = "a header member that is not understood"
        raise ValueError(message)
    return header
