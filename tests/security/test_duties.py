"""Word of fulfilled duties from hostile peers: only the other party of a contract, about its own duties, in a readable form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import ids
from connector.protocol import context
from connector.services import duties
from tests.acceptance.towns import eventually
from tests.conversation import parts
from tests.security.ledger import unchanged

if TYPE_CHECKING:
    from connector.store.duties import Duty
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty
    from tests.conversation.parts import Pids

GOOD: dict[str, Any] = {
    context.DUTY: "/obligation/0",
    context.FULFILLED_AT: "2026-08-14T06:35:00.000Z",
    context.EVIDENCE: "0" * 64,
    context.EVIDENCE_BYTES: 9,
    context.NOTE: "done",
}


async def _owing(town: Town, peer: Counterparty, source: str) -> Pids:
    ours = {"action": "odrl:inform", "odrl:assignee": {"@id": town.did}}
    policy = {"@type": "Offer", "permission": [{"action": "use"}], "obligation": [{"action": "odrl:delete"}, ours]}
    await town.publish("owed", source, policy)
    pids, _ = await parts.finalized(peer, town, "owed")
    assert len(await eventually(lambda: _rows(town))) == 2
    return pids


async def _rows(town: Town) -> list[Duty]:
    return (await duties.listing(town.house, town.did))[0]


def _word(pids: Pids, **members: Any) -> dict[str, Any]:
    named = {"providerPid": pids.provider, "consumerPid": pids.consumer}
    return context.message(context.FULFILMENT, **named, **{**GOOD, **members})


async def test_the_other_partys_word_is_taken_once(town: Town, peer: Counterparty, source: str) -> None:
    pids = await _owing(town, peer, source)
    await peer.says(town, f"{pids.place}/duties", _word(pids), expect=200)
    row = next(row for row in await _rows(town) if row.duty == "/obligation/0")
    assert (row.state, row.evidence, row.evidence_bytes, row.note, row.by) == (
        "fulfilled",
        "0" * 64,
        9,
        "done",
        peer.did,
    )
    async with unchanged(town):
        await peer.says(town, f"{pids.place}/duties", _word(pids), expect=200)


async def test_a_third_party_learns_and_changes_nothing(
    town: Town, peer: Counterparty, meet: Meeting, source: str
) -> None:
    pids, third = await _owing(town, peer, source), await meet(town)
    async with unchanged(town):
        unknown = await third.says(town, f"negotiations/{ids.new()}/duties", _word(pids), expect=404)
        foreign = await third.says(town, f"{pids.place}/duties", _word(pids), expect=404)
        assert foreign.code == unknown.code == "process_unknown"
        await third.says(town, f"{pids.place}/duties", _word(pids), expect=404, token="")


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({context.DUTY: "/obligation/9"}, 404, "duty_unknown"),
        ({context.DUTY: "/obligation/1"}, 400, "duty_not_yours"),
        ({context.DUTY: 1}, 400, "duty_invalid"),
        ({context.EVIDENCE: "x"}, 400, "duty_invalid"),
        ({context.EVIDENCE: None}, 400, "duty_invalid"),
        ({context.EVIDENCE_BYTES: -1}, 400, "duty_invalid"),
        ({context.EVIDENCE_BYTES: True}, 400, "duty_invalid"),
        ({context.NOTE: "x" * 1001}, 400, "duty_invalid"),
        ({context.NOTE: "\u001b[2J"}, 400, "duty_invalid"),
        ({context.FULFILLED_AT: "yesterday"}, 400, "duty_invalid"),
    ],
)
async def test_what_is_not_a_word_about_a_duty_of_the_sender_changes_nothing(
    town: Town, peer: Counterparty, source: str, members: dict[str, Any], status: int, code: str
) -> None:
    pids = await _owing(town, peer, source)
    async with unchanged(town):
        said = await peer.says(town, f"{pids.place}/duties", _word(pids, **members), expect=status)
        assert said.code == code


async def test_a_fulfilment_of_tomorrow_is_one_of_now(town: Town, peer: Counterparty, source: str) -> None:
    pids = await _owing(town, peer, source)
    await peer.says(
        town, f"{pids.place}/duties", _word(pids, **{context.FULFILLED_AT: "2199-01-01T00:00:00Z"}), expect=200
    )
    row = next(row for row in await _rows(town) if row.duty == "/obligation/0")
    assert row.at is not None
    assert row.at <= town.house.now()


async def test_a_contract_that_is_not_final_has_no_duties(town: Town, peer: Counterparty, source: str) -> None:
    await town.publish(
        "owed", source, {"@type": "Offer", "permission": [{"action": "use"}], "obligation": [{"action": "odrl:delete"}]}
    )
    pids, _ = await parts.agreed(peer, town, "owed")
    async with unchanged(town):
        await peer.says(town, f"{pids.place}/duties", _word(pids), expect=404)
