"""What a message shows when it is stored: of a data address only what is known to be no secret, the rest as digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector import canonical

_ADDRESS: Final = frozenset({"@type", "endpointType"})
_PROPERTY: Final = frozenset({"@type", "name"})
_PUBLIC: Final = frozenset({"endpointType", "authType"})
_PLACES: Final = frozenset({"endpoint", "renewal"})


def redacted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with the secrets of its data address, however it is written, replaced by their digests."""
    addresses = {name: _address(value) for name, value in body.items() if _local(name) == "dataAddress"}
    return {**body, **addresses} if addresses else body


def _address(found: Any) -> Any:
    if not isinstance(found, dict):
        return _digest(found)
    return {name: _member(name, value) for name, value in found.items()}


def _member(name: str, value: Any) -> Any:
    if _local(name) == "endpointProperties" and isinstance(value, list):
        return [_property(item) if isinstance(item, dict) else _digest(item) for item in value]
    return value if name in _ADDRESS or (_local(name) == "endpoint" and _plain(value)) else _digest(value)


def _property(found: dict[str, Any]) -> dict[str, Any]:
    kind = _local(str(found.get("name", "")))
    known = kind in _PUBLIC or (kind in _PLACES and _plain(found.get("value")))
    shown = _PROPERTY | {"value"} if known else _PROPERTY
    return {name: value if name in shown else _digest(value) for name, value in found.items()}


def _plain(place: Any) -> bool:
    """Tell whether an address names a place only: user names, queries and fragments may carry what opens it."""
    return isinstance(place, str) and not set("@?#") & set(place)


def _local(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]


def _digest(value: Any) -> str:
    return canonical.of_bytes(value.encode()) if isinstance(value, str) else canonical.digest(value)
