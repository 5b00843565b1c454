"""The transfer's table against the specification's figure, and transfers as walks through it."""

from __future__ import annotations

import pytest

from connector.protocol.transfer import TRANSFER
from tests.unit.protocol.walks import arrows, walk

# "Transfer Process Protocol", state machine; terminations are tested apart. A provider's start in STARTED is no arrow of
# the figure: it changes nothing but the address.
FIGURE = {
    "- consumer:request REQUESTED",
    "REQUESTED provider:start STARTED",
    "STARTED consumer:completion COMPLETED",
    "STARTED provider:completion COMPLETED",
    "STARTED consumer:suspension SUSPENDED",
    "STARTED provider:suspension SUSPENDED",
    "SUSPENDED consumer:start STARTED",
    "SUSPENDED provider:start STARTED",
}
OPEN = ("REQUESTED", "STARTED", "SUSPENDED")


def test_the_table_is_the_specifications_figure_and_the_start_that_brings_an_address() -> None:
    assert arrows(TRANSFER) == FIGURE | {"STARTED provider:start STARTED"}
    assert TRANSFER.refresh == ("STARTED", "start")


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("sender", ["consumer", "provider"])
def test_either_side_may_terminate_in_every_open_state(state: str, sender: str) -> None:
    assert walk(TRANSFER, state, f"{sender}:termination") == ["TERMINATED"]


def test_nothing_follows_an_end() -> None:
    assert TRANSFER.terminal == {"COMPLETED", "TERMINATED"}
    assert not TRANSFER.terminal & set(TRANSFER.moves)


@pytest.mark.parametrize(
    ("said", "states"),
    [
        pytest.param(
            "consumer:request provider:start consumer:completion", "REQUESTED STARTED COMPLETED", id="data-is-read"
        ),
        pytest.param(
            "consumer:request provider:start provider:suspension provider:start provider:completion",
            "REQUESTED STARTED SUSPENDED STARTED COMPLETED",
            id="the-provider-pauses",
        ),
        pytest.param(
            "consumer:request provider:start consumer:suspension consumer:start provider:start",
            "REQUESTED STARTED SUSPENDED STARTED STARTED",
            id="the-consumer-resumes-and-the-provider-sends-the-address",
        ),
        pytest.param("consumer:request consumer:start", "REQUESTED -", id="a-consumer-starts-nothing-first"),
        pytest.param("consumer:request provider:suspension", "REQUESTED -", id="nothing-to-suspend-before-a-start"),
        pytest.param("consumer:request provider:start consumer:start", "REQUESTED STARTED -", id="no-start-of-a-start"),
        pytest.param("provider:request", "-", id="a-provider-requests-nothing"),
        pytest.param("provider:termination", "-", id="there-is-nothing-to-terminate-yet"),
    ],
)
def test_a_transfer_goes_as_the_specification_draws_it(said: str, states: str) -> None:
    assert walk(TRANSFER, None, said) == states.split()


def test_a_suspension_waits_for_the_answer_to_our_start() -> None:
    assert TRANSFER.later == {"suspension": "start"}
    assert TRANSFER.target("REQUESTED", "suspension", "provider") is None
    assert TRANSFER.target("STARTED", "suspension", "provider") == "SUSPENDED"
