"""When a key was a party's: so that what it signed can be verified years after it was replaced (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.identity.keys import PublicKey, Purpose


@dataclass(frozen=True, slots=True)
class KeyPeriod:
    """A public key of a party's and the time in which its signatures count: from `since` on, before `until` (None: still).

    Times are seconds since 1970. For a peer's key `since` is the time at which a person pinned it, or the one that the
    endorsement by its predecessor states, and `until` the time at which it was seen to be gone.
    """

    purpose: Purpose
    key: PublicKey
    since: float
    until: float | None = None

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint."""
        return self.key.thumbprint

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as JWK: its required members."""
        return self.key.jwk

    def covers(self, at: float, tolerance_seconds: float = 0.0) -> bool:
        """Tell whether a time lies in the period; the tolerance, for clocks that differ, is given at the beginning only."""
        return self.since - tolerance_seconds <= at and (self.until is None or at < self.until)
