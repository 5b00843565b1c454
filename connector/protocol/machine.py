"""Turn-taking for any table of states: how two parties converge over a network that loses, repeats and crosses messages.

A process has a state, at most one pending move of ours, and what is needed to recognise repeats. The four rules are those of
`docs/explanation/architecture.md` ("The protocol core"); every function here takes a process and returns a new one.
Nothing here knows what a message says: content is checked by the caller, before or after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

Role = Literal["consumer", "provider"]
CONSUMER: Final[Role] = "consumer"
PROVIDER: Final[Role] = "provider"
TERMINATION: Final = "termination"
TERMINATED: Final = "TERMINATED"
NOTHING_APPLIED: Final = 0
UNKNOWN_MESSAGE: Final = -1
REFUSES: Final = "peer_refuses"
DIFFERS: Final = "peer_shows_other_state"


@dataclass(frozen=True, slots=True)
class Table:
    """One protocol's states.

    Attributes:
        moves: for each state (None: no process yet), what (move, sender) leads to.
        terminal: states that never change.
        content: moves whose content a GET cannot show, so that a GET never acknowledges or adopts them.
        adoptable: states besides the terminal ones that the provider may adopt from a GET.
        refresh: (state, move) that changes nothing but the move's content (a provider's start while STARTED).
        later: moves of ours that wait behind a pending one of the given kind: {move: pending move}.
    """

    name: str
    moves: Mapping[str | None, Mapping[tuple[str, Role], str]]
    terminal: frozenset[str]
    content: frozenset[str]
    adoptable: frozenset[str]
    refresh: tuple[str, str] | None
    later: Mapping[str, str]

    def target(self, state: str | None, move: str, sender: Role) -> str | None:
        """Return the state a move leads to, or None where it is illegal."""
        return self.moves.get(state, {}).get((move, sender))

    def leads_to(self, state: str, move: str, sender: Role) -> bool:
        """Tell whether a move of that sender leads to the state from anywhere."""
        return any(moves.get((move, sender)) == state for moves in self.moves.values())

    def path(self, start: str | None, goal: str, sender: Role) -> bool:
        """Tell whether the sender's moves alone lead from start to goal, without content that we would miss."""
        reached, edge = {start}, [start]
        while edge:
            for (move, by), target in self.moves.get(edge.pop(), {}).items():
                if by == sender and move not in self.content and target not in reached:
                    reached.add(target)
                    edge.append(target)
        return goal in reached - {start}


