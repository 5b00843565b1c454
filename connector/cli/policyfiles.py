"""Policy files that the operator names: read, sent to the connector, and kept in the home's `policies/` folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector import loader, texts
from connector.cli.commands import MisusedError, option
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.cli.commands import Argument
    from connector.cli.session import Session

FOLDER: Final = "policies"
POLICY: Final = option("--policy", "FILE", required=True)
ACCESS: Final = option("--access", "FILE")
APPROVAL: Final = option("--approval", choices=("person",))
OFFER: Final[tuple[Argument, ...]] = (POLICY, ACCESS, APPROVAL)
"""What makes an offer."""


def offer(session: Session) -> dict[str, Any]:
    """Send the policy files that were named; return the offer to make of them: `policy`, `access`, `approval`."""
    named = [name for name in ("policy", "access") if session.typed(name) is not None]
    files = {name: Path(session.typed(name)) for name in named}
    read = {name: read_object(session, files[name], f"--{name}") for name in named}  # all before anything is sent
    made: dict[str, Any] = {name: _stored(session, files[name], read[name]) for name in named}
    if (approval := session.typed("approval")) is not None:
        made["approval"] = approval
    return made


def stored(session: Session) -> str:
    """Send the file that `--policy` names; return the digest of its content."""
    file = Path(session.typed("policy"))
    return _stored(session, file, read_object(session, file, "--policy"))


def read_object(session: Session, file: str | Path, flag: str) -> dict[str, Any]:
    """Return the JSON object in a file that an option names. Raises MisusedError."""
    try:
        return loader.load_object(Path(file).read_bytes(), limit=loader.OPERATOR_BYTES)
    except OSError as error:
        raise MisusedError("cli_file_unreadable", field=flag, path=str(file), reason=error.strerror) from None
    except ConnectorError as error:
        reason = texts.say(error.code, session.output.language, "text", **error.values)
        raise MisusedError("cli_file_json", field=flag, path=str(file), reason=reason) from None


def _stored(session: Session, file: Path, document: dict[str, Any]) -> str:
    answer = session.api.post(session.path("policies"), {"name": file.name, "document": document})
    keep(session.home / FOLDER, file, file.read_bytes())
    return str(answer["id"])


def keep(folder: Path, file: Path, data: bytes) -> Path:
    """Copy a file into the folder and return where it is; a file of that name with another content is left alone."""
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(data).hexdigest()[:8]
    for target in (folder / file.name, folder / f"{file.stem}-{digest}{file.suffix}"):
        try:
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as copy:
                copy.write(data)
        except FileExistsError:
            if target.read_bytes() != data:
                continue
        break
    return target
