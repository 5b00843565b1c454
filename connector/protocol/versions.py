"""The version document (Dataspace Protocol 2025-1, "Exposure of Versions") and how to read a peer's."""

from __future__ import annotations

from typing import Any

from connector.errors import Unreachable
from connector.protocol.context import VERSION

PATH = "/dsp/" + VERSION
WELL_KNOWN = "/.well-known/dspace-version"


def document(did: str) -> dict[str, Any]:
    """Return our VersionResponse; `path` is relative to the participant's root."""
    entry = {"version": VERSION, "path": PATH, "binding": "HTTPS", "identifierType": "did:web", "serviceId": did}
    return {"protocolVersions": [entry]}


def base_url(version_url: str, response: Any) -> str:
    """Return the base URL of the peer's 2025-1 endpoints, without a trailing slash.

    The path is joined to the part of the version URL before `/.well-known`; that is how Eclipse EDC means it too.

    Raises:
        Unreachable: `version_not_offered`, the document names no usable 2025-1 entry.
    """
    root = version_url.split("/.well-known/", 1)[0].rstrip("/")
    entries = response.get("protocolVersions") if isinstance(response, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("version") == VERSION and isinstance(entry.get("path"), str):
            path: str = entry["path"]
            if "://" not in path and not path.startswith("//") and ".." not in path:
                return (root + "/" + path.strip("/")).rstrip("/")
    raise Unreachable("version_not_offered", version=VERSION)
