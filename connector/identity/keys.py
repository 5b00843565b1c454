"""Keys: our ES256 pairs, the public keys of others, and their fingerprints (pure but for the drawing of new keys).

Sources: RFC 7517 and RFC 8037 (JWK), RFC 7638 (thumbprint), RFC 7518 section 3.4 (ES256 as r||s).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from connector.canonical import canonical

Purpose = Literal["token", "seal"]
PURPOSES: tuple[Purpose, ...] = ("token", "seal")
SECRET_BYTES = 32
_COORDINATE = 32
_COORDINATES = {("EC", "P-256"): ("x", "y"), ("OKP", "Ed25519"): ("x",)}
_VerifyKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class Signer(Protocol):
    """A private key, in this process or kept elsewhere."""

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint of the public key; in a DID document it is the fragment of the method's id."""

    @property
    def alg(self) -> str:
        """The JWS algorithm, `ES256` for keys of ours."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """Return the raw JWS signature of bytes (for ES256: r||s, 64 bytes)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that we accept: EC on P-256 or OKP Ed25519, its members checked and nothing else kept.

    Two values are equal exactly when they are the same key.
    """

    members: tuple[tuple[str, str], ...]

    @property
    def jwk(self) -> dict[str, str]:
        """The JWK: the required members only."""
        return dict(self.members)

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 SHA-256 thumbprint, base64url, 43 characters."""
        return encode(hashlib.sha256(canonical(self.jwk)).digest())

    @property
    def alg(self) -> str:
        """The only JWS algorithm this key may be used with."""
        return "ES256" if self.jwk["kty"] == "EC" else "EdDSA"

    def load(self) -> _VerifyKey:
        """Return the key for the cryptography library, parsed once."""
        return _load(self.members)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Tell whether a raw JWS signature over bytes was made with this key's private half."""
        key = self.load()
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, data)
            elif len(signature) == 2 * _COORDINATE:
                r, s = (int.from_bytes(part, "big") for part in (signature[:_COORDINATE], signature[_COORDINATE:]))
                key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
            else:
                return False
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ES256 key pair in memory: a `Signer`."""

    private: ec.EllipticCurvePrivateKey
    public: PublicKey

    @property
    def kid(self) -> str:
        """The thumbprint of the public key."""
        return self.public.thumbprint

    @property
    def alg(self) -> str:
        """Always `ES256`."""
        return self.public.alg

    def sign(self, data: bytes) -> bytes:
        """Return r||s over SHA-256, 64 bytes."""
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    def __repr__(self) -> str:
        return f"KeyPair({self.kid})"


def generate() -> KeyPair:
    """Return a new key pair."""
    return pair(ec.generate_private_key(ec.SECP256R1()))


def pair(private: ec.EllipticCurvePrivateKey) -> KeyPair:
    """Return the pair of a private key.

    Raises:
        ValueError: the key is not on P-256.
    """
    if not isinstance(private.curve, ec.SECP256R1):
        message = "not a P-256 key"
        raise ValueError(message)  # noqa: TRY004 - the type is right, the curve is not
    numbers = private.public_key().public_numbers()
    x, y = (encode(number.to_bytes(_COORDINATE, "big")) for number in (numbers.x, numbers.y))
    return KeyPair(private, PublicKey((("crv", "P-256"), ("kty", "EC"), ("x", x), ("y", y))))


def public_key(jwk: Any) -> PublicKey:
    """Return the key that a JWK describes.

    Raises:
        ValueError: not a JWK we accept: another type or curve (RSA, P-192, ...), a point off the curve, a wrong
            length, a use that forbids signatures, an `alg` of another type, or a private key published by mistake.
    """
    if not isinstance(jwk, dict) or "d" in jwk:
        _refuse("not a public JWK")
    kind = next(((kty, crv) for kty, crv in _COORDINATES if (jwk.get("kty"), jwk.get("crv")) == (kty, crv)), None)
    if kind is None:
        _refuse("not a kind of key we accept")
    coordinates = tuple((name, _coordinate(jwk.get(name))) for name in _COORDINATES[kind])
    key = PublicKey((("crv", kind[1]), ("kty", kind[0]), *coordinates))
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", key.alg) != key.alg:
        _refuse("not a key for these signatures")
    key.load()
    return key


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding, read strictly: one text for one value.

    Raises:
        ValueError: padding, a foreign character, or bits that do not belong.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        _refuse("not base64url")
    if encode(data) != text:
        _refuse("not base64url in its one form")
    return data


@functools.lru_cache(maxsize=4096)
def _load(members: tuple[tuple[str, str], ...]) -> _VerifyKey:
    jwk = dict(members)
    x = decode(jwk["x"])
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + decode(jwk["y"]))


def _coordinate(value: Any) -> str:
    if not isinstance(value, str) or len(decode(value)) != _COORDINATE:
        _refuse("a coordinate of the wrong length")
    return value


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)
