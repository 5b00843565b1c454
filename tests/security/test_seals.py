"""Rows 26 and 27: whatever is wrong with a seal is found; the contract is terminated, and the journal says so.

The counterparty announces seals in its DID document, as ours do. First it is the provider, then the consumer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from connector import canonical, clock
from connector.errors import WrongState
from connector.evidence import seal
from connector.evidence.seal import AGREEMENT, VERIFICATION
from connector.identity import keys, pinned
from connector.protocol.context import SEAL
from connector.services import contracts, peers, publish
from connector.services.keys import history
from tests.acceptance.towns import BY
from tests.conversation import parts, sealed
from tests.conversation.sealed import Agreed

if TYPE_CHECKING:
    from tests.acceptance.towns import Town
    from tests.conversation.conftest import Meeting
    from tests.conversation.counterparty import Counterparty

STRANGER = keys.generate()
OTHER = canonical.of_bytes(b"another")
Forge = Callable[[Agreed, "Counterparty"], Any]


@pytest.fixture
async def sealing(town: Town, meet: Meeting) -> Counterparty:
    """Give a counterparty that seals, pinned."""
    return await meet(town, announce=sealed.ANNOUNCE)


def _member(**changes: Any) -> Forge:
    return lambda found, peer: sealed.signed(found, peer.seal, **changes)


def _leaf(*path: Any, value: Any = "another") -> Forge:
    """Change one leaf of the sealed agreement; the message itself still carries the right one."""

    def forge(found: Agreed, peer: Counterparty) -> str:
        agreement = place = copy.deepcopy(found.agreement)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return sealed.signed(found, peer.seal, agreement=agreement)

    return forge


def _swapped(found: Agreed, peer: Counterparty) -> str:
    named = {"provider": found.expected.consumer, "consumer": found.expected.provider}
    return sealed.signed(found, peer.seal, **named)


def _flipped(found: Agreed, peer: Counterparty) -> str:
    """Return a seal with one letter of its signature changed."""
    text = sealed.signed(found, peer.seal)
    place = -10
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def _claimed(found: Agreed, peer: Counterparty) -> str:
    """Return a seal by a stranger under the peer's key's name."""
    text = sealed.signed(found, peer.seal).rpartition(".")[0]
    return f"{text}.{keys.encode(STRANGER.sign(text.encode()))}"


def _moment(seconds: float) -> Forge:
    return lambda found, peer: sealed.signed(found, peer.seal, at=clock.iso(clock.now() + seconds))


def _fewer(found: Agreed, peer: Counterparty) -> str:
    return sealed.signed(found, peer.seal, messages=found.expected.messages[:1])


ATTACKS: dict[str, tuple[Forge, str]] = {
    "missing": (lambda _found, _peer: None, "seal_missing"),
    "no text": (lambda _found, _peer: {"jws": "x"}, "seal_unreadable"),
    "not a seal": (lambda _found, _peer: "a.b.c", "seal_unreadable"),
    "a request token": (lambda _found, peer: peer.token("did:web:x"), "seal_unreadable"),
    "of another format": (_member(more=1), "seal_unreadable"),
    "other agreement": (_leaf("@id"), "seal_differs"),
    "other target": (_leaf("target"), "seal_differs"),
    "other assigner": (_leaf("assigner"), "seal_differs"),
    "other assignee": (_leaf("assignee"), "seal_differs"),
    "other timestamp": (_leaf("timestamp", value="2026-01-01T00:00:00Z"), "seal_differs"),
    "other action": (_leaf("permission", 0, "action", value="odrl:sell"), "seal_differs"),
    "swapped parties": (_swapped, "seal_differs"),
    "other provider": (_member(provider="did:web:other.example"), "seal_differs"),
    "other consumer": (_member(consumer="did:web:other.example"), "seal_differs"),
    "other offer": (_member(offer=OTHER), "seal_differs"),
    "no messages": (_member(messages=[]), "seal_differs"),
    "other messages": (_member(messages=[OTHER]), "seal_differs"),
    "before it was asked for": (_moment(-3600), "seal_differs"),
    "in the future": (_moment(3600), "seal_differs"),
    "a stranger's key": (lambda found, _peer: sealed.signed(found, STRANGER), "seal_key_unknown"),
    "the key for tokens": (lambda found, peer: sealed.signed(found, peer.key), "seal_key_unknown"),
    "a flipped bit": (_flipped, "seal_signature"),
    "a stranger's signature": (_claimed, "seal_signature"),
}
BY_THE_PROVIDER = ATTACKS | {
    "other constraint": (_leaf("permission", 0, "constraint", 0, "rightOperand"), "seal_differs")
}
BY_THE_CONSUMER = ATTACKS | {
    "other provider's seal": (_member(agreementSeal=OTHER), "seal_differs"),
    "no provider's seal": (_member(agreementSeal=None), "seal_differs"),
    "other policy": (_member(policy=OTHER), "seal_differs"),
    "without the agreement message": (_fewer, "seal_differs"),
}


async def _journal(town: Town) -> list[str]:
    return await town.unit(
        lambda unit: [row.kind for row in unit.conn.exec_driver_sql("SELECT kind FROM journal ORDER BY number")]
    )


async def _terminated(town: Town, peer: Counterparty, contract: str, code: str) -> None:
    over = await peer.hears("ContractNegotiationTerminationMessage")
    assert over["code"] == code
    view = await town.contract(contract, "TERMINATED")
    assert view.sealed is None
    assert (await _journal(town)).count("seal.refused") == 1


# The counterparty is the provider


async def test_a2_27_a_sealed_agreement_is_counter_sealed_and_stored(town: Town, sealing: Counterparty) -> None:
    found = await sealed.asked(sealing, town)
    text = sealed.signed(found, sealing.seal)
    message = sealed.agreement(found, text)
    await sealing.says(town, f"{found.pids.place}/agreement", message, expect=200)
    verified = await sealing.hears("ContractAgreementVerificationMessage")
    read = seal.read(verified[SEAL])
    expected = sealed.expecting(
        found, kind=VERIFICATION, messages=[*found.expected.messages, sealed.digest(message)],
        agreement_seal=canonical.of_bytes(text.encode()),
    )  # fmt: skip
    assert seal.faults(read, expected) == ()
    assert seal.key_fault(read, await town.unit(lambda unit: history(unit, town.did, town.did))) is None
    final = found.pids.say("ContractNegotiationEventMessage", eventType="FINALIZED")
    await sealing.says(town, f"{found.pids.place}/events", final, expect=200)
    view = await town.contract(found.contract, "FINALIZED")
    assert view.sealed == "two-sided"
    for kind, held in ((AGREEMENT, text), (VERIFICATION, verified[SEAL])):
        stored = await town.unit(lambda unit, kind=kind: unit.seals.get(found.contract, kind))  # type: ignore[misc]
        assert stored is not None
        assert stored.jws == held
    assert {"seal.made", "seal.accepted"} <= set(await _journal(town))


@pytest.mark.parametrize("name", BY_THE_PROVIDER)
async def test_a2_26_a_wrong_seal_of_the_provider_ends_the_negotiation(
    town: Town, sealing: Counterparty, name: str
) -> None:
    forge, code = BY_THE_PROVIDER[name]
    found = await sealed.asked(sealing, town)
    message = sealed.agreement(found, forge(found, sealing))
    said = await sealing.says(town, f"{found.pids.place}/agreement", message)
    assert (said.status, said.code) == (400, code)
    await _terminated(town, sealing, found.contract, code)
    assert (await town.contract(found.contract)).agreement is None


async def test_a2_26_the_seal_of_another_contract_is_found(town: Town, sealing: Counterparty) -> None:
    first, second = await sealed.asked(sealing, town), await sealed.asked(sealing, town)
    said = await sealing.says(
        town, f"{second.pids.place}/agreement", sealed.agreement(second, sealed.signed(first, sealing.seal))
    )
    assert said.code == "seal_differs"
    await _terminated(town, sealing, second.contract, "seal_differs")


def _turn(peer: Counterparty) -> keys.KeyPair:
    """Give a counterparty a new seal key, endorsed by the old one; return the old one."""
    old, peer.seal = peer.seal, keys.generate()
    named = pinned.endorse(old, peer.did, peer.seal.kid, "seal", int(clock.now()))
    peer.rotations, peer.retired = (*peer.rotations, named), (*peer.retired, old.public)
    return old


async def test_a_seal_by_a_new_key_that_the_old_one_names_is_good_at_once(town: Town, sealing: Counterparty) -> None:
    found = await sealed.asked(sealing, town)
    _turn(sealing)
    message = sealed.agreement(found, sealed.signed(found, sealing.seal))
    await sealing.says(town, f"{found.pids.place}/agreement", message, expect=200)
    await sealing.hears("ContractAgreementVerificationMessage")


async def test_a2_27_a_key_that_was_replaced_seals_nothing_any_more(town: Town, sealing: Counterparty) -> None:
    found = await sealed.asked(sealing, town)
    old = _turn(sealing)
    await peers.refresh(town.house, town.did, sealing.did)
    said = await sealing.says(town, f"{found.pids.place}/agreement", sealed.agreement(found, sealed.signed(found, old)))
    assert said.code == "seal_key_time"
    await _terminated(town, sealing, found.contract, "seal_key_time")
    periods = await town.unit(lambda unit: history(unit, town.did, sealing.did))
    ended = {period.kid: period.until is not None for period in periods if period.purpose == "seal"}
    assert ended == {old.kid: True, sealing.seal.kid: False}


async def test_a_seal_by_an_unseen_key_waits_while_the_did_document_cannot_be_had(
    town: Town, sealing: Counterparty
) -> None:
    """Nothing is terminated for want of a look at the document: the peer is told to come again."""
    found = await sealed.asked(sealing, town)
    assert town.house.may_look_again(town.did, sealing.did)  # so the minute's look is used up
    _turn(sealing)
    message = sealed.agreement(found, sealed.signed(found, sealing.seal))
    said = await sealing.says(town, f"{found.pids.place}/agreement", message, expect=429)
    assert said.code == "seal_key_unseen"
    assert (await town.contract(found.contract)).state == "REQUESTED"
    town.house._looked.clear()
    await sealing.says(town, f"{found.pids.place}/agreement", message, expect=200)


async def test_a_key_that_nobody_vouches_for_makes_the_peer_wait_for_a_person(
    town: Town, sealing: Counterparty
) -> None:
    found = await sealed.asked(sealing, town)
    sealing.seal = STRANGER
    message = sealed.agreement(found, sealed.signed(found, STRANGER))
    await sealing.says(town, f"{found.pids.place}/agreement", message, expect=404)
    assert (await peers.get(town.house, town.did, sealing.did)).state == "key-changed"


async def test_a2_26_a_document_without_seals_makes_no_peer_plain_again(town: Town, sealing: Counterparty) -> None:
    sealing.announce = ()
    await peers.refresh(town.house, town.did, sealing.did)
    found = await sealed.asked(sealing, town)
    said = await sealing.says(town, f"{found.pids.place}/agreement", sealed.agreement(found))
    assert said.code == "seal_missing"
    # A person may take it back.
    seen = await peers.preview(town.house, town.did, sealing.did)
    await peers.confirm(town.house, town.did, sealing.did, fingerprints=seen.fingerprints, by=BY)
    _, pids, message = await parts.asked(sealing, town)
    plain = pids.say("ContractAgreementMessage", agreement=parts.agreement_to(sealing, town, message))
    await sealing.says(town, f"{pids.place}/agreement", plain, expect=200)


async def test_a_peer_that_begins_to_seal_is_held_to_it(town: Town, meet: Meeting) -> None:
    peer = await meet(town)
    assert (await peers.get(town.house, town.did, peer.did)).seals is None
    peer.announce = sealed.ANNOUNCE
    found = await sealed.asked(peer, town)
    said = await peer.says(town, f"{found.pids.place}/agreement", sealed.agreement(found, _flipped(found, peer)))
    assert said.code == "seal_signature"
    assert (await peers.get(town.house, town.did, peer.did)).seals is not None


# The counterparty is the consumer


async def test_a2_27_a_counter_seal_is_stored_before_the_contract_is_final(town: Town, sealing: Counterparty) -> None:
    found, message = await sealed.agreed(sealing, town)
    read = seal.read(message[SEAL])
    first = sealed.expecting(found, kind=AGREEMENT, messages=found.expected.messages[:1], agreement_seal=None)
    assert seal.faults(read, first) == ()
    assert read.policy is not None
    assert await town.unit(lambda unit: unit.policies.get(town.did, read.policy or "")) is not None
    text = sealed.signed(found, sealing.seal)
    body = sealed.verification(found, text)
    await sealing.says(town, f"{found.pids.place}/agreement/verification", body, expect=200)
    await sealing.hears("ContractNegotiationEventMessage")
    assert (await town.contract(found.contract, "FINALIZED")).sealed == "two-sided"
    stored = await town.unit(lambda unit: unit.seals.get(found.contract, VERIFICATION))
    assert stored is not None
    assert (stored.jws, stored.party) == (text, sealing.did)


@pytest.mark.parametrize("name", BY_THE_CONSUMER)
async def test_a2_26_a_wrong_counter_seal_ends_the_negotiation(town: Town, sealing: Counterparty, name: str) -> None:
    forge, code = BY_THE_CONSUMER[name]
    found, _ = await sealed.agreed(sealing, town)
    body = sealed.verification(found, forge(found, sealing))
    said = await sealing.says(town, f"{found.pids.place}/agreement/verification", body)
    assert (said.status, said.code) == (400, code)
    await _terminated(town, sealing, found.contract, code)


# Plain peers


async def test_a_contract_with_a_plain_consumer_is_one_sided(town: Town, peer: Counterparty) -> None:
    pids, _ = await parts.finalized(peer, town)
    view = await town.contract(pids.provider, "FINALIZED")
    assert view.sealed == "one-sided"
    assert await town.unit(lambda unit: unit.seals.get(pids.provider, AGREEMENT)) is not None
    assert await town.unit(lambda unit: unit.seals.get(pids.provider, VERIFICATION)) is None


async def test_a_contract_with_a_plain_provider_is_one_sided(town: Town, peer: Counterparty) -> None:
    contract, _, _ = await parts.agree(peer, town)
    assert (await town.contract(contract, "FINALIZED")).sealed == "one-sided"
    stored = await town.unit(lambda unit: unit.seals.get(contract, VERIFICATION))
    assert stored is not None
    assert seal.read(stored.jws).agreement_seal is None


async def test_an_offer_that_asks_for_seals_is_refused_to_a_plain_peer(town: Town, meet: Meeting, source: str) -> None:
    plain, sealing = await meet(town), await meet(town, announce=sealed.ANNOUNCE)
    policy = await publish.put(town.house, town.did, "p.json", b'{"permission":[{"action":"use"}]}', by=BY)
    wanted = publish.Wanted(policy.digest, seal="required")
    await publish.add_dataset(town.house, town.did, publish.New("wells", "Wells", source, [wanted]), by=BY)
    offer = await parts.offer_of(plain, town, "wells")
    said = await plain.says(town, "negotiations/request", parts.request(plain, offer), expect=400)
    assert said.code == "seal_required"
    with pytest.raises(WrongState, match="peer_without_seal"):
        await contracts.offer(town.house, town.did, plain.did, "wells", by=BY)
    await sealing.says(town, "negotiations/request", parts.request(sealing, offer), expect=201)
    await sealing.hears("ContractAgreementMessage")
