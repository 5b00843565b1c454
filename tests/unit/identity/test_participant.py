"""Names of participants, and their DID documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.canonical import canonical
from connector.errors import Invalid
from connector.identity import document, keys, participant

SCHEMAS = Path(__file__).parents[2] / "data" / "dsp" / "common"
PLACES = [
    ("did:web:town.example", "https://town.example", "https://town.example/.well-known/did.json"),
    ("did:web:town.example:va", "https://town.example/va", "https://town.example/va/did.json"),
    ("did:web:town.example:a:b_c", "https://town.example/a/b_c", "https://town.example/a/b_c/did.json"),
    ("did:web:town.example%3A8443", "https://town.example:8443", "https://town.example:8443/.well-known/did.json"),
    ("did:web:localhost%3A9101", "http://localhost:9101", "http://localhost:9101/.well-known/did.json"),
    ("did:web:localhost%3A9101:va", "http://localhost:9101/va", "http://localhost:9101/va/did.json"),
    ("did:web:127.0.0.1%3A9101", "http://127.0.0.1:9101", "http://127.0.0.1:9101/.well-known/did.json"),
    ("did:web:%5B%3A%3A1%5D%3A9101", "http://[::1]:9101", "http://[::1]:9101/.well-known/did.json"),
    ("did:web:localhost", "http://localhost", "http://localhost/.well-known/did.json"),
    ("did:web:xn--strngns-6wae.example", "https://xn--strngns-6wae.example", None),
]


@pytest.mark.parametrize(("did", "root", "document_url"), PLACES)
def test_a_did_leads_to_its_root_and_back(did: str, root: str, document_url: str | None) -> None:
    where = participant.place(did)
    assert (where.root, where.did) == (root, did)
    assert document_url in {None, where.document_url}
    assert participant.at(root) == where == participant.at(f"{root}/")
    assert where.version_url == f"{root}/.well-known/dspace-version"
    assert where.base == f"{root}/dsp/2025-1"
    assert where.loopback == root.startswith("http:")


def test_the_hex_of_a_percent_sign_may_be_in_lower_case() -> None:
    assert participant.place("did:web:town.example%3a8443") == participant.place("did:web:town.example%3A8443")


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:web:",
        "did:key:z6Mk",
        "DID:WEB:town.example",
        "did:web:Town.example",
        "did:web:town.example:",
        "did:web:town.example::va",
        "did:web:town.example:..",
        "did:web:town.example:.",
        "did:web:town.example:a/b",
        "did:web:town.example:a%2Fb",
        "did:web:town.example/va",
        "did:web:town.example#key",
        "did:web:town.example?x",
        "did:web:town.example%3A",
        "did:web:town.example%3A0",
        "did:web:town.example%3A65536",
        "did:web:town.example%3A08443",
        "did:web:town.example%2Fva",
        "did:web:town.example%23",
        "did:web:user%40town.example",
        "did:web:town..example",
        "did:web:.example",
        "did:web:town.example.",
        "did:web:-town.example",
        "did:web:town_hall.example",
        "did:web:10.0.0.1",
        "did:web:127.0.0.2",
        "did:web:2130706433",
        "did:web:%5B%3A%3A2%5D",
        "did:web:%5B%3A%3A1",
        "did:web:strängnäs.example",
        "did:web:%C3%A5.example",
        "did:web:town.example\n",
        " did:web:town.example",
        "did:web:" + "a" * 300,
    ],
)
def test_what_is_not_a_usable_did_is_refused(did: str) -> None:
    with pytest.raises(Invalid, match="did_invalid"):
        participant.place(did)


@pytest.mark.parametrize(
    "root",
    [
        "",
        "town.example",
        "ftp://town.example",
        "http://town.example",
        "https://user@town.example",
        "https://town.example/a b",
        "https://town.example/a/../b",
        "https://town.example//a",
        "https://town.example?x",
        "https://town.example#x",
        "https://town.example:99999",
        "https://10.0.0.1",
        "http://localhost:9101/x%2Fy",
    ],
)
def test_what_is_not_a_usable_root_is_refused(root: str) -> None:
    with pytest.raises(Invalid, match="root_invalid"):
        participant.at(root)


@given(st.from_regex(r"did:web:[a-z0-9.%A-F:-]{1,40}", fullmatch=True))
def test_any_usable_did_has_one_root(did: str) -> None:
    try:
        where = participant.place(did)
    except Invalid:
        return
    assert participant.at(where.root) == where
    assert participant.place(where.did) == where


# The document

DID = "did:web:town.example:va"
TOKEN, SEAL, OLD = (keys.generate().public for _ in range(3))


def made(**extra: Any) -> dict[str, Any]:
    return participant.document(DID, token=[TOKEN], seal=[SEAL], **extra)


def validator() -> jsonschema_rs.Validator:
    """Return the official schema of a DID service."""
    schema, contexts = (
        json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
        for name in ("did-service-schema.json", "context-schema.json")
    )
    registry = jsonschema_rs.Registry([(contexts["$id"], contexts)])
    return jsonschema_rs.validator_for(schema, registry=registry)


def test_services_satisfy_the_official_schema() -> None:
    value = made()
    data, catalog = ({"@context": value["@context"], **service} for service in value["service"])
    assert list(validator().iter_errors(catalog)) == []
    # The schema demands `/catalog` of a DataService too, and so refuses the specification's own example.
    paths = [list(error.instance_path) for error in validator().iter_errors(data)]
    assert paths == [["serviceEndpoint"]]
    assert data["serviceEndpoint"] == "https://town.example/va/.well-known/dspace-version"
    assert catalog["serviceEndpoint"] == "https://town.example/va/dsp/2025-1/catalog"


def test_keys_stand_under_their_purposes() -> None:
    value = made(retired=[OLD])
    token, seal = f"{DID}#{TOKEN.thumbprint}", f"{DID}#{SEAL.thumbprint}"
    assert value["id"] == DID
    assert value["authentication"] == value["capabilityInvocation"] == [token]
    assert value["assertionMethod"] == [seal]
    assert [method["id"] for method in value["verificationMethod"]] == [token, seal, f"{DID}#{OLD.thumbprint}"]
    assert value["verificationMethod"][0] == {
        "id": token,
        "type": "JsonWebKey2020",
        "controller": DID,
        "publicKeyJwk": {**TOKEN.jwk, "alg": "ES256"},
    }


def test_our_document_is_read_back_as_it_was_meant() -> None:
    value = made(announce=["https://w3id.org/x#a"], rotations=["a.b.c"], retired=[OLD])
    seen = document.parse(DID, canonical(value))
    assert {(method.key, method.purposes) for method in seen.methods} == {
        (TOKEN, frozenset({"token"})),
        (SEAL, frozenset({"seal"})),
        (OLD, frozenset()),
    }
    assert seen.version_url == "https://town.example/va/.well-known/dspace-version"
    assert seen.catalog_url == "https://town.example/va/dsp/2025-1/catalog"
    assert (seen.announces, seen.rotations) == (frozenset({"https://w3id.org/x#a"}), ("a.b.c",))
    assert seen.listed == 3
    assert seen.raw == value


def test_extensions_are_left_out_when_there_are_none() -> None:
    assert not {participant.ANNOUNCES, participant.ROTATIONS} & made().keys()


def test_a_key_with_both_purposes_is_listed_once() -> None:
    value = participant.document(DID, token=[TOKEN], seal=[TOKEN])
    assert len(value["verificationMethod"]) == 1
    assert value["assertionMethod"] == value["capabilityInvocation"]


@pytest.mark.parametrize("host", ["localhost%3A9101", "127.0.0.1", "%5B%3A%3A1%5D"])
def test_an_installation_with_a_certificate_speaks_https_with_this_machine_too(host: str) -> None:
    plain, secure = participant.place(f"did:web:{host}"), participant.place(f"did:web:{host}", secure=True)
    assert (plain.scheme, secure.scheme) == ("http", "https")
    assert participant.at(secure.root) == secure
    assert plain.did == secure.did
    assert (
        participant.document(secure.did, token=[], seal=[], secure=True)["service"][0]["serviceEndpoint"]
        == secure.version_url
    )
