"""The names of ODRL terms: prefixed, bare and full IRIs are one term (JSON-LD 1.1, Compact IRIs)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.ids import NS

if TYPE_CHECKING:
    from collections.abc import Mapping

ODRL = "http://www.w3.org/ns/odrl/2/"
XSD = "http://www.w3.org/2001/XMLSchema#"
DCT = "http://purl.org/dc/terms/"
DCAT = "http://www.w3.org/ns/dcat#"
CC = "http://creativecommons.org/ns#"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
PROFILE = NS.removesuffix("#")

WIRE_PREFIXES: Mapping[str, str] = {
    "odrl": ODRL,
    "xsd": XSD,
    "dct": DCT,
    "dcat": DCAT,
    "dspace": "https://w3id.org/dspace/2025/1/",
}
"""The prefixes that DSP's context declares (DSP 2025-1, context.jsonld): the only ones that travel."""

PREFIXES: Mapping[str, str] = {
    **WIRE_PREFIXES,
    "kom": NS,
    "cc": CC,
    "dcterms": DCT,
    "dpv": "https://w3id.org/dpv#",
    "edc": EDC,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
"""The prefixes understood on reading."""

_DESCRIPTIVE = (
    DCT,
    "http://purl.org/dc/elements/1.1/",
    "http://www.w3.org/2006/vcard/ns#",
    "http://xmlns.com/foaf/0.1/",
    "http://schema.org/",
    "http://www.w3.org/2000/01/rdf-schema#",
)
_PREFIXED = re.compile(r"([A-Za-z][\w.-]*):(?!//)(.*)", re.DOTALL)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_ALIASES = {"@id": "uid", "id": "uid", "@type": "type", DCT + "isReplacedBy": "isReplacedBy"}


def words(text: str) -> frozenset[str]:
    """Return the names in a text, parted by blanks."""
    return frozenset(text.split())


def expand(term: str, prefixes: Mapping[str, str] = PREFIXES) -> str:
    """Return the full IRI of a prefixed term; anything else as it stands."""
    match = _PREFIXED.fullmatch(term)
    if match is None:
        return term
    base = prefixes.get(match[1])
    return term if base is None else base + match[2]


def vocabulary(term: str, prefixes: Mapping[str, str] = PREFIXES) -> str:
    """Return the full IRI of a term in a vocabulary position, where a bare name is a name of ODRL."""
    return ODRL + term if term.isalpha() else expand(term, prefixes)


def local(term: str, prefixes: Mapping[str, str] = PREFIXES) -> str:
    """Return the bare name of an ODRL term, and any other term as a full IRI where it has one."""
    return expand(term, prefixes).removeprefix(ODRL)


def member(key: str, prefixes: Mapping[str, str] = PREFIXES) -> str:
    """Return the name of a JSON member: bare for ODRL's, `uid` for `@id`, `type` for `@type`."""
    name = local(key, prefixes)
    return _ALIASES.get(name, name)


def descriptive(name: str) -> bool:
    """Tell whether a member only describes an asset or a party that is identified otherwise."""
    return name.startswith(_DESCRIPTIVE)


def shorten(iri: str) -> str:
    """Return an IRI with its prefix for people; as it stands when no prefix fits."""
    for prefix, base in PREFIXES.items():
        if iri.startswith(base) and len(iri) > len(base):
            return f"{prefix}:{iri[len(base) :]}"
    return iri


def absolute(text: str) -> bool:
    """Tell whether text is an absolute IRI (RFC 3987, with a scheme), not a bare name."""
    return _ABSOLUTE.fullmatch(text) is not None


def context_prefixes(context: Any) -> Mapping[str, str]:
    """Return the prefixes known here and those that a document's own `@context` declares; ours win."""
    items = context if isinstance(context, list) else [context]
    declared = {
        name: base
        for item in items
        if isinstance(item, dict)
        for name, base in item.items()
        if isinstance(base, str) and base[-1:] in ("/", "#", ":", "=")
    }
    return {**declared, **PREFIXES} if declared else PREFIXES
