"""Pinned keys: what a person confirmed about a peer, and how it changes without one (pure).

A pin is the set of a peer's keys, each with its purpose. Three rules keep it closed:

* **Joining.** A key joins by itself only when the DID document holds an endorsement of it: a JWS by a key that is
  pinned for the same purpose (or joined through one in the same document). A token key never vouches for a seal key.
* **Leaving.** A key leaves by itself only when it is gone from use in the document and had itself endorsed a successor
  (or a successor's, ...) that is in use. So whoever merely controls the web server cannot take keys away unnoticed.
* **Using.** Only keys that are both pinned and in the document last seen verify anything (`PeerKeys.of`).

Everything else is `Changed`: the peer gets 401 and is sent nothing until a person confirms. A stolen key can endorse for
as long as somebody's pin holds it, therefore its owner takes it out of the document, and whoever sees that stops using it.
An endorsement does not expire: a neighbour that was away for a year must still be able to follow. Its `iat` is a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector import loader
from connector.canonical import canonical
from connector.errors import ConnectorError, Unreachable
from connector.identity import jws
from connector.identity.keys import PURPOSES, PublicKey, Purpose, public_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.identity.document import Document
    from connector.identity.keys import Signer

ROTATION_TYP = "dataspace-key-rotation+jwt"
_ROTATION_CHARACTERS = 4096
_MEMBERS = frozenset({"did", "thumbprint", "purpose", "iat"})


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A key with the one purpose it is pinned for; a key with two purposes is pinned twice."""

    purpose: Purpose
    key: PublicKey

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint that a person compares."""
        return self.key.thumbprint


Pin = frozenset[PinnedKey]


@dataclass(frozen=True, slots=True)
class PeerKey:
    """A key of a peer that may be used now, and for what."""

    key: PublicKey
    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class PeerKeys:
    """The keys that verify what a peer signs: by full `kid`, each pinned and in the document last seen.

    `sole` is the `kid` to take for a token without one: the document lists exactly that method (DCP 1.0).
    """

    did: str
    keys: Mapping[str, PeerKey]
    sole: str | None = None

    @classmethod
    def of(cls, pin: Pin, document: Document) -> PeerKeys:
        """Return the keys that are pinned and in the document, each for the purposes both agree on."""
        keys: dict[str, PeerKey] = {}
        for method in document.methods:
            purposes = frozenset(purpose for purpose in method.purposes if PinnedKey(purpose, method.key) in pin)
            if any(entry.key == method.key for entry in pin):
                keys[method.kid] = PeerKey(method.key, purposes)
        return cls(document.did, keys, next(iter(keys)) if len(keys) == document.listed == 1 else None)


@dataclass(frozen=True, slots=True)
class Same:
    """The document holds exactly the pinned keys."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Endorsed keys join, retired ones leave; the new pin is stored without asking a person."""

    pin: Pin
    joined: Pin
    left: Pin


@dataclass(frozen=True, slots=True)
class Changed:
    """A person must look: keys that nobody vouched for, and pinned keys that vanished without a successor."""

    unknown: Pin
    gone: Pin


def pin_of(document: Document) -> Pin:
    """Return every usable key of a document as a pin, to be shown to a person and stored after confirmation.

    Raises:
        Unreachable: `did_no_token_key`: no key with which the peer could prove who it is.
    """
    pin = _shown(document)
    if not _speaks(pin):
        raise Unreachable("did_no_token_key")
    return pin


def compare(pin: Pin, document: Document) -> Same | Joined | Changed:
    """Tell what a newly seen document means for a pin; see the rules above."""
    shown = _shown(document)
    if shown == pin:
        return Same()
    held = _follow(pin, document)
    unknown = shown - pin - {new for _, new in held}
    retired = frozenset((pin - shown) & _led_to(shown, held))
    gone = pin - shown - retired
    if unknown or gone or not _speaks(shown):
        return Changed(unknown, gone)
    return Joined(shown, shown - pin, retired)


def endorse(signer: Signer, did: str, thumbprint: str, purpose: Purpose, iat: int) -> str:
    """Return the JWS by which a key names a new one of the same purpose; it goes into the DID document for good.

    Payload, as RFC 8785 bytes: `did`, `thumbprint`, `purpose`, `iat`. Header: `alg`, `typ` (`ROTATION_TYP`) and as `kid`
    the DID, `#` and the endorsing key's thumbprint.

    Args:
        signer: a key of the participant's that peers have pinned for this purpose.
        did: the participant.
        thumbprint: the new key's.
        purpose: of both keys.
        iat: the time, in whole seconds.
    """
    claims = {"did": did, "thumbprint": thumbprint, "purpose": purpose, "iat": iat}
    return jws.sign(signer, canonical(claims), typ=ROTATION_TYP, kid=f"{did}#{signer.kid}")


