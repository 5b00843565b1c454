"""Saving a bundle that the running connector gives: whole under its name, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from connector.cli.commands import MisusedError
from connector.errors import Unreachable

if TYPE_CHECKING:
    from connector.cli.api import Answer
    from connector.cli.session import Session

_PIECE: Final = 256 * 1024


def save(session: Session, path: str) -> dict[str, Any]:
    """Write what is at the API's path to the file that was named, and return its name, size and SHA-256.

    Raises:
        MisusedError: `bundle_exists`, `cli_file`. Refused, Unreachable: as the API answers.
    """
    target = Path(session.typed("output")).absolute()
    if target.exists() and not session.typed("force"):
        raise MisusedError("bundle_exists", field="-o", path=str(target))
    answer = _opened(session, path)
    try:
        size, digest = _replaced(target, answer, session.api.where.url)
    finally:
        answer.close()
    return {"file": str(target), "size": size, "sha256": digest}


def _opened(session: Session, path: str) -> Answer:
    try:
        return session.api.open(path, {})
    except ConnectionRefusedError:
        raise session.api.not_running() from None
    except OSError as error:
        raise Unreachable("cli_unreachable", url=session.api.where.url, reason=str(error)) from None


def _replaced(target: Path, answer: Answer, url: str) -> tuple[int, str]:
    """Write the answer to a file beside the target, readable by its owner alone, that takes its name when it is whole."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise MisusedError("cli_file", field="-o", reason=error.strerror or str(error)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            found = _copied(answer, file, url)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return found


def _copied(answer: Answer, file: IO[bytes], url: str) -> tuple[int, str]:
    """Copy an answer. Raises Unreachable when it ends before it is whole."""
    size, digest = 0, hashlib.sha256()
    try:
        while piece := answer.read(_PIECE):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    except ConnectionError as error:
        raise Unreachable("cli_unreachable", url=url, reason=str(error)) from None
    if str(size) != answer.headers.get("Content-Length"):
        raise Unreachable("cli_answer", url=url)
    return size, digest.hexdigest()
