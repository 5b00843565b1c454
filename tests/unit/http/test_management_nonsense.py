"""Whatever an operator's client sends, the answer is a good one or a problem with a code, never a fault of ours."""

from __future__ import annotations

import asyncio
import io
import itertools
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from connector.http.management import EVIDENCE, GATEWAY, ROUTES
from connector.http.management_route import Route
from tests.acceptance.towns import OPEN, found
from tests.unit.http.asking import Operator, Reply
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SEGMENTS = [
    "x", "%00", "%2e%2e", "..", "%2F", "%ff%fe", "%zz", "%", "%ed%a0%80", "a%0ab", "x" * 257, "x" * 3000, "%25", "%C3%A5",
    "urn:uuid:0", "did%3Aweb%3Anobody.example", "-1", "0", "9" * 30, "%E2%80%AE", "*", "'%3B--", "verify", "preview",
]  # fmt: skip
QUERIES = [
    "?cursor=", "?cursor=x", "?cursor=%00", "?cursor=bmFufHg", "?cursor=aW5mfHg", "?cursor=LWluZnw", "?cursor=MWU0MDB8",
    "?cursor=MHwA", "?cursor=" + "x" * 3000, "?cursor=a&cursor=b", "?limit=0", "?limit=-1", "?limit=1001", "?limit=x",
    "?limit=1e3", "?limit=%00", "?limit=" + "9" * 100, "?unknown=1", "?dataset=%00", "?dataset=", "?subject=%00", "?%00=1",
    "?limit", "?=", "?cursor=%ff", "?cursor=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjN8", "?dataset=" + "x" * 5000,
]  # fmt: skip
BODIES = [
    b"", b"null", b"[]", b"0", b'"x"', b"{", b"\xff", b'{"a":1,"a":2}', b'{"id":NaN}', b"[" * 100, b'{"id":"\\ud800"}',
    b'{"id":"\\u0000"}', b'{"id":' + b"9" * 100 + b"}", b'{"x":{"x":' * 40 + b"1" + b"}" * 80,
]  # fmt: skip
VALUES: list[Any] = [
    None, 0, -1, 1.5, 2**70, True, "", "x", "\n", "x" * 100_000, [], [None], ["x"], [[]], {}, {"": None}, {"@id": 1},
    {"kind": None}, {"kind": "file"}, {"kind": "file", "path": 1}, {"kind": "http", "url": "http://["},
    {"kind": "http", "url": "https://x", "methods": [1]}, "file:", "dir:\x01", "http:http://[::1", "did:web:%",
    "did:web:a%3A99999", "http://localhost:99999/", {"permission": [None]}, {"@type": "Offer", "permission": [{"action": {}}]},
    "sha256:", "pinned",
]  # fmt: skip


@pytest.fixture
async def ekby(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Operator]:
    async with aiohttp.ClientSession() as session, running(tmp_path, sqlite_template, "ekby") as (town,):
        who = Operator(town, session)
        (tmp_path / "x.csv").write_text("a\n")
        await town.publish("x", f"file:{tmp_path / 'x.csv'}")
        yield who


def _sound(reply: Reply, asked: Any) -> None:
    assert reply.status < 500, (asked, reply.status, reply.json)
    if reply.status >= 400:
        assert reply.headers["Content-Type"] == "application/problem+json", asked
        assert reply.json["detail"], asked
        assert "{" not in reply.json["detail"], (asked, reply.json)


async def test_no_name_in_a_path_makes_a_fault(ekby: Operator) -> None:
    paths = [*(route.path for route in ROUTES if route.method != "POST"), GATEWAY + "/{path}", EVIDENCE]
    for segment, path, whole in itertools.product(SEGMENTS, paths, (True, False)):
        filled = _filled(path, ekby, segment, whole=whole)
        method = "DELETE" if path.endswith("{operator}") else "GET"
        if len(filled) < 7000:
            _sound(await ekby.ask(method, filled), filled[:200])


