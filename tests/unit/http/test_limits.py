from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import TooMany
from connector.http.limits import Bucket, Buckets, Limiter, client_address, networks, site
from tests.unit.http.serving import WELL_KNOWN, generous, serving


def limiter(peers: Buckets, addresses: Buckets | None = None) -> Limiter:
    return Limiter(peers, addresses or Buckets(1, 3), (), lambda: 0.0)


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = Bucket(10, 3, now=0)
    assert [bucket.take(0) for _ in range(4)] == [0, 0, 0, 0.1]
    assert bucket.take(0.05) == pytest.approx(0.05)
    assert bucket.take(0.1) == 0
    assert [bucket.take(100) for _ in range(4)][-1] == pytest.approx(0.1)


@given(
    st.floats(0.1, 1000),
    st.integers(1, 100),
    st.lists(st.floats(0, 10), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_burst_and_rate(rate: float, burst: int, moments: list[float]) -> None:
    bucket = Bucket(rate, burst, now=0)
    given_out = sum(bucket.take(moment) == 0 for moment in sorted(moments))
    assert given_out <= burst + rate * max(moments) + 1e-6


@given(st.lists(st.floats(-5, 5), max_size=50))
def test_a_clock_that_goes_back_gives_nothing(moments: list[float]) -> None:
    bucket = Bucket(1, 1, now=0)
    assert sum(bucket.take(moment) == 0 for moment in [*moments, 0]) <= 1 + sum(
        max(0.0, later - earlier) for earlier, later in zip([0.0, *moments], [*moments, 0.0], strict=True)
    )


def test_buckets_remember_a_bounded_number_of_keys() -> None:
    buckets = Buckets(1, 1, most=3)
    for number in range(1000):
        buckets.take(str(number), 0)
    assert len(buckets._buckets) == 3
    assert buckets.take("999", 0) > 0
    assert buckets.take("0", 0) == 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_is_counted_by_what_one_client_controls(address: str, key: str) -> None:
    assert site(address) == key


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.1", "10.0.0.1", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, rubbish", "127.0.0.1"),
        ("127.0.0.1", "10.1.1.1", "10.1.1.1"),
        ("::ffff:127.0.0.1", "[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_a2_21_only_a_configured_proxy_says_who_asks(remote: str, forwarded: str, expected: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)
    assert client_address(request, networks(["127.0.0.0/8", "10.0.0.0/8"])) == expected
    assert client_address(request, ()) == remote


def test_a2_35_a_peer_spends_its_own_tokens_only() -> None:
    both = limiter(Buckets(10, 50))
    requests = [make_mocked_request("GET", "/") for _ in range(51)]
    for request in requests[:50]:
        both.identified(request, "did:web:us", "did:web:noisy")
    with pytest.raises(TooMany) as caught:
        both.identified(requests[50], "did:web:us", "did:web:noisy")
    assert caught.value.values == {"retry_after_seconds": 1}
    both.identified(make_mocked_request("GET", "/"), "did:web:us", "did:web:calm")
    both.identified(make_mocked_request("GET", "/"), "did:web:them", "did:web:noisy")


async def test_a2_35_a_flood_of_one_peer_is_slowed_and_another_is_served() -> None:
    async with serving(limiter=limiter(Buckets(10, 50))) as place:

        async def ask(peer: str) -> tuple[int, str | None]:
            reply = await place.get("/member", X_Test_Peer=peer)
            return reply.status, reply.headers.get("retry-after")

        noisy = await asyncio.gather(*(ask("did:web:noisy") for _ in range(80)))
        assert sorted(noisy) == [(404, None)] * 50 + [(429, "1")] * 30 or noisy.count((429, "1")) == 30
        assert await ask("did:web:calm") == (404, None)


async def test_a2_35_refusals_without_proof_count_by_address_and_open_documents_do_not() -> None:
    async with serving(limiter=limiter(Buckets(10, 50), Buckets(0.1, 3))) as place:
        assert [(await place.get("/nothing")).status for _ in range(4)] == [404, 404, 404, 429]
        refused = await place.get("/nothing")
        assert refused.headers["retry-after"] == "10"
        assert refused.json["code"] == "http_too_many"
        assert (await place.get(WELL_KNOWN)).status == 200
        assert (await place.get("/nothing", source="127.0.0.2")).status == 404
        assert (await place.get("/member", X_Test_Peer="did:web:x")).status == 404
        assert (await place.post("/api/v1/things", b"{}")).status == 200


async def test_a_proxy_that_is_not_configured_cannot_speak_for_others() -> None:
    tight = limiter(Buckets(1, 1), Buckets(0.1, 1))
    async with serving(limiter=tight) as place:
        statuses = [(await place.get("/nothing", X_Forwarded_For=f"192.0.2.{n}")).status for n in range(3)]
        assert statuses == [404, 429, 429]
    behind = Limiter(tight.peers, Buckets(0.1, 1), networks(["127.0.0.1"]), lambda: 0.0)
    async with serving(limiter=behind) as place:
        statuses = [(await place.get("/nothing", X_Forwarded_For=f"192.0.2.{n}")).status for n in range(3)]
        assert statuses == [404, 404, 404]


def test_generous_limits_are_generous() -> None:
    generous().refused(make_mocked_request("GET", "/"))
