"""The official JSON Schemas of DSP 2025-1 (`tests/data/dsp`), asked whether a body is valid."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson

_SCHEMAS: Final = Path(__file__).parent / "data" / "dsp"
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def faults(type_name: str, body: Any) -> list[str]:
    """Return what is wrong with a body by the schema of a type (`ProtocolVersion` for the version document)."""
    return [error.message for error in _validator(type_name).iter_errors(body)]


@cache
def _validator(type_name: str) -> Any:
    known = [_read(path) for path in _SCHEMAS.rglob("*-schema.json")]
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in known])
    name = _WORD.sub("-", type_name).lower()
    path = next(_SCHEMAS.glob(f"*/{name}-schema.json"))
    return jsonschema_rs.validator_for(_read(path), registry=registry)


def _read(path: Path) -> Any:
    """Read a schema; some of the official references lack the slash that makes them JSON pointers (RFC 6901)."""
    return orjson.loads(path.read_bytes().replace(b"#definitions/", b"#/definitions/"))