async def test_no_query_makes_a_fault(ekby: Operator) -> None:
    for query, route in itertools.product(QUERIES, ROUTES):
        if route.method == "GET":
            path = _filled(route.path, ekby, "x", whole=False) + query
            _sound(await ekby.get(path), path[:200])


async def test_no_bytes_in_a_body_make_a_fault(ekby: Operator) -> None:
    for body, route in itertools.product(BODIES, ROUTES):
        if route.method == "POST":
            path = _filled(route.path, ekby, "x", whole=False)
            _sound(await ekby.ask("POST", path, data=body), (path, body[:50]))


async def test_no_value_of_a_member_makes_a_fault(ekby: Operator) -> None:
    for value, (route, good) in itertools.product(VALUES, _good(ekby)):
        path = _filled(route.path, ekby, "x", whole=False)
        for member in (*good, "unknown"):
            _sound(await ekby.ask("POST", path, data=_dumps(good | {member: value})), (path, member, str(value)[:50]))


async def test_no_missing_member_makes_a_fault(ekby: Operator) -> None:
    for route, good in _good(ekby):
        path = _filled(route.path, ekby, "x", whole=False)
        for member in good:
            data = _dumps({name: item for name, item in good.items() if name != member})
            _sound(await ekby.ask("POST", path, data=data), (path, member))


async def test_no_json_at_all_makes_a_fault(ekby: Operator) -> None:
    routes = [(route, good) for route, good in _good(ekby)]
    names = st.sampled_from(sorted({name for _, good in routes for name in good}))
    value = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
    bodies: list[Any] = []

    @settings(max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(names, value, max_size=6))
    def collect(body: dict[str, Any]) -> None:
        bodies.append(body)

    collect()
    for body in bodies:
        for route, good in routes:
            path = _filled(route.path, ekby, "x", whole=False)
            wanted = {name: body.get(name, item) for name, item in good.items()}
            _sound(await ekby.ask("POST", path, data=_dumps(wanted)), (path, wanted))


@pytest.mark.parametrize(
    "path", ["/dsp/2025-1/negotiations/%00", "/dsp/2025-1/catalog/datasets/a%00b", "/data/%00", "/%00"]
)
async def test_a_nul_in_a_path_is_found_nowhere_on_the_public_listener(ekby: Operator, path: str) -> None:
    url = URL(f"http://127.0.0.1:{ekby.town.port}{path}", encoded=True)
    async with ekby.session.get(url) as reply:
        assert (reply.status, orjson.loads(await reply.read())["code"]) == (404, "http_path")


@pytest.mark.postgresql
async def test_no_name_query_or_key_makes_a_fault_on_postgresql(tmp_path: Path, migrated_postgresql_url: str) -> None:
    town = await found(tmp_path / "ekby", migrated_postgresql_url)
    async with aiohttp.ClientSession() as session, town.running():
        ekby = Operator(town, session)
        for route in ROUTES:
            for segment in SEGMENTS if route.method == "GET" else ():
                _sound(await ekby.get(_filled(route.path, ekby, segment, whole=False)[:7000]), (route.path, segment))
            for query in QUERIES if route.method == "GET" else ():
                _sound(await ekby.get(_filled(route.path, ekby, "x", whole=False) + query), (route.path, query))
        body = {"name": "a.json", "document": dict(OPEN)}
        replies = await asyncio.gather(
            *(ekby.post(ekby.under("policies"), body, Idempotency_Key="k") for _ in range(8))
        )
        assert [reply.status for reply in replies] == [201] * 8


