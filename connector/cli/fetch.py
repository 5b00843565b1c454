"""`connector fetch`: the data of a contract, through our own connector, whole and verified or not at all."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector.cli import output
from connector.cli.commands import DONE, Argument, MisusedError, Verb, place
from connector.cli.output import Refused
from connector.dataplane.resume import Download, download, range_headers
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.cli.api import Answer, Api
    from connector.cli.session import Session

_KEPT = "/%:@!$&'()*+,;=~"
_AWAY = (502, 503, 504)
"""What the gateway answers while the provider, or our own store, cannot be reached."""


def run(session: Session) -> int:
    """Fetch into a file, going on where an earlier try stopped, or print when everything has come and is verified."""
    named = session.typed("output")
    if named is not None:
        target = Path(named)
        _check(target)
        _told(session, _fetch(session, target))
        return DONE
    if session.output.as_json:
        raise MisusedError("cli_fetch_json", field="--json")
    with tempfile.TemporaryDirectory(prefix="connector-") as folder:
        found = _fetch(session, Path(folder) / "data")
        with found.path.open("rb") as data:
            shutil.copyfileobj(data, output.binary())
    return DONE


def data_path(session: Session, below: str) -> str:
    """Return the gateway's path of what is asked for; what follows a `?` goes to the provider as a query."""
    name, question, query = below.lstrip("/").partition("?")
    path = session.path("contracts", session.typed("contract"), "data")
    path += f"/{quote(name, safe=_KEPT)}" if name else ""
    return path + (f"?{quote(query, safe=_KEPT + '?/')}" if question else "")


def _fetch(session: Session, target: Path) -> Download:
    opening = _Opening(session.api, data_path(session, session.typed("path", "")))
    try:
        return download(opening, target, pause=time.sleep, progress=session.output.progress)
    finally:
        session.output.end_progress()


class _Opening:
    """Opens the data from a place on; once it has begun, a connector or provider that is away for a while is waited for."""

    def __init__(self, api: Api, path: str) -> None:
        self._api = api
        self._path = path
        self._begun = False

    def __call__(self, start: int, etag: str | None) -> Answer:
        try:
            answer = self._api.open(self._path, range_headers(start, etag))
        except ConnectionRefusedError:
            raise self._away(self._api.not_running()) from None
        except Refused as refused:
            raise (self._away(refused) if refused.problem.get("status") in _AWAY else refused) from None
        self._begun = True
        return answer

    def _away(self, error: ConnectorError) -> Exception:
        return ConnectionError(error.code) if self._begun else error


def _check(target: Path) -> None:
    if target.is_dir():
        raise MisusedError("cli_fetch_folder", field="-o", path=str(target))
    if not target.absolute().parent.is_dir():
        raise MisusedError("cli_fetch_no_folder", field="-o", path=str(target.absolute().parent))


def _told(session: Session, found: Download) -> None:
    told = {
        "id": session.typed("contract"),
        "path": session.typed("path", ""),
        "file": str(found.path.absolute()),
        "size": found.size,
        "sha256": found.sha256,
        "verified": found.verified,
        "resumed_at": found.resumed_at,
    }
    if session.output.as_json:
        session.output.value(told)
    code = "cli_fetched" if found.verified else "cli_fetched_unverified"
    session.output.say(code, file=told["file"], size=found.size, sha256=found.sha256)


VERBS = (
    Verb(
        "",
        run,
        (
            place("CONTRACT", "contract"),
            place("PATH", "path", optional=True),
            Argument(("-o", "--output"), "output", "FILE"),
        ),
    ),
)
