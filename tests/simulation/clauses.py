"""Each clause of the four rules, and how to take it away: the simulation has to notice, or nobody would know that it works.

A clause is noticed by faults (a seed fails), or by marks (with peers of another kind, more processes stay unsettled).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from connector.services import decide, deliver
from connector.services import transfer as transfers
from connector.services.grants import Grants
from tests.simulation import memory, variants
from tests.simulation.variants import Change, at, crossing, in_machine, without


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause and how to remove it."""

    rule: int
    says: str
    kinds: tuple[str, ...]
    change: Change
    measure: Literal["faults", "marks"] = "faults"

    @contextmanager
    def removed(self) -> Iterator[None]:
        with self.change():
            yield


_OURS = ("negotiation-ours", "transfer-ours")
_TRANSFERS = ("transfer-ours",)
_ANY_PLAIN = (
    "negotiation-plain-provider",
    "negotiation-plain-consumer",
    "transfer-plain-provider",
    "transfer-plain-consumer",
)
_ANY_EDC = ("negotiation-edc-provider", "negotiation-edc-consumer", "transfer-edc-provider", "transfer-edc-consumer")
_NO_LATER: dict[str, str] = {}

CLAUSES: dict[str, Clause] = {
    "takes_effect_on_2xx": Clause(
        1,
        "our move takes effect when the peer acknowledges it",
        _OURS,
        in_machine(_make=variants.at_once),
    ),
    "get_shows_the_target": Clause(
        1,
        "so does a GET that shows its target",
        ("transfer-plain-provider",),
        in_machine(shown=variants.shows_nothing),
        "marks",
    ),
    "get_shows_no_content": Clause(
        1,
        "a GET never acknowledges an offer or counter-request",
        (*_OURS, *_ANY_PLAIN),
        without("content", frozenset()),
    ),
    "access_closes_at_the_decision": Clause(
        1,
        "access closes in the transaction of the decision",
        _TRANSFERS,
        at(transfers.Transfers, "changed", variants.close_late),
    ),
    "suspension_behind_a_start": Clause(
        1,
        "a suspension decided while our start is unanswered is sent after that answer",
        _TRANSFERS,
        without("later", _NO_LATER),
    ),
    "named_move_is_acknowledged": Clause(
        2,
        "naming our pending move acknowledges it",
        _OURS,
        in_machine(_acknowledge_by=variants.never_proves),
    ),
    "order_acknowledges_without_names": Clause(
        2,
        "what the peer could only send after our pending move acknowledges it",
        ("transfer-plain-provider",),
        in_machine(_acknowledge_by=variants.proves_by_name_only),
        "marks",
    ),
    "names_decide_where_there_are_any": Clause(
        2,
        "where the peer's messages name ours, that decides instead",
        _OURS,
        in_machine(_acknowledge_by=variants.proves_by_order_only, _stale=variants.never_stale),
    ),
    "only_what_was_sent": Clause(
        2,
        "but never one that was not sent",
        _ANY_PLAIN,
        in_machine(_acknowledge_by=variants.proves_unsent),
    ),
    "stale_is_refused": Clause(
        2,
        "naming something older makes the message stale",
        _OURS,
        in_machine(_stale=variants.never_stale),
    ),
    "request_acknowledges_finalized": Clause(
        2,
        "a TransferRequest acknowledges FINALIZED",
        _TRANSFERS,
        at(transfers.Transfers, "_final", variants.not_final),
    ),
    "data_request_acknowledges_start": Clause(
        2,
        "a data request acknowledges the start",
        _TRANSFERS,
        at(Grants, "_started_by_reading", variants.not_started),
    ),
    "token_of_that_start": Clause(
        2,
        "and only the start that carried its token",
        _TRANSFERS,
        at(Grants, "_started_by_reading", variants.started_by_any),
    ),
    "address_is_no_turn": Clause(
        2,
        "a start made again for its address is no move to be behind of",
        _TRANSFERS,
        in_machine(_effective=variants.refresh_counts),
    ),
    "same_id_is_a_repeat": Clause(
        3,
        "same @id and digest is a repeat",
        _OURS,
        in_machine(_repeat=variants.no_repeat_by_id),
    ),
    "last_message_is_a_repeat": Clause(
        3,
        "without @id: equal to the last one applied",
        ("negotiation-plain-provider", "transfer-plain-provider"),
        in_machine(_repeat=variants.no_repeat_by_content),
        "marks",
    ),
    "no_move_since": Clause(
        3,
        "and no move of ours took effect since",
        _ANY_PLAIN,
        in_machine(_repeat=variants.repeat_although_moved),
    ),
    "first_messages_by_pid": Clause(
        3,
        "first messages repeat by pid",
        _OURS,
        at(memory.Exchanges, "of_peer", lambda *_: None),
    ),
    "equal_targets": Clause(
        4,
        "equal targets, both answer 200",
        _TRANSFERS,
        crossing(variants.equal_refused),
    ),
    "a_crossing_start_is_made_anew": Clause(
        4,
        "a start that crosses the consumer's is made anew",
        _TRANSFERS,
        crossing(variants.starts_are_kept),
    ),
    "termination_wins_as_it_comes": Clause(
        4,
        "a termination that comes wins",
        _OURS,
        crossing(variants.terminations_refused),
    ),
    "termination_wins_as_it_waits": Clause(
        4,
        "a termination that is on its way wins",
        _OURS,
        crossing(variants.terminations_give_way),
    ),
    "providers_move_wins_at_the_provider": Clause(
        4,
        "else the provider's move wins",
        _TRANSFERS,
        crossing(variants.both_give_way),
    ),
    "providers_move_wins_at_the_consumer": Clause(
        4,
        "and the consumer's gives way",
        _TRANSFERS,
        crossing(variants.neither_gives_way),
    ),
    "unsent_gives_way": Clause(
        4,
        "a row never sent gives way to any legal message",
        _OURS,
        crossing(variants.unsent_holds),
    ),
    "unsent_termination_stays": Clause(
        4,
        "except a termination, which stays",
        _OURS,
        crossing(variants.unsent_terminations_give_way),
    ),
    "only_a_termination_replaces": Clause(
        4,
        "only a termination replaces a sent move",
        _OURS,
        in_machine(propose=variants.any_replaces),
    ),
    "behind_the_first_message": Clause(
        4,
        "a termination waits for the first message's answer",
        _OURS,
        in_machine(_replace=variants.first_is_replaced),
    ),
    "behind_the_last_message": Clause(
        4,
        "a termination waits for the answer to a move that ends the process",
        _OURS,
        in_machine(_replace=variants.last_is_replaced),
    ),
    "start_with_the_address": Clause(
        4,
        "a consumer's start is followed by one of the provider's",
        _TRANSFERS,
        at(decide, "_RULES", variants.RULES_WITHOUT_START),
    ),
    "adopt_terminal": Clause(
        4,
        "after a 4xx we adopt a terminal state",
        ("negotiation-edc-provider", "transfer-edc-provider"),
        in_machine(shown=variants.adopt_nothing),
        "marks",
    ),
    "adopt_accepted_and_verified": Clause(
        4,
        "and ACCEPTED or VERIFIED at the provider",
        ("negotiation-plain-consumer",),
        without("adoptable", frozenset()),
        "marks",
    ),
    "adopt_nothing_else": Clause(
        4,
        "and nothing else, so no state without its content",
        _ANY_PLAIN,
        in_machine(shown=variants.adopt_anything),
    ),
    "content_of_an_adopted_state": Clause(
        4,
        "the message that leads to an adopted state is answered 200",
        (*_ANY_PLAIN, *_ANY_EDC),
        in_machine(receive=variants.adopted_is_deaf),
    ),
    "first_message_refused": Clause(
        4,
        "a first message refused for good makes the process TERMINATED",
        _OURS,
        in_machine(refused=variants.first_refusal_stalls),
    ),
    "asked_after_a_day": Clause(
        4,
        "who differs after a day is marked",
        (*_ANY_PLAIN, *_ANY_EDC),
        in_machine(compared=variants.never_compared),
    ),
    "patience_with_an_early_answer": Clause(
        4,
        "for 60 s a 404 or 409 is tried again",
        ("negotiation-edc-provider", "transfer-edc-provider"),
        at(deliver, "_EARLY", frozenset()),
        "marks",
    ),
}
