"""A participant's own keys: which one signs now, which ones its DID document lists, and how they followed each other (pure).

A key is replaced with an overlap. At first the new key stands in the DID document beside the old one, which signs its
endorsement (`pinned.endorse`) and everything else; after the overlap the new key signs; after a second one the old key is listed
for no use any more, so that a neighbour that missed everything can still follow from one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.identity.keys import PublicKey, Purpose, Signer

Signers = Callable[[float], Signer]
"""Gives the signer for a time."""

RETIRED_LISTED = 10
"""How many retired keys of a purpose a DID document lists, the newest: a document has room for 32 keys and 64 endorsements."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key of ours. Times are seconds since 1970.

    Attributes:
        since: when it was made. used: from when it signs. until: from when its successor signs, or None.
        listed: until when the DID document lists it for use; None while `until` is (a key that was replaced by hand is not
            listed any more at all).
        endorsement: the JWS by which its predecessor names it.
        signer: its private half, or None where that is not at hand any more.
    """

    purpose: Purpose
    public: PublicKey
    since: float
    used: float
    until: float | None = None
    listed: float | None = None
    endorsement: str | None = None
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """A participant's keys, the oldest first: at least one that signs for each purpose."""

    keys: tuple[OwnKey, ...]

    def current(self, purpose: Purpose, now: float) -> OwnKey:
        """Return the key that signs at a time: the newest that is used by then."""
        able = [key for key in self.keys if key.purpose == purpose and key.signer is not None]
        used = [key for key in able if key.used <= now]
        return max(used or able[:1], key=lambda key: key.used)

    def signer(self, purpose: Purpose, now: float) -> Signer:
        """Return the signer for a purpose at a time."""
        signer = self.current(purpose, now).signer
        assert signer is not None  # noqa: S101 - `current` chooses among those that have one
        return signer

    def listed(self, purpose: Purpose, now: float) -> list[PublicKey]:
        """Return the public keys that the DID document lists for a purpose at a time."""
        keys = self._of(purpose)
        return [key.public for key in keys if key.until is None or (key.listed is not None and key.listed > now)]

    def retired(self, now: float) -> list[PublicKey]:
        """Return the newest earlier keys, which the DID document lists for no use."""
        over = [
            [key.public for key in self._of(purpose) if key.listed is not None and key.listed <= now]
            for purpose in ("token", "seal")
        ]
        return [public for keys in over for public in keys[-RETIRED_LISTED:]]

    def endorsements(self) -> list[str]:
        """Return the JWS by which keys name their successors, the newest of each purpose."""
        found = [
            [key.endorsement for key in self._of(purpose) if key.endorsement is not None]
            for purpose in ("token", "seal")
        ]
        return [text for texts in found for text in texts[-RETIRED_LISTED - 1 :]]

    def turning(self, purpose: Purpose, now: float) -> bool:
        """Tell whether a replacement is under way: a new key is made and not used yet."""
        return any(key.used > now for key in self._of(purpose))

    def _of(self, purpose: str) -> list[OwnKey]:
        return [key for key in self.keys if key.purpose == purpose]
