"""The life of any process, inside units of work: first messages, messages, our moves, acknowledgements, what a GET shows.

What a message is about belongs to `negotiation.py` and `transfer.py`; how turns are taken to `protocol.machine`. Here the two
meet the store: new state, message, outbox row, grants and journal record change together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import orjson

from connector import canonical
from connector.errors import BadMessage, TooMany, Unknown, WrongState
from connector.protocol import machine, messages
from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATION, Incoming, Pending, Process
from connector.protocol.messages import Message
from connector.services.callback import callback_of
from connector.services.decide import NOTHING, Decision, Situation
from connector.services.office import Office
from connector.services.secrets import redacted
from connector.store.exchanges import STATES, Exchange
from connector.store.outbox import Parcel
from connector.store.unit import Unit

SILENCE_SECONDS = 24 * 3600.0
ASKING_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a message to which participant of ours. `base` is the peer's pinned DSP base."""

    participant: str
    peer: str
    base: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a move of ours says: members of its message, and the grant whose token is put in as it leaves."""

    members: Mapping[str, Any]
    grant: str | None = None
    generation: int | None = None


class Subject(Protocol):
    """What a protocol's processes are about."""

    def open(self, unit: Unit, office: Office, /, exchange: Exchange, message: Message) -> None:
        """Store what a peer's first message opens, or raise."""

    def take(self, unit: Unit, office: Office, /, exchange: Exchange, message: Message) -> None:
        """Store what an applied message says (the exchange is the one before it), or raise."""

    def content(self, unit: Unit, office: Office, exchange: Exchange, move: str, *, by: str) -> Content:
        """Return what our move says; `by` made it."""

    def situation(self, unit: Unit, exchange: Exchange, cause: Literal["applied", "effect"], move: str) -> Situation:
        """Return what the decision is made on."""

    def changed(self, unit: Unit, office: Office, exchange: Exchange, *, by: str) -> None:
        """Bring access in line with the process (grants, tokens), which `by` changed: `peer`, or who made our move."""


Subjects = Mapping[str, Subject]


