"""Reading the DID documents of others: what is used, what is left out, what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Invalid, Unreachable
from connector.identity import did, document, keys
from connector.net.client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_aiohttp import AiohttpServer

DID = "did:web:village.example"
KEY, OTHER = keys.generate().public, keys.generate().public


def method(name: str = "#key-1", **changes: Any) -> dict[str, Any]:
    return {"id": DID + name, "type": "JsonWebKey", "controller": DID, "publicKeyJwk": KEY.jwk} | changes


def value(**changes: Any) -> dict[str, Any]:
    return {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "verificationMethod": [method()],
        "capabilityInvocation": [f"{DID}#key-1"],
    } | changes


def read(**changes: Any) -> document.Document:
    return document.parse(DID, json.dumps(value(**changes)).encode())


def reason(data: bytes) -> Any:
    with pytest.raises(Unreachable, match="did_document_invalid") as caught:
        document.parse(DID, data)
    return caught.value.values["reason"]


def test_a_plain_document_is_read() -> None:
    seen = read()
    assert seen.did == DID
    assert seen.methods == (document.Method(f"{DID}#key-1", KEY, frozenset({"token"})),)
    assert (seen.listed, seen.services, seen.announces, seen.rotations) == (1, (), frozenset(), ())
    assert (seen.version_url, seen.catalog_url) == (None, None)


def test_relative_names_and_single_values_are_understood() -> None:
    seen = read(verificationMethod=method(id="#key-1"), capabilityInvocation="#key-1", assertionMethod="#key-1")
    assert seen.methods[0].kid == f"{DID}#key-1"
    assert seen.methods[0].purposes == {"token", "seal"}


def test_a_method_may_stand_in_its_relationship() -> None:
    seen = read(verificationMethod=[], capabilityInvocation=[method()])
    assert seen.methods == (document.Method(f"{DID}#key-1", KEY, frozenset({"token"})),)
    assert seen.listed == 1


def test_a2_12_key_outside_capability_invocation_is_for_no_token() -> None:
    seen = read(authentication=[f"{DID}#key-1"], capabilityInvocation=[], keyAgreement=[f"{DID}#key-1"])
    assert seen.methods[0].purposes == frozenset()


@pytest.mark.parametrize(
    "unusable",
    [
        method(publicKeyJwk=None),
        method(publicKeyJwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        method(publicKeyJwk={**KEY.jwk, "d": "AAAA"}),
        {"id": f"{DID}#key-1", "type": "Multikey", "controller": DID, "publicKeyMultibase": "z6Mk"},
        method(controller="did:web:other.example"),
        method(id="did:web:other.example#key-1"),
        method(id=DID),
        method(id=f"{DID}#"),
        method(id="key-1"),
        method(id=7),
        method(id=f"{DID}#a\nb"),
        "https://example.org/key",
        None,
        7,
    ],
)
def test_a2_12_method_that_cannot_be_used_is_left_out_but_counted(unusable: Any) -> None:
    seen = read(verificationMethod=[method("#good"), unusable], capabilityInvocation=[f"{DID}#good", f"{DID}#key-1"])
    assert [usable.kid for usable in seen.methods] == [f"{DID}#good"]
    assert seen.listed == 2


def test_services_are_read_by_type() -> None:
    services = [
        {"id": "#a", "type": "LinkedDomains", "serviceEndpoint": ["https://a.example"]},
        {"id": "#b", "type": ["CatalogService", 7], "serviceEndpoint": "https://village.example/dsp/catalog"},
        {"id": "#c", "type": "DataService", "serviceEndpoint": {"uri": "https://no.example"}},
        {"id": "#d", "type": "DataService", "serviceEndpoint": "https://village.example/.well-known/dspace-version"},
        "no service",
    ]
    seen = read(service=services)
    assert seen.version_url == "https://village.example/.well-known/dspace-version"
    assert seen.catalog_url == "https://village.example/dsp/catalog"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "json_invalid"),
        (b"<html>", "json_invalid"),
        (b"[]", "json_not_object"),
        (b"{}", "id"),
        (b'{"id": "did:web:village.example", "id": "did:web:village.example"}', "json_duplicate_key"),
        (b'{"id": ' + b"[" * 100 + b"]" * 100 + b"}", "json_too_deep"),
        (b'{"id": "did:web:village.example"}'.ljust(64 * 1024 + 1), "body_too_large"),
        (json.dumps(value(id="did:web:other.example")).encode(), "id"),
        (json.dumps(value(id=[DID])).encode(), "id"),
        (json.dumps(value(id=DID.upper())).encode(), "id"),
        (json.dumps(value(verificationMethod=[method(), method()])).encode(), "verificationMethod"),
        (json.dumps(value(assertionMethod=[method()])).encode(), "verificationMethod"),
        (json.dumps(value(verificationMethod=[{}] * 33)).encode(), "verificationMethod"),
        (json.dumps(value(service=[{}] * 65)).encode(), "service"),
    ],
)
def test_a2_06_document_that_is_not_the_dids_is_refused(data: bytes, expected: str) -> None:
    assert reason(data) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([DID, f"{DID}#key-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type"]), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["verificationMethod", "capabilityInvocation", "assertionMethod", "service"]), json_values
    )
)
def test_a2_06_any_shape_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        seen = read(**changes)
    except Unreachable:
        return
    assert all(usable.kid.startswith(f"{DID}#") for usable in seen.methods)


# Fetching


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client(loopback=True)
    yield made
    await made.close()


async def hosted(aiohttp_server: AiohttpServer, answer: Any) -> str:
    """Serve a DID document by a handler that is given the DID, and return the DID."""

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.path == "/va/did.json"
        response: web.StreamResponse = await answer(f"did:web:127.0.0.1%3A{request.url.port}:va")
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    return f"did:web:127.0.0.1%3A{(await aiohttp_server(app)).port}:va"


async def test_a_document_is_fetched_from_where_did_web_says(client: Client, aiohttp_server: AiohttpServer) -> None:
    async def good(name: str) -> web.Response:
        return web.json_response({"id": name}, content_type="text/plain")

    name = await hosted(aiohttp_server, good)
    assert (await did.resolve(client, name)).did == name


async def test_a2_06_slow_server_is_given_up_after_three_seconds(
    client: Client, aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert did.RESOLVE_SECONDS == 3
    monkeypatch.setattr(did, "RESOLVE_SECONDS", 0.1)

    async def slow(name: str) -> web.Response:
        await asyncio.sleep(0.5)
        return web.json_response({"id": name})

    with pytest.raises(Unreachable, match="peer_timeout"):
        await did.resolve(client, await hosted(aiohttp_server, slow))


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (web.Response(status=404), "did_not_found"),
        (web.Response(status=500, body=b"{}"), "did_not_found"),
        (web.Response(status=302, headers={"Location": "https://evil.example/did.json"}), "peer_redirected"),
        (web.Response(body=bytes(64 * 1024 + 1)), "peer_answer_too_large"),
        (web.Response(text="hello"), "did_document_invalid"),
        (web.json_response({"id": "did:web:evil.example"}), "did_document_invalid"),
    ],
    ids=["missing", "broken", "redirect", "huge", "no-json", "other-did"],
)
async def test_a2_06_hostile_server_is_unreachable(
    response: web.Response, code: str, client: Client, aiohttp_server: AiohttpServer
) -> None:
    async def answer(_: str) -> web.Response:
        return response

    with pytest.raises(Unreachable, match=code):
        await did.resolve(client, await hosted(aiohttp_server, answer))


async def test_a2_06_only_did_web_is_resolved(client: Client) -> None:
    for name in ("did:key:z6Mk", "did:web:169.254.169.254", "did:web:town.example/../x", "https://town.example"):
        with pytest.raises(Invalid, match="did_invalid"):
            await did.resolve(client, name)


async def test_a2_06_loopback_did_is_not_resolved_by_a_public_installation() -> None:
    public = Client(loopback=False)
    with pytest.raises(Unreachable, match="url_refused"):
        await did.resolve(public, "did:web:localhost%3A9101")
    await public.close()