@dataclass(frozen=True, slots=True)
class Pending:
    """A move of ours that the peer has not acknowledged.

    Attributes:
        id: the message's `@id`.
        seq: its number among our moves in this process, from 1.
        sent: whether it may have left (counted before the first byte does).
    """

    id: str
    seq: int
    move: str
    target: str
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Process:
    """What turn-taking needs to know of a negotiation or transfer.

    Attributes:
        state: the state both have, as far as we know; None until our own first move is acknowledged.
        wanted: a move decided that waits for the answer to the pending one.
        seq: how many moves we have made. acked: the number of the last one acknowledged.
        last_digest: digest of the peer's last applied message.
        moved: whether a move of ours took effect after that message.
        adopted: the state was read by a GET and the message that leads to it has not come yet.
        stalled: why no side can go on by itself (a code), or None.
        confirmed: False for a terminal state that the peer has not confirmed.
    """

    table: Table
    role: Role
    state: str | None = None
    pending: Pending | None = None
    wanted: str | None = None
    seq: int = 0
    acked: int = 0
    last_digest: str | None = None
    moved: bool = False
    adopted: bool = False
    stalled: str | None = None
    confirmed: bool = True

    @property
    def peer(self) -> Role:
        """The peer's role."""
        return PROVIDER if self.role == CONSUMER else CONSUMER

    @property
    def shown(self) -> str:
        """The state to show: before the first answer it is the one our first move asks for."""
        return self.state or (self.pending.target if self.pending else TERMINATED)

    @property
    def ended(self) -> bool:
        """Whether the state is terminal."""
        return self.state in self.table.terminal


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of the peer, as turn-taking sees it.

    Attributes:
        digest: of its whole content.
        known_digest: digest of an earlier message with the same `@id` in this process, or None.
        after: the number of our message that it names as the last applied; None when it names none,
            `NOTHING_APPLIED`, or `UNKNOWN_MESSAGE`.
        identified: whether it carries an `@id`.
    """

    move: str
    digest: str
    known_digest: str | None = None
    after: int | None = None
    identified: bool = True


Effect = Literal["applied", "repeated", "content", "refused"]


@dataclass(frozen=True, slots=True)
class Reception:
    """What becomes of a message.

    Attributes:
        effect: `applied` (the state moved, or a refresh was taken), `content` (the state had been adopted; only the content is
            new), `repeated` (answered as before), `refused` (400, with `reason`).
        acknowledged: our pending move, when this message proves that the peer had applied it.
        dropped: our pending move, when it gave way.
    """

    process: Process
    effect: Effect
    reason: str | None = None
    acknowledged: Pending | None = None
    dropped: Pending | None = None


def receive(process: Process, message: Incoming) -> Reception:
    """Return what a message of the peer does (rules 2, 3 and 4)."""
    early = _repeat(process, message) or _stale(process, message)
    if early:
        return early
    now, acknowledged = _acknowledge_by(process, message)
    if now.adopted and now.state and now.table.leads_to(now.state, message.move, now.peer):
        return Reception(_applied(now, now.state, message), "content", acknowledged=acknowledged)
    target = now.table.target(now.state, message.move, now.peer)
    if target is None:
        return Reception(process, "refused", "process_ended" if process.ended else "move_illegal")
    verdict = _cross(now, message.move, target)
    if verdict == "refuse":
        return Reception(process, "refused", "move_crossed")
    dropped = now.pending if verdict == "drop" else None
    return Reception(
        _settle(_applied(replace(now, pending=None) if dropped else now, target, message)),
        "applied",
        acknowledged=acknowledged,
        dropped=dropped,
    )


def _repeat(process: Process, message: Incoming) -> Reception | None:
    if message.known_digest is not None:
        if message.known_digest == message.digest:
            return Reception(process, "repeated")
        return Reception(process, "refused", "message_id_reused")
    if not message.identified and message.digest == process.last_digest and not process.moved:
        return Reception(process, "repeated")
    return None


def _stale(process: Process, message: Incoming) -> Reception | None:
    if message.after is None or message.move == TERMINATION:
        return None
    if message.after == UNKNOWN_MESSAGE or message.after < process.acked:
        return Reception(process, "refused", "message_stale")
    return None


def _acknowledge_by(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    pending = process.pending
    if pending is None:
        return process, None
    if message.after is not None:
        proves = message.after == pending.seq
    else:
        proves = (
            pending.sent
            and process.table.target(process.state, message.move, process.peer) is None
            and process.table.target(pending.target, message.move, process.peer) is not None
        )
    return (_effective(process, pending), pending) if proves else (process, None)


def _cross(process: Process, move: str, target: str) -> Literal["keep", "drop", "refuse"]:
    """Decide between a legal message of the peer and our pending move (rule 4)."""
    pending = process.pending
    if pending is None:
        return "keep"
    if pending.move == TERMINATION:
        return "drop" if move == TERMINATION else "refuse"
    if move == TERMINATION or not pending.sent or _refreshes(process, pending):
        return "drop"
    if (process.state, move) == process.table.refresh:
        return "keep"
    if target == pending.target:
        return "drop"
    return "refuse" if process.role == PROVIDER else "drop"


def _applied(process: Process, state: str, message: Incoming) -> Process:
    return replace(
        process, state=state, last_digest=message.digest, moved=False, adopted=False, stalled=None, confirmed=True
    )


def _effective(process: Process, pending: Pending) -> Process:
    """Apply our move. A refresh only carries content: what the peer sent before it came is neither stale nor new for that."""
    if _refreshes(process, pending):
        return replace(process, pending=None, stalled=None)
    return replace(
        process, state=pending.target, pending=None, acked=pending.seq, moved=True, stalled=None, confirmed=True
    )


def _refreshes(process: Process, pending: Pending) -> bool:
    return (process.state, pending.move) == process.table.refresh


def _settle(process: Process) -> Process:
    """Forget a waiting move that is no longer legal."""
    if process.wanted and process.table.target(process.state, process.wanted, process.role) is None:
        return replace(process, wanted=None)
    return process


@dataclass(frozen=True, slots=True)
class Proposal:
    """What becomes of a move of ours.

    Attributes:
        verdict: `pending` (it is `process.pending`), `waits` (it is `process.wanted`), `done` (nobody needs to be told) or
            `refused` with a reason.
        dropped: the pending move it replaced.
    """

    process: Process
    verdict: Literal["pending", "waits", "done", "refused"]
    reason: str | None = None
    dropped: Pending | None = None


def propose(process: Process, move: str, message_id: str, *, sent: bool = False) -> Proposal:
    """Make a move of ours pending; it takes effect when the peer acknowledges it (rule 1).

    Only a termination replaces a pending move. Where that move was sent and is the first message or ends the process, the
    termination waits for its answer. A first message that never left is simply withdrawn.
    """
    pending = process.pending
    if pending is None:
        return _make(process, move, message_id, sent=sent)
    if all(process.table.target(state, move, process.role) is None for state in (process.state, pending.target)):
        return Proposal(process, "refused", "move_illegal")
    if process.table.later.get(move) == pending.move:
        return Proposal(replace(process, wanted=move), "waits")
    if move != TERMINATION or pending.move == TERMINATION:
        return Proposal(process, "refused", "move_pending")
    return _replace(process, pending, message_id, sent=sent)


def _replace(process: Process, pending: Pending, message_id: str, *, sent: bool) -> Proposal:
    if pending.sent and (process.state is None or pending.target in process.table.terminal):
        return Proposal(replace(process, wanted=TERMINATION), "waits")
    free = replace(process, pending=None, wanted=None, stalled=None)
    if process.state is None:
        return Proposal(replace(free, state=TERMINATED), "done", dropped=pending)
    return replace(_make(free, TERMINATION, message_id, sent=sent), dropped=pending)


def _make(process: Process, move: str, message_id: str, *, sent: bool) -> Proposal:
    target = process.table.target(process.state, move, process.role)
    if target is None:
        return Proposal(process, "refused", "process_ended" if process.ended else "move_illegal")
    pending = Pending(message_id, process.seq + 1, move, target, sent)
    wanted = None if move in (process.wanted, TERMINATION) else process.wanted
    return Proposal(replace(process, pending=pending, wanted=wanted, seq=pending.seq, stalled=None), "pending")


def acknowledged(process: Process, message_id: str) -> Process | None:
    """Apply our pending move after a 2xx (rule 1), or None when another message has already settled it."""
    if process.pending is None or process.pending.id != message_id:
        return None
    return _settle(_effective(process, process.pending))


def shown(process: Process, state: str) -> Process | None:
    """Return what a GET that shows the peer's state lets us conclude (rules 1 and 4), or None: nothing.

    It acknowledges our pending move when it shows its target (never for an offer, a request or a refresh, whose content a GET
    does not show). It is adopted when it is terminal, or ACCEPTED or VERIFIED at the provider, and the peer's moves alone
    lead there.
    """
    pending = process.pending
    if process.ended:
        return None
    if pending and pending.sent and pending.target == state and _visible(process, pending):
        return _settle(_effective(process, pending))
    adoptable = process.role == PROVIDER and state in process.table.adoptable
    if state not in process.table.terminal and not adoptable:
        return None
    for start in (process.state, pending.target if pending and pending.sent else None):
        if start is not None and process.table.path(start, state, process.peer):
            seq = pending.seq if pending and start == pending.target else process.acked
            return replace(
                process, state=state, pending=None, wanted=None, acked=seq, moved=True,
                adopted=True, stalled=None, confirmed=True,
            )  # fmt: skip
    return None


def _visible(process: Process, pending: Pending) -> bool:
    """Tell whether a state alone shows that a move was taken."""
    return pending.move not in process.table.content and not _refreshes(process, pending)


def compared(process: Process, state: str | None, *, refused: bool) -> Process:
    """Mark what a peer that was asked shows and no rule explains: the process is stalled, or its end unconfirmed.

    Where the peer shows our state, such marks go away; where it could not be asked (no state, not refused), they stay.
    """
    if process.ended:
        if state is None:
            return replace(process, confirmed=process.confirmed and not (refused and process.state != TERMINATED))
        return replace(process, confirmed=state == process.state)
    if state is None:
        return replace(process, stalled=process.stalled or REFUSES) if refused else process
    if state == process.state:
        return replace(process, stalled=None) if process.stalled in (REFUSES, DIFFERS) else process
    return replace(process, stalled=process.stalled or DIFFERS)


def refused(process: Process, message_id: str, reason: str) -> Process | None:
    """Give up our pending move after a final refusal that no GET explains (rule 4), or None when it is settled already.

    A refused first message ends the process; a refused termination ends it here, unconfirmed; anything else stalls.
    """
    pending = process.pending
    if pending is None or pending.id != message_id:
        return None
    if process.state is None:
        return replace(process, state=TERMINATED, pending=None, wanted=None, stalled=None)
    if pending.move == TERMINATION:
        return replace(process, state=TERMINATED, pending=None, wanted=None, moved=True, stalled=None, confirmed=False)
    return _settle(replace(process, pending=None, stalled=reason))


def exhausted(process: Process, message_id: str, reason: str) -> Process | None:
    """Give up our pending move after the last retry: as `refused`, but a first message may have arrived unseen."""
    over = refused(process, message_id, reason)
    return replace(over, confirmed=False) if over and process.state is None else over
