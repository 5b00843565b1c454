"""The example policies in `policies/examples`: they may travel, validate against DSP, and mean what their titles say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import check_wire, expand_terms, parse
from tests.unit.policy.documents import DATASET, at

EXAMPLES = Path(__file__).parents[3] / "policies" / "examples"
SCHEMA = Path(__file__).parents[2] / "data" / "dsp" / "negotiation" / "contract-schema.json"
POLICIES = sorted(EXAMPLES.glob("*.json"))
CASES = [
    pytest.param(path, case, id=f"{path.stem}-{case['name']}")
    for path in POLICIES
    for case in tomllib.loads(path.with_suffix(".cases.toml").read_text(encoding="utf-8"))["case"]
]


def document_of(path: Path) -> dict[str, Any]:
    found = expand_terms(json.loads(path.read_text(encoding="utf-8")))
    assert isinstance(found, dict)
    return found


def test_the_examples_are_there() -> None:
    assert [path.stem for path in POLICIES] == [
        "named-peers",
        "neighbours-and-period",
        "never",
        "open",
        "valid-period",
    ]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_an_example_may_travel_and_is_valid_by_the_protocols_schema(path: Path) -> None:
    document = document_of(path)
    check_wire(document)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    definition = {"$ref": "#/definitions/Offer", "definitions": schema["definitions"]}
    jsonschema_rs.validate(definition, {**document, "@id": "urn:uuid:1"})


@pytest.mark.parametrize(("path", "case"), CASES)
def test_a_case_beside_an_example_holds(path: Path, case: dict[str, Any]) -> None:
    request = Request("odrl:read", DATASET, case["party"], at(case["time"]))
    assert evaluate(parse(document_of(path)), request, Facts()).outcome == case["expect"]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_an_example_has_a_title_in_both_languages(path: Path) -> None:
    assert {title["@language"] for title in document_of(path)["dct:title"]} == {"sv", "en"}