async def test_the_member_that_is_wrong_is_named(ekby: Operator) -> None:
    good: dict[str, Any] = {"id": "y", "title": "Y", "source": "file:/x", "offers": [{"policy": "p"}]}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"titel": "Y"}, "request_unknown", "/titel"),
        ({"title": 1}, "request_type", "/title"),
        ({"id": ""}, "request_value", "/id"),
        ({"offers": [{"policy": "p", "approval": "robot"}]}, "request_value", "/offers/0/approval"),
        ({"offers": [{}]}, "request_missing", "/offers/0/policy"),
        ({"offers": []}, "request_value", "/offers"),
        ({"description": []}, "request_type", "/description"),
        ({"source": 5}, "request_type", "/source"),
        ({"source": ""}, "request_value", "/source"),
        ({"a/b~c": 1}, "request_unknown", "/a~1b~0c"),
    ]
    for change, code, field in cases:
        reply = await ekby.post(ekby.under("datasets"), good | change)
        assert (reply.status, reply.code, reply.json["field"]) == (400, code, field)
    reply = await ekby.post(ekby.under("datasets"), {name: item for name, item in good.items() if name != "id"})
    assert (reply.code, reply.json["field"]) == ("request_missing", "/id")


async def test_a_body_that_is_too_large_or_compressed_is_refused(ekby: Operator) -> None:
    large = await ekby.ask("POST", ekby.under("policies"), data=io.BytesIO(b"{" + b" " * (1024 * 1024) + b"}"))
    assert (large.status, large.code) == (413, "body_too_large")
    packed = await ekby.ask("POST", ekby.under("policies"), data=b"{}", Content_Encoding="br")
    assert packed.status == 400


def _filled(path: str, who: Operator, segment: str, *, whole: bool) -> str:
    """Return a path with the segment for its last name, or (`whole`) for every name."""
    parts = path.split("/")
    names = [number for number, part in enumerate(parts) if part.startswith("{")]
    for number in names:
        ours = parts[number] == "{participant}" and not (whole or names == [number])
        parts[number] = who.under().rsplit("/", 1)[1] if ours else segment
    return "/".join(parts)


def _good(who: Operator) -> list[tuple[Route, dict[str, Any]]]:
    """Return the routes that take a body, each with one that is well formed, though it names what is not there."""
    bodies: dict[str, dict[str, Any]] = {
        "NewOperator": {"name": " asa ", "scope": "read"},
        "NewParticipant": {"id": "did:web:a.example", "name": "A"},
        "PeerLook": {"id": "did:web:localhost%3A1", "auth": "pinned"},
        "NewPeer": {
            "id": "did:web:localhost%3A1",
            "endpoint": "http://localhost:1/",
            "fingerprints": ["x"],
            "auth": "pinned",
        },
        "PeerConfirmation": {"fingerprints": ["x"]},
        "KeyRotation": {"purpose": "seal", "overlapSeconds": 86_400},
        "NewPolicy": {"name": "a.json", "document": dict(OPEN)},
        "NewDataset": {"id": "x", "title": "X", "source": "file:/x", "offers": [{"policy": "p"}], "description": {}},
        "NewOffer": {"dataset": "x", "policy": "p", "access": None, "approval": None},
        "NewContract": {"peer": who.town.did, "dataset": "x", "offer": "x", "kind": "offer"},
        "Counter": {"policy": "p"},
        "Reason": {"reason": "x"},
        "NewTransfer": {"contract": "x"},
        "Attestation": {"facts": {"x": ["y"]}, "part_of": ["x"]},
        "BranchAcceptance": {"peer": "did:web:trosa.example", "reference": "x"},
        "PayloadRemoval": {"before": "2026-08-14", "kinds": ["access"], "reference": "x"},
        "Fulfilment": {"evidence": {"content": "eA==", "sha256": None, "bytes": 1}, "note": "x"},
    }
    return [(route, bodies[route.body.__name__]) for route in ROUTES if route.body is not None]


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=str) if _small(value) else b'{"id":1180591620717411303424}'


def _small(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_small, value.values()))
    if isinstance(value, list):
        return all(map(_small, value))
    return not isinstance(value, int) or -(2**63) <= value < 2**63
