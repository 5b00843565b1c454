"""What passes between the HTTP shell and a source: a read goes in, a content comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from io import FileIO
from typing import Protocol

from connector.dataplane.representation import Representation


@dataclass(frozen=True, slots=True)
class Read:
    """One request for data, after its grant was checked.

    `path` is what follows the endpoint, percent-encoded as it came (`""`, `/a/b.csv`); `query` is the raw query
    string without `?`; `headers` holds lower-case names (`headers.asked` makes it). `method` is GET or HEAD.
    """

    method: str = "GET"
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileContent:
    """A local file, opened safely; whoever opened it closes it."""

    representation: Representation
    file: FileIO


@dataclass(frozen=True, slots=True)
class BytesContent:
    """A representation that is small enough to be held whole."""

    representation: Representation
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamContent:
    """Another server's answer, already conditional and ranged there.

    `status` is 200, 204, 206, 304, 412 or 416, and `headers` holds allow-listed names only.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


Content = FileContent | BytesContent | StreamContent


class Source(Protocol):
    """Where a dataset's bytes come from."""

    def open(self, read: Read) -> AbstractAsyncContextManager[Content]:
        """Open what a read names; it is released when the context is left.

        Raises:
            BadMessage: `data_path`, `data_query`: the request itself is refused.
            Denied: `data_method`.
            Unknown: `data_unknown`: nothing by that path.
            Unreachable: `data_source`: the provider's own source does not answer.
        """
        ...
