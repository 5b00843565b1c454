"""Policy files and the folders that they stand in, for commands that work on files alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector import loader
from connector.cli.commands import MisusedError
from connector.errors import ConnectorError, Invalid
from connector.policy import bounds

if TYPE_CHECKING:
    from connector.policy.model import Policy

CASES = ".cases.toml"
REGISTRY = "registry.json"
"""A folder with this file holds the profile, not policies."""


def read(file: Path) -> bytes:
    """Return a file's bytes, of one that is larger than can be used only the beginning. Raises MisusedError."""
    try:
        return beginning(file)
    except OSError as error:
        raise MisusedError("cli_file_unreadable", field="PATH", path=str(file), reason=error.strerror) from None


def beginning(file: Path) -> bytes:
    """Return as much of a file as can be used and one byte more, so that whoever limits its size refuses a larger one."""
    with file.open("rb") as opened:
        return opened.read(loader.OPERATOR_BYTES + 1)


def policies(paths: Iterable[str]) -> list[Path]:
    """Return the policy files that paths name: files, and everything that ends in `.json` below folders. Raises MisusedError."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= dict.fromkeys(
                each for each in sorted(path.rglob("*.json")) if not (each.parent / REGISTRY).exists()
            )
        else:
            read(path)
            found[path] = None
    return [*found]


def create(file: Path, found: Mapping[str, Any], cases: str) -> list[Path]:
    """Write a new policy file and its cases beside it; nothing is overwritten. Raises MisusedError."""
    beside = file.with_name(file.stem + CASES)
    for path in (file, beside):
        if path.exists():
            raise MisusedError("cli_new_exists", field="--output", path=str(path))
    file.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    beside.write_text(cases, encoding="utf-8")
    return [file, beside]


def document(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file. Raises MisusedError."""
    try:
        return loader.load_object(read(file), limit=loader.OPERATOR_BYTES)
    except MisusedError:
        raise
    except ConnectorError as error:
        raise MisusedError(error.code, field=str(file), **error.values) from None


def policy(file: Path) -> tuple[dict[str, Any], Policy]:
    """Return the document in a file and the policy that it is, with what it inherits. Raises MisusedError."""
    from connector.policy.inherit import inherit  # noqa: PLC0415 - only some commands need it

    found = document(file)
    try:
        return found, inherit(found, beside(file), nodes=bounds.LOCAL_NODES)
    except Invalid as error:
        raise MisusedError(
            error.code, field=f"{file}#{error.field}" if error.field else str(file), **error.values
        ) from None


def title(found: Mapping[str, Any], language: str) -> str:
    """Return a document's title in a language; "" when it has none."""
    stated = found.get("dct:title", [])
    for each in stated if isinstance(stated, list) else [stated]:
        if isinstance(each, dict) and each.get("@language") == language:
            return str(each.get("@value", ""))
    return ""


def beside(file: Path) -> Callable[[str], Mapping[str, Any] | None]:
    """Return what finds a policy by its identifier among the files of the same folder."""
    return lambda name: _named(file.parent).get(name)


@cache
def _named(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            value = loader.load_object(beginning(file), limit=loader.OPERATOR_BYTES)
        except (ConnectorError, OSError):
            continue
        name = value.get("@id", value.get("uid"))
        if isinstance(name, str):
            found.setdefault(name, value)
    return found
