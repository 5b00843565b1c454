"""Two statements of one contract: what fits together, and how each thing that does not is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.evidence import reconcile
from connector.evidence.reconcile import Difference, Reads, Spoken, Statement

PROVIDER = Statement(
    state="FINALIZED",
    states=("REQUESTED", "AGREED", "VERIFIED", "FINALIZED"),
    agreement="sha256:a",
    messages=(
        Spoken("in", "request", "sha256:1", withdrawn=False),
        Spoken("out", "agreement", "sha256:2", withdrawn=False),
        Spoken("out", "termination", "sha256:9", withdrawn=True),
    ),
    seals={"agreement": "sha256:s"},
    transfers={("p", "c"): "STARTED"},
    reads=Reads(2, 2, 10, removed=False),
)
CONSUMER = replace(
    PROVIDER,
    messages=(
        Spoken("out", "request", "sha256:1", withdrawn=False),
        Spoken("in", "agreement", "sha256:2", withdrawn=False),
    ),
)


def test_two_sides_of_one_contract_fit_together() -> None:
    assert reconcile.differences(PROVIDER, CONSUMER) == []
    assert reconcile.differences(CONSUMER, PROVIDER) == []


def test_a_statement_is_read_as_it_was_written() -> None:
    assert reconcile.read(reconcile.write(PROVIDER)) == PROVIDER
    bare = replace(PROVIDER, agreement=None, messages=(), transfers={}, seals={})
    assert reconcile.read(reconcile.write(bare)) == bare


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": "VERIFIED"}, [Difference("state", "", "VERIFIED", "FINALIZED")]),
        ({"states": ("REQUESTED",)}, [Difference("states", "", "REQUESTED", "REQUESTED AGREED VERIFIED FINALIZED")]),
        ({"agreement": None}, [Difference("agreement", "", "", "sha256:a")]),
        ({"seals": {}}, [Difference("seal", "agreement", "", "sha256:s")]),
        ({"transfers": {("p", "c"): "SUSPENDED"}}, [Difference("transfer", "p c", "SUSPENDED", "STARTED")]),
        ({"reads": Reads(1, 1, 5, removed=False)}, [Difference("reads", "", "1", "2")]),
        ({"reads": Reads(2, 2, 11, removed=False)}, [Difference("read_bytes", "", "11", "10")]),
        ({"reads": Reads(2, 1, 7, removed=False)}, []),
        ({"reads": Reads(1, 1, 5, removed=True)}, []),
        (
            {"messages": CONSUMER.messages[1:]},
            [Difference("message_never_sent_there", "request", "", "sha256:1")],
        ),
        (
            {"messages": CONSUMER.messages[:1]},
            [Difference("message_never_received_there", "agreement", "", "sha256:2")],
        ),
        (
            {"messages": (*CONSUMER.messages, Spoken("in", "event", "sha256:3", withdrawn=False))},
            [Difference("message_never_sent_here", "event", "sha256:3", "")],
        ),
        (
            {"messages": (*CONSUMER.messages, Spoken("out", "event", "sha256:3", withdrawn=False))},
            [Difference("message_never_received_here", "event", "sha256:3", "")],
        ),
    ],
)
def test_what_does_not_fit_is_told(change: dict[str, Any], expected: list[Difference]) -> None:
    assert reconcile.differences(replace(CONSUMER, **change), PROVIDER) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"state": 1}, {"state": "x" * 1000}, {"states": "x"}, {"states": ["x"] * 10_001}, {"messages": [{}]}, {"seals": []},
        {"transfers": [{"providerPid": "x"}]}, {"reads": None},
        {"reads": {"count": -1, "complete": 0, "bytes": 0, "removed": False}},
        {"agreement": "a\n"},
    ],
)  # fmt: skip
def test_what_is_no_statement_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a statement"):
        reconcile.read(reconcile.write(PROVIDER) | change)


@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_another_value_is_no_statement(value: Any) -> None:
    with pytest.raises(ValueError, match="not a statement"):
        reconcile.read(value)
