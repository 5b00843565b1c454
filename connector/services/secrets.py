"""What a message shows when it is stored: a data address's secrets give way to their digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector import canonical

_PUBLIC = frozenset({"endpoint", "endpointType", "authType", "renewal"})


def redacted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with the values of a data address's secrets replaced by their digests."""
    address = body.get("dataAddress")
    properties = address.get("endpointProperties") if isinstance(address, dict) else None
    if not isinstance(address, dict) or not isinstance(properties, list):
        return body
    hidden = [_hidden(item) if isinstance(item, dict) else item for item in properties]
    return {**body, "dataAddress": {**address, "endpointProperties": hidden}}


def _hidden(item: dict[str, Any]) -> dict[str, Any]:
    name = str(item.get("name", "")).rsplit("/", 1)[-1].rsplit("#", 1)[-1]
    if name in _PUBLIC or "value" not in item:
        return item
    return {**item, "value": canonical.of_bytes(str(item["value"]).encode())}
