"""Quotas hold exactly: for parallel requests, over a restart, for several processes on one database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from connector import clock
from connector.errors import Missing, TooMany
from connector.ids import NS
from connector.services import quota
from connector.services.grants import Opening
from connector.services.why import why
from connector.store.session import Store
from tests.acceptance import readers, towns
from tests.acceptance.towns import Town

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

DATA = b"0123456789" * 100
QUOTA = 10


def at_most(limit: int, operand: str = NS + "requestsPerDay") -> Mapping[str, Any]:
    """Return a policy with one quota."""
    value = {"@value": str(limit), "@type": "xsd:integer"}
    constraint = {"leftOperand": operand, "operator": "lteq", "rightOperand": value}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


async def _begun(a: Town, b: Town, source: str, policy: Mapping[str, Any]) -> tuple[str, readers.Address]:
    await towns.befriend(a, b)
    await a.publish("flow", source, policy)
    transfer = await b.begin(await b.agree(a, "flow"))
    return transfer, await readers.address_of(b, transfer)


async def _answer(address: readers.Address, **headers: str) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    wanted = {"Authorization": f"Bearer {address.token}", **headers}
    async with aiohttp.ClientSession() as session, session.get(address.endpoint, headers=wanted) as answer:
        refused = answer.status >= 400
        return answer.status, answer.headers, await answer.json(content_type=None) if refused else {}


async def _used(town: Town, operand: str) -> int:
    rows = await town.unit(lambda unit: unit.conn.exec_driver_sql("SELECT operand, used FROM counter").all())
    return sum(used for name, used in rows if name == operand)


async def test_fifty_at_once_with_a_quota_of_ten_give_exactly_ten(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(QUOTA))
        answers = await asyncio.gather(*(readers.ask(address) for _ in range(50)))
        assert Counter(status for status, _ in answers) == {200: QUOTA, 429: 50 - QUOTA}
        assert await _used(a, NS + "requestsPerDay") == QUOTA
        status, headers, problem = await _answer(address, **{"Accept-Language": "en"})
        assert (status, problem["code"]) == (429, "quota_used")
        assert 0 < int(headers["Retry-After"]) <= 25 * 3600
        assert "10 requests" in problem["detail"]
        assert "dygn" in (await _answer(address, **{"Accept-Language": "sv"}))[2]["detail"]
        with pytest.raises(TooMany, match="data_quota"):
            await b.read(await _contract(b))


async def _contract(town: Town) -> str:
    pages = await town.unit(lambda unit: unit.exchanges.page(town.did, "negotiation", limit=10))
    return pages[0].pid


async def test_a_quota_survives_a_restart_and_comes_back_with_the_next_day(
    found_on_sqlite: Founding, source: str
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    ahead = [0.0]
    async with b.running():
        await a.start(now=lambda: clock.now() + ahead[0])
        _, address = await _begun(a, b, source, at_most(2))
        assert [(await readers.ask(address))[0] for _ in range(3)] == [200, 200, 429]
        await a.stop()
        await a.start(now=lambda: clock.now() + ahead[0])
        status, headers, _ = await _answer(address)
        assert status == 429
        await b.stop()
        ahead[0] = float(headers["Retry-After"]) + 1
        async with b.running(now=lambda: clock.now() + ahead[0]):
            transfer = await b.begin(await _contract(b))
            assert (await readers.ask(await readers.address_of(b, transfer)))[0] == 200
        await b.start()
        await a.stop()


async def test_what_gives_no_data_spends_nothing(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(1))
        token = {"Authorization": f"Bearer {address.token}"}
        async with aiohttp.ClientSession() as session:
            async with session.head(address.endpoint, headers=token) as answer:
                assert answer.status == 200
                etag = answer.headers["ETag"]
            for headers, status in (({"If-None-Match": etag}, 304), ({"Range": "bytes=5000-"}, 416)):
                async with session.get(address.endpoint, headers=token | headers) as answer:
                    assert answer.status == status
        assert (await readers.ask(address))[0] == 200
        assert (await readers.ask(address, Range="bytes=0-0"))[0] == 429


async def test_bytes_are_counted_as_they_were_sent(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    operand = NS + "bytesPerDay"
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(2500, operand))
        assert [(await readers.ask(address))[0] for _ in range(3)] == [200, 200, 429]
        assert (await readers.ask(address, Range="bytes=0-499"))[0] == 206
        assert (await readers.ask(address, Range="bytes=0-0"))[0] == 429
        await a.application._access.flush()  # type: ignore[union-attr]
        assert await _used(a, operand) == 2500


async def test_a_body_larger_than_a_whole_quota_is_refused_for_good(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(999, NS + "bytesPerDay"))
        assert (await _answer(address))[2]["code"] == "policy_denies"
        assert (await readers.ask(address, Range="bytes=0-499"))[0] == 206


async def test_a_count_in_all_is_spent_for_good(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(1, "odrl:count"))
        assert (await readers.ask(address))[0] == 200
        status, _, problem = await _answer(address)
        assert (status, problem["code"]) == (403, "quota_spent")


async def test_a_body_of_unknown_length_ends_at_its_quota(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    operand = NS + "bytesPerDay"
    async with a.running(), b.running():
        transfer, _ = await _begun(a, b, source, at_most(2500, operand))
        grant = await a.grant(transfer)
        meter = quota.Meter(a.house, Opening(grant, {}, {}, 0.0, counted=frozenset({operand})))
        assert await meter.reserve(None) == 2500
        with pytest.raises(TooMany):
            await quota.Meter(a.house, meter.opening).reserve(None)
        assert meter.reservation is not None
        taken = meter.reservation
        await a.house.store.write(lambda unit: quota.settle(unit, taken, 700))
        assert await quota.Meter(a.house, meter.opening).reserve(None) == 1800


@pytest.mark.postgresql
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
async def test_two_processes_on_one_database_share_a_quota(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(), b.running():
        transfer, _ = await _begun(a, b, source, at_most(QUOTA))
        opening = Opening(await a.grant(transfer), {}, {}, 0.0, counted=frozenset({NS + "requestsPerDay"}))
        second = Store(a.url)
        other = type(a.house)(
            a.house.home, second, a.house.client, a.house.grant_key, a.house.authenticators, a.house.office
        )
        houses = [a.house, other] * 25
        taken = [quota.Meter(house, opening).reserve(1) for house in houses]
        found_ = await asyncio.gather(*taken, return_exceptions=True)
        await second.close()
        assert sum(not isinstance(each, BaseException) for each in found_) == QUOTA
        assert sum(isinstance(each, TooMany) for each in found_) == 50 - QUOTA


async def test_a_policy_that_counts_by_no_known_time_zone_opens_nothing(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, {**at_most(5), NS + "timeZone": "Mars/Olympus"})
        assert (await _answer(address))[2]["code"] == "quota_uncountable"


async def test_the_operator_sees_why_and_what_is_used(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        _, address = await _begun(a, b, source, at_most(1))
        ours = (await a.mirror(await _contract(b))).pid
        before = await why(a.house, a.did, ours, "en")
        assert (before.decision, before.used[0].used) == ("permit", 0)
        assert (await readers.ask(address))[0] == 200
        after = await why(a.house, a.did, ours, "en")
        assert (after.decision, after.used[0].used) == ("deny", 1)
        assert after.used[0].until is not None
        assert after.held_by is None
        rule = next(rule for rule in after.rules if rule["kind"] == "permission")
        assert rule["constraints"][0]["state"] == "not"
        assert rule["constraints"][0]["value"] == "2"
        assert "requests" in rule["sentence"]
        assert "enforced" in rule["grade"]
        theirs = await why(b.house, b.did, await _contract(b), "sv")
        assert theirs.decision == "permit"
        with pytest.raises(Missing):
            await why(a.house, a.did, "urn:none", "sv")
