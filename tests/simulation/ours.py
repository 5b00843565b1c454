"""A party that runs the real core: units of work on a database, and around them what the worker and the listener do.

Memory (timers, requests under way) is lost in a crash and rebuilt from the outbox; a crash comes before or after a COMMIT.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import orjson

from connector import canonical
from connector.errors import BadMessage, ConnectorError
from connector.identity import keys
from connector.protocol import messages, transfer
from connector.services import contracts, receive, standing, transfers
from connector.services.decide import Decide
from connector.services.deliver import Answer, Delivery, Next
from connector.services.exchange import Caller
from connector.services.grants import Grants
from connector.services.house import grant_token
from connector.services.office import Office
from connector.services.transfer import GENERATION_SECONDS
from connector.store.exchanges import STATES, Exchange
from connector.store.outbox import Parcel
from connector.store.parties import PINNED, Peer
from connector.store.seals import HeldKey
from tests.simulation.home import GRANT_KEY, Home, Store, at_once
from tests.simulation.world import DAY, START, Call, Party, World

T = TypeVar("T")
P = ParamSpec("P")
KEYS = {name: keys.generate() for name in ("consumer", "provider", "ours")}
"""The keys that seal, by the party's name: new in every run of the program, as no history shows them."""
RESTART_SECONDS = 30.0
UPKEEP_SECONDS = DAY / 2


class Crashed(Exception):
    """The process died around a COMMIT."""


class Database(Protocol):
    """Where units run, one transaction each."""

    def run(self, work: Callable[[Any], T], now: float, *, commit: bool = True) -> tuple[T, Any]:
        """Run a unit and return its result and itself; without `commit` it leaves nothing."""

    def pids(self) -> list[str]:
        """Return every process, the oldest first."""

    def chain(self) -> list[Any]:
        """Return the journal: each record with the salt and text of its payload."""

    def received(self) -> int:
        """Return how many messages of the peer have been stored."""


