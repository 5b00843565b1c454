"""What is known of the policy files in the home: whether they are watched, and which of them cannot be taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from connector.errors import Value

STARTING: Final = "starting"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file is not taken; what was read from it before stays in force.

    Attributes:
        code: of the texts catalogue, with `values`.
        content: the digest of the bytes that were refused, "" for a file that is not there.
        line, column: where in the file, from 1; 0 where it is about the whole file.
    """

    code: str
    content: str
    values: dict[str, Value] = field(default_factory=dict)
    line: int = 0
    column: int = 0


@dataclass(slots=True)
class FileState:
    """Kept in memory, for the folder is read whenever the connector starts.

    Attributes:
        unwatched: why changes are not noticed, or None while they are.
        faults: by the file's name.
    """

    unwatched: str | None = STARTING
    faults: dict[str, Fault] = field(default_factory=dict)
