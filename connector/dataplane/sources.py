"""From a checked spec to the source that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.dataplane import file, upstream
from connector.dataplane.digests import Digests
from connector.dataplane.directory import DirectorySource
from connector.dataplane.file import FileSource
from connector.dataplane.ports import Source
from connector.errors import Invalid

if TYPE_CHECKING:
    from connector.net.client import Client


def source_from(spec: Mapping[str, Any], *, client: Client, digests: Digests) -> Source:
    """Return the source of a spec that `specs.check_source` has given. Opens nothing yet; cheap enough per request.

    Raises:
        Invalid: `source_kind`.
    """
    kind = spec.get("kind")
    if kind == "file":
        file.recall(spec, digests)
        return FileSource(Path(spec["path"]), digests)
    if kind == "directory":
        return DirectorySource(Path(spec["path"]), digests)
    if kind == "http":
        return upstream.of(spec, client)
    raise Invalid("source_kind", field="kind")
