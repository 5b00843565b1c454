"""`connector verify`: whether a contract's bundle holds, from the file alone: no home, no database, no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connector import texts
from connector.cli.commands import DONE, REFUSED, MisusedError, Verb, option, place
from connector.errors import Invalid

if TYPE_CHECKING:
    from connector.cli.session import Session


def run(session: Session) -> int:
    """Say of each check whether it holds; exit code 1 when one does not, 2 when the file is no bundle."""
    from connector.evidence.verify import holds, verify  # noqa: PLC0415 - each command imports what it needs

    data = _read(Path(session.typed("bundle")))
    try:
        found = verify(data, session.typed("fingerprint", []))
    except Invalid as error:
        raise MisusedError(error.code, field=session.typed("bundle"), **error.values) from None
    language, valid = session.output.language, holds(found)
    told = [
        {"check": each.check, "ok": each.ok, "message": texts.say(each.code, language, "text", **each.values)}
        for each in found
    ]
    if session.output.as_json:
        session.output.value({"valid": valid, "findings": told})
    for each in told:
        session.output.found(ok=bool(each["ok"]), text=str(each["message"]))
    session.output.say("cli_bundle_holds" if valid else "cli_bundle_broken", count=sum(not each["ok"] for each in told))
    return DONE if valid else REFUSED


def _read(file: Path) -> bytes:
    """Return the file's bytes, one more than a bundle may have at most. Raises MisusedError."""
    from connector.evidence.bundle import MOST_BYTES  # noqa: PLC0415 - as above

    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise MisusedError("cli_file", field=str(file), reason=error.strerror or str(error)) from None


VERBS = (
    Verb(
        "",
        run,
        (
            place("FILE", "bundle"),
            option("--fingerprint", "FINGERPRINT", text="bundle_fingerprint", action="append"),
        ),
        client=False,
    ),
)