def endorsed_at(document: Document, entry: PinnedKey) -> float | None:
    """Return since when a document's endorsement of a key says that it is the participant's, in seconds; None without one.

    The signature is not looked at: whether the key joins is `compare`'s to say.
    """
    wanted = (entry.purpose, entry.thumbprint)
    found = [claim for text in document.rotations if (claim := _parse(text, document.did)) is not None]
    return min((float(claim.iat) for claim in found if (claim.purpose, claim.thumbprint) == wanted), default=None)


def dump(pin: Pin) -> list[dict[str, Any]]:
    """Return a pin as JSON: `thumbprint`, `purpose` and `jwk` of each key, in a stable order."""
    entries = ({"thumbprint": entry.thumbprint, "purpose": entry.purpose, "jwk": entry.key.jwk} for entry in pin)
    return sorted(entries, key=lambda entry: (str(entry["purpose"]), str(entry["thumbprint"])))


def load(entries: Iterable[Mapping[str, Any]]) -> Pin:
    """Return the pin that `dump` wrote.

    Raises:
        ValueError: not such a pin, or a thumbprint that is not its key's.
    """
    pin = set()
    for entry in entries:
        key, purpose = public_key(entry.get("jwk")), _purpose(entry.get("purpose"))
        if purpose is None or entry.get("thumbprint") != key.thumbprint:
            message = "not a pin"
            raise ValueError(message)
        pin.add(PinnedKey(purpose, key))
    return frozenset(pin)


@dataclass(frozen=True, slots=True)
class _Endorsement:
    signed: jws.Parsed
    by: str
    purpose: Purpose
    thumbprint: str
    iat: int


def _speaks(pin: Pin) -> bool:
    return any(entry.purpose == "token" for entry in pin)


def _shown(document: Document) -> Pin:
    return frozenset(PinnedKey(purpose, method.key) for method in document.methods for purpose in method.purposes)


def _follow(pin: Pin, document: Document) -> set[tuple[PinnedKey, PinnedKey]]:
    """Return the endorsements (by, new) that hold, step by step from the pinned keys.

    A retired key that the document still lists, for no purpose, is a step: so two rotations can be followed at once.
    """
    steps = {
        (purpose, method.key.thumbprint): PinnedKey(purpose, method.key)
        for method in document.methods
        for purpose in PURPOSES
    }
    trusted = {(entry.purpose, entry.thumbprint): entry for entry in pin}
    held: set[tuple[PinnedKey, PinnedKey]] = set()
    waiting = [claim for text in document.rotations if (claim := _parse(text, document.did)) is not None]
    while ready := [claim for claim in waiting if (claim.purpose, claim.by) in trusted]:
        waiting = [claim for claim in waiting if claim not in ready]
        for claim in ready:
            by, new = trusted[claim.purpose, claim.by], steps.get((claim.purpose, claim.thumbprint))
            if new is not None and claim.signed.verified_by(by.key):
                held.add((by, new))
                trusted.setdefault((new.purpose, new.thumbprint), new)
    return held


def _led_to(shown: Pin, held: set[tuple[PinnedKey, PinnedKey]]) -> set[PinnedKey]:
    """Return every key whose endorsements lead, in one or more steps, to a key in use."""
    leading: set[PinnedKey] = set()
    while more := {by for by, new in held if new in shown or new in leading} - leading:
        leading |= more
    return leading


def _parse(text: str, did: str) -> _Endorsement | None:
    """Return an endorsement taken apart, its signature not yet checked; None for anything else."""
    try:
        parsed = jws.parse(text, limit=_ROTATION_CHARACTERS)
        claims = loader.load_object(parsed.payload, limit=_ROTATION_CHARACTERS, depth=2)
    except (ValueError, ConnectorError):
        return None
    purpose, kid = _purpose(claims.get("purpose")), str(parsed.header.get("kid"))
    ours = parsed.header.get("typ") == ROTATION_TYP and kid.startswith(f"{did}#")
    right = claims.keys() == _MEMBERS and claims["did"] == did and type(claims["iat"]) is int
    if purpose is None or not (ours and right and isinstance(claims["thumbprint"], str)):
        return None
    return _Endorsement(parsed, kid.removeprefix(f"{did}#"), purpose, claims["thumbprint"], claims["iat"])


def _purpose(value: Any) -> Purpose | None:
    return next((purpose for purpose in PURPOSES if purpose == value), None)
