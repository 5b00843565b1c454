"""Writing a journal to a file, one JSON value a line, in constant memory (docs/reference/journal.md tells the format)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from connector import ids
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.cli.session import Session

FORMAT: Final = ids.NS + "journal-export/1"
_PAGE: Final = 1000


def write(session: Session, filters: Mapping[str, str | None]) -> dict[str, Any]:
    """Write the file, whole or not at all, and return what is in it.

    Raises:
        ConfigError: `cli_file_unwritable`. Others: as the API answers.
    """
    path = Path(session.typed("output")).absolute()
    with _replacing(path) as file:
        _line(
            file, {"format": FORMAT, "participant": session.member, "filters": {k: v for k, v in filters.items() if v}}
        )
        counts: dict[str, Any] = {"records": 0, "heads": 0}
        for record in _items(session, "journal", "export", **filters):
            _line(file, {"record": record})
            counts["records"] += 1
        for head in _items(session, "journal", "heads"):
            _line(file, {"head": head})
            counts["heads"] += 1
        _line(file, {"end": counts})
    return {"file": str(path), **counts}


def _items(session: Session, *segments: str, **query: object) -> Iterator[Any]:
    cursor = None
    while True:
        page = session.api.get(session.path(*segments, limit=_PAGE, cursor=cursor, **query))
        yield from page["items"]
        cursor = page.get("next")
        if cursor is None:
            return


def _line(file: IO[str], value: Any) -> None:
    file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """Give a file, readable by its owner alone, that takes its place under the name only when all went well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ConfigError("cli_file_unwritable", field="-o", path=str(path), why=error.strerror) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
