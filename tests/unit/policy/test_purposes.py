"""The purposes that may be declared, by every name that they have."""

from __future__ import annotations

import pytest

from connector.ids import NS
from connector.policy import purposes
from connector.policy.registry import table


@pytest.mark.parametrize("name", [NS + "FloodPrevention", "kom:FloodPrevention", "FloodPrevention"])
def test_a_purpose_is_named_in_full_with_its_prefix_or_bare(name: str) -> None:
    assert purposes.purpose(name) == NS + "FloodPrevention"


def test_every_purpose_of_the_registry_may_be_declared() -> None:
    assert all(purposes.purpose(iri) == iri for iri in table("purposes"))


@pytest.mark.parametrize("name", ["", "kom:Mischief", "floodprevention", NS + "PublicSectorBody", "odrl:purpose"])
def test_what_is_no_purpose_is_none(name: str) -> None:
    assert purposes.purpose(name) is None


def test_a_bare_name_that_two_purposes_share_stands_for_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        purposes, "table", lambda _name: {"https://a.example/Same": {}, NS + "Same": {}, NS + "One": {}}
    )
    purposes._bare.cache_clear()
    found = purposes.purpose("Same"), purposes.purpose("One")
    purposes._bare.cache_clear()
    assert found == (None, NS + "One")
