"""The profile's registry: every operand, operator, action, purpose and area, with labels and sentences, from one place.

The files of `connector/policy/data/` belong to the program as its code does; nothing of what they say is repeated in code.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from connector import loader
from connector.ids import NS
from connector.policy.terms import expand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Grade = Literal["enforced", "shaped", "attested", "recorded"]
GRADES: tuple[Grade, ...] = ("enforced", "shaped", "attested", "recorded")
"""How far a term is kept by technology, the strongest first."""

CONCEPTS = ("purposes", "recipients", "triggers")
"""The vocabularies of IRIs in the registry file."""

COUNTY, MUNICIPALITY, REGION = NS + "county-", NS + "municipality-", NS + "region-"
SWEDEN = "http://publications.europa.eu/resource/authority/country/SWE"


@cache
def read(name: str) -> Mapping[str, Any]:
    """Return one data file, `registry` or `areas`, as it is written."""
    data = pkgutil.get_data("connector.policy.data", f"{name}.json")
    return loader.load_object(data or b"")


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return a table of the registry with full IRIs as its keys."""
    return {expand(key): entry for key, entry in read("registry")[name].items()}


@cache
def areas() -> Mapping[str, str]:
    """Return the Swedish name of every municipality, county and region, by IRI."""
    found = {MUNICIPALITY + code: f"{name} kommun" for code, name in read("areas")["municipalities"].items()}
    for code, county in read("areas")["counties"].items():
        found |= {COUNTY + code: county["name"], REGION + code: f"regionen i {county['name']}"}
    return found


@cache
def part_of() -> Mapping[str, Sequence[str]]:
    """Return what each known purpose, kind of recipient and area directly belongs to, by IRI; nothing for the topmost."""
    found = {
        iri: tuple(expand(each) for each in entry["broader"]) for name in CONCEPTS for iri, entry in table(name).items()
    }
    for code in read("areas")["municipalities"]:
        found[MUNICIPALITY + code] = (COUNTY + code[:2],)
    for code in read("areas")["counties"]:
        found |= {COUNTY + code: (SWEDEN,), REGION + code: (COUNTY + code,)}
    return {**found, SWEDEN: ()}


def label(iri: str, language: str) -> str | None:
    """Return what people call a purpose, a kind of recipient, a trigger or an area; `None` for an IRI that is not ours."""
    for name in CONCEPTS:
        if iri in table(name):
            return str(table(name)[iri]["label"][language])
    if iri == SWEDEN:
        return {"sv": "Sverige", "en": "Sweden"}[language]
    return areas().get(iri)
