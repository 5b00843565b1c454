"""From an offer to its agreement, and an agreement that is not what was accepted (A.2 row 26)."""

from __future__ import annotations

from typing import Any

import pytest

from connector import clock
from connector.evidence import document

ASKED = 1_786_689_300.5
PARTIES = {"target": "urn:dataset:1", "assigner": "did:web:provider.example", "assignee": "did:web:consumer.example"}


def _offer() -> dict[str, Any]:
    constraint = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2030-01-01T00:00:00Z"}
    return {
        "@id": "urn:offer:1",
        "@type": "Offer",
        "target": "urn:dataset:1",
        "permission": [{"action": "use", "constraint": [constraint]}],
        "https://example.org/ns#note": "behålls",
    }


def _agreement(at: float = ASKED + 1, **changes: Any) -> dict[str, Any]:
    made = document.agreement(_offer(), agreement_id="urn:agreement:1", **PARTIES, timestamp=clock.iso(at))
    return made | changes


def _faults(found: dict[str, Any], now: float = ASKED + 2) -> tuple[str, ...]:
    return document.faults(found, _offer(), **PARTIES, asked=ASKED, now=now)


def test_an_agreement_is_the_offer_between_two_parties_at_a_time() -> None:
    made = _agreement()
    assert made["@id"] == "urn:agreement:1"
    assert made["@type"] == "Agreement"
    assert {name: made[name] for name in PARTIES} == PARTIES
    assert made["timestamp"] == clock.iso(ASKED + 1)
    assert made["permission"] == _offer()["permission"]
    assert made["https://example.org/ns#note"] == "behålls"
    assert list(made)[-2:] == ["permission", "https://example.org/ns#note"]


def test_an_agreement_that_the_offer_becomes_has_no_faults() -> None:
    assert _faults(_agreement()) == ()
    assert _faults(_agreement(**{"https://example.org/ns#more": 1})) == ()


@pytest.mark.parametrize("name", list(PARTIES))
def test_a2_26_an_agreement_with_another_party_or_dataset_is_found(name: str) -> None:
    assert f"/{name}" in _faults(_agreement() | {name: "urn:another"})
    missing = _agreement()
    del missing[name]
    assert f"/{name}" in _faults(missing)


def test_a2_26_an_agreement_with_other_rules_is_found() -> None:
    assert _faults(_agreement(permission=[{"action": "use"}])) != ()
    assert _faults(_agreement(prohibition=[{"action": "use"}])) != ()


@pytest.mark.parametrize("identifier", [None, "", 7])
def test_an_agreement_without_an_identifier_is_found(identifier: object) -> None:
    assert "/@id" in _faults(_agreement() | {"@id": identifier})


@pytest.mark.parametrize(("kind", "faults"), [("Offer", ("/@type",)), (None, ("/@type",)), ("odrl:Agreement", ())])
def test_a2_26_what_is_no_agreement_is_found(kind: object, faults: tuple[str, ...]) -> None:
    assert _faults(_agreement() | {"@type": kind}) == faults


@pytest.mark.parametrize("timestamp", [None, 1786689301, "yesterday", "2026-08-14T06:35:01", ""])
def test_an_agreement_whose_time_cannot_be_read_is_found(timestamp: object) -> None:
    assert _faults(_agreement(timestamp=timestamp)) == ("/timestamp",)


@pytest.mark.parametrize(
    ("at", "faults"),
    [
        (ASKED - 1, ("/timestamp",)),
        (ASKED - 0.5, ()),
        (ASKED + 2 + 300, ()),
        (ASKED + 2 + 300.5, ("/timestamp",)),
    ],
)
def test_an_agreement_is_not_older_than_our_request_and_at_most_five_minutes_ahead(
    at: float, faults: tuple[str, ...]
) -> None:
    assert _faults(_agreement(at)) == faults


PURPOSE = "https://w3id.org/municipal-dataspace/v1#purpose"


def _declaring(offer: dict[str, Any], purpose: str | None) -> dict[str, Any]:
    parties = {**PARTIES, "timestamp": clock.iso(ASKED + 1)}
    return document.agreement(offer, agreement_id="urn:agreement:1", **parties, purpose=purpose)


def test_an_agreement_says_what_its_consumer_declared_whatever_the_offer_says() -> None:
    assert _declaring(_offer(), "urn:flood")[PURPOSE] == "urn:flood"
    assert _declaring(_offer() | {PURPOSE: "urn:other"}, "urn:flood")[PURPOSE] == "urn:flood"
    assert PURPOSE not in _declaring(_offer() | {PURPOSE: "urn:other"}, None)


@pytest.mark.parametrize(
    ("theirs", "ours", "wrong", "copied"),
    [
        ("urn:flood", "urn:flood", False, True),
        (None, "urn:flood", False, False),
        (None, None, False, True),
        ("urn:other", "urn:flood", True, False),
        ("urn:other", None, True, False),
    ],
)
def test_a2_26_an_agreement_for_another_purpose_is_found_and_one_without_it_is_not_copied(
    *, theirs: str | None, ours: str | None, wrong: bool, copied: bool
) -> None:
    found = _declaring(_offer(), theirs)
    faults = document.faults(found, _offer(), **PARTIES, asked=ASKED, now=ASKED + 2, purpose=ours)
    assert faults == (("/https:~1~1w3id.org~1municipal-dataspace~1v1#purpose",) if wrong else ())
    assert document.copied(found, ours) is copied
