"""Catalogues: what we render is valid and read back, what a peer sends is read as far as it can be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import loader
from connector.errors import Unreachable
from connector.protocol import catalog
from tests.schemas import faults
from tests.unit.protocol.documents import IDS, JSON, example

TOWN = "did:web:town.example"
BASE = "https://town.example/dsp/2025-1"
RULES = {"permission": [{"action": "use"}]}

names = st.sampled_from(["dct:title", "dct:description", "dcat:keyword", "dcat:theme", "dct:language"])
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
tagged = st.fixed_dictionaries({"@value": words, "@language": st.sampled_from(["sv", "en"])})
descriptions = st.dictionaries(names, words | tagged | st.lists(words | tagged, max_size=3), max_size=4)
shelves = st.dictionaries(IDS, st.tuples(descriptions, st.lists(IDS, min_size=1, max_size=3)), max_size=4)


def _entry(dataset: str, description: dict[str, Any], offers: list[str]) -> str:
    """Return an entry as the store joins it: the dataset's text, its offers' texts, the closing brace."""
    texts = ",".join(catalog.offer(name, RULES)[1] for name in offers)
    return f'{catalog.dataset(dataset, description, BASE, TOWN)},"hasPolicy":[{texts}]}}'


@given(shelves)
def test_a_page_of_rendered_entries_is_valid_and_a_peer_finds_every_offer_in_it(
    shelf: dict[str, tuple[dict[str, Any], list[str]]],
) -> None:
    page = loader.load_object(catalog.root(TOWN, BASE, [_entry(name, *rest) for name, rest in shelf.items()]))
    assert faults("Catalog", page) == []
    assert page["participantId"] == TOWN
    found = catalog.datasets_in(page)
    assert [entry["@id"] for entry in found] == list(shelf)
    for entry in found:
        description, offers = shelf[entry["@id"]]
        assert [item["@id"] for item in catalog.offers_in(entry)] == offers
        assert {name: entry[name] for name in description} == description


@given(IDS, descriptions)
def test_one_dataset_is_valid_alone_and_says_where_and_with_whom_to_negotiate(
    name: str, description: dict[str, Any]
) -> None:
    alone = loader.load_object(catalog.single(_entry(name, description, ["urn:offer:1"])))
    assert faults("Dataset", alone) == []
    assert alone["@id"] == name
    assert alone["dct:publisher"] == {"@id": TOWN}
    assert alone["distribution"][0]["format"] == "HttpData-PULL"
    assert alone["distribution"][0]["accessService"]["endpointURL"] == BASE


def test_a_catalogue_with_nothing_to_show_is_valid_and_empty() -> None:
    page = loader.load_object(catalog.root(TOWN, BASE, []))
    assert faults("Catalog", page) == []
    assert "dataset" not in page
    assert catalog.datasets_in(page) == []


def test_a_description_cannot_speak_for_the_entry_itself() -> None:
    forged = {"@id": "urn:other", "@type": "Catalog", "hasPolicy": [], "distribution": [], "dct:title": "Regn"}
    alone = loader.load_object(catalog.single(_entry("urn:rain", forged, ["urn:offer:1"])))
    assert (alone["@id"], alone["@type"], alone["dct:title"]) == ("urn:rain", "Dataset", "Regn")
    assert [item["@id"] for item in catalog.offers_in(alone)] == ["urn:offer:1"]
    assert len(alone["distribution"]) == 1


def test_an_offer_is_the_policy_under_an_id_of_its_own_and_names_no_target() -> None:
    policy = RULES | {
        "@id": "urn:policy",
        "@type": "Set",
        "target": "urn:rain",
        "uid": "urn:policy",
        "profile": "urn:p",
    }
    document, text = catalog.offer("urn:offer:1", policy)
    assert document == RULES | {"@id": "urn:offer:1", "@type": "Offer", "profile": "urn:p"}
    assert loader.loads(text.encode()) == document


@pytest.mark.parametrize("name", ["catalog", "nested-catalog"])
def test_the_official_examples_are_read(name: str) -> None:
    for entry in catalog.datasets_in(example(f"catalog/example/{name}.json")):
        assert catalog.offers_in(entry)


def test_one_dataset_or_offer_counts_as_a_list_of_one_and_prefixes_are_read() -> None:
    offer = {"@id": "urn:offer:1"}
    for page in (
        {"dataset": {"@id": "urn:rain", "hasPolicy": offer}},
        {"dcat:dataset": {"@id": "urn:rain", "odrl:hasPolicy": offer}},
        {"dcat:dataset": [{"@id": "urn:rain", "odrl:hasPolicy": [offer]}]},
    ):
        [entry] = catalog.datasets_in(page)
        assert catalog.offers_in(entry) == [offer]


def test_what_nobody_can_ask_for_is_left_out() -> None:
    assert catalog.datasets_in({"dataset": ["urn:rain", {"@id": 7}, {}, {"@id": "urn:snow"}]}) == [{"@id": "urn:snow"}]
    assert catalog.offers_in({"hasPolicy": ["urn:offer:1", {"@type": "Offer"}, {"@id": None}]}) == []


@given(JSON | st.dictionaries(st.sampled_from(["dataset", "dcat:dataset", "hasPolicy", "@id"]), JSON))
def test_any_object_is_read_and_anything_else_is_no_catalogue(answer: Any) -> None:
    if isinstance(answer, dict):
        found = catalog.datasets_in(answer)
        assert all(isinstance(item["@id"], str) for entry in found for item in [entry, *catalog.offers_in(entry)])
    else:
        with pytest.raises(Unreachable, match="catalog_unreadable"):
            catalog.datasets_in(answer)
