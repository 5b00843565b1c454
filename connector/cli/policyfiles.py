"""Policy files that the operator names: read, sent to the connector, and kept in the home's `policies/` folder."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector import loader, texts
from connector.cli import folder
from connector.cli.commands import MisusedError, option, switch
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.cli.commands import Argument
    from connector.cli.session import Session

FOLDER: Final = "policies"
CASES: Final = ".cases.toml"
POLICY: Final = option("--policy", "FILE", required=True)
ACCESS: Final = option("--access", "FILE")
LIMIT: Final = option("--limit", "FILE", text="limit_file", dest="limit_file")
APPROVAL: Final = option("--approval", choices=("person",))
SEAL: Final = option("--seal", choices=("required",))
OFFER: Final[tuple[Argument, ...]] = (POLICY, ACCESS, LIMIT, APPROVAL, SEAL, switch("--force"))
"""What makes an offer."""
_FILES: Final = {"policy": "policy", "access": "access", "limit": "limit_file"}


@dataclass(frozen=True, slots=True)
class Named:
    """A policy file with the cases beside it, and where its copy will be.

    Attributes:
        cases: the bytes of the cases file, or None where there is none.
        kept: its place in the home's `policies/` folder.
    """

    file: Path
    data: bytes
    document: dict[str, Any]
    cases: bytes | None
    kept: Path


def offer(session: Session) -> dict[str, Any]:
    """Send the policy files that were named, keep copies, and return the offer to make of them."""
    typed = {name: session.typed(option) for name, option in _FILES.items()}
    found = {name: _read(session, Path(file), f"--{name}") for name, file in typed.items() if file is not None}
    made: dict[str, Any] = {name: _sent(session, each, cases=True) for name, each in found.items()}
    made["files"] = {name: each.kept.name for name, each in found.items() if each.kept.suffix == ".json"}
    for each in found.values():
        if each.cases is None:
            session.output.say("cli_policy_no_cases", file=each.file.name, cases=each.file.stem + CASES)
    if (approval := session.typed("approval")) is not None:
        made["approval"] = approval
    if (wanted := session.typed("seal")) is not None:
        made["seal"] = wanted
    return made


def stored(session: Session) -> str:
    """Send the file that `--policy` names; return the digest of its content."""
    return _sent(session, _read(session, Path(session.typed("policy")), "--policy"), cases=False)


def read_object(session: Session, file: str | Path, flag: str) -> dict[str, Any]:
    """Return the JSON object in a file that an option names. Raises MisusedError."""
    return _object(session, Path(file), flag)[1]


def _object(session: Session, file: Path, flag: str) -> tuple[bytes, dict[str, Any]]:
    try:
        data = folder.beginning(file)
        return data, loader.load_object(data, limit=loader.OPERATOR_BYTES)
    except OSError as error:
        raise MisusedError("cli_file_unreadable", field=flag, path=str(file), reason=error.strerror) from None
    except ConnectorError as error:
        reason = texts.say(error.code, session.output.language, "text", **error.values)
        raise MisusedError("cli_file_json", field=flag, path=str(file), reason=reason) from None


def _read(session: Session, file: Path, flag: str) -> Named:
    data, document = _object(session, file, flag)
    beside = file.with_name(file.stem + CASES)
    try:
        cases = folder.beginning(beside) if beside.exists() else None
    except OSError as error:
        raise MisusedError("cli_file_unreadable", field=flag, path=str(beside), reason=error.strerror) from None
    return Named(file, data, document, cases, place(session.home / FOLDER, file, data, cases))


def _sent(session: Session, named: Named, *, cases: bool) -> str:
    body: dict[str, Any] = {"name": named.kept.name, "document": named.document}
    if cases and named.cases is not None:
        body["cases"] = _text(named)
        body["force"] = bool(session.typed("force"))
    answer = session.api.post(session.path("policies"), body)
    keep(named.kept, named.data, named.cases)
    return str(answer["id"])


def _text(named: Named) -> str:
    try:
        return (named.cases or b"").decode()
    except UnicodeDecodeError as error:
        file = named.file.with_name(named.file.stem + CASES)
        raise MisusedError("cli_cases_toml", field=str(file), reason=str(error)) from None


def place(folder: Path, file: Path, data: bytes, cases: bytes | None) -> Path:
    """Return where the copy of a file belongs: under its name, or another where that name has other content."""
    digest = hashlib.sha256(data + (cases or b"")).hexdigest()[:8]
    target = folder / file.name
    return target if _fits(target, data, cases) else folder / f"{file.stem}-{digest}{file.suffix}"


def _fits(target: Path, data: bytes, cases: bytes | None) -> bool:
    beside = target.with_name(target.stem + CASES)
    wanted = ((target, data), (beside, cases))
    return all(not each.exists() or content is None or each.read_bytes() == content for each, content in wanted)


def keep(target: Path, data: bytes, cases: bytes | None = None) -> None:
    """Write a copy and its cases; the cases come first, for whoever notices the policy looks for them."""
    target.parent.mkdir(exist_ok=True)
    if cases is not None:
        _write(target.with_name(target.stem + CASES), cases)
    _write(target, data)


def _write(target: Path, data: bytes) -> None:
    """Write a file that is not there yet, whole or not at all."""
    if target.exists():
        return
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.chmod(0o644)
    fresh.replace(target)