def survives(action: Callable[Concatenate[Ours, P], T]) -> Callable[Concatenate[Ours, P], T | None]:
    """Let an event end quietly when the party falls over in it."""

    def run(self: Ours, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return action(self, *args, **kwargs)
        except Crashed:
            return None

    return run


class Ours:
    """One of our connectors, with one participant and one peer."""

    def __init__(self, world: World, name: str, database: Database, decide: Decide) -> None:
        self.world, self.name, self.database = world, name, database
        self.did = did_of(name)
        office = Office(
            decide=decide, token=partial(grant_token, GRANT_KEY), root=root_of, new_id=self.new_id, parcel=self._parcel,
            settled=self._settled, heard=self._heard, closed=self._closed, renewed=self._closed,
            seal=lambda _participant, _now: KEYS[name],
        )  # fmt: skip
        home: Any = Home(self.did, office, Store(self.write, self.read), lambda: world.now)
        self.house = home
        self.delivery = Delivery(self.house.exchanging, world.rng.random)
        self.grants = Grants(self.house)
        self.up, self.epoch = True, 0
        self.pids: list[str] = []
        self.peer: Party
        self.committed: Callable[[Ours], None] = lambda _party: None
        self.effect: Callable[[Ours, Call], None] = lambda _party, _call: None
        self.answered: Callable[[Ours, Call, Answer], None] = lambda _party, _call, _answer: None
        self.refused: Callable[[Ours, str], None] = lambda _party, _what: None
        self.terminating: set[str] = set()
        self._timers: dict[str, int] = {}
        self._ids = self._serial = 0
        world.at(world.now + UPKEEP_SECONDS, self._upkeep)

    def meet(self, peer: Party) -> None:
        """Pin the peer."""
        self.peer, self.peer_did = peer, did_of(peer.name)
        seals = START if isinstance(peer, Ours) else None
        base = base_of(self.peer_did)
        row = Peer(self.did, self.peer_did, "pinned", base, PINNED, [], None, START, "test", START, seals)

        def pin(unit: Any) -> None:
            unit.peers.add(row)
            if seals is not None:
                key = KEYS[peer.name]
                unit.keys.add(HeldKey(self.did, self.peer_did, "seal", key.kid, START, key.public.jwk))

        self.database.run(pin, START)
        self.speaker: Any = SimpleNamespace(
            member=self.house.member(self.did),
            caller=Caller(self.did, self.peer_did, base_of(self.peer_did)),
            identity=SimpleNamespace(jti=None),
        )

    @property
    def pinned(self) -> bool:
        """Whether the peer has not been removed."""
        known: Any = at_once(self.house.peer(self.did, self.peer_did))
        return bool(known.row.state == PINNED)

    def new_id(self) -> str:
        self._ids += 1
        return f"urn:uuid:{self.name}-{self._ids}"

    # Units of work

    def read(self, work: Callable[[Any], T]) -> T:
        return self.database.run(work, self.world.now, commit=False)[0]

    def write(self, work: Callable[[Any], T]) -> T:
        """Run a unit; the process may die before its COMMIT, or after it before anything else happens."""
        world = self.world
        dies = world.chance(world.weather.crash)
        early = dies and world.rng.random() < 0.5
        result, unit = self.database.run(work, world.now, commit=not early)
        if not early:
            self.committed(self)
            for record in unit.records:
                if record.kind == "seal.refused":
                    self.refused(self, f"a seal of the peer's: {record.payload['code']} {record.payload['field']}")
        if dies:
            self._crash("before" if early else "after")
        for action in unit.actions:
            action()
        return result

    def _crash(self, when: str) -> None:
        world = self.world
        world.say(f"{self.name} dies {when} a COMMIT")
        self.up, self.epoch = False, self.epoch + 1
        self._timers.clear()
        self.grants = Grants(self.house)
        world.at(world.now + world.rng.uniform(0.5, RESTART_SECONDS), self._restart)
        raise Crashed

    def _restart(self) -> None:
        self.up = True
        self.world.say(f"{self.name} is up again")
        for parcel in self.read(lambda unit: unit.outbox.all()):
            self._timer(parcel.id, parcel.next_attempt)

    # What the dispatcher does

    def _parcel(self, parcel: Parcel, exchange: Exchange) -> None:
        if parcel.attempts:
            self._send(parcel, exchange)
        else:
            self._timer(parcel.id, parcel.next_attempt)

    def _exchange_of(self, parcel: Parcel) -> Exchange:
        found: Exchange = self.read(lambda unit: unit.exchanges.load(parcel.participant, parcel.process, parcel.peer))
        return found

    def _settled(self, message_id: str) -> None:
        self._timers.pop(message_id, None)

    def _heard(self, _participant: str, _peer: str) -> None:
        if self._timers:
            self.world.at(self.world.now, self._wake, self.epoch)

    def _closed(self, grant: str) -> None:
        self.grants.forget(grant)

    def _wake(self, epoch: int) -> None:
        if epoch != self.epoch:
            return
        for message_id in self.read(lambda unit: unit.outbox.for_peer(self.did, self.peer_did, self.world.now)):
            if message_id in self._timers:
                self._timer(message_id, self.world.now)

    def _timer(self, message_id: str, when: float) -> None:
        self._serial += 1
        self._timers[message_id] = self._serial
        self.world.at(when, self._due, self.epoch, message_id, self._serial)

    @survives
    def _due(self, epoch: int, message_id: str, serial: int) -> None:
        if epoch != self.epoch or self._timers.get(message_id) != serial:
            return
        del self._timers[message_id]
        claimed = self.write(lambda unit: self.delivery.claim(unit, message_id))
        if claimed:
            self._send(*claimed)

    def _send(self, parcel: Parcel, exchange: Exchange) -> None:
        epoch = self.epoch
        suffix = messages.path(exchange.protocol, parcel.move, "x").removeprefix(f"/{exchange.protocol}s/x/")
        text = self._with_token(parcel)
        call = Call("POST", exchange.protocol, exchange.peer_pid, suffix, orjson.loads(text), text, number=parcel.id)
        self.world.request(self.name, self.peer, call, lambda answer: self._answered(epoch, parcel, answer))

    def _with_token(self, parcel: Parcel) -> str:
        if parcel.grant is None or parcel.generation is None:
            return parcel.body
        token = self.house.office.token(parcel.grant, parcel.generation)
        return parcel.body.replace(canonical.of_bytes(token.encode()), token)

    @survives
    def _answered(self, epoch: int, parcel: Parcel, answer: Answer) -> None:
        if epoch != self.epoch:
            return
        after = self.write(lambda unit: self.delivery.answered(unit, parcel, answer))
        if after.step == "look":
            self._get(self._exchange_of(parcel), partial(self._looked, parcel, answer))
        self._again(after)

    def _again(self, after: Next) -> None:
        if after.step == "retry" and after.parcel:
            self._timer(after.parcel.id, after.parcel.next_attempt)

    @survives
    def _looked(self, parcel: Parcel, refusal: Answer, epoch: int, answer: Answer) -> None:
        if epoch == self.epoch:
            self._again(self.write(lambda unit: self.delivery.looked(unit, parcel, refusal, answer)))

    def _get(self, exchange: Exchange, done: Callable[[int, Answer], None]) -> None:
        epoch = self.epoch
        call = Call("GET", exchange.protocol, exchange.peer_pid)
        self.world.request(self.name, self.peer, call, lambda answer: done(epoch, answer))

    def _upkeep(self) -> None:
        self.world.at(self.world.now + UPKEEP_SECONDS, self._upkeep)
        for exchange in self.read(lambda unit: unit.exchanges.due(unit.now)) if self.up else ():
            self._check(exchange)

    def _check(self, exchange: Exchange) -> None:
        def done(epoch: int, answer: Answer) -> None:
            self._checked(epoch, exchange, answer)

        if exchange.peer_pid is None:
            done(self.epoch, Answer(None))
        else:
            self._get(exchange, done)

    @survives
    def _checked(self, epoch: int, exchange: Exchange, answer: Answer) -> None:
        if epoch == self.epoch:
            self.write(lambda unit: self.delivery.checked(unit, exchange, answer))

    # What the listener does

    @survives
    def handle(self, call: Call) -> Answer | None:
        if call.kind == "DATA":
            return self._permit(call)
        if not self.pinned:
            return Answer(401, {"code": "peer_unpinned"})
        try:
            return self._show(call) if call.kind == "GET" else self._post(call)
        except ConnectorError as error:
            return Answer(error.status, {"code": error.code})

    def _show(self, call: Call) -> Answer:
        found = at_once(receive.state(self.house, self.speaker, STATES[call.protocol], call.pid or ""))
        return Answer(200, _shown(found))

    def _post(self, call: Call) -> Answer:
        stored = self.database.received()
        try:
            answer = self._receive(call)
        except BadMessage as error:
            answer = Answer(error.status, {"code": error.code})
        if self.database.received() > stored:
            self.effect(self, call)
        self.answered(self, call, answer)
        return answer

    def _receive(self, call: Call) -> Answer:
        table = STATES[call.protocol]
        if call.pid is None:
            first = receive.begin(self.house, self.speaker, table, call.suffix, call.body, call.raw)
            return Answer(201, _shown(at_once(first)[0]))
        moved = receive.receive(self.house, self.speaker, table, call.suffix, call.pid, call.body, call.raw)
        return Answer(200, _shown(at_once(moved)))

    def _permit(self, call: Call) -> Answer:
        try:
            at_once(self.grants.check(call.pid or "", call.token))
        except ConnectorError as error:
            if error.code != "policy_denies" and self._good(call):
                self.refused(self, "a good token")
            return Answer(error.status, {"code": error.code})
        return Answer(200)

    def _good(self, call: Call) -> bool:
        """Tell whether a token is of the grant's present generation, and nothing is decided against it."""
        grant, exchange = self.read(
            lambda unit: (unit.grants.of_transfer(call.pid), unit.exchanges.load(self.did, call.pid))
        )
        if grant is None or grant.closed is not None or exchange is None:
            return False
        current = call.token == self.house.office.token(grant.id, grant.generation)
        return current and not (grant.renewable and self.world.now > grant.since + GENERATION_SECONDS)

    # What operators and the upkeep do

    @survives
    def act(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """Run an operator's verb; tell whether it was done."""
        try:
            at_once(verb(self.house, self.did, *args, by="operator", **kwargs))
        except ConnectorError as error:
            self.world.say(f"{self.name}: {verb.__name__} refused: {error.code}")
            if verb is transfers.suspend and error.code == "move_pending" and self._starting(args[0]):
                self.refused(self, "a suspension while its start is unanswered")
            return False
        if verb in (contracts.terminate, transfers.terminate):
            self.terminating.add(args[0])
        self.world.say(f"{self.name}: {verb.__name__}")
        return True

    def _starting(self, pid: str) -> bool:
        pending = self.read(lambda unit: unit.exchanges.load(self.did, pid)).turn.pending
        return pending is not None and pending.move == transfer.START

    def seal(self, contract: str, kind: str) -> Any:
        return self.read(lambda unit: unit.seals.get(contract, kind))

    @survives
    def expire(self) -> None:
        """End the transfers whose policy does not permit them any more."""
        for grant in self.read(lambda unit: unit.grants.open_of(self.did)):
            verdict = self.read(partial(_said, grant))
            if not verdict.permits:
                self.world.say(f"{self.name}: the policy of {self.world.short(grant.transfer)} has expired")
                self.write(partial(_refuse, self.house, grant, verdict))
                self.terminating.add(grant.transfer)

    def fetch(self, pid: str) -> None:
        """Read data with the token that this consumer holds."""
        held, exchange = self.read(lambda unit: (unit.transfers.get(pid), unit.exchanges.load(self.did, pid)))
        if held and held.token and exchange.peer_pid:
            call = Call("DATA", "transfer", exchange.peer_pid, token=held.token)
            self.world.request(self.name, self.peer, call, lambda _answer: None)


def _said(grant: Any, unit: Any) -> Any:
    return standing.of_grant(unit, grant)


def _refuse(house: Any, grant: Any, verdict: Any, unit: Any) -> None:
    standing.refuse(house.exchanging, unit, grant, verdict)


def did_of(name: str) -> str:
    return f"did:web:{name}.example"


def root_of(did: str) -> str:
    return "https://" + did.removeprefix("did:web:")


def base_of(did: str) -> str:
    return root_of(did) + "/dsp/2025-1"


def _shown(exchange: Exchange) -> dict[str, Any]:
    return messages.acknowledgement(
        exchange.protocol, exchange.provider_pid or "", exchange.consumer_pid or "", exchange.turn.shown
    )
