"""Identifiers that we mint: random, opaque and safe in a URL path."""

from __future__ import annotations

import secrets
import uuid

NS = "https://w3id.org/municipal-dataspace/v1#"
"""The base of every term that we mint (signed contracts keep it for ever)."""

MAX_LENGTH = 256


def new() -> str:
    """Return a fresh `urn:uuid:` identifier."""
    return f"urn:uuid:{uuid.uuid4()}"


def secret() -> str:
    """Return a fresh secret of 256 bits, safe in a header."""
    return secrets.token_urlsafe(32)


def acceptable(text: object) -> bool:
    """Tell whether a peer's identifier can be stored, shown and put in a path: 1 to 256 printable characters, not `.` or `..`."""
    return isinstance(text, str) and 0 < len(text) <= MAX_LENGTH and text.isprintable() and text not in {".", ".."}
