"""The JSON Schema for editors accepts what we publish and marks what it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from connector.ids import NS
from connector.policy.schema import schema, term
from tests.unit.policy.documents import constraint, offer, rule

EXAMPLES = sorted((Path(__file__).parents[3] / "policies" / "examples").glob("*.json"))
VALIDATOR = jsonschema_rs.Draft7Validator(schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(path: Path) -> None:
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        constraint("odrl:dateTime", "isAnyOf", "2026-01-01T00:00:00Z"),
        constraint("odrl:dateTime", "lt", 2026),
        constraint("odrl:purpose", "isA", "kom:FloodPrevention"),
        constraint("purpose", "isA", {"@id": "kom:FloodPrevention"}),
    ],
)
def test_a_wrong_constraint_is_marked(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(offer(rule(wrong)))


def test_a_term_is_written_as_a_file_may() -> None:
    assert term(NS + "participant") == "kom:participant"
    assert term("https://w3id.org/dpv#hasLegalBasis") == "https://w3id.org/dpv#hasLegalBasis"


def test_titles_are_in_the_language_asked_for() -> None:
    assert schema("sv")["title"] == "Profil för kommunal datadelning"
