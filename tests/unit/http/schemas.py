"""The official JSON Schemas of the Dataspace Protocol's error bodies."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

_FOLDER = Path(__file__).parents[2] / "data" / "dsp"
_FILES = {
    "CatalogError": "catalog/catalog-error-schema.json",
    "ContractNegotiationError": "negotiation/contract-negotiation-error-schema.json",
    "TransferError": "transfer/transfer-error-schema.json",
}


def faults(type_name: str, value: Any) -> list[str]:
    return [error.message for error in _validator(type_name).iter_errors(value)]


@cache
def _validator(type_name: str) -> Any:
    known = [_read(path) for path in _FOLDER.rglob("*-schema.json")]
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in known])
    return jsonschema_rs.validator_for(_read(_FOLDER / _FILES[type_name]), registry=registry)


def _read(path: Path) -> Any:
    """Read a schema; some of the official references lack the slash that makes them JSON pointers (RFC 6901)."""
    return orjson.loads(path.read_bytes().replace(b"#definitions/", b"#/definitions/"))