@dataclass(frozen=True, slots=True)
class Exchanging:
    """The verbs of a process, for one office and one set of subjects."""

    office: Office
    subjects: Subjects

    # What the peer does

    def begin(self, unit: Unit, caller: Caller, message: Message) -> tuple[Exchange, bool]:
        """Take a peer's first message and return the process and whether it is new (a repeat returns the one it made).

        Raises:
            BadMessage: `member_missing`, `callback_foreign`, `message_id_reused`, and what the subject refuses.
            TooMany: `too_many_processes`.
        """
        role = PROVIDER if message.move == "request" else CONSUMER
        peer_pid = message.consumer_pid if role == PROVIDER else message.provider_pid
        messages.require(message, "consumerPid" if role == PROVIDER else "providerPid", "callbackAddress")
        assert peer_pid is not None  # noqa: S101 - required above
        known = unit.exchanges.of_peer(caller.participant, caller.peer, message.protocol, role, peer_pid)
        if known:
            self._same_first(unit, known, message)
            return known, False
        if (
            unit.exchanges.open_count(caller.participant, caller.peer, message.protocol)
            >= self.office.limits.open_processes
        ):
            raise TooMany("too_many_processes", retry_after_seconds=60)
        base = callback_of(message, caller.base)
        turn = Process(STATES[message.protocol], role)
        exchange = Exchange(
            self.office.new_id(), caller.participant, caller.peer, peer_pid, base, turn, created=unit.now
        )
        self.subjects[message.protocol].open(unit, self.office, exchange, message)
        after = machine.receive(turn, Incoming(message.move, message.digest)).process
        exchange = self._react(unit, self._heard(unit, exchange, message, after), "applied", message.move)
        unit.exchanges.add(exchange)
        return exchange, True

    def receive(self, unit: Unit, caller: Caller, pid: str, message: Message) -> Exchange:
        """Take a message of an existing process and return the process after it; a repeat changes nothing.

        Raises:
            Unknown: `process_unknown`, none by that pid with this peer.
            BadMessage: illegal, stale, crossed, inconsistent.
        """
        exchange = unit.exchanges.load(caller.participant, pid, caller.peer)
        if exchange is None or exchange.protocol != message.protocol:
            raise Unknown("process_unknown")
        exchange = self._addressed(exchange, message)
        reception = machine.receive(exchange.turn, self._incoming(unit, exchange, message))
        if reception.effect == "refused":
            raise BadMessage(reception.reason or "move_illegal", state=exchange.turn.shown)
        unit.after_commit(lambda: self.office.heard(caller.participant, caller.peer))
        if reception.effect == "repeated":
            return exchange
        if exchange.turn.seq > self.office.limits.rounds and message.move in ("request", "offer"):
            raise BadMessage("too_many_rounds", limit=self.office.limits.rounds)
        self.subjects[message.protocol].take(unit, self.office, exchange, message)
        for pending, how in ((reception.acknowledged, "acknowledged"), (reception.dropped, "dropped")):
            self._settle(unit, exchange, pending, how)
        if reception.acknowledged:
            self._took_effect(unit, exchange, reception.acknowledged.target, reception.acknowledged.move, message.move)
        exchange = self._heard(unit, exchange, message, reception.process)
        return unit.exchanges.save(self._react(unit, exchange, "applied", message.move), unit.now)

    # What we do

    def initiate(self, unit: Unit, exchange: Exchange, move: str, *, by: str) -> Exchange:
        """Store a process of ours with its first move. Raises as `move`."""
        exchange = replace(self._moved(unit, exchange, move, by=by), updated=unit.now)
        unit.exchanges.add(exchange)
        return exchange

    def move(
        self,
        unit: Unit,
        exchange: Exchange,
        move: str,
        *,
        by: str,
        not_before: float = 0.0,
        code: str | None = None,
        reasons: tuple[str, ...] = (),
    ) -> Exchange:
        """Make a move of ours: it is stored with its outbox row and takes effect when the peer acknowledges it.

        Raises:
            WrongState: `move_illegal`, `move_pending`, `process_ended`.
        """
        moved = self._moved(unit, exchange, move, by=by, not_before=not_before, code=code, reasons=reasons)
        return unit.exchanges.save(moved, unit.now)

    def _moved(
        self,
        unit: Unit,
        exchange: Exchange,
        move: str,
        *,
        by: str,
        not_before: float = 0.0,
        code: str | None = None,
        reasons: tuple[str, ...] = (),
    ) -> Exchange:
        """Make a move of ours and return the process with it; whoever began the unit's change saves it, once."""
        message_id, sent = self.office.new_id(), not_before <= unit.now
        proposal = machine.propose(exchange.turn, move, message_id, sent=sent)
        if proposal.verdict == "refused":
            raise WrongState(proposal.reason or "move_illegal", state=exchange.turn.shown, move=move)
        self._settle(unit, exchange, proposal.dropped, "withdrawn")
        told = reasons or ((code,) if code else ())
        exchange = replace(exchange, turn=proposal.process, waits=None, reasons=told or exchange.reasons)
        said: str | None = None
        if proposal.verdict == "pending" and proposal.process.pending:
            said = self._put(unit, exchange, proposal.process.pending, by, max(not_before, unit.now), code, reasons)
        exchange = self._watched(exchange, unit.now)
        unit.record(
            exchange.participant, f"{exchange.protocol}.move", exchange.pid,
            move=move, verdict=proposal.verdict, by=by, peer=exchange.peer, code=code, reasons=list(reasons), message=said,
        )  # fmt: skip
        self.subjects[exchange.protocol].changed(unit, self.office, exchange, by=by)
        return exchange

    def acknowledge(self, unit: Unit, exchange: Exchange, message_id: str, how: str = "2xx") -> Exchange:
        """Apply our pending move after its acknowledgement; nothing happens when it has been settled already."""
        after = machine.acknowledged(exchange.turn, message_id)
        if after is None:
            return unit.exchanges.save(exchange, unit.now)
        return self._effect(unit, exchange, after, how)

    def look(self, unit: Unit, exchange: Exchange, state: str) -> Exchange | None:
        """Conclude from the state that a GET showed; None when it explains nothing."""
        after = machine.shown(exchange.turn, state)
        return None if after is None else self._effect(unit, exchange, after, f"GET {state}")

    def give_up(self, unit: Unit, exchange: Exchange, message_id: str, reasons: tuple[str, ...], *, late: bool) -> None:
        """Give up our pending move after a final refusal (or, `late`, after the last retry)."""
        code = "peer_silent" if late else "peer_refused"
        rule = machine.exhausted if late else machine.refused
        pending, after = exchange.turn.pending, rule(exchange.turn, message_id, code)
        if after is None:
            return
        self._settle(unit, exchange, pending, code)
        exchange = self._watched(replace(exchange, turn=after, reasons=reasons or exchange.reasons), unit.now)
        unit.record(
            exchange.participant, f"{exchange.protocol}.{'ended' if after.ended else 'stalled'}", exchange.pid,
            state=after.shown, reasons=list(reasons), peer=exchange.peer, code=code,
        )  # fmt: skip
        self.subjects[exchange.protocol].changed(unit, self.office, exchange, by="peer")
        unit.exchanges.save(self._wanted(unit, exchange), unit.now)

    def asked(self, unit: Unit, exchange: Exchange, state: str | None, *, refused: bool) -> None:
        """Take what a peer shows a day after the last change: its state, a refusal, or neither (it could not be asked).

        What cannot be reconciled is marked, never silent. An open process is asked about again every day, an ended one until
        there is an answer, for thirty days at most.
        """
        if exchange.turn.pending:
            return
        if state is not None and not exchange.turn.ended and state != exchange.turn.state:
            adopted = self.look(unit, exchange, state)
            if adopted is not None:
                return
        seen, after = state is not None or refused, machine.compared(exchange.turn, state, refused=refused)
        over = after.ended and (seen or unit.now - exchange.updated > ASKING_SECONDS)
        changed = replace(exchange, turn=after, check_at=None if over else unit.now + SILENCE_SECONDS)
        unit.exchanges.save(changed, exchange.updated)
        if after != exchange.turn:
            unit.record(
                exchange.participant, f"{exchange.protocol}.compared", exchange.pid,
                state=after.shown, theirs=state, stalled=after.stalled, confirmed=after.confirmed, peer=exchange.peer,
            )  # fmt: skip

    # Shared steps

    def _effect(self, unit: Unit, exchange: Exchange, after: Process, how: str) -> Exchange:
        pending = exchange.turn.pending
        self._settle(unit, exchange, pending, "acknowledged")
        move = pending.move if pending else "adopted"
        exchange = self._watched(replace(exchange, turn=after), unit.now)
        self._took_effect(unit, exchange, after.shown, move, how)
        exchange = self._react(unit, exchange, "applied" if after.adopted else "effect", move)
        return unit.exchanges.save(exchange, unit.now)

    def _took_effect(self, unit: Unit, exchange: Exchange, state: str, move: str, how: str) -> None:
        """Record that a move of ours took effect; `how` is `2xx`, a GET and what it showed, or the message that proved it."""
        unit.record(
            exchange.participant, f"{exchange.protocol}.state", exchange.pid,
            state=state, by="us", how=how, move=move, peer=exchange.peer,
        )  # fmt: skip

    def _heard(self, unit: Unit, exchange: Exchange, message: Message, after: Process) -> Exchange:
        # Only what opens data is hidden: the digests of a negotiation's messages are of their exact bytes (its seals).
        hidden = redacted(message.body) if exchange.protocol == "transfer" else message.body
        body = message.raw if hidden is message.body and message.raw else orjson.dumps(hidden).decode()
        unit.messages.add(
            participant=exchange.participant, process=exchange.pid, direction="in", message_id=message.id,
            seq=0, move=message.move, digest=message.digest, body=body, at=unit.now,
        )  # fmt: skip
        unit.record(
            exchange.participant, f"{exchange.protocol}.state", exchange.pid,
            state=after.shown, by="peer", move=message.move, message=message.digest, peer=exchange.peer,
        )  # fmt: skip
        told = message.reasons or ((message.code,) if message.code else ())
        changed = replace(exchange, turn=after, heard=message.id, waits=None, reasons=told or exchange.reasons)
        return replace(self._watched(changed, unit.now), updated=unit.now)

    def _react(self, unit: Unit, exchange: Exchange, cause: Literal["applied", "effect"], move: str) -> Exchange:
        """Bring access in line, then make the move that waits or the one that is decided."""
        subject = self.subjects[exchange.protocol]
        subject.changed(unit, self.office, exchange, by="peer")
        if exchange.turn.pending or exchange.turn.ended:
            return exchange
        if exchange.turn.wanted:
            return self._wanted(unit, exchange)
        decision = self.office.decide(subject.situation(unit, exchange, cause, move))
        return self._carry_out(unit, exchange, decision)

    def _carry_out(self, unit: Unit, exchange: Exchange, decision: Decision) -> Exchange:
        if decision.waits is not None and decision.waits != exchange.waits:
            exchange = replace(exchange, waits=decision.waits)
            unit.record(exchange.participant, f"{exchange.protocol}.waits", exchange.pid, waits=decision.waits)
        if decision == NOTHING or decision.move is None:
            return exchange
        moved = self._moved(
            unit, exchange, decision.move, by=decision.by,
            not_before=decision.not_before, code=decision.code, reasons=decision.reasons,
        )  # fmt: skip
        return replace(moved, waits=decision.waits)

    def _wanted(self, unit: Unit, exchange: Exchange) -> Exchange:
        wanted = exchange.turn.wanted
        if wanted is None or exchange.turn.ended:
            return exchange
        moved = self._moved(unit, exchange, wanted, by="earlier decision", reasons=exchange.reasons)
        return replace(moved, waits=exchange.waits)

    def _put(
        self, unit: Unit, exchange: Exchange, pending: Pending, by: str, when: float,
        code: str | None, reasons: tuple[str, ...],
    ) -> str:  # fmt: skip
        """Store our pending move with its message, and return the message's digest."""
        content = self.subjects[exchange.protocol].content(unit, self.office, exchange, pending.move, by=by)
        body = messages.build(
            exchange.turn.table, pending.move, message_id=pending.id,
            provider_pid=exchange.provider_pid, consumer_pid=exchange.consumer_pid,
            after=exchange.heard, code=code, reasons=reasons, **content.members,
        )  # fmt: skip
        text = orjson.dumps(body).decode()
        digest = canonical.of_bytes(text.encode())
        parcel = Parcel(
            id=pending.id, process=exchange.pid, participant=exchange.participant, peer=exchange.peer,
            seq=pending.seq, move=pending.move, target=pending.target, body=text, next_attempt=when,
            grant=content.grant, generation=content.generation, attempts=1 if pending.sent else 0,
            first_attempt=unit.now if pending.sent else None, lease=when + self.office.lease_seconds,
        )  # fmt: skip
        unit.outbox.add(parcel)
        unit.messages.add(
            participant=exchange.participant, process=exchange.pid, direction="out", message_id=pending.id,
            seq=pending.seq, move=pending.move, digest=digest, body=text, at=unit.now,
        )  # fmt: skip
        unit.after_commit(lambda: self.office.parcel(parcel, exchange))
        return digest

    def _settle(self, unit: Unit, exchange: Exchange, pending: Pending | None, how: str) -> None:
        if pending is None:
            return
        unit.outbox.settle(pending.id)
        unit.after_commit(lambda: self.office.settled(pending.id))
        if how != "acknowledged":
            unit.messages.withdraw(exchange.pid, pending.id, unit.now)
            unit.record(
                exchange.participant, f"{exchange.protocol}.withdrawn", exchange.pid,
                move=pending.move, how=how, peer=exchange.peer,
            )  # fmt: skip

    def _watched(self, exchange: Exchange, now: float) -> Exchange:
        """Set when to ask the peer for its state: a day after the last change, unless a move of ours is on its way."""
        askable = exchange.peer_pid is not None and exchange.turn.pending is None
        return replace(exchange, check_at=now + SILENCE_SECONDS if askable else None)

    def _incoming(self, unit: Unit, exchange: Exchange, message: Message) -> Incoming:
        known = unit.messages.known_digest(exchange.pid, message.id) if message.id else None
        return Incoming(
            message.move, message.digest, known, self._after(unit, exchange, message), message.id is not None
        )

    def _after(self, unit: Unit, exchange: Exchange, message: Message) -> int | None:
        if not message.after:
            return machine.NOTHING_APPLIED if message.after == "" else None
        pending = exchange.turn.pending
        if pending and pending.id == message.after:
            return pending.seq
        seq = unit.messages.seq(exchange.pid, message.after)
        return machine.UNKNOWN_MESSAGE if seq is None else seq

    def _addressed(self, exchange: Exchange, message: Message) -> Exchange:
        """Check the pids that a message carries; the peer's own is learnt from its first answer or message."""
        ours, theirs = (
            (message.provider_pid, message.consumer_pid)
            if exchange.turn.role == PROVIDER
            else (message.consumer_pid, message.provider_pid)
        )
        if ours is None or theirs is None:
            raise BadMessage("member_missing", field="/consumerPid" if message.consumer_pid is None else "/providerPid")
        if ours != exchange.pid or (exchange.peer_pid is not None and theirs != exchange.peer_pid):
            raise BadMessage("pid_mismatch")
        return exchange if exchange.peer_pid else replace(exchange, peer_pid=theirs)

    def _same_first(self, unit: Unit, exchange: Exchange, message: Message) -> None:
        known = unit.messages.known_digest(exchange.pid, message.id) if message.id else None
        if known is not None and known != message.digest:
            raise BadMessage("message_id_reused")


def cancel(
    exchanging: Exchanging, unit: Unit, exchange: Exchange, *, by: str, code: str, reasons: tuple[str, ...]
) -> Exchange:
    """Terminate a process from our side, unless it has ended or is being terminated already."""
    turn = exchange.turn
    if turn.ended or turn.wanted == TERMINATION or (turn.pending and turn.pending.move == TERMINATION):
        return exchange
    return exchanging.move(unit, exchange, TERMINATION, by=by, code=code, reasons=reasons)
