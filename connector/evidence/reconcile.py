"""What two parties recorded of a contract, compared: messages by the digests of their bytes, states, seals, transfers, reads.

Each side states what it has (`Statement`); `differences` says what does not fit together, without saying who is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_MOST: Final = 10_000
_CHARACTERS: Final = 512


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message: `in` or `out` as the stating party sees it; `withdrawn` when a move of its own did not take effect."""

    direction: str
    move: str
    digest: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Reads:
    """Reads of data: how many, how many of them to the end, and the bytes. `removed` when records of them were emptied."""

    count: int
    complete: int
    bytes: int
    removed: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """What one party has of a contract; digests are of exact bytes, times are left out since clocks differ.

    Attributes:
        state: of the negotiation. states: those that its journal went through, in order.
        agreement: the digest of the agreement's canonical form. seals: digests of their JWS texts by type.
        transfers: the states of transfers by (provider's pid, consumer's pid).
    """

    state: str
    states: tuple[str, ...]
    agreement: str | None
    messages: tuple[Spoken, ...]
    seals: Mapping[str, str]
    transfers: Mapping[tuple[str, str], str]
    reads: Reads


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not fit: a code, what it is about, what we have and what they have ("" for nothing)."""

    code: str
    about: str
    ours: str = ""
    theirs: str = ""


def write(stated: Statement) -> dict[str, Any]:
    """Return a statement as JSON."""
    return {
        "state": stated.state,
        "states": list(stated.states),
        "agreement": stated.agreement,
        "messages": [
            {"direction": one.direction, "move": one.move, "digest": one.digest, "withdrawn": one.withdrawn}
            for one in stated.messages
        ],
        "seals": dict(stated.seals),
        "transfers": [
            {"providerPid": provider, "consumerPid": consumer, "state": state}
            for (provider, consumer), state in stated.transfers.items()
        ],
        "reads": {
            "count": stated.reads.count,
            "complete": stated.reads.complete,
            "bytes": stated.reads.bytes,
            "removed": stated.reads.removed,
        },
    }


def read(value: Any) -> Statement:
    """Return the statement in JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        reads = value["reads"]
        return Statement(
            _text(value["state"]),
            tuple(map(_text, _list(value["states"]))),
            None if value["agreement"] is None else _text(value["agreement"]),
            tuple(map(_spoken, _list(value["messages"]))),
            {_text(name): _text(text) for name, text in value["seals"].items()},
            {
                (_text(one["providerPid"]), _text(one["consumerPid"])): _text(one["state"])
                for one in _list(value["transfers"])
            },
            Reads(_count(reads["count"]), _count(reads["complete"]), _count(reads["bytes"]), reads["removed"] is True),
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = "not a statement"
        raise ValueError(message) from error


def differences(ours: Statement, theirs: Statement) -> list[Difference]:
    """Return what does not fit together in two parties' statements of one contract."""
    return [
        *_values(ours, theirs),
        *_messages(ours, theirs, "here"),
        *_messages(theirs, ours, "there"),
        *_named("seal", ours.seals, theirs.seals),
        *_named("transfer", _shown(ours.transfers), _shown(theirs.transfers)),
        *_reads(ours.reads, theirs.reads),
    ]


def _values(ours: Statement, theirs: Statement) -> Iterator[Difference]:
    if ours.state != theirs.state:
        yield Difference("state", "", ours.state, theirs.state)
    elif ours.states != theirs.states:
        yield Difference("states", "", " ".join(ours.states), " ".join(theirs.states))
    if ours.agreement != theirs.agreement:
        yield Difference("agreement", "", ours.agreement or "", theirs.agreement or "")


def _messages(of: Statement, other: Statement, side: str) -> Iterator[Difference]:
    """Yield the messages that one party has received and the other never sent, or sent with effect and the other lacks."""
    sent = Counter(one.digest for one in other.messages if one.direction == "out")
    received = Counter(one.digest for one in other.messages if one.direction == "in")
    for one in of.messages:
        if one.direction == "in" and not sent[one.digest]:
            yield _spoken_difference(f"message_never_sent_{side}", one, side)
        elif one.direction == "out" and not one.withdrawn and not received[one.digest]:
            yield _spoken_difference(f"message_never_received_{side}", one, side)


def _spoken_difference(code: str, one: Spoken, side: str) -> Difference:
    return Difference(code, one.move, *((one.digest, "") if side == "here" else ("", one.digest)))


def _named(what: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            yield Difference(what, name, ours.get(name, ""), theirs.get(name, ""))


def _shown(transfers: Mapping[tuple[str, str], str]) -> dict[str, str]:
    return {" ".join(pids): state for pids, state in transfers.items()}


def _reads(ours: Reads, theirs: Reads) -> Iterator[Difference]:
    if ours.removed or theirs.removed:
        return
    if ours.count != theirs.count:
        yield Difference("reads", "", str(ours.count), str(theirs.count))
    elif ours.complete == theirs.complete == ours.count and ours.bytes != theirs.bytes:
        yield Difference("read_bytes", "", str(ours.bytes), str(theirs.bytes))


def _spoken(value: Any) -> Spoken:
    return Spoken(_text(value["direction"]), _text(value["move"]), _text(value["digest"]), value["withdrawn"] is True)


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _CHARACTERS or not value.isprintable():
        raise TypeError
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise TypeError
    return value
