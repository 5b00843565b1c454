"""Catalogue entries: rendering ours once, joining stored ones into pages, reading a peer's.

Source: Dataspace Protocol 2025-1, "Catalog Protocol"; `catalog/*.json` of its schemas. Metadata goes out with the prefixes that
the DSP context declares (`dct:`, `dcat:`), so that it survives a peer that processes JSON-LD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from connector.errors import Unreachable
from connector.protocol.context import DSPACE

PULL: Final = "HttpData-PULL"
_OWN: Final = frozenset({"@id", "@type", "@context", "hasPolicy", "distribution"})


def dataset(dataset_id: str, description: Mapping[str, Any], base: str, participant: str) -> str:
    """Return a dataset's catalogue entry as JSON text without `hasPolicy` and without the closing brace.

    `description` holds `dct:`/`dcat:` members, language-tagged values as `{"@value", "@language"}`; negotiations about it go to
    `base`, and `participant` is the publisher.
    """
    service = {"@id": f"{base}#dataspace", "@type": "DataService", "endpointURL": base}
    distribution = {"@type": "Distribution", "format": PULL, "accessService": service}
    entry = {
        "@id": dataset_id,
        "@type": "Dataset",
        "dct:publisher": {"@id": participant},
        **{name: value for name, value in description.items() if name not in _OWN},
        "distribution": [distribution],
    }
    return orjson.dumps(entry).decode()[:-1]


def offer(offer_id: str, rules: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return an Offer as a catalogue shows it (no `target`), as a value and as JSON text."""
    document = {"@id": offer_id, "@type": "Offer"} | {
        name: value for name, value in rules.items() if name not in ("@id", "@type", "@context", "target", "uid")
    }
    return document, orjson.dumps(document).decode()


def root(participant: str, base: str, entries: Iterable[str]) -> bytes:
    """Return a Catalog of stored entries; a catalogue with nothing to show has no `dataset` member, as the schema demands."""
    head = {
        "@context": [DSPACE],
        "@id": f"{base}/catalog",
        "@type": "Catalog",
        "participantId": participant,
        "service": [{"@id": f"{base}#dataspace", "@type": "DataService", "endpointURL": base}],
    }
    text = orjson.dumps(head)[:-1]
    joined = ",".join(entries)
    return text + (f',"dataset":[{joined}]}}'.encode() if joined else b"}")


def single(entry: str) -> bytes:
    """Return one stored entry as the answer to a dataset request."""
    return (f'{{"@context":["{DSPACE}"],' + entry[1:]).encode()


def datasets_in(catalog: Any) -> list[dict[str, Any]]:
    """Return the datasets of a peer's catalogue, leniently: a single object counts as a list of one.

    Raises:
        Unreachable: `catalog_unreadable`.
    """
    if not isinstance(catalog, dict):
        raise Unreachable("catalog_unreadable")
    found = [item for name in ("dataset", "dcat:dataset") for item in _list(catalog.get(name))]
    return [item for item in found if isinstance(item, dict) and isinstance(item.get("@id"), str)]


def offers_in(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the offers of a dataset entry that can be asked for (they have an `@id`)."""
    found = _list(entry.get("hasPolicy") or entry.get("odrl:hasPolicy"))
    return [item for item in found if isinstance(item, dict) and isinstance(item.get("@id"), str)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
