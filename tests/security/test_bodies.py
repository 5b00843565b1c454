"""Rows 17 to 19 on every endpoint of the protocol: bodies that no honest peer sends are 4xx and change nothing."""

from __future__ import annotations

import copy
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import hdrs

from connector import ids
from tests.conversation import parts
from tests.conversation.counterparty import say
from tests.security.ledger import dump, unchanged
from tests.security.test_third_party import everything

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty

pytestmark = pytest.mark.slow

DSP = "https://w3id.org/dspace/2025/1/context.jsonld"
Bodies = list[tuple[str, dict[str, Any]]]


async def _endpoints(peer: Counterparty, town: Town) -> Bodies:
    """Return a well-formed message for every place that takes one."""
    transfer, _ = await parts.started(peer, town)
    negotiation, agreement = await parts.agreed(peer, town)
    await town.contract(negotiation.provider, "AGREED")
    await town.transfer(transfer.provider, "STARTED")
    offer = await parts.offer_of(peer, town)
    theirs = {"providerPid": ids.new(), "callbackAddress": peer.base, "offer": parts.their_offer(target="lakes")}
    return [
        ("catalog/request", say("CatalogRequestMessage")),
        ("negotiations/request", parts.request(peer, offer)),
        ("negotiations/offers", say("ContractOfferMessage", **theirs)),
        ("transfers/request", parts.transfer_request(peer, agreement["@id"])),
        *(each for each in everything(negotiation) if each[0].startswith("negotiations")),
        *(each for each in everything(transfer) if each[0].startswith("transfers")),
    ]


CONTEXTS: list[Any] = [
    [DSP, {"offer": "https://evil.example/offer"}], {"@vocab": "https://evil.example/"}, [{"@import": DSP}, DSP], [[DSP]],
    [DSP, None], [DSP, 5], "https://evil.example/context.jsonld", ["http://169.254.169.254/"], [], {}, None, 5, "",
    [DSP, {"permission": {"@id": "odrl:prohibition"}}], DSP + "/", DSP.upper(),
]  # fmt: skip


async def test_a2_17_only_a_list_of_known_words_is_a_context(town: Town, peer: Counterparty) -> None:
    endpoints = await _endpoints(peer, town)
    heard = len(peer.heard)
    async with unchanged(town):
        for path, body in endpoints:
            for context in CONTEXTS:
                said = await peer.says(town, path, body | {"@context": context})
                known = (said.status, said.code) in ((400, "context_unknown"), (404, "process_unknown"))
                assert known, (path, context, said.body)
            missing = {name: value for name, value in body.items() if name != "@context"}
            assert (await peer.says(town, path, missing)).status in (400, 404)
    assert len(peer.heard) == heard


def _with(text: str) -> Callable[[dict[str, Any]], bytes]:
    return lambda body: orjson.dumps(body)[:-1] + f',"x":{text}}}'.encode()


HOSTILE: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "nothing": lambda _body: b"",
    "spaces": lambda _body: b"  \n",
    "not JSON": lambda body: orjson.dumps(body)[:-1],
    "more after it": lambda body: orjson.dumps(body) + b"{}",
    "a list": lambda body: orjson.dumps([body]),
    "null": lambda _body: b"null",
    "a text": lambda _body: b'"x"',
    "UTF-16": lambda body: orjson.dumps(body).decode().encode("utf-16"),
    "not UTF-8": lambda body: orjson.dumps(body)[:-1] + b',"x":"\xff\xfe"}',
    "a mark first": lambda body: b"\xef\xbb\xbf" + orjson.dumps(body),
    "NaN": _with("NaN"),
    "Infinity": _with("-Infinity"),
    "a number without end": _with("1" * 5000),
    "a number over 64 bits": _with(str(2**70)),
    "a number over 53 bits": _with(str(2**53 + 1)),
    "a large exponent": _with("1e999"),
    "a duplicate": lambda body: orjson.dumps(body)[:-1] + b',"@type":"X"}',
    "a duplicate inside": _with('{"a":1,"a":2}'),
    "half a character": _with('"\\ud800"'),
    "half a character as a name": _with('{"\\udfff":1}'),
    "NUL": _with('"\\u0000"'),
    "depth 65": _with("[" * 65 + "]" * 65),
    "depth 100,000": _with("[" * 100_000 + "]" * 100_000),
    "depth of objects": _with('{"a":' * 5_000 + "1" + "}" * 5_000),
    "depth that never ends": lambda _body: b"[" * 200_000,
    "too large": _with('"' + "x" * 256 * 1024 + '"'),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a2_18_what_is_no_clean_json_is_refused_everywhere(town: Town, peer: Counterparty, name: str) -> None:
    endpoints = await _endpoints(peer, town)
    async with unchanged(town):
        for path, body in endpoints:
            said = await peer.says(town, path, HOSTILE[name](body))
            assert said.status in (400, 404, 413), (path, said)
            assert said.code


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", lambda data: data),
        ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
        ("x-unknown", lambda data: data),
    ],
)
async def test_a2_19_a_compressed_body_is_refused_unread(
    town: Town, peer: Counterparty, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    bomb = compress(b'{"x":"' + b"x" * 20_000_000 + b'"}') if coding == "gzip" else compress(b"{}")
    endpoints = await _endpoints(peer, town)
    async with unchanged(town):
        for path, _ in endpoints:
            said = await peer.says(town, path, bomb, headers={hdrs.CONTENT_ENCODING: coding}, expect=400)
            assert said.code == "http_encoding"


JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 1e308, 2**53 + 1, 2**63, "", " ", "x" * 300, "x" * 100_000, "\u202eevil", "a\nb", "a\x7fb", [], {},
    [[]], [None], [5], {"@value": "x"}, {"@id": 5}, ["x"] * 1000, {"a": {"b": ["c"]}}, "../../etc/passwd", "'; DROP TABLE x",
]  # fmt: skip


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from _places(item, (*at, key))


def _replaced(body: dict[str, Any], place: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    holder: Any = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = junk
    return changed


async def test_a2_18_a_part_of_another_kind_is_never_a_fault_of_ours(town: Town, peer: Counterparty) -> None:
    """Each part of each message replaced by each kind of nonsense: an answer below 500, and nothing changed where refused."""
    endpoints = await _endpoints(peer, town)
    for path, body in endpoints:
        for place in _places(body):
            before = await dump(town)
            for junk in JUNK:
                said = await peer.says(town, path, orjson.dumps(_replaced(body, place, junk)))
                assert said.status < 500, (path, place, junk, said)
                after = await dump(town)
                if said.status >= 400:
                    assert {k: v for k, v in before.items() if after[k] != v} == {}, (path, place, junk, said)
                before = after
    peer.dialogue.clear()
