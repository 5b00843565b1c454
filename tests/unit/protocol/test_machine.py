"""The four rules of turn-taking, one test per clause (architecture, "Four rules of turn-taking").

Access that closes before the peer answers (rule 1) and what crosses processes (rule 2) are kept by the services and tested there.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.protocol import machine
from connector.protocol.machine import CONSUMER, PROVIDER, Process, Role
from connector.protocol.negotiation import NEGOTIATION
from tests.unit.protocol.turns import at, says, sent_of

# Rule 1: our move takes effect when the peer acknowledges it.


def test_rule_1_our_move_takes_effect_when_it_is_answered_not_when_it_is_sent() -> None:
    pending = at(PROVIDER, "REQUESTED", "agreement")
    assert (pending.state, pending.shown) == ("REQUESTED", "REQUESTED")
    done = machine.acknowledged(pending, "urn:ours")
    assert done is not None
    assert (done.state, done.pending, done.acked) == ("AGREED", None, 3)


def test_rule_1_before_the_first_answer_the_state_that_we_ask_for_is_shown() -> None:
    asked = machine.propose(Process(NEGOTIATION, CONSUMER), "request", "urn:ours", sent=True).process
    assert (asked.state, asked.shown) == (None, "REQUESTED")


def test_rule_1_an_answer_to_what_is_settled_already_changes_nothing() -> None:
    settled = machine.receive(at(PROVIDER, "REQUESTED", "agreement"), says("termination")).process
    assert machine.acknowledged(settled, "urn:ours") is None
    assert machine.refused(settled, "urn:ours", "no") is None
    assert machine.exhausted(settled, "urn:ours", "no") is None
    assert machine.acknowledged(at(PROVIDER, "REQUESTED", "agreement"), "urn:another") is None


def test_rule_1_a_get_that_shows_the_target_acknowledges() -> None:
    seen = machine.shown(at(PROVIDER, "ACCEPTED", "agreement"), "AGREED")
    assert seen is not None
    assert (seen.state, seen.pending, seen.acked, seen.adopted) == ("AGREED", None, 3, False)


@pytest.mark.parametrize(
    ("process", "shown"),
    [
        pytest.param(at(PROVIDER, "REQUESTED", "offer"), "OFFERED", id="an-offer"),
        pytest.param(at(CONSUMER, "OFFERED", "request"), "REQUESTED", id="a-counter-request"),
        pytest.param(at(PROVIDER, "STARTED", "start"), "STARTED", id="an-address"),
        pytest.param(at(PROVIDER, "ACCEPTED", "agreement", sent=False), "AGREED", id="what-never-left"),
        pytest.param(at(PROVIDER, "ACCEPTED", "agreement"), "ACCEPTED", id="another-state"),
    ],
)
def test_rule_1_a_get_acknowledges_nothing_that_it_does_not_show(process: Process, shown: str) -> None:
    assert machine.shown(process, shown) is None


def test_rule_1_a_suspension_decided_while_our_start_is_unanswered_is_sent_after_that_answer() -> None:
    starting = at(PROVIDER, "REQUESTED", "start", transfer=True)
    decided = machine.propose(starting, "suspension", "urn:later")
    assert (decided.verdict, decided.process.wanted, sent_of(decided.process).move) == ("waits", "suspension", "start")
    started = machine.acknowledged(decided.process, "urn:ours")
    assert started is not None
    assert (started.state, started.wanted) == ("STARTED", "suspension")
    going = machine.propose(started, "suspension", "urn:later")
    assert (going.verdict, going.process.wanted, sent_of(going.process).move) == ("pending", None, "suspension")


def test_rule_1_a_suspension_that_waits_is_forgotten_when_the_transfer_ends_instead() -> None:
    waiting = machine.propose(at(PROVIDER, "REQUESTED", "start", transfer=True), "suspension", "urn:later").process
    assert machine.receive(waiting, says("termination")).process.wanted is None


# Rule 2: what the peer could only send after our pending move acknowledges that move.


def test_rule_2_what_the_peer_could_only_send_after_our_move_acknowledges_it() -> None:
    heard = machine.receive(at(PROVIDER, "ACCEPTED", "agreement"), says("verification"))
    assert (heard.effect, heard.process.state, heard.process.pending) == ("applied", "VERIFIED", None)
    assert heard.acknowledged is not None
    assert (heard.acknowledged.move, heard.process.acked) == ("agreement", 3)


def test_rule_2_a_move_that_never_left_is_acknowledged_by_nothing() -> None:
    before = at(PROVIDER, "ACCEPTED", "agreement", sent=False)
    heard = machine.receive(before, says("verification"))
    assert (heard.effect, heard.reason, heard.process) == ("refused", "move_illegal", before)


def test_rule_2_a_message_that_names_our_pending_move_acknowledges_it() -> None:
    resuming = at(PROVIDER, "SUSPENDED", "start")
    heard = machine.receive(resuming, says("suspension", after=3))
    assert (heard.effect, heard.process.state, heard.process.acked) == ("applied", "SUSPENDED", 3)
    assert heard.acknowledged == resuming.pending


def test_rule_2_a_message_that_names_an_older_move_acknowledges_nothing_even_if_it_fits() -> None:
    heard = machine.receive(at(PROVIDER, "ACCEPTED", "agreement"), says("verification", after=2))
    assert (heard.effect, heard.reason, heard.acknowledged) == ("refused", "move_illegal", None)


@pytest.mark.parametrize("after", [1, machine.NOTHING_APPLIED, machine.UNKNOWN_MESSAGE])
def test_rule_2_a_message_that_names_something_older_than_our_last_acknowledged_move_is_stale(after: int) -> None:
    before = at(PROVIDER, "STARTED")
    heard = machine.receive(before, says("suspension", after=after))
    assert (heard.effect, heard.reason, heard.process) == ("refused", "message_stale", before)
    assert machine.receive(before, says("suspension", after=2)).effect == "applied"


def test_rule_2_a_message_before_any_move_of_ours_names_nothing_and_is_not_stale() -> None:
    fresh = replace(at(PROVIDER, "REQUESTED"), seq=0, acked=0)
    assert machine.receive(fresh, says("termination", after=machine.NOTHING_APPLIED)).effect == "applied"
    assert machine.receive(replace(fresh, state="OFFERED"), says("accepted", after=0)).effect == "applied"


def test_rule_2_a_termination_is_never_stale() -> None:
    heard = machine.receive(at(PROVIDER, "STARTED"), says("termination", after=1))
    assert (heard.effect, heard.process.state) == ("applied", "TERMINATED")


def test_rule_2_a_repeat_is_never_stale() -> None:
    heard = machine.receive(at(PROVIDER, "STARTED"), says("suspension", digest="d", known_digest="d", after=1))
    assert heard.effect == "repeated"


# Rule 3: a repeat is answered as before and not applied again.


def test_rule_3_the_same_id_and_digest_is_a_repeat_however_late_it_comes() -> None:
    ended = at(PROVIDER, "FINALIZED")
    heard = machine.receive(ended, says("request", digest="d", known_digest="d"))
    assert (heard.effect, heard.process) == ("repeated", ended)


def test_rule_3_the_same_id_with_another_digest_is_refused() -> None:
    before = at(PROVIDER, "OFFERED")
    heard = machine.receive(before, says("accepted", digest="d", known_digest="e"))
    assert (heard.effect, heard.reason, heard.process) == ("refused", "message_id_reused", before)


def test_rule_3_without_an_id_a_message_equal_to_the_last_one_applied_is_a_repeat() -> None:
    request = says("request", digest="d", identified=False)
    once = machine.receive(at(PROVIDER, "OFFERED"), request).process
    twice = machine.receive(once, request)
    assert (twice.effect, twice.process) == ("repeated", once)


def test_rule_3_without_an_id_it_is_new_once_a_move_of_ours_has_taken_effect_since() -> None:
    request = says("request", digest="d", identified=False)
    asked = machine.receive(at(PROVIDER, "OFFERED"), request).process
    offered = machine.acknowledged(machine.propose(asked, "offer", "urn:1", sent=True).process, "urn:1")
    assert offered is not None
    again = machine.receive(offered, request)
    assert (again.effect, again.process.state) == ("applied", "REQUESTED")


def test_rule_3_an_address_sent_again_is_no_turn_of_ours_that_makes_a_repeat_new() -> None:
    resumption = says("start", digest="d", identified=False)
    started = machine.receive(at(PROVIDER, "SUSPENDED"), resumption).process
    sent = machine.acknowledged(machine.propose(started, "start", "urn:1", sent=True).process, "urn:1")
    assert sent is not None
    assert machine.receive(sent, resumption).effect == "repeated"


def test_rule_3_equal_content_with_a_fresh_id_is_a_new_message() -> None:
    once = machine.receive(at(CONSUMER, "STARTED"), says("start", digest="d")).process
    assert machine.receive(once, says("start", digest="d")).effect == "applied"


# Rule 4: when messages cross.


@pytest.mark.parametrize("role", [CONSUMER, PROVIDER])
@pytest.mark.parametrize(("move", "target"), [("suspension", "SUSPENDED"), ("completion", "COMPLETED")])
def test_rule_4_equal_targets_are_taken_by_both(role: Role, move: str, target: str) -> None:
    before = at(role, "STARTED", move)
    heard = machine.receive(before, says(move))
    assert (heard.effect, heard.process.state, heard.dropped) == ("applied", target, before.pending)


@pytest.mark.parametrize("role", [CONSUMER, PROVIDER])
def test_rule_4_termination_wins(role: Role) -> None:
    ours = at(role, "STARTED", "termination")
    for move in ("suspension", "completion"):
        refused = machine.receive(ours, says(move))
        assert (refused.effect, refused.reason, refused.process) == ("refused", "move_crossed", ours)
        theirs = machine.receive(at(role, "STARTED", move), says("termination"))
        assert (theirs.effect, theirs.process.state, theirs.process.pending) == ("applied", "TERMINATED", None)
    both = machine.receive(ours, says("termination"))
    assert (both.effect, both.process.state, both.process.pending) == ("applied", "TERMINATED", None)


def test_rule_4_else_the_providers_move_wins_and_the_consumers_is_refused() -> None:
    provider = at(PROVIDER, "STARTED", "suspension")
    refused = machine.receive(provider, says("completion"))
    assert (refused.effect, refused.reason, refused.process) == ("refused", "move_crossed", provider)
    consumer = machine.receive(at(CONSUMER, "STARTED", "completion"), says("suspension"))
    assert (consumer.effect, consumer.process.state, consumer.process.pending) == ("applied", "SUSPENDED", None)


def test_rule_4_a_row_never_sent_gives_way_to_any_legal_message() -> None:
    before = at(PROVIDER, "STARTED", "suspension", sent=False)
    heard = machine.receive(before, says("completion"))
    assert (heard.effect, heard.process.state, heard.dropped) == ("applied", "COMPLETED", before.pending)


def test_rule_4_a_termination_never_sent_does_not_give_way() -> None:
    before = at(CONSUMER, "STARTED", "termination", sent=False)
    assert machine.receive(before, says("completion")).reason == "move_crossed"


def test_rule_4_only_a_termination_replaces_a_sent_move() -> None:
    before = at(CONSUMER, "STARTED", "suspension")
    other = machine.propose(before, "completion", "urn:more")
    assert (other.verdict, other.reason, other.process) == ("refused", "move_pending", before)
    ended = machine.propose(before, "termination", "urn:more", sent=True)
    assert (ended.verdict, ended.dropped) == ("pending", before.pending)
    assert (sent_of(ended.process).move, sent_of(ended.process).seq) == ("termination", 4)
    twice = machine.propose(ended.process, "termination", "urn:most")
    assert (twice.verdict, twice.reason) == ("refused", "move_pending")


def test_rule_4_a_move_that_is_legal_neither_now_nor_after_the_pending_one_is_refused_as_illegal() -> None:
    before = at(CONSUMER, "OFFERED", "accepted")
    made = machine.propose(before, "completion", "urn:more")
    assert (made.verdict, made.reason, made.process) == ("refused", "move_illegal", before)


def test_rule_4_a_termination_of_a_first_message_that_was_sent_waits_for_the_answer() -> None:
    asked = machine.propose(Process(NEGOTIATION, CONSUMER), "request", "urn:1", sent=True).process
    ended = machine.propose(asked, "termination", "urn:2")
    assert (ended.verdict, ended.process.wanted, sent_of(ended.process).move) == ("waits", "termination", "request")
    known = machine.acknowledged(ended.process, "urn:1")
    assert known is not None
    assert (known.state, known.wanted) == ("REQUESTED", "termination")


def test_rule_4_a_first_message_that_never_left_is_withdrawn_and_nobody_is_told() -> None:
    asked = machine.propose(Process(NEGOTIATION, CONSUMER), "request", "urn:1").process
    ended = machine.propose(asked, "termination", "urn:2")
    assert (ended.verdict, ended.dropped) == ("done", asked.pending)
    assert (ended.process.state, ended.process.pending, ended.process.shown) == ("TERMINATED", None, "TERMINATED")


def test_rule_4_a_termination_waits_for_the_answer_to_a_move_that_ends_the_process() -> None:
    for before in (at(PROVIDER, "VERIFIED", "finalized"), at(CONSUMER, "STARTED", "completion")):
        waiting = machine.propose(before, "termination", "urn:more")
        assert (waiting.verdict, waiting.process.wanted) == ("waits", "termination")
        done = machine.acknowledged(waiting.process, "urn:ours")
        assert done is not None
        assert (done.ended, done.wanted) == (True, None)


def test_rule_4_a_consumers_start_is_followed_by_a_start_of_the_provider_with_the_address() -> None:
    resumed = machine.receive(at(PROVIDER, "SUSPENDED"), says("start")).process
    address = machine.propose(resumed, "start", "urn:1", sent=True)
    assert (address.verdict, sent_of(address.process).target) == ("pending", "STARTED")
    sent = machine.acknowledged(address.process, "urn:1")
    assert sent is not None
    assert (sent.state, sent.pending, sent.acked) == ("STARTED", None, 2)


def test_rule_4_the_consumer_takes_the_address_in_started_and_changes_nothing_else() -> None:
    before = at(CONSUMER, "STARTED", "completion")
    heard = machine.receive(before, says("start", digest="d"))
    assert (heard.effect, heard.dropped) == ("applied", None)
    assert heard.process == replace(before, last_digest="d")


def test_rule_4_an_address_on_its_way_gives_way_to_whatever_the_consumer_says() -> None:
    heard = machine.receive(at(PROVIDER, "STARTED", "start"), says("suspension"))
    assert (heard.effect, heard.process.state, heard.process.pending) == ("applied", "SUSPENDED", None)


@pytest.mark.parametrize(
    ("process", "shown"),
    [
        pytest.param(at(CONSUMER, "VERIFIED"), "FINALIZED", id="a-terminal-state"),
        pytest.param(at(CONSUMER, "AGREED", "verification"), "FINALIZED", id="by-way-of-our-pending-move"),
        pytest.param(at(CONSUMER, "STARTED", "suspension"), "TERMINATED", id="a-termination-instead-of-our-move"),
        pytest.param(at(PROVIDER, "OFFERED"), "ACCEPTED", id="accepted-at-the-provider"),
        pytest.param(at(PROVIDER, "AGREED"), "VERIFIED", id="verified-at-the-provider"),
        pytest.param(at(PROVIDER, "ACCEPTED", "agreement"), "VERIFIED", id="verified-after-our-agreement"),
    ],
)
def test_rule_4_a_state_that_the_peers_moves_alone_lead_to_is_adopted(process: Process, shown: str) -> None:
    seen = machine.shown(process, shown)
    assert seen is not None
    assert (seen.state, seen.adopted, seen.pending, seen.wanted, seen.stalled) == (shown, True, None, None, None)


@pytest.mark.parametrize(
    ("process", "shown"),
    [
        pytest.param(at(CONSUMER, "REQUESTED"), "AGREED", id="an-agreement-that-we-have-not-read"),
        pytest.param(at(CONSUMER, "OFFERED"), "ACCEPTED", id="accepted-is-ours-at-the-consumer"),
        pytest.param(at(PROVIDER, "VERIFIED"), "FINALIZED", id="an-end-that-only-we-can-bring"),
        pytest.param(at(PROVIDER, "REQUESTED"), "ACCEPTED", id="an-offer-of-ours-would-be-needed"),
        pytest.param(at(PROVIDER, "ACCEPTED", "agreement", sent=False), "VERIFIED", id="our-agreement-never-left"),
        pytest.param(at(PROVIDER, "STARTED"), "SUSPENDED", id="not-an-end"),
        pytest.param(at(PROVIDER, "FINALIZED"), "TERMINATED", id="we-have-ended"),
        pytest.param(Process(NEGOTIATION, CONSUMER), "TERMINATED", id="no-process-yet"),
    ],
)
def test_rule_4_nothing_else_is_adopted(process: Process, shown: str) -> None:
    assert machine.shown(process, shown) is None


def test_rule_4_the_message_that_leads_to_an_adopted_state_is_taken_for_its_content_once() -> None:
    adopted = machine.shown(at(PROVIDER, "AGREED"), "VERIFIED")
    assert adopted is not None
    late = machine.receive(adopted, says("verification"))
    assert (late.effect, late.process.state, late.process.adopted) == ("content", "VERIFIED", False)
    assert machine.receive(late.process, says("verification")).reason == "move_illegal"


def test_rule_4_the_message_behind_an_adopted_state_acknowledges_what_it_names() -> None:
    adopted = machine.shown(at(PROVIDER, "AGREED"), "VERIFIED")
    assert adopted is not None
    ending = machine.propose(adopted, "termination", "urn:1", sent=True).process
    heard = machine.receive(ending, says("verification", after=2))
    assert (heard.effect, sent_of(heard.process).move) == ("content", "termination")


def test_rule_4_what_is_refused_and_explained_by_no_get_is_stalled_until_somebody_moves() -> None:
    stalled = machine.refused(at(PROVIDER, "ACCEPTED", "agreement"), "urn:ours", "peer_says_no")
    assert stalled is not None
    assert (stalled.state, stalled.pending, stalled.stalled) == ("ACCEPTED", None, "peer_says_no")
    assert machine.exhausted(at(PROVIDER, "ACCEPTED", "agreement"), "urn:ours", "peer_says_no") == stalled
    assert machine.propose(stalled, "agreement", "urn:again").process.stalled is None
    assert machine.receive(stalled, says("termination")).process.stalled is None


def test_rule_4_a_refused_move_takes_with_it_what_waited_for_it() -> None:
    waiting = machine.propose(at(PROVIDER, "REQUESTED", "start", transfer=True), "suspension", "urn:later").process
    stalled = machine.refused(waiting, "urn:ours", "peer_says_no")
    assert stalled is not None
    assert (stalled.state, stalled.wanted) == ("REQUESTED", None)


def test_rule_4_a_peer_asked_after_a_day_that_shows_another_state_leaves_us_stalled() -> None:
    process = at(CONSUMER, "REQUESTED")
    stalled = machine.compared(process, "AGREED", refused=False)
    assert stalled.stalled == machine.DIFFERS
    assert machine.compared(stalled, None, refused=True).stalled == machine.DIFFERS
    assert machine.compared(stalled, "REQUESTED", refused=False) == process


def test_rule_4_a_peer_that_no_longer_knows_the_process_leaves_us_stalled_and_one_that_is_away_does_not() -> None:
    process = at(CONSUMER, "REQUESTED")
    assert machine.compared(process, None, refused=True).stalled == machine.REFUSES
    assert machine.compared(process, None, refused=False) == process
    assert machine.compared(process, "REQUESTED", refused=False) == process


def test_rule_4_a_refusal_that_stalled_us_is_not_forgotten_because_the_states_agree() -> None:
    stalled = at(CONSUMER, "REQUESTED", stalled="peer_says_no")
    assert machine.compared(stalled, "REQUESTED", refused=False) == stalled


def test_rule_4_a_first_message_refused_for_good_ends_the_process_and_there_is_nobody_to_confirm_it() -> None:
    asked = machine.propose(Process(NEGOTIATION, CONSUMER), "request", "urn:1", sent=True).process
    ended = machine.refused(asked, "urn:1", "peer_says_no")
    assert ended is not None
    assert (ended.state, ended.pending, ended.confirmed) == ("TERMINATED", None, True)


def test_rule_4_a_first_message_that_was_never_answered_may_have_arrived_so_its_end_is_unconfirmed() -> None:
    asked = machine.propose(Process(NEGOTIATION, CONSUMER), "request", "urn:1", sent=True).process
    ended = machine.exhausted(asked, "urn:1", "peer_away")
    assert ended is not None
    assert (ended.state, ended.confirmed) == ("TERMINATED", False)


def test_rule_4_a_refused_termination_ends_the_process_here_unconfirmed_until_the_peer_shows_its_end() -> None:
    ended = machine.refused(at(CONSUMER, "STARTED", "termination"), "urn:ours", "peer_says_no")
    assert ended is not None
    assert (ended.state, ended.confirmed) == ("TERMINATED", False)
    assert not machine.compared(ended, None, refused=False).confirmed
    assert not machine.compared(ended, "STARTED", refused=False).confirmed
    assert machine.compared(ended, "TERMINATED", refused=False).confirmed


def test_rule_4_an_end_is_unconfirmed_when_the_peer_shows_another_state_or_refuses_to_show_a_contract() -> None:
    done, ended = at(PROVIDER, "FINALIZED"), at(PROVIDER, "TERMINATED")
    assert not machine.compared(done, "VERIFIED", refused=False).confirmed
    assert not machine.compared(done, None, refused=True).confirmed
    assert machine.compared(done, None, refused=False).confirmed
    # A peer may forget what was terminated.
    assert machine.compared(ended, None, refused=True).confirmed
