"""A network without chance: every request waits in the hand of the test until it arrives, is answered or is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from connector.protocol.machine import Role
from connector.services import contracts, transfers
from connector.services.decide import Decide, automatic
from connector.services.deliver import Answer
from connector.store.exchanges import Exchange
from tests.simulation import kinds
from tests.simulation.foreign import DATASET
from tests.simulation.memory import Memory
from tests.simulation.ours import Ours
from tests.simulation.world import Call, Party, Weather, World

_CALM = Weather(heal=0.0, loss=0.0, repeat=0.0, slow=0.0, crash=0.0)


@dataclass(slots=True)
class Letter:
    """A request under way."""

    world: Desk
    source: str
    target: Party
    call: Call
    done: Callable[[Answer], None]

    @property
    def kind(self) -> str:
        """The message's `@type`, its event for those that have one, or GET."""
        if self.call.kind != "POST":
            return self.call.kind
        return str(self.call.body.get("eventType") or self.call.body["@type"].removesuffix("Message"))

    def arrive(self) -> Answer:
        """Let it reach the peer; the answer is still in hand."""
        answer = self.target.handle(self.call)
        assert answer is not None
        return answer

    def answer(self, answer: Answer | None = None) -> None:
        """Let the answer reach whoever sent it: the given one, or the peer's own."""
        self.done(answer or self.arrive())
        self.world.settle()

    def lose(self) -> None:
        """Lose it, or its answer: whoever sent it hears nothing."""
        self.done(Answer(None, error="timeout"))
        self.world.settle()


class Desk(World):
    """A world whose letters lie on a desk."""

    def __init__(self) -> None:
        super().__init__(Random(0), _CALM, trace=True)  # noqa: S311 - no chance is left to it but jitter
        self.letters: list[Letter] = []

    def request(self, source: str, target: Party, call: Call, done: Callable[[Answer], None]) -> None:
        self.letters.append(Letter(self, source, target, call, done))

    def settle(self) -> None:
        """Do what is due now."""
        self.run(self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(self.now + seconds)

    def take(self, kind: str) -> Letter:
        """Take the oldest letter of a kind off the desk."""
        found = next((letter for letter in self.letters if letter.kind == kind), None)
        assert found is not None, f"no {kind} among {[letter.kind for letter in self.letters]}"
        self.letters.remove(found)
        return found

    def deliver(self, kind: str) -> None:
        """Let a letter arrive and its answer come back."""
        self.take(kind).answer()

    def deliver_all(self) -> None:
        """Let everything arrive until nothing is under way."""
        while self.letters:
            self.letters.pop(0).answer()


@dataclass(slots=True)
class Pair:
    """Two of ours at a desk."""

    desk: Desk
    consumer: Ours
    provider: Ours

    def states(self) -> tuple[str, str]:
        """Return the last process's state at both."""
        return state(self.consumer), state(self.provider)


def pair(decide: Decide = automatic) -> Pair:
    """Return two of ours that have published the same and agreed on nothing."""
    desk = Desk()
    consumer, provider = Ours(desk, "consumer", Memory(), decide), Ours(desk, "provider", Memory(), decide)
    for party, peer in ((consumer, provider), (provider, consumer)):
        party.meet(peer)
        kinds._publish(party)
    return Pair(desk, consumer, provider)


def agreed() -> Pair:
    """Return two of ours with a final contract."""
    made = pair()
    kinds._agreed(made.desk, made.consumer.did, made.provider.did, made.consumer, made.provider)
    made.desk._queue.clear()
    return made


def started() -> Pair:
    """Return two of ours with a started transfer."""
    made = agreed()
    made.consumer.act(transfers.start, "urn:contract:consumer")
    made.desk.deliver_all()
    assert made.states() == ("STARTED", "STARTED")
    return made


def last(party: Ours) -> Exchange:
    """Return the party's youngest process."""
    pids = party.database.pids()
    found: Exchange = party.read(lambda unit: unit.exchanges.load(party.did, pids[-1]))
    return found


def state(party: Ours) -> str:
    return last(party).turn.shown


def act(party: Ours, verb: Callable[..., Any], *args: Any) -> None:
    """Have the operator do something with the youngest process."""
    assert party.act(verb, last(party).pid, *args)


def request(party: Ours, offer: str = "o1") -> None:
    party.act(contracts.request_offer, party.peer_did, DATASET, kinds._document(offer))


class Puppet:
    """A plain peer that says what the test lets it say."""

    name, up = "puppet", True

    def __init__(self, role: Role) -> None:
        self.role = role

    def handle(self, _call: Call) -> Answer | None:
        """The test answers for it."""
        message = "the test answers for this peer"
        raise AssertionError(message)


def alone(role: Role) -> tuple[Desk, Ours, Puppet]:
    """Return a desk, one of ours and a plain peer with that role."""
    desk, puppet = Desk(), Puppet(role)
    party = Ours(desk, "ours", Memory(), automatic)
    party.meet(puppet)
    kinds._publish(party)
    return desk, party, puppet
