"""The simulation notices when seals are not checked, not stored or do not agree (I1), and when a journal does not hold (I10)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest

from connector.evidence import chain
from connector.services import sealing
from tests.simulation import kinds, memory

pytestmark = pytest.mark.slow
SEEDS = 60
Change = Callable[[], AbstractContextManager[Any]]
_applied, _made = memory.Messages.applied, sealing.made


def _others(messages: memory.Messages, process: str) -> list[str]:
    """Leave out the first message at one of the two sides."""
    found = _applied(messages, process)
    return found[1:] if process.startswith("urn:uuid:consumer") else found


def _unsealed(*args: Any, **named: Any) -> dict[str, Any]:
    """Make and store a seal, and do not send it."""
    _made(*args, **named)
    return {}


def _unlinked(_before: str, record: chain.Record) -> chain.Record:
    return record


TAKEN: dict[str, tuple[Change, str]] = {
    "a seal is not checked, so not stored": (lambda: mock.patch.object(sealing, "check"), "wait for ever"),
    "a seal is not sent": (lambda: mock.patch.object(sealing, "made", _unsealed), "seal_missing"),
    "the sides count other messages": (
        lambda: mock.patch.object(memory.Messages, "applied", _others),
        "/seal/messages",
    ),
    "a record's link is not made": (lambda: mock.patch.object(chain, "link", _unlinked), "I10"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_i1_i10_what_is_taken_away_is_missed(what: str) -> None:
    change, told = TAKEN[what]
    with change():
        faults = [fault for seed in range(SEEDS) for fault in kinds.run("negotiation-ours", seed).faults]
    assert any(told in fault for fault in faults), faults[:3]


def test_i1_a_peer_that_says_verified_before_its_seal_has_come_is_waited_for() -> None:
    """Without the wait, a provider that has read VERIFIED from a GET would make the contract final."""
    assert not sealing.complete(_Unit(), mock.Mock(participant="a", peer="b", pid="c"))  # type: ignore[arg-type]


class _Unit:
    """A unit with a sealing peer and no seal."""

    peers = mock.Mock(get=lambda *_args: mock.Mock(seals=1.0))
    seals = mock.Mock(get=lambda *_args: None)
