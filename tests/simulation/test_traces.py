"""The dialogues that broke earlier versions of the rules (docs/explanation/convergence.md), message by message."""

from __future__ import annotations

from typing import Any

import pytest

from connector.protocol import messages, negotiation
from connector.protocol.machine import PROVIDER, TERMINATION
from connector.protocol.negotiation import NEGOTIATION
from connector.services import contracts, transfers
from connector.services.deliver import Answer
from connector.services.house import grant_token
from tests.simulation import byhand, kinds
from tests.simulation.byhand import Desk, act, last
from tests.simulation.foreign import DATASET
from tests.simulation.home import GRANT_KEY
from tests.simulation.ours import Ours
from tests.simulation.world import Call


@pytest.mark.parametrize("protocol", ["negotiation", "transfer"])
def test_trace_1_a_termination_without_an_address_waits_for_it(protocol: str) -> None:
    two = byhand.pair() if protocol == "negotiation" else byhand.agreed()
    terminate: Any = contracts.terminate if protocol == "negotiation" else transfers.terminate
    if protocol == "negotiation":
        byhand.request(two.consumer, "o2")
        first = two.desk.take("ContractRequest")
    else:
        two.consumer.act(transfers.start, "urn:contract:consumer")
        first = two.desk.take("TransferRequest")
    answer = first.arrive()
    act(two.consumer, terminate, "enough")
    assert last(two.consumer).turn.wanted == TERMINATION
    first.answer(answer)
    two.desk.deliver_all()
    assert two.states() == ("TERMINATED", "TERMINATED")
    assert last(two.consumer).turn.confirmed


def test_trace_2_an_orphan_is_not_taken_for_an_acknowledgement() -> None:
    two = byhand.started()
    act(two.consumer, transfers.suspend)
    orphan = two.desk.take("TransferSuspension")
    act(two.provider, transfers.suspend)
    two.desk.deliver("TransferSuspension")
    assert two.states() == ("SUSPENDED", "SUSPENDED")
    act(two.provider, transfers.resume)
    assert orphan.arrive() == Answer(400, {"code": "message_stale"})
    two.desk.deliver_all()
    assert two.states() == ("STARTED", "STARTED")


def test_trace_2_a_completion_that_lost_does_not_end_what_was_started_after_it() -> None:
    two = byhand.started()
    act(two.consumer, transfers.complete)
    orphan = two.desk.take("TransferCompletion")
    act(two.provider, transfers.suspend)
    two.desk.deliver("TransferSuspension")
    act(two.provider, transfers.resume)
    assert orphan.arrive().status == 400
    two.desk.deliver_all()
    assert two.states() == ("STARTED", "STARTED")


def test_trace_3_an_address_that_was_lost_is_sent_again() -> None:
    two = byhand.started()
    act(two.provider, transfers.suspend)
    two.desk.deliver_all()
    act(two.provider, transfers.resume)
    lost = two.desk.take("TransferStart")
    act(two.consumer, transfers.resume)
    two.desk.deliver_all()
    lost.lose()
    two.desk.wait(60.0)
    two.desk.deliver_all()
    assert two.states() == ("STARTED", "STARTED")
    held = two.consumer.read(lambda unit: unit.transfers.get(last(two.consumer).pid))
    grant = two.provider.read(lambda unit: unit.grants.of_transfer(last(two.provider).pid))
    assert grant.closed is None
    assert held.token == grant_token(GRANT_KEY, grant.id, grant.generation)


def test_trace_3_the_late_copy_of_the_lost_address_does_not_replace_the_new_one() -> None:
    two = byhand.started()
    act(two.provider, transfers.suspend)
    two.desk.deliver_all()
    act(two.provider, transfers.resume)
    late = two.desk.take("TransferStart")
    act(two.consumer, transfers.resume)
    two.desk.deliver_all()
    assert late.arrive() == Answer(400, {"code": "message_stale"})
    held = two.consumer.read(lambda unit: unit.transfers.get(last(two.consumer).pid))
    grant = two.provider.read(lambda unit: unit.grants.of_transfer(last(two.provider).pid))
    assert held.token == grant_token(GRANT_KEY, grant.id, grant.generation)


