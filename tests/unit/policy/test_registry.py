"""The registry: complete in both languages, consistent with ODRL, and the only place that defines what it defines."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest

from connector.ids import NS
from connector.policy import actions, registry
from connector.policy.operands import OPERANDS
from connector.policy.operators import OPERATORS
from connector.policy.terms import ODRL, PROFILE
from tools import profile_pages

ROOT = Path(__file__).parents[3]
RAW = registry.read("registry")
LABELLED = [
    pytest.param(entry, id=f"{name}-{key}")
    for name in ("operands", "actions", "purposes", "recipients", "triggers")
    for key, entry in RAW[name].items()
]


def _values(template: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("entry", LABELLED)
def test_a_term_is_named_in_both_languages(entry: dict[str, Any]) -> None:
    assert {*entry["label"]} == {"sv", "en"}
    assert all(entry["label"].values())


@pytest.mark.parametrize("iri", sorted(OPERANDS))
def test_an_operand_says_its_type_role_operators_and_sentences(iri: str) -> None:
    entry = registry.table("operands")[iri]
    assert set(entry["operators"]) <= OPERATORS
    assert set(entry.get("shaped_by", ())) <= set(entry["operators"])
    assert entry["grade"] in registry.GRADES
    assert (entry["grade"] == "shaped") == (entry["role"] == "shape") == ("shaped_by" in entry)
    assert entry.get("values", "areas") in {*registry.CONCEPTS, "areas"}
    for clause in (*entry.get("clause", {}).values(), *([entry["due"]] if "due" in entry else [])):
        assert {language: _values(text) for language, text in clause.items()} == {"sv": {"value"}, "en": {"value"}}


def test_every_operator_has_a_sentence() -> None:
    assert set(RAW["operators"]) == OPERATORS
    for entry in RAW["operators"].values():
        assert [_values(entry[language]) for language in ("sv", "en")] == [{"operand", "value"}] * 2


def test_every_action_leads_to_one_of_odrls_two_roots() -> None:
    assert {actions.ancestors(action)[-1] for action in actions.PARENT} == {ODRL + "use", ODRL + "transfer"}


def test_what_a_concept_belongs_to_is_a_concept() -> None:
    known = set(registry.part_of())
    assert {broader for found in registry.part_of().values() for broader in found} <= known


def test_nothing_belongs_to_itself() -> None:
    def climb(iri: str, below: tuple[str, ...]) -> None:
        assert iri not in below
        for broader in registry.part_of()[iri]:
            climb(broader, (*below, iri))

    for iri in registry.part_of():
        climb(iri, ())


def test_all_of_sweden_is_there() -> None:
    found = registry.areas()
    assert sum(iri.startswith(registry.MUNICIPALITY) for iri in found) == 290
    assert sum(iri.startswith(registry.COUNTY) for iri in found) == 21
    assert found[NS + "municipality-0486"] == "Strängnäs kommun"
    assert registry.part_of()[NS + "municipality-0486"] == (NS + "county-04",)


def test_the_municipalities_are_those_of_the_source() -> None:
    source = json.loads((ROOT / "demo" / "data" / "geodata" / "swedish_municipalities.geojson").read_text())
    there = {item["properties"]["id"]: item["properties"]["kom_namn"] for item in source["features"]}
    assert registry.read("areas")["municipalities"] == there


def test_an_iri_of_ours_has_a_label() -> None:
    assert registry.label(NS + "FloodPrevention", "sv") == "att förebygga översvämning"
    assert registry.label(NS + "county-04", "en") == "Södermanlands län"
    assert registry.label(registry.SWEDEN, "en") == "Sweden"
    assert registry.label("urn:x", "sv") is None
    assert RAW["profile"] == PROFILE


@pytest.mark.parametrize("path", sorted(profile_pages.files()), ids=lambda path: path.name)
def test_what_is_made_from_the_registry_is_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == profile_pages.files()[path], "run: python -m tools.profile_pages"
