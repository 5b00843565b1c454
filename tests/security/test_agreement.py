"""Row 26: an agreement that is not the offer we accepted is refused and the negotiation terminated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import clock, ids
from connector.services import contracts
from tests.conversation import parts
from tests.security.test_offers import before, mutations, only

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty
    from tests.conversation.parts import Pids

pytestmark = pytest.mark.slow


def _rich(town: Town) -> dict[str, Any]:
    """Return an offer with every kind of part."""
    offer = parts.their_offer(prohibition=[{"action": "odrl:sell"}], obligation=[{"action": "odrl:attribute"}])
    limits = before(4e9)["permission"][0]["constraint"] + only(town.did)["permission"][0]["constraint"]
    sets = {"leftOperand": "odrl:spatial", "operator": "isAnyOf", "rightOperand": ["urn:a", {"@id": "urn:b"}]}
    return offer | {
        "permission": [{"action": "use", "constraint": [*limits, {"or": [sets, sets | {"operator": "eq"}]}]}]
    }


SAME = {
    "('permission', 0, 'constraint', 0, 'rightOperand', '@type') removed",  # a dateTime can only be compared as one
    "('@type',) removed",
    "('@id',) changed",  # the agreement's own identifier is the provider's to choose
}


async def _terminated(town: Town, peer: Counterparty, contract: str, pids: Pids, agreement: Any, what: str) -> None:
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    said = await peer.says(town, f"{pids.place}/agreement", body)
    assert said.status == 400, (what, said)
    assert said.code in ("agreement_differs", "member_missing", "member_invalid"), (what, said)
    if said.code == "agreement_differs":
        over = await peer.hears("ContractNegotiationTerminationMessage")
        assert over["code"] == "agreement_differs"
        view = await town.contract(contract, "TERMINATED")
        assert view.agreement is None
    assert (await town.contract(contract)).agreement is None


async def test_a2_26_every_changed_leaf_is_found(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town, _rich(town))
    whole = [what for what, _ in mutations(parts.agreement_to(peer, town, message)) if what not in SAME]
    assert len(whole) > 40
    for what in whole:
        if (await town.contract(contract)).state == "TERMINATED":
            contract, pids, message = await parts.asked(peer, town, _rich(town))
        agreement = dict(mutations(parts.agreement_to(peer, town, message)))[what]
        await _terminated(town, peer, contract, pids, agreement, what)


async def test_a2_26_the_unchanged_one_is_verified(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town, _rich(town))
    agreement = parts.agreement_to(peer, town, message)
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")
    assert (await town.contract(contract)).agreement == agreement


@pytest.mark.parametrize(
    "change",
    [
        {"permission": [{"action": "use"}, {"action": "use"}]},
        {"permission": [{"action": "use", "urn:x:more": 1}]},
        {"permission": [{"action": "use", "remedy": [{"action": "odrl:pay"}]}]},
        {"permission": [{"action": "use", "target": "other"}]},
        {"permission": [{"action": "use", "assignee": "did:web:other.example"}]},
        {"permission": [{"action": {"@id": "use", "refinement": []}, "x": None}]},
        {
            "permission": [
                {"action": "use", "constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": "b", "x": "y"}]}
            ]
        },
        {"prohibition": [{"action": "odrl:read"}]},
        {"obligation": [{"action": "odrl:pay"}]},
        {"permission": []},
        {"permission": None},
        {"permission": "use"},
        {"target": "other"},
        {"target": {"@id": "lakes"}},
        {"assigner": None},
        {"assignee": None},
        {"inheritFrom": "urn:x:policy"},
        {"profile": "urn:x:profile"},
        {"conflict": "perm"},
        {"@id": None},
        {"@id": ""},
        {"@id": "a\nb"},
        {"@id": "x" * 300},
        {"@type": "Offer"},
    ],
)
async def test_a2_26_whatever_binds_more_or_otherwise_is_terminated(
    town: Town, peer: Counterparty, change: dict[str, Any]
) -> None:
    contract, pids, message = await parts.asked(peer, town)
    agreement = parts.agreement_to(peer, town, message) | change
    await _terminated(town, peer, contract, pids, agreement, str(change))


async def test_a2_26_unknown_members_of_the_agreement_itself_are_kept(town: Town, peer: Counterparty) -> None:
    contract, pids, message = await parts.asked(peer, town)
    more = {"urn:x:seal": {"a": [1, 2]}, "edc:note": "kept", "dct:issued": "2026-01-01"}
    agreement = parts.agreement_to(peer, town, message) | more
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)
    await peer.hears("ContractAgreementVerificationMessage")
    assert (await town.contract(contract)).agreement == agreement


@pytest.mark.parametrize(
    ("seconds", "good"), [(-3600, False), (-60, False), (0, True), (240, True), (360, False), (1e9, False)]
)
async def test_a2_26_the_timestamp_lies_between_our_request_and_five_minutes_ahead(
    town: Town, peer: Counterparty, seconds: float, *, good: bool
) -> None:
    contract, pids, message = await parts.asked(peer, town)
    agreement = parts.agreement_to(peer, town, message) | {"timestamp": clock.iso(clock.now() + seconds)}
    if not good:
        await _terminated(town, peer, contract, pids, agreement, str(seconds))
        return
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    await peer.says(town, f"{pids.place}/agreement", body, expect=200)


@pytest.mark.parametrize(
    "timestamp", ["", "now", "2026-11-22", "2026-11-22T06:19:34", 1.7e9, None, "2026-13-45T99:00:00Z"]
)
async def test_a2_26_a_timestamp_that_is_no_moment_is_refused(town: Town, peer: Counterparty, timestamp: Any) -> None:
    contract, pids, message = await parts.asked(peer, town)
    agreement = parts.agreement_to(peer, town, message) | {"timestamp": timestamp}
    await _terminated(town, peer, contract, pids, agreement, str(timestamp))


async def test_a2_26_an_agreements_identifier_is_used_once(town: Town, peer: Counterparty) -> None:
    _, _, first = await parts.agree(peer, town)
    contract, pids, message = await parts.asked(peer, town)
    agreement = parts.agreement_to(peer, town, message) | {"@id": first["@id"]}
    await _terminated(town, peer, contract, pids, agreement, "same id")


async def test_a2_26_after_a_counter_offer_the_accepted_one_counts(town: Town, peer: Counterparty) -> None:
    """An agreement on the offer that we asked for first, after we accepted another, is not what we accepted."""
    contract, pids, message = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:sell"}])
    await peer.says(town, f"{pids.place}/offers", pids.say("ContractOfferMessage", offer=other), expect=200)
    await contracts.accept(town.house, town.did, contract, by="operator")
    await peer.hears("ContractNegotiationEventMessage")
    await _terminated(town, peer, contract, pids, parts.agreement_to(peer, town, message), "the first offer")


async def test_an_agreement_on_an_offer_that_nobody_accepted_is_refused(town: Town, peer: Counterparty) -> None:
    """An offer of the provider's waits for our person: its agreement cannot come first."""
    contract, pids, _ = await parts.asked(peer, town)
    other = parts.their_offer(target="lakes", prohibition=[{"action": "odrl:sell"}])
    await peer.says(town, f"{pids.place}/offers", pids.say("ContractOfferMessage", offer=other), expect=200)
    agreement = parts.agreement_to(peer, town, {"offer": other})
    body = pids.say("ContractAgreementMessage", agreement=agreement)
    said = await peer.says(town, f"{pids.place}/agreement", body, expect=400)
    assert said.code == "move_illegal"
    assert (await town.contract(contract)).state == "OFFERED"


async def test_no_transfer_before_the_contract_is_final(town: Town, peer: Counterparty) -> None:
    """EDC #3867: data could be fetched while the negotiation was only VERIFIED."""
    pids, agreement = await parts.agreed(peer, town)
    await town.contract(pids.provider, "AGREED")
    body = parts.transfer_request(peer, agreement["@id"])
    said = await peer.says(town, "transfers/request", body, expect=400)
    assert said.code == "contract_not_final"
    unknown = parts.transfer_request(peer, ids.new())
    await peer.says(town, "transfers/request", unknown, expect=404)
