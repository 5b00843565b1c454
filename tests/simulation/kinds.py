"""The kinds of pairs that are simulated, and one seed of a kind from its first event to its verdict."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from connector import canonical, clock
from connector.evidence import document
from connector.protocol import catalog as wire
from connector.protocol.machine import CONSUMER, PROVIDER, Process, Role
from connector.protocol.negotiation import FINALIZED, NEGOTIATION
from connector.services.decide import Decide, Decision, Situation, automatic
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.offers import Dataset, Offer, Policy
from tests.simulation import operators
from tests.simulation.foreign import DATASET, Foreign, Kind
from tests.simulation.memory import Memory
from tests.simulation.ours import Ours, base_of
from tests.simulation.witness import Witness
from tests.simulation.world import DAY, START, Weather, World

REMOVALS = 0.02
AFTERWARDS_SECONDS = 7.5 * DAY
RULES: dict[str, Any] = {"permission": [{"action": "use"}]}
DATED: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2031-01-01T00:00:00Z"}],
        }
    ]
}
PAST: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2025-01-01T00:00:00Z"}],
        }
    ]
}
Protocol = Literal["negotiation", "transfer"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A kind: what is simulated between whom. `foreign` is the peer's kind and role, or None: both are ours."""

    protocol: Protocol
    foreign: tuple[Kind, Role] | None = None


KINDS: dict[str, Setting] = {
    f"{protocol}-{'ours' if foreign is None else '-'.join(foreign)}": Setting(protocol, foreign)
    for protocol in ("negotiation", "transfer")
    for foreign in (None, ("plain", PROVIDER), ("plain", CONSUMER), ("edc", PROVIDER), ("edc", CONSUMER))
}


@dataclass(slots=True)
class Outcome:
    """What became of a seed.

    Attributes:
        faults: what did not hold. history: every change of a process, the same on every store.
        lines: the dialogue, where it was asked for.
        marks: processes that the peer has to go on with, or that are stalled or unconfirmed.
        settled_seconds: from the healing of the network to the last message; None where a peer was removed.
    """

    kind: str
    seed: int
    faults: list[str] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    marks: int = 0
    settled_seconds: float | None = None


def run(kind: str, seed: int, database: Callable[[], Any] = Memory, *, trace: bool = False) -> Outcome:
    """Run one seed of a kind."""
    rng = Random(f"{kind} {seed}")  # noqa: S311 - a simulation
    world = World(rng, Weather.draw(rng), trace=trace)
    world.say(f"{kind} seed {seed}: {world.weather}")
    witness = Witness(world)
    setting = KINDS[kind]
    verdict = (
        _ours(world, witness, setting, database)
        if setting.foreign is None
        else _foreign(world, witness, setting, database)
    )
    try:
        world.run(world.heal + AFTERWARDS_SECONDS)
        verdict()
        witness.quiet()
        for party in witness.watched:
            witness.chained(party, Random(seed))  # noqa: S311 - a simulation
    except Exception:  # noqa: BLE001 - whatever it is, the seed has failed
        witness.fault(traceback.format_exc())
    settled = None if witness.parted else max(0.0, max(world.posts, default=0.0) - world.heal)
    return Outcome(kind, seed, witness.faults, witness.history, world.lines or [], witness.marks, settled)


def _ours(world: World, witness: Witness, setting: Setting, database: Callable[[], Any]) -> Callable[[], None]:
    consumer = Ours(world, "consumer", database(), _decide(world.rng))
    provider = Ours(world, "provider", database(), _decide(world.rng))
    consumer.meet(provider)
    provider.meet(consumer)
    for party in (consumer, provider):
        witness.watch(party)
        _publish(party)
    ready = setting.protocol == "transfer" and world.rng.random() < 0.8
    if ready:
        _agreed(world, consumer.did, provider.did, consumer, provider)
        world.at(world.now + world.rng.uniform(0.0, 2.0), operators.act, consumer)
    else:
        _begin(world, consumer, provider)
    _operate(world, witness, [consumer, provider], setting.protocol)
    if world.rng.random() < REMOVALS:
        party = world.rng.choice([consumer, provider])
        world.at(world.now + world.rng.uniform(0.0, world.weather.heal), operators.remove_peer, party)
    return lambda: _compare(witness, consumer, provider)


