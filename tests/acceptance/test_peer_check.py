"""`peers check`: each finding between two towns with TLS, and what is found when one thing is wrong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from connector import clock, texts
from connector.errors import Unreachable
from connector.identity import authority
from connector.services import doctor, peercheck
from tests.acceptance.secure import LOCAL, Secure, secure_town, secure_towns
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.services.check import Check

Pair = tuple[Secure, Secure]
DAY = 86400.0
STEPS = ["dns", "route", "tls", "certificate", "did", "clock", "keys", "version", "callback"]


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Pair]:
    async with secure_towns(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.add(sjoby)
        await sjoby.add(ekby)
        yield ekby, sjoby


async def found(ekby: Secure, sjoby: Secure) -> dict[str, Check]:
    checks = await peercheck.check(ekby.town.house, ekby.did, sjoby.did)
    for check in checks:
        for language in ("sv", "en"):
            assert "{" not in texts.say(check.code, language, "text", **check.values), check
            assert check.ok or texts.say(check.code, language, "next", **check.values), check
    return {check.id: check for check in checks}


async def test_between_good_neighbours_every_finding_is_good(towns: Pair) -> None:
    checks = await found(*towns)
    assert list(checks) == STEPS
    assert [check for check in checks.values() if not check.ok] == []
    assert checks["certificate"].values["spki"] == towns[1].spki
    assert checks["callback"].code == "check_callback_ok"


async def test_a_question_is_answered_once_in_five_seconds(towns: Pair) -> None:
    await found(*towns)
    assert (await found(*towns))["callback"].values["reason"] == "peer_refused_request 429"


async def test_a_peer_that_has_not_added_us_says_so(tmp_path: Path, sqlite_template: Path) -> None:
    async with secure_towns(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.add(sjoby)
        check = (await found(ekby, sjoby))["callback"]
        assert (check.ok, check.code) == (False, "check_callback_refused")


async def test_a_peer_that_does_not_reach_us_says_why(towns: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ekby, sjoby = towns
    there, usual = sjoby.town.house.client, sjoby.town.house.client.request

    async def away(method: str, url: str, **options: Any) -> Any:
        if url.startswith(ekby.town.house.member(ekby.did).row.root):
            raise Unreachable("peer_timeout", host="localhost")
        return await usual(method, url, **options)

    monkeypatch.setattr(there, "request", away)
    check = (await found(ekby, sjoby))["callback"]
    assert (check.ok, check.code, check.values["reason"]) == (False, "check_callback_failed", "peer_timeout")


@pytest.mark.parametrize(
    ("case", "code"), [("expired", "peer_certificate_expired"), ("other key", "peer_certificate_key")]
)
async def test_a_wrong_certificate_is_found(towns: Pair, case: str, code: str) -> None:
    ekby, sjoby = towns
    pair = sjoby.town.house.tls.public
    assert pair is not None
    if case == "other key":
        sjoby.show(authority.issue(sjoby.above, LOCAL, clock.now()))
    else:
        old = authority.issue(sjoby.above, LOCAL, clock.now() - 40 * DAY, key=sjoby.shown.key)
        pair._now = lambda: clock.now() - 20 * DAY
        sjoby.show(old)
    check = (await found(ekby, sjoby))["certificate"]
    assert (check.ok, check.code) == (False, code)


async def test_a_certificate_near_its_end_is_found(towns: Pair) -> None:
    ekby, sjoby = towns
    begun = clock.now() - 25 * DAY
    sjoby.show(authority.issue(sjoby.above, LOCAL, begun, days=30, key=sjoby.shown.key))
    check = (await found(ekby, sjoby))["certificate"]
    assert (check.ok, check.code, check.values["days"]) == (False, "check_certificate_near", 4)


async def test_a_peer_that_is_not_there_is_found_where_the_way_ends(towns: Pair) -> None:
    ekby, sjoby = towns
    await sjoby.town.stop()
    checks = await found(ekby, sjoby)
    assert list(checks) == ["dns", "route"]
    assert checks["route"].code == "peer_unreachable"
    unknown = await peercheck.check(ekby.town.house, ekby.did, "did:web:nowhere.invalid")
    assert [(check.id, check.code) for check in unknown] == [("dns", "check_dns_failed")]


async def test_a_peer_that_has_not_been_added_is_looked_at(tmp_path: Path, sqlite_template: Path) -> None:
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        checks = {check.id: check for check in await peercheck.check(ekby.house, ekby.did, sjoby.did)}
        assert list(checks) == ["dns", "route", "tls", "did", "clock", "keys", "version"]
        assert all(check.ok for check in checks.values())
        assert checks["keys"].code == "check_keys_unpinned"


async def test_a_plain_peer_cannot_be_asked(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.services.participants._EXTENSIONS", ())
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.pin(sjoby.did)
        checks = {check.id: check for check in await peercheck.check(ekby.house, ekby.did, sjoby.did)}
        assert (checks["callback"].ok, checks["callback"].code) == (True, "check_callback_unasked")


# The doctor, of our own certificate


async def _own(town: Secure) -> Check:
    return next(check for check in await doctor.checks(town.town.house, town.did) if check.id == "certificate")


@pytest.mark.parametrize(("age", "threshold"), [(0, None), (85, None), (91, 30), (107, 14), (114, 7), (119.5, 1)])
async def test_the_doctor_counts_the_days_of_our_certificate(
    tmp_path: Path, sqlite_template: Path, age: float, threshold: int | None
) -> None:
    async with secure_town(tmp_path, sqlite_template, "ekby") as ekby:
        ekby.show(authority.issue(ekby.above, LOCAL, clock.now() - age * DAY, days=120))
        check = await _own(ekby)
        assert (check.ok, check.values.get("threshold")) == (threshold is None, threshold)


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda files: (files / "server.key").chmod(0o644), "key_file_open_to_others"),
        (lambda files: (files / "server.pem").unlink(), "tls_file_missing"),
        (lambda files: (files / "server.pem").write_text("x"), "tls_certificate_wrong"),
        (lambda files: shutil.copy(files / "other.key", files / "server.key"), "tls_pair_mismatch"),
    ],
)
async def test_the_doctor_finds_what_would_stop_the_next_start(
    tmp_path: Path, sqlite_template: Path, break_it: Any, code: str
) -> None:
    async with secure_town(tmp_path, sqlite_template, "ekby") as ekby:
        authority.write(ekby.files, "other", authority.issue(None, LOCAL, clock.now()))
        break_it(ekby.files)
        check = await _own(ekby)
        assert (check.ok, check.code) == (False, code)


async def test_the_doctor_finds_a_certificate_for_another_name(tmp_path: Path, sqlite_template: Path) -> None:
    async with secure_town(tmp_path, sqlite_template, "ekby") as ekby:
        ekby.show(authority.issue(ekby.above, ["data.ekby.example"], clock.now()))
        assert (await _own(ekby)).code == "doctor_certificate_name"