def _from_puppet(party: Ours, move: str, **content: Any) -> Answer:
    """Let a plain provider send a move, without `@id` and without naming what it has applied."""
    body = messages.build(
        NEGOTIATION, move, message_id="", provider_pid="urn:puppet:1", consumer_pid=last(party).pid, **content
    )
    del body["@id"]
    suffix = messages.path("negotiation", move, "pid").removeprefix("/negotiations/pid/")
    answer = party.handle(Call("POST", "negotiation", last(party).pid, suffix, body))
    assert answer is not None
    return answer


def _shows(party: Ours, state: str) -> Answer:
    return Answer(200, messages.acknowledgement("negotiation", "urn:puppet:1", last(party).pid, state))


def _asked() -> tuple[Desk, Ours]:
    """Return one of ours that has asked a plain provider for a contract."""
    desk, party, _ = byhand.alone(PROVIDER)
    byhand.request(party)
    letter = desk.take("ContractRequest")
    letter.answer(Answer(201, messages.acknowledgement("negotiation", "urn:puppet:1", last(party).pid, "REQUESTED")))
    return desk, party


OFFER = kinds._document("o2") | {"target": DATASET}


def test_trace_4_a_state_is_never_adopted_backwards() -> None:
    desk, party = _asked()
    assert _from_puppet(party, negotiation.OFFER, offer=OFFER).status == 200
    act(party, contracts.accept)
    desk.take("ACCEPTED").answer(Answer(400))
    desk.take("GET").answer(_shows(party, "REQUESTED"))
    assert (byhand.state(party), last(party).turn.stalled) == ("OFFERED", "peer_refused")
    assert _from_puppet(party, negotiation.OFFER, offer=OFFER) == _shows(party, "OFFERED")
    act(party, contracts.accept)
    desk.take("ACCEPTED").answer(_shows(party, "ACCEPTED"))
    assert (byhand.state(party), last(party).turn.stalled) == ("ACCEPTED", None)


def test_trace_5_a_state_is_not_adopted_without_the_content_that_leads_to_it() -> None:
    desk, party = _asked()
    assert _from_puppet(party, negotiation.OFFER, offer=OFFER).status == 200
    act(party, contracts.counter, "p1")
    letter = desk.take("ContractRequest")
    letter.lose()
    desk.wait(5.0)
    desk.take("ContractRequest").answer(Answer(400))
    desk.take("GET").answer(_shows(party, "AGREED"))
    contract = party.read(lambda unit: unit.contracts.get(last(party).pid))
    assert (byhand.state(party), contract.agreement) == ("OFFERED", None)
    assert last(party).turn.stalled == "peer_refused"


def test_a_completion_on_its_way_is_not_stale_because_an_address_came() -> None:
    two = byhand.started()
    act(two.consumer, transfers.suspend)
    two.desk.deliver_all()
    act(two.consumer, transfers.resume)
    two.desk.deliver("TransferStart")
    act(two.consumer, transfers.complete)
    two.desk.deliver("TransferStart")
    two.desk.deliver_all()
    assert two.states() == ("COMPLETED", "COMPLETED")


def test_a_read_with_an_earlier_token_acknowledges_no_later_start() -> None:
    two = byhand.started()
    two.consumer.fetch(last(two.consumer).pid)
    read = two.desk.take("DATA")
    act(two.provider, transfers.suspend)
    two.desk.deliver_all()
    act(two.provider, transfers.resume)
    assert read.arrive().status == 403
    assert byhand.state(two.provider) == "SUSPENDED"
    two.desk.deliver_all()
    assert two.states() == ("STARTED", "STARTED")


def test_a_suspension_that_was_decided_behind_a_start_that_was_refused_is_forgotten_not_a_fault() -> None:
    two = byhand.agreed()
    two.consumer.act(transfers.start, "urn:contract:consumer")
    two.desk.deliver("TransferRequest")
    start = two.desk.take("TransferStart")
    act(two.provider, transfers.suspend)
    start.answer(Answer(400))
    two.desk.take("GET").answer(Answer(404))
    assert last(two.provider).turn.wanted is None
    assert last(two.provider).turn.stalled == "peer_refused"
    grant = two.provider.read(lambda unit: unit.grants.of_transfer(last(two.provider).pid))
    assert grant.closed is not None