def _compare(witness: Witness, consumer: Ours, provider: Ours) -> None:
    if consumer.pinned and provider.pinned:
        witness.alike(consumer, provider)
    else:
        # What the peer does not answer is tried for five days, then the termination behind it for five more.
        witness.parted = True
        witness.world.run(witness.world.now + 6 * DAY)
        _removed(witness, consumer, provider)


def _begin(world: World, consumer: Ours, provider: Ours) -> None:
    rng = world.rng
    for _ in range(rng.choice((1, 1, 2))):
        offer = _document(rng.choice(("o1", "o1", "o1", "o2", "o2", "o3", "o9")))
        who, role = (provider, PROVIDER) if rng.random() < 0.2 else (consumer, CONSUMER)
        world.at(world.now + rng.uniform(0.0, 5.0), operators.open_negotiation, who, role, offer, DATASET)


def _removed(witness: Witness, consumer: Ours, provider: Ours) -> None:
    """After `peers remove` nobody is told; what is open at the other side has to be marked there."""
    for party in (consumer, provider):
        for exchange in witness.rest(party):
            turn = exchange.turn
            if not turn.ended and turn.stalled is None:
                witness.fault(f"silent after removal: {party.name} {turn.shown}")


def _foreign(world: World, witness: Witness, setting: Setting, database: Callable[[], Any]) -> Callable[[], None]:
    assert setting.foreign is not None
    kind, role = setting.foreign
    party = Ours(world, "ours", database(), _decide(world.rng))
    foreign = Foreign(world, "theirs", kind, role)
    party.meet(foreign)
    foreign.meet(party)
    witness.watch(party)
    _publish(party)
    foreign.offers = [_document("o1") | {"target": DATASET}]
    rng = world.rng
    if setting.protocol == "negotiation":
        _begin_foreign(world, party, foreign)
    elif role == CONSUMER:
        agreement = _agreed(world, foreign_did(foreign), party.did, None, party)
        foreign.final("urn:contract:consumer", "urn:contract:provider")
        world.at(world.now + rng.uniform(0.0, 3.0), foreign.open, "transfer", agreement)
    else:
        _agreed(world, party.did, foreign_did(foreign), party, None)
        foreign.final("urn:contract:provider", "urn:contract:consumer")
    _operate(world, witness, [party], setting.protocol)
    for _ in range(rng.randint(0, 4) if setting.protocol == "negotiation" else rng.randint(0, 8)):
        world.at(world.now + _moment(world), foreign.act)
    return lambda: witness.shown(party, foreign)


def _begin_foreign(world: World, party: Ours, foreign: Foreign) -> None:
    ours_first = foreign.role == PROVIDER
    if world.rng.random() < 0.15 and foreign.kind == "plain":
        ours_first = not ours_first
    when = world.now + world.rng.uniform(0.0, 3.0)
    if ours_first:
        role = CONSUMER if foreign.role == PROVIDER else PROVIDER
        world.at(when, operators.open_negotiation, party, role, _document("o1"), DATASET)
    else:
        world.at(when, foreign.open, "negotiation")


def foreign_did(foreign: Foreign) -> str:
    return f"did:web:{foreign.name}.example"


def _decide(rng: Random) -> Decide:
    """Return the product's own decisions, sometimes to be sent only after a pause."""
    pause, longest = rng.choice((0.0, 0.0, 0.3, 0.8)), rng.choice((10.0, 60.0))

    def decide(situation: Situation) -> Decision:
        decision = automatic(situation)
        if decision.move and rng.random() < pause:
            return replace(decision, not_before=situation.now + rng.uniform(0.1, longest))
        return decision

    return decide


