"""Reading a DID document: its keys by purpose, its services, its key rotations (pure).

Source: W3C DID Core 1.0, sections 5.2 to 5.4; DCP 1.0, "Self-Issued ID Tokens" (`capabilityInvocation`); DSP 2025-1,
"Discovery". Keys of kinds that we do not accept are left out, never guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from connector import loader
from connector.errors import ConnectorError, Unreachable
from connector.identity.keys import Purpose, public_key
from connector.identity.participant import ANNOUNCES, ROTATIONS
from connector.ids import acceptable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.identity.keys import PublicKey

DOCUMENT_BYTES = 64 * 1024
_RELATIONSHIPS: dict[str, Purpose] = {"capabilityInvocation": "token", "assertionMethod": "seal"}
_MOST_METHODS = 32
_MOST_ITEMS = 64
_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Method:
    """A verification method that we can use: the full id that a token's `kid` names, its key, what it may be used for."""

    kid: str
    key: PublicKey
    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class Document:
    """A checked DID document.

    `listed` counts every verification method, also those of kinds that we cannot use; `raw` is the whole as seen.
    """

    did: str
    methods: tuple[Method, ...]
    listed: int
    services: tuple[tuple[str, str], ...]
    announces: frozenset[str]
    rotations: tuple[str, ...]
    raw: Mapping[str, Any]

    @property
    def version_url(self) -> str | None:
        """The URL of the peer's DSP version document, if it names one."""
        return self._endpoint("DataService")

    @property
    def catalog_url(self) -> str | None:
        """The peer's catalogue endpoint, which ends in `/catalog`, if it names one."""
        return self._endpoint("CatalogService")

    def _endpoint(self, kind: str) -> str | None:
        return next((url for name, url in self.services if name == kind), None)


def parse(did: str, data: bytes) -> Document:
    """Return the DID document in bytes.

    Args:
        did: the id that was resolved; the document's `id` must equal it.
        data: the bytes as they came, at most 64 KiB.

    Raises:
        Unreachable: `did_document_invalid` with the `reason`.
    """
    try:
        value = loader.load_object(data, limit=DOCUMENT_BYTES, depth=_DEPTH)
    except ConnectorError as error:
        _refuse(error.code)
    return read(did, value)


def read(did: str, value: Mapping[str, Any]) -> Document:
    """Return the DID document in a JSON object, such as one stored with a pin. Raises as `parse`."""
    if value.get("id") != did:
        _refuse("id")
    listed = _items(value, "verificationMethod", _MOST_METHODS)
    relationships = {name: _items(value, name, _MOST_METHODS) for name in _RELATIONSHIPS}
    embedded = [item for items in relationships.values() for item in items if isinstance(item, dict)]
    keys = _keys(did, [*listed, *embedded])
    purposes = {
        kid: frozenset(
            _RELATIONSHIPS[name] for name, items in relationships.items() if kid in {_id(did, item) for item in items}
        )
        for kid in keys
    }
    return Document(
        did=did,
        methods=tuple(Method(kid, key, purposes[kid]) for kid, key in keys.items() if key is not None),
        listed=len(keys),
        services=_services(value),
        announces=frozenset(_texts(value, ANNOUNCES)),
        rotations=tuple(_texts(value, ROTATIONS)),
        raw=value,
    )


def _keys(did: str, methods: list[Any]) -> dict[str, PublicKey | None]:
    """Return every method's key by its id, None where it is of a kind or a place that we do not accept."""
    keys: dict[str, PublicKey | None] = {}
    for position, method in enumerate(methods):
        kid = _id(did, method) if isinstance(method, dict) else None
        if kid in keys:
            _refuse("verificationMethod")
        keys[kid or f"{position}"] = None if kid is None else _key(did, method)
    return keys


def _key(did: str, method: Mapping[str, Any]) -> PublicKey | None:
    if method.get("controller", did) != did:
        return None
    try:
        return public_key(method.get("publicKeyJwk"))
    except ValueError:
        return None


def _id(did: str, item: Any) -> str | None:
    """Return the full id of a method or of a reference to one, if it lies under the DID."""
    name = item.get("id") if isinstance(item, dict) else item
    if not isinstance(name, str) or not acceptable(name):
        return None
    full = did + name if name.startswith("#") else name
    return full if full.startswith(f"{did}#") and len(full) > len(did) + 1 else None


def _services(value: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = []
    for item in _items(value, "service", _MOST_ITEMS):
        kind, endpoint = (item.get("type"), item.get("serviceEndpoint")) if isinstance(item, dict) else (None, None)
        kinds = kind if isinstance(kind, list) else [kind]
        if isinstance(endpoint, str):
            found += [(name, endpoint) for name in kinds if isinstance(name, str)]
    return tuple(found)


def _texts(value: Mapping[str, Any], name: str) -> list[str]:
    return [item for item in _items(value, name, _MOST_ITEMS) if isinstance(item, str)]


def _items(value: Mapping[str, Any], name: str, most: int) -> list[Any]:
    items = value.get(name, [])
    items = items if isinstance(items, list) else [items]
    if len(items) > most:
        _refuse(name)
    return items


def _refuse(reason: str) -> NoReturn:
    raise Unreachable("did_document_invalid", reason=reason)
