"""Rows 28, 29 and 38: what is revoked or has expired opens nothing, wherever in the exchange it happens; and clocks differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from connector import clock
from connector.canonical import canonical
from connector.identity import jws, tokens
from connector.services import peers, publish, transfers
from tests.acceptance import readers
from tests.acceptance.towns import BY
from tests.conversation import parts
from tests.conversation.conftest import DATA, Meeting
from tests.conversation.counterparty import Counterparty, say
from tests.security.ledger import unchanged
from tests.security.test_offers import before

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

pytestmark = pytest.mark.slow

HOUR = 3600.0


class Watch:
    """A clock that a test moves."""

    ahead = 0.0

    def __call__(self) -> float:
        """Return the time that the town has."""
        return clock.now() + self.ahead


@pytest.fixture
def watch() -> Watch:
    """Give the town's clock."""
    return Watch()


@pytest.fixture
async def expiring(found_on_sqlite: Founding, source: str, watch: Watch) -> Any:
    """Give a running town with a dataset whose policy ends in an hour of its own clock."""
    made = await found_on_sqlite("strangnas")
    async with made.running(now=watch):
        await made.publish("flow", source, before(clock.now() + HOUR))
        yield made


@pytest.fixture
async def consumer(expiring: Town, meet: Meeting, watch: Watch) -> Counterparty:
    """Give a consumer whose clock goes with the town's."""
    return await meet(expiring, authorization=lambda made, audience: f"Bearer {made.token(audience, now=watch())}")


def _address(found: dict[str, Any]) -> readers.Address:
    values = {item["name"]: item["value"] for item in found["endpointProperties"]}
    return readers.Address(found["endpoint"], values["authorization"])


async def _no_grant(town: Town) -> bool:
    return await town.unit(lambda unit: not unit.grants.open_of(town.did))


async def test_a2_28_a_policy_that_ends_before_the_request_starts_nothing(
    expiring: Town, consumer: Counterparty, watch: Watch
) -> None:
    _, agreement = await parts.finalized(consumer, expiring)
    watch.ahead = HOUR + 1
    await consumer.says(expiring, "transfers/request", parts.transfer_request(consumer, agreement["@id"]), expect=201)
    assert (await consumer.hears("TransferTerminationMessage"))["code"] == "policy_refuses"
    assert await _no_grant(expiring)


async def test_a2_28_a_policy_that_ends_between_agreement_and_verification_gives_no_data(
    expiring: Town, consumer: Counterparty, watch: Watch
) -> None:
    pids, agreement = await parts.agreed(consumer, expiring)
    watch.ahead = HOUR + 1
    verified = pids.say("ContractAgreementVerificationMessage")
    await consumer.says(expiring, f"{pids.place}/agreement/verification", verified, expect=200)
    await expiring.contract(pids.provider, "FINALIZED", "TERMINATED")
    await consumer.says(expiring, "transfers/request", parts.transfer_request(consumer, agreement["@id"]))
    assert await _no_grant(expiring)


async def test_a2_28_a_policy_that_ends_while_suspended_is_not_resumed(
    expiring: Town, consumer: Counterparty, watch: Watch
) -> None:
    pids, address = await parts.started(consumer, expiring)
    await consumer.says(expiring, f"{pids.place}/suspension", pids.say("TransferSuspensionMessage"), expect=200)
    watch.ahead = HOUR + 1
    await consumer.says(expiring, f"{pids.place}/start", pids.say("TransferStartMessage"), expect=200)
    await consumer.hears("TransferTerminationMessage")
    assert await _no_grant(expiring)
    assert (await readers.ask(_address(address)))[0] == 403


async def test_a2_28_a_policy_that_ends_after_the_start_opens_nothing(
    expiring: Town, consumer: Counterparty, watch: Watch
) -> None:
    """EDC #3160: the token was accepted after the contract had expired."""
    _, address = await parts.started(consumer, expiring)
    assert await readers.ask(_address(address)) == (200, DATA)
    watch.ahead = HOUR + 1
    assert (await readers.ask(_address(address)))[0] == 403


@pytest.mark.parametrize("revoke", ["remove the peer", "remove the dataset", "terminate", "suspend"])
async def test_a2_28_what_is_revoked_before_the_start_is_answered_opens_nothing(
    town: Town, peer: Counterparty, revoke: str
) -> None:
    """The start with its token is on its way when access is taken back."""
    _, agreement = await parts.finalized(peer, town)
    peer.late = 0.3
    said = await peer.says(town, "transfers/request", parts.transfer_request(peer, agreement["@id"]), expect=201)
    address = (await peer.hears("TransferStartMessage"))["dataAddress"]
    pid = said.body["providerPid"]
    if revoke == "remove the peer":
        await peers.remove(town.house, town.did, peer.did, by=BY)
    elif revoke == "remove the dataset":
        await publish.remove_dataset(town.house, town.did, "flow", by=BY)
    else:
        await getattr(transfers, revoke)(town.house, town.did, pid, by=BY)
    assert (await readers.ask(_address(address)))[0] in (401, 403, 404)
    peer.late = 0.0


async def test_a2_29_a_token_opens_its_own_transfers_data_for_reading_only(
    town: Town, peer: Counterparty, source: str
) -> None:
    await town.publish("lakes", source)
    _, one = await parts.started(peer, town)
    _, two = await parts.started(peer, town, "lakes")
    first, second = _address(one), _address(two)
    assert (await readers.ask(readers.Address(first.endpoint, second.token)))[0] == 401
    for path in ("/x", "/../", "/%2e%2e/", "?x=1"):
        assert (await readers.ask(first, path=path))[0] in (200, 400, 401, 404), path
    async with aiohttp.ClientSession() as session, unchanged(town):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
            headers = {"Authorization": f"Bearer {first.token}"}
            async with session.request(method, first.endpoint, headers=headers) as answer:
                assert answer.status in (403, 404, 405), method
    parted = first.token.split(".")
    for forged in (
        f"{parted[0]}.2.{parted[2]}", f"{parted[0]}.0.{parted[2]}", f"{parted[0]}.1.{'0' * 64}", f"{parted[0]}.1", parted[0],
        first.token + " ", first.token.upper() + "x", f"{parted[0]}.١.{parted[2]}",
    ):  # fmt: skip
        if forged.isascii():
            status, _ = await readers.ask(readers.Address(first.endpoint, forged))
            assert status == 401 or forged.strip() == first.token, forged


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (25, None), (-25, None), (-300, None), (45, "token_not_yet_valid"), (600, "token_not_yet_valid"),
        (-335, "token_expired"), (-600, "token_expired"),
    ],
)  # fmt: skip
async def test_a2_38_clocks_may_differ_by_half_a_minute(
    town: Town, peer: Counterparty, ahead: float, code: str | None
) -> None:
    token = f"Bearer {peer.token(town.did, now=clock.now() + ahead)}"
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), token=token)
    assert said.code == code
    assert said.status == (401 if code else 200)


async def test_a2_10_a_token_with_a_long_life_is_refused(town: Town, peer: Counterparty) -> None:
    """Tractus-X #928: thirty days for convenience."""
    now = int(clock.now())
    claims = {"iss": peer.did, "sub": peer.did, "aud": town.did, "iat": now, "exp": now + 601, "jti": "j"}
    token = jws.sign(peer.key, canonical(claims), typ=tokens.TYP, kid=f"{peer.did}#{peer.key.kid}")
    said = await peer.says(town, "catalog/request", say("CatalogRequestMessage"), token=f"Bearer {token}", expect=401)
    assert said.code == "token_lifetime"