def _operate(world: World, witness: Witness, parties: list[Ours], protocol: Protocol) -> None:
    """Have operators act: now and then, in a hurry, at the same time on both sides, and just as something changes."""
    nerves = world.rng.choice((0.0, 0.2, 0.5, 0.8))

    def startle(party: Ours) -> None:
        if nerves and world.chance(nerves):
            world.at(world.now + world.rng.uniform(0.0, 0.6), operators.act, party)

    witness.moved = startle
    for party in parties:
        for _ in range(world.rng.choice((0, 1, 2, 4, 7) if protocol == "negotiation" else (1, 3, 6, 10))):
            world.at(world.now + _moment(world), operators.act, party)
    for _ in range(world.rng.choice((0, 1, 2) if protocol == "negotiation" else (0, 2, 4))):
        moment = world.now + _moment(world)
        for party in parties:
            world.at(moment + world.rng.choice((0.0, 0.05)), operators.act, party)


def _moment(world: World) -> float:
    longest = world.weather.heal
    return min(world.rng.choice((1.0, 8.0, 60.0, longest)) * world.rng.random(), longest)


# What is published and agreed before the first event


def _document(offer: str) -> dict[str, Any]:
    rules = {"o1": RULES, "o2": DATED, "o3": PAST}.get(offer, RULES)
    return wire.offer(offer, rules)[0]


def _publish(party: Ours) -> None:
    """Publish a dataset with an offer that is agreed to, one for a person to decide on and one that has expired."""

    def work(unit: Any) -> None:
        unit.datasets.add(Dataset(party.did, DATASET, "T", {}, {"kind": "file"}, "{", unit.now, "test"))
        for name, approval in (("o1", None), ("o2", "person"), ("o3", None)):
            shown = _document(name)
            unit.offers.add(
                Offer(
                    party.did,
                    name,
                    DATASET,
                    "catalog",
                    canonical.digest(name),
                    shown,
                    "{}",
                    unit.now,
                    "test",
                    approval=approval,
                )
            )
        for name, rules in zip(operators.POLICIES, (RULES, DATED, PAST), strict=True):
            unit.policies.put(Policy(party.did, name, name, rules, unit.now, "test"))

    party.database.run(work, START)


def _agreed(world: World, consumer: str, provider: str, ours: Ours | None, other: Ours | None) -> str:
    """Store a final contract at our consumer, our provider or both, and return the agreement's id."""
    offer = _document("o1")
    if other is not None and world.rng.random() < 0.4:
        end = world.now + world.rng.uniform(3.0, min(world.weather.heal, 120.0))
        offer |= {"permission": [{"action": "use", "constraint": [_before(end)]}]}
        world.at(end + 0.5, operators.expire, other)
    made = document.agreement(
        offer, agreement_id="urn:agreement:1", target=DATASET, assigner=provider, assignee=consumer,
        timestamp=clock.iso(world.now),
    )  # fmt: skip
    sides: list[tuple[Ours, Role, str, str]] = []
    if ours is not None:
        sides.append((ours, CONSUMER, "urn:contract:consumer", "urn:contract:provider"))
    if other is not None:
        sides.append((other, PROVIDER, "urn:contract:provider", "urn:contract:consumer"))
    for party, role, pid, peer_pid in sides:
        _store_agreed(party, role, pid, peer_pid, made)
    return "urn:agreement:1"


def _before(end: float) -> dict[str, Any]:
    return {"leftOperand": "dateTime", "operator": "lt", "rightOperand": clock.iso(end)}


def _store_agreed(party: Ours, role: Role, pid: str, peer_pid: str, made: dict[str, Any]) -> None:
    def work(unit: Any) -> None:
        turn = Process(NEGOTIATION, role, FINALIZED, seq=2, acked=2)
        base = base_of(party.peer_did)
        unit.exchanges.add(Exchange(pid, party.did, party.peer_did, peer_pid, base, turn, created=unit.now))
        offer = _document("o1") | {"target": DATASET}
        unit.contracts.add(
            Contract(
                pid, party.did, party.peer_did, role, DATASET, offer, CONSUMER, unit.now, "o1", "urn:agreement:1",
                made, unit.now,
            )
        )  # fmt: skip

    party.database.run(work, START)
    party.pids = party.database.pids()
