"""Seeds that fail when a clause is taken away, the first of each kind; with every clause they pass."""

from __future__ import annotations

SEEDS: dict[str, dict[str, tuple[int, ...]]] = {
    "takes_effect_on_2xx": {
        "negotiation-ours": (0, 2, 3),
        "transfer-ours": (1, 3, 5),
    },
    "get_shows_no_content": {
        "negotiation-plain-provider": (1631, 1742, 1894),
    },
    "access_closes_at_the_decision": {
        "transfer-ours": (0, 1, 3),
    },
    "suspension_behind_a_start": {
        "transfer-ours": (0, 8, 17),
    },
    "named_move_is_acknowledged": {
        "negotiation-ours": (0, 4, 11),
        "transfer-ours": (1, 4, 16),
    },
    "names_decide_where_there_are_any": {
        "negotiation-ours": (209, 1055, 1326),
        "transfer-ours": (202, 234, 242),
    },
    "only_what_was_sent": {
        "negotiation-plain-provider": (3642,),
        "negotiation-plain-consumer": (1345, 1556, 2430),
        "transfer-plain-consumer": (381, 1496, 1969),
    },
    "stale_is_refused": {
        "negotiation-ours": (6270, 7912),
        "transfer-ours": (202, 234, 256),
    },
    "request_acknowledges_finalized": {
        "transfer-ours": (1022, 1119, 1143),
    },
    "data_request_acknowledges_start": {
        "transfer-ours": (32, 65, 75),
    },
    "token_of_that_start": {
        "transfer-ours": (6663, 8317, 10696),
    },
    "address_is_no_turn": {
        "transfer-ours": (3056, 4550, 7014),
    },
    "same_id_is_a_repeat": {
        "negotiation-ours": (11, 44, 53),
        "transfer-ours": (1, 4, 17),
    },
    "no_move_since": {
        "negotiation-plain-provider": (52, 54, 90),
        "negotiation-plain-consumer": (11, 222, 364),
        "transfer-plain-provider": (3, 30, 66),
        "transfer-plain-consumer": (364, 379, 577),
    },
    "first_messages_by_pid": {
        "negotiation-ours": (1, 2, 4),
        "transfer-ours": (1, 2, 3),
    },
    "equal_targets": {
        "transfer-ours": (177, 287, 361),
    },
    "a_crossing_start_is_made_anew": {
        "transfer-ours": (360, 510, 792),
    },
    "termination_wins_as_it_comes": {
        "negotiation-ours": (31, 112, 125),
        "transfer-ours": (17, 33, 51),
    },
    "termination_wins_as_it_waits": {
        "negotiation-ours": (60, 62, 124),
        "transfer-ours": (16, 17, 46),
    },
    "providers_move_wins_at_the_provider": {
        "transfer-ours": (211, 305, 464),
    },
    "providers_move_wins_at_the_consumer": {
        "transfer-ours": (553, 817, 1299),
    },
    "unsent_gives_way": {
        "negotiation-ours": (1183, 2874, 3938),
        "transfer-ours": (455, 467, 660),
    },
    "unsent_termination_stays": {
        "transfer-ours": (2881, 18254),
    },
    "only_a_termination_replaces": {
        "negotiation-ours": (17, 22),
        "transfer-ours": (48,),
    },
    "behind_the_first_message": {
        "transfer-ours": (2, 5, 10),
    },
    "behind_the_last_message": {
        "transfer-ours": (52, 65, 111),
    },
    "start_with_the_address": {
        "transfer-ours": (18, 104, 139),
    },
    "adopt_nothing_else": {
        "negotiation-plain-provider": (35, 530, 1293),
    },
    "content_of_an_adopted_state": {
        "negotiation-plain-provider": (545, 687),
        "transfer-plain-provider": (724,),
    },
    "first_message_refused": {
        "negotiation-ours": (3, 9),
        "transfer-ours": (5,),
    },
    "asked_after_a_day": {
        "transfer-plain-provider": (3, 18),
        "negotiation-plain-provider": (9,),
    },
}
