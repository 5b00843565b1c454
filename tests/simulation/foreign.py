"""Peers that are not ours: a plain one (no `@id`, no `NS after`, gives up after a few tries) and one of Eclipse EDC's kind.

Both read the same table of states and know nothing of the rules that make two of ours converge. Their habits are those of
docs/reference and of the messages in tests/data/edc-wire: the second kind answers 409 while it stores its own state, gives a
process up at the first final refusal, recognises repeats by `@id`, and starts once more after a consumer's resumption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from connector import clock
from connector.protocol import messages, negotiation, transfer
from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATED, TERMINATION, Role
from connector.services.deliver import Answer
from connector.store.exchanges import STATES
from tests.simulation.ours import base_of, did_of
from tests.simulation.world import Call, Party, World

Kind = Literal["plain", "edc"]
DATASET = "urn:dataset:1"


@dataclass(frozen=True, slots=True)
class Habits:
    """What kind of peer this is.

    Attributes:
        identified: its messages carry an `@id`, and it ignores repeats by theirs.
        early: its own moves take effect as they leave, not when they are answered.
        remembers: it knows the first message of a process when it comes again.
        fatal: a final refusal, or silence, ends the process at its side without a word.
        rude: it also sends what its table does not allow.
        busy_seconds: how long it answers 409 after an answer to its own message.
        tries: how often it sends a message.
    """

    identified: bool
    early: bool
    remembers: bool
    fatal: bool
    busy_seconds: float
    tries: int
    counters: bool
    rude: bool = False


def habits(kind: Kind, rng: Random) -> Habits:
    if kind == "edc":
        return Habits(
            identified=True, early=False, remembers=True, fatal=True, busy_seconds=2.0, tries=7, counters=False
        )
    return Habits(
        identified=False, early=rng.random() < 0.4, remembers=rng.random() < 0.7, fatal=rng.random() < 0.3,
        busy_seconds=0.0, tries=rng.choice((1, 3, 4)), counters=True, rude=rng.random() < 0.2,
    )  # fmt: skip


@dataclass(slots=True)
class Sending:
    move: str
    target: str
    body: dict[str, Any]
    suffix: str
    offer: dict[str, Any]
    tries: int = 0


@dataclass(slots=True)
class Process:
    """A process as the peer has it."""

    pid: str
    protocol: str
    state: str | None
    theirs: str | None
    offer: dict[str, Any]
    agreement: dict[str, Any] | None = None
    sending: Sending | None = None
    busy_until: float = 0.0
    seen: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)


class Foreign:
    """A peer with one role."""

    def __init__(self, world: World, name: str, kind: Kind, role: Role) -> None:
        self.world, self.name, self.kind, self.role = world, name, kind, role
        self.habits = habits(kind, world.rng)
        self.up = True
        self.peer: Party
        self.processes: dict[str, Process] = {}
        self.offers: list[dict[str, Any]] = []
        self._count = 0

    def meet(self, peer: Party) -> None:
        self.peer = peer

    def _next(self, what: str) -> str:
        self._count += 1
        return f"urn:{self.name}:{what}:{self._count}"

    # What it answers

    def handle(self, call: Call) -> Answer | None:
        if call.kind == "DATA":
            return Answer(200)
        if call.pid is None:
            return self._first(call)
        process = self.processes.get(call.pid)
        if process is None or process.protocol != call.protocol:
            return Answer(404)
        if call.kind == "GET":
            return Answer(200, self._shown(process))
        return self._take(process, call)

    def _first(self, call: Call) -> Answer:
        theirs = call.body["consumerPid" if self.role == PROVIDER else "providerPid"]
        if self.habits.remembers:
            for process in self.processes.values():
                if process.theirs == theirs and process.protocol == call.protocol:
                    return Answer(200, self._shown(process))
        move = negotiation.REQUEST if self.role == PROVIDER else negotiation.OFFER
        state = STATES[call.protocol].target(None, move, CONSUMER if self.role == PROVIDER else PROVIDER)
        process = Process(self._next("process"), call.protocol, state, theirs, call.body.get("offer", {}))
        process.seen.add(call.body.get("@id", ""))
        self.processes[process.pid] = process
        self.world.at(self._soon(), self._react, process, move)
        return Answer(201, self._shown(process))

    def _take(self, process: Process, call: Call) -> Answer:
        message = messages.read(STATES[process.protocol], call.suffix, call.body, call.raw)
        if self.habits.identified and message.id in process.seen:
            return Answer(200, self._shown(process))
        if self.world.now < process.busy_until:
            return Answer(409, {"code": "409"})
        table = STATES[process.protocol]
        theirs = CONSUMER if self.role == PROVIDER else PROVIDER
        target = table.target(process.state, message.move, theirs) if process.state else None
        if target is None or ((process.protocol, message.move) in _NOT_BY_EDC and self.kind == "edc"):
            return Answer(400, {"code": "400", "reason": ["illegal"]})
        process.seen.add(message.id or "")
        process.state = target
        process.offer = call.body.get("offer", process.offer)
        process.agreement = call.body.get("agreement", process.agreement)
        process.tokens.add(_token(call.body) or "")
        if process.sending and table.target(target, process.sending.move, self.role) is None:
            process.sending = None
        self.world.at(self._soon(), self._react, process, message.move)
        return Answer(200, self._shown(process))

    def _shown(self, process: Process) -> dict[str, Any]:
        pids = self._pids(process)
        return messages.acknowledgement(
            process.protocol,
            pids["provider_pid"] or "",
            pids["consumer_pid"] or "",
            process.state or ("REQUESTED" if self.role == CONSUMER else "OFFERED"),
        )

    def _pids(self, process: Process) -> dict[str, Any]:
        ours, theirs = ("provider_pid", "consumer_pid") if self.role == PROVIDER else ("consumer_pid", "provider_pid")
        return {ours: process.pid, theirs: process.theirs}

    def _soon(self) -> float:
        return self.world.now + self.world.rng.uniform(0.0, 3.0)

    # What it does

    def _react(self, process: Process, move: str) -> None:
        chosen = _ANSWERS.get((process.protocol, self.role, process.state or ""), {})
        if not chosen or process.sending:
            return
        if process.protocol == "transfer" and process.state == transfer.STARTED:
            if move == transfer.START and (self.kind == "edc" or self.world.rng.random() < 0.5):
                self.send(process, transfer.START)
            return
        drawn = self.world.rng.choices(list(chosen), list(chosen.values()))[0]
        if self.kind == "edc" and drawn != TERMINATION:
            drawn = next(iter(chosen))
        if drawn:
            self.send(process, drawn)

    def open(self, protocol: str, agreement: str | None = None) -> None:
        """Make a process of its own."""
        offer = dict(self.world.rng.choice(self.offers)) if self.offers else {}
        process = Process(self._next("process"), protocol, None, None, offer)
        process.agreement = {"@id": agreement} if agreement else None
        self.processes[process.pid] = process
        self.send(process, negotiation.REQUEST if self.role == CONSUMER else negotiation.OFFER)

    def final(self, pid: str, theirs: str) -> None:
        """Hold a contract that was agreed before."""
        self.processes[pid] = Process(pid, "negotiation", negotiation.FINALIZED, theirs, {})

    def act(self) -> None:
        """Do something at random that its table allows."""
        if not self.processes:
            return
        process = self.world.rng.choice(list(self.processes.values()))
        table = STATES[process.protocol]
        moves = [
            move for (move, by) in (table.moves.get(process.state, {}) if process.state else {}) if by == self.role
        ]
        if self.habits.rude and process.state and self.world.rng.random() < 0.5:
            every = {key for moves in table.moves.values() for key in moves}
            moves = sorted(move for (move, by) in every if by == self.role)
        if self.kind == "edc":
            moves = [move for move in moves if (process.protocol, move) not in _NOT_BY_EDC]
        if moves:
            self.send(process, self.world.rng.choice(moves))

    def send(self, process: Process, move: str) -> None:
        """Send a move, a few times at most."""
        if process.sending and move != TERMINATION:
            return
        target = STATES[process.protocol].target(process.state, move, self.role)
        if target is None and not self.habits.rude:
            return
        self.world.say(f"{self.name}: {move}")
        content = self._content(process, move)
        body = messages.build(STATES[process.protocol], move, message_id="", **self._pids(process), **content)
        del body["@id"]
        if self.habits.identified:
            body["@id"] = self._next("message")
        suffix = messages.path(process.protocol, move, "pid").removeprefix(f"/{process.protocol}s/pid/")
        offer = content.get("offer", process.offer)
        process.sending = Sending(move, target or process.state or "", body, suffix, offer)
        if self.habits.early and target:
            process.state, process.offer = target, offer
        self._attempt(process, process.sending, self._next("number"))

    def _content(self, process: Process, move: str) -> dict[str, Any]:
        callback = base_of(did_of(self.name)) if process.theirs is None else None
        if process.protocol == "transfer":
            if move == transfer.REQUEST:
                agreement = (process.agreement or {}).get("@id")
                return {"agreementId": agreement, "format": "HttpData-PULL", "callbackAddress": callback}
            provides = move == transfer.START and self.role == PROVIDER
            return {"dataAddress": _address(self._next("token"))} if provides else {}
        if move == negotiation.AGREEMENT:
            process.agreement = self._agreement(process)
            return {"agreement": process.agreement}
        if move in (negotiation.REQUEST, negotiation.OFFER):
            if process.state is not None and self.habits.counters:
                changed = {"permission": [{"action": "use", "constraint": [_until(self._count)]}]}
                return {"offer": process.offer | changed, "callbackAddress": callback}
            return {"offer": process.offer, "callbackAddress": callback}
        return {}

    def _agreement(self, process: Process) -> dict[str, Any]:
        rules = {name: value for name, value in process.offer.items() if name not in ("@id", "@type", "target")}
        named = {"@id": self._next("agreement"), "@type": "Agreement", "target": DATASET}
        parties = {"assigner": did_of(self.name), "assignee": did_of(self.peer.name)}
        return named | parties | {"timestamp": clock.iso(self.world.now)} | rules

    def _attempt(self, process: Process, sending: Sending, number: str) -> None:
        if process.sending is not sending:
            return
        sending.tries += 1
        call = Call("POST", process.protocol, process.theirs, sending.suffix, sending.body, number=number)
        self.world.request(self.name, self.peer, call, lambda answer: self._answered(process, sending, number, answer))

    def _answered(self, process: Process, sending: Sending, number: str, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, dict) else {}
        if answer.status is not None and answer.status < 300 and process.theirs is None:
            process.theirs = body["providerPid" if self.role == CONSUMER else "consumerPid"]
        if process.sending is not sending:
            return
        if answer.status is not None and answer.status < 300:
            process.busy_until = self.world.now + self.world.rng.uniform(0.0, self.habits.busy_seconds)
            self.world.at(process.busy_until, self._effect, process, sending)
        elif answer.status is not None and answer.status < 500:
            self._give_up(process)
        elif sending.tries < self.habits.tries:
            self.world.at(self.world.now + 2.0**sending.tries, self._attempt, process, sending, number)
        else:
            self._give_up(process)

    def _effect(self, process: Process, sending: Sending) -> None:
        if process.sending is not sending:
            return
        process.sending = None
        if self.habits.rude:
            process.offer = sending.offer
        if not self.habits.early:
            if STATES[process.protocol].target(process.state, sending.move, self.role) != sending.target:
                return
            process.state, process.offer = sending.target, sending.offer
        self.world.say(f"{self.name} has {process.state}")

    def _give_up(self, process: Process) -> None:
        process.sending = None
        if self.habits.fatal and process.state not in STATES[process.protocol].terminal:
            process.state = TERMINATED
        self.world.say(f"{self.name} gives up in {process.state}")


_NOT_BY_EDC = {("negotiation", negotiation.OFFER), ("negotiation", negotiation.ACCEPTED_EVENT)}
_ANSWERS: dict[tuple[str, Role, str], dict[str, int]] = {
    ("negotiation", PROVIDER, negotiation.REQUESTED): {
        negotiation.AGREEMENT: 5, negotiation.OFFER: 4, TERMINATION: 1, "": 1,
    },
    ("negotiation", PROVIDER, negotiation.ACCEPTED): {negotiation.AGREEMENT: 9, TERMINATION: 1},
    ("negotiation", PROVIDER, negotiation.VERIFIED): {negotiation.FINALIZED_EVENT: 9, TERMINATION: 1},
    ("negotiation", CONSUMER, negotiation.OFFERED): {
        negotiation.ACCEPTED_EVENT: 6, negotiation.REQUEST: 3, TERMINATION: 1, "": 1,
    },
    ("negotiation", CONSUMER, negotiation.AGREED): {negotiation.VERIFICATION: 9, TERMINATION: 1},
    ("transfer", PROVIDER, transfer.REQUESTED): {transfer.START: 9, TERMINATION: 1},
    ("transfer", PROVIDER, transfer.STARTED): {transfer.START: 1},
}  # fmt: skip


def _until(number: int) -> dict[str, Any]:
    year = 2030 + number % 60
    return {"leftOperand": "dateTime", "operator": "lt", "rightOperand": f"{year}-01-01T00:00:00Z"}


def _token(body: dict[str, Any]) -> str | None:
    properties = body.get("dataAddress", {}).get("endpointProperties", [])
    return next((item["value"] for item in properties if item["name"] == "authorization"), None)


def _address(token: str) -> dict[str, Any]:
    properties = [{"@type": "EndpointProperty", "name": "authorization", "value": token}]
    endpoint = {"endpointType": "https://w3id.org/idsa/v4.1/HTTP", "endpoint": "https://data.example/1"}
    return {"@type": "DataAddress", **endpoint, "endpointProperties": properties}
