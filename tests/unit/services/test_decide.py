"""What a connector answers by itself: as dialogues, and what holds in every situation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Literal, get_args

import pytest

from connector.protocol.machine import CONSUMER, PROVIDER, Role, Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from connector.services.decide import NOTHING, PERSON, Decision, Situation, automatic

Cause = Literal["applied", "effect"]
REQUESTED = Situation(
    "negotiation", PROVIDER, "REQUESTED", "applied", "request", 0.0, opened=True, unchanged=True, permitted=True
)
OFFERED = Situation("negotiation", CONSUMER, "OFFERED", "applied", "offer", 0.0, unchanged=True)
ASKED = Situation("transfer", PROVIDER, "REQUESTED", "applied", "request", 0.0, opened=True, permitted=True)


def _every_situation() -> Iterator[tuple[Table, Situation]]:
    """Give every situation that there is: whose turn, which state, what happened, what is known."""
    for table in (NEGOTIATION, TRANSFER):
        states = sorted({*filter(None, table.moves), *table.terminal})
        moves = sorted({move for arrows in table.moves.values() for move, _ in arrows})
        flags = product((False, True), (False, True), (False, True), (None, False, True))
        for role, state, cause, move, (opened, unchanged, permitted, within), (approval, approved) in product(
            get_args(Role), states, get_args(Cause), moves, flags, product((None, PERSON), (False, True))
        ):
            yield table, Situation(
                table.name, role, state, cause, move, 0.0, opened=opened, unchanged=unchanged, within_limit=within,
                approval=approval, approved=approved, permitted=permitted, reasons=() if permitted else ("/permission/0",),
            )  # fmt: skip


EVERY = list(_every_situation())


def test_a_move_that_is_decided_is_always_legal_for_who_decides_it() -> None:
    for table, situation in EVERY:
        decision = automatic(situation)
        if decision.move is not None:
            assert table.target(situation.state, decision.move, situation.role), situation


def test_nothing_is_shared_that_the_policy_does_not_permit() -> None:
    for _, situation in EVERY:
        if automatic(situation).move in ("agreement", "start"):
            assert situation.permitted, situation
            assert situation.role == PROVIDER, situation


def test_no_request_is_agreed_to_that_is_not_our_own_offer_or_that_a_person_has_to_approve() -> None:
    for _, situation in EVERY:
        if situation.state == "REQUESTED" and automatic(situation).move == "agreement":
            assert situation.unchanged or situation.within_limit, situation
            assert situation.approval is None, situation


def test_nothing_is_agreed_to_without_the_person_whom_the_offer_asks_for() -> None:
    for _, situation in EVERY:
        if automatic(situation).move == "agreement" and situation.approval == PERSON:
            assert situation.state == "ACCEPTED", situation
            assert situation.approved, situation


def test_a_refusal_always_says_why() -> None:
    for _, situation in EVERY:
        decision = automatic(situation)
        if decision.move == "termination":
            assert decision.code in ("offer_changed", "policy_refuses"), situation
            assert decision.code != "policy_refuses" or decision.reasons == situation.reasons, situation


def test_a_person_who_has_to_decide_finds_no_move_made() -> None:
    for _, situation in EVERY:
        decision = automatic(situation)
        assert decision.waits in (None, PERSON)
        assert decision.waits is None or decision.move is None, situation


def test_a_process_that_has_ended_is_left_alone() -> None:
    for table, situation in EVERY:
        if situation.state in table.terminal:
            assert automatic(situation) == NOTHING


def test_the_provider_agrees_to_its_own_offer_where_the_policy_permits() -> None:
    assert automatic(REQUESTED) == Decision("agreement")


def test_the_provider_asks_a_person_where_the_offer_says_so() -> None:
    assert automatic(replace(REQUESTED, approval=PERSON)) == Decision(waits=PERSON)


def test_the_provider_refuses_whom_the_policy_refuses_before_it_bothers_a_person() -> None:
    refused = replace(REQUESTED, approval=PERSON, permitted=False, reasons=("/permission/0/constraint/0",))
    assert automatic(refused) == Decision("termination", code="policy_refuses", reasons=("/permission/0/constraint/0",))


def test_the_provider_refuses_an_offer_that_it_never_made() -> None:
    assert automatic(replace(REQUESTED, unchanged=False)) == Decision("termination", code="offer_changed")


def test_a_counter_request_is_for_a_person() -> None:
    assert automatic(replace(REQUESTED, unchanged=False, opened=False)) == Decision(waits=PERSON)


def test_what_is_within_the_owners_limit_needs_no_person_unless_the_offer_asks_for_one() -> None:
    for opened in (True, False):
        asked = replace(REQUESTED, unchanged=False, opened=opened, within_limit=True)
        assert automatic(asked) == Decision("agreement")
        assert automatic(replace(asked, approval=PERSON)) == Decision(waits=PERSON)
        assert automatic(replace(asked, permitted=False)).code == "policy_refuses"


def test_what_is_beyond_the_owners_limit_is_for_a_person() -> None:
    for opened in (True, False):
        asked = replace(REQUESTED, unchanged=False, opened=opened, within_limit=False)
        assert automatic(asked) == Decision(waits=PERSON)


def test_the_provider_agrees_when_its_offer_is_accepted_and_still_permitted() -> None:
    accepted = replace(REQUESTED, state="ACCEPTED", move="accepted", opened=False)
    assert automatic(accepted) == Decision("agreement")
    late = replace(accepted, permitted=False, reasons=("/permission/0",))
    assert automatic(late) == Decision("termination", code="policy_refuses", reasons=("/permission/0",))


def test_an_accepted_offer_that_nobody_has_approved_waits_for_a_person() -> None:
    accepted = replace(REQUESTED, state="ACCEPTED", move="accepted", opened=False, approval=PERSON)
    assert automatic(accepted) == Decision(waits=PERSON)
    assert automatic(replace(accepted, approved=True)) == Decision("agreement")
    late = replace(accepted, permitted=False, reasons=("/permission/0",))
    assert automatic(late) == Decision("termination", code="policy_refuses", reasons=("/permission/0",))


def test_the_consumer_accepts_the_offer_that_it_asked_for_and_shows_a_person_any_other() -> None:
    assert automatic(OFFERED) == Decision("accepted")
    assert automatic(replace(OFFERED, unchanged=False)) == Decision(waits=PERSON)


def test_nobody_answers_a_move_of_their_own() -> None:
    assert automatic(replace(REQUESTED, cause="effect")) == NOTHING
    assert automatic(replace(OFFERED, cause="effect")) == NOTHING
    assert automatic(replace(ASKED, state="STARTED", cause="effect", move="start")) == NOTHING


def test_an_agreement_is_verified_and_then_finalized() -> None:
    assert automatic(replace(OFFERED, state="AGREED", move="agreement")) == Decision("verification")
    assert automatic(replace(REQUESTED, state="VERIFIED", move="verification")) == Decision("finalized")


def test_i1_a_contract_whose_seals_are_not_all_here_is_not_finalized() -> None:
    assert automatic(replace(REQUESTED, state="VERIFIED", move="adopted", sealed=False)) == NOTHING


def test_the_provider_starts_a_transfer_that_the_agreement_permits_now() -> None:
    assert automatic(ASKED) == Decision("start")
    late = replace(ASKED, permitted=False, reasons=("/permission/0",))
    assert automatic(late) == Decision("termination", code="policy_refuses", reasons=("/permission/0",))


@pytest.mark.parametrize("permitted", [True, False])
def test_a_consumer_that_resumes_gets_the_address_anew_or_the_end(*, permitted: bool) -> None:
    resumed = replace(ASKED, state="STARTED", move="start", opened=False, permitted=permitted)
    assert automatic(resumed).move == ("start" if permitted else "termination")


def test_a_suspended_transfer_waits_for_whoever_resumes_it() -> None:
    assert automatic(replace(ASKED, state="SUSPENDED", move="suspension")) == NOTHING


REFUSED = replace(ASKED, state="STARTED", move="start", permitted=False, reasons=("/permission/0",))
PAUSED = replace(REFUSED, state="SUSPENDED", cause="effect", move="suspension", paused=True)


def test_a_consumer_that_resumes_too_early_is_suspended_again_and_too_late_is_terminated() -> None:
    assert automatic(replace(REFUSED, recovers=True)) == Decision(
        "suspension", waits="policy", code="policy_refuses", reasons=("/permission/0",), by="policy"
    )
    assert automatic(REFUSED).move == "termination"
    assert automatic(replace(REFUSED, state="REQUESTED", move="request", recovers=True)).move == "termination"


def test_what_only_its_policy_held_up_goes_on_waits_or_ends_by_the_policy() -> None:
    assert automatic(replace(PAUSED, permitted=True)) == Decision("start", by="policy")
    assert automatic(replace(PAUSED, recovers=True)) == NOTHING
    assert automatic(PAUSED).move == "termination"
    assert automatic(replace(PAUSED, permitted=True, paused=False)) == NOTHING
