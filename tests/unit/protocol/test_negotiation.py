"""The negotiation's table against the specification's figure, and negotiations as walks through it."""

from __future__ import annotations

import pytest

from connector.protocol.negotiation import NEGOTIATION
from tests.unit.protocol.walks import arrows, walk

# "Contract Negotiation Protocol", state machine; terminations by either side are tested apart.
FIGURE = {
    "- consumer:request REQUESTED",
    "- provider:offer OFFERED",
    "REQUESTED provider:offer OFFERED",
    "REQUESTED provider:agreement AGREED",
    "OFFERED consumer:request REQUESTED",
    "OFFERED consumer:accepted ACCEPTED",
    "ACCEPTED provider:agreement AGREED",
    "AGREED consumer:verification VERIFIED",
    "VERIFIED provider:finalized FINALIZED",
}
OPEN = ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED")


def test_the_table_is_the_specifications_figure() -> None:
    assert arrows(NEGOTIATION) == FIGURE


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("sender", ["consumer", "provider"])
def test_either_side_may_terminate_in_every_open_state(state: str, sender: str) -> None:
    assert walk(NEGOTIATION, state, f"{sender}:termination") == ["TERMINATED"]


def test_nothing_follows_an_end() -> None:
    assert NEGOTIATION.terminal == {"FINALIZED", "TERMINATED"}
    assert not NEGOTIATION.terminal & set(NEGOTIATION.moves)


@pytest.mark.parametrize(
    ("said", "states"),
    [
        pytest.param(
            "consumer:request provider:agreement consumer:verification provider:finalized",
            "REQUESTED AGREED VERIFIED FINALIZED",
            id="the-consumer-takes-an-offer-of-the-catalogue",
        ),
        pytest.param(
            "provider:offer consumer:accepted provider:agreement consumer:verification provider:finalized",
            "OFFERED ACCEPTED AGREED VERIFIED FINALIZED",
            id="the-provider-begins",
        ),
        pytest.param(
            "consumer:request provider:offer consumer:request provider:offer consumer:accepted",
            "REQUESTED OFFERED REQUESTED OFFERED ACCEPTED",
            id="they-haggle",
        ),
        pytest.param("consumer:request provider:termination", "REQUESTED TERMINATED", id="the-provider-refuses"),
        pytest.param("consumer:request consumer:accepted", "REQUESTED -", id="nobody-accepts-its-own-request"),
        pytest.param("provider:offer consumer:verification", "OFFERED -", id="nothing-to-verify-before-an-agreement"),
        pytest.param("consumer:request consumer:agreement", "REQUESTED -", id="a-consumer-makes-no-agreement"),
        pytest.param("provider:request", "-", id="a-provider-requests-nothing"),
        pytest.param("consumer:termination", "-", id="there-is-nothing-to-terminate-yet"),
    ],
)
def test_a_negotiation_goes_as_the_specification_draws_it(said: str, states: str) -> None:
    assert walk(NEGOTIATION, None, said) == states.split()


def test_only_offers_and_requests_have_content_that_a_get_cannot_show() -> None:
    assert NEGOTIATION.content == {"request", "offer"}
    assert not NEGOTIATION.path("REQUESTED", "ACCEPTED", "consumer")
    assert NEGOTIATION.path("OFFERED", "ACCEPTED", "consumer")


def test_a_provider_may_adopt_what_only_the_consumer_can_have_done() -> None:
    for state in NEGOTIATION.adoptable:
        assert NEGOTIATION.target(state, "termination", "provider") == "TERMINATED"
        assert any(NEGOTIATION.path(start, state, "consumer") for start in OPEN)
        assert not any(NEGOTIATION.path(start, state, "provider") for start in OPEN)
