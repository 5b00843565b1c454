from __future__ import annotations

import pytest

from connector.ids import NS
from connector.policy import terms
from connector.policy.terms import ODRL


@pytest.mark.parametrize(
    ("term", "full"),
    [
        ("odrl:use", ODRL + "use"),
        ("kom:participant", NS + "participant"),
        ("use", "use"),
        ("http://www.w3.org/ns/odrl/2/use", ODRL + "use"),
        ("did:web:ekby.example", "did:web:ekby.example"),
        ("odrl://host", "odrl://host"),
        ("", ""),
    ],
)
def test_a_prefixed_term_becomes_a_full_iri(term: str, full: str) -> None:
    assert terms.expand(term) == full


def test_a_bare_name_is_odrls_in_a_vocabulary_position_only() -> None:
    assert terms.vocabulary("use") == ODRL + "use"
    assert terms.vocabulary("odrl:use") == ODRL + "use"
    assert terms.expand("use") == "use"


@pytest.mark.parametrize(
    ("key", "name"),
    [("@id", "uid"), ("id", "uid"), ("@type", "type"), ("odrl:uid", "uid"), (ODRL + "permission", "permission")],
)
def test_a_member_has_one_name_in_all_spellings(key: str, name: str) -> None:
    assert terms.member(key) == name
    assert terms.member("dct:isReplacedBy") == "isReplacedBy"


def test_an_iri_is_shortened_for_people() -> None:
    assert terms.shorten(ODRL + "dateTime") == "odrl:dateTime"
    assert terms.shorten(NS + "participant") == "kom:participant"
    assert terms.shorten(ODRL) == ODRL
    assert terms.shorten("urn:x") == "urn:x"


def test_a_context_declares_prefixes_but_cannot_change_ours() -> None:
    context = [
        "http://www.w3.org/ns/odrl.jsonld",
        {"ex": "http://example.com/", "odrl": "http://evil.example/", "x": 1},
    ]
    prefixes = terms.context_prefixes(context)
    assert terms.expand("ex:a", prefixes) == "http://example.com/a"
    assert terms.expand("odrl:a", prefixes) == ODRL + "a"
    assert terms.context_prefixes(None) is terms.PREFIXES


def test_a_bare_name_is_not_an_absolute_iri() -> None:
    assert terms.absolute("urn:x")
    assert not terms.absolute("flood")
    assert not terms.absolute("two words:x")
