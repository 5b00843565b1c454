"""What must hold at every commit and at the end, whatever happened on the way (invariants I1 to I8, and I10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

from connector.evidence import chain
from connector.evidence.seal import AGREEMENT, VERIFICATION
from connector.protocol import machine, messages, transfer
from connector.protocol.machine import PROVIDER, TERMINATED
from connector.services.deliver import Answer
from connector.services.house import grant_token
from connector.store.exchanges import STATES, Exchange
from connector.store.seals import ONE_SIDED, TWO_SIDED
from tests.simulation.foreign import Foreign, Process
from tests.simulation.home import GRANT_KEY
from tests.simulation.memory import Link
from tests.simulation.ours import Ours
from tests.simulation.world import DAY, START, Call, World

_CLOSING = (transfer.SUSPENSION, transfer.COMPLETION, machine.TERMINATION)
_WAITS_FOR_PERSON = ("REQUESTED", "OFFERED", "ACCEPTED")
_RESTS = ("STARTED", "SUSPENDED")


class Witness:
    """Watches every commit of our parties and keeps their histories."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults: list[str] = []
        self.history: list[tuple[Any, ...]] = []
        self._last: dict[str, Exchange] = {}
        self._shown: dict[str, tuple[Any, ...]] = {}
        self._effects: set[tuple[str, str]] = set()
        self.marks, self.parted = 0, False
        self.watched: list[Ours] = []
        self.moved: Callable[[Ours], None] = lambda _party: None

    def watch(self, party: Ours) -> None:
        self.watched.append(party)
        party.committed, party.effect, party.refused = self.committed, self.effect, self.refused
        party.answered = self.answered

    def fault(self, text: str) -> None:
        self.faults.append(f"{self.world.now - START:.3f} {text}")
        self.world.say(f"FAULT {text}")

    def committed(self, party: Ours) -> None:
        party.pids = party.database.pids()
        exchanges, grants = party.read(lambda unit: _all(unit, party))
        for exchange in exchanges:
            before = self._last.get(exchange.pid)
            if before is None or before != exchange:
                self._changed(party, before, exchange)
                self._last[exchange.pid] = exchange
        for grant in grants:
            self._access(party, grant, exchanges)

    def _changed(self, party: Ours, before: Exchange | None, after: Exchange) -> None:
        turn = after.turn
        pending = turn.pending
        if pending and pending.move == machine.TERMINATION:
            party.terminating.add(after.pid)
        shown = (
            party.name, after.protocol, after.pid, turn.state, pending.move if pending else None,
            bool(pending and pending.sent), turn.wanted, turn.stalled, turn.confirmed, turn.adopted, after.waits,
        )  # fmt: skip
        if self._shown.get(after.pid) != shown:
            self._shown[after.pid] = shown
            self.history.append((round(self.world.now - START, 6), *shown))
            if self.world.lines is not None:
                self._tell(party, after)
        if before is None or before.turn.state == turn.state:
            return
        self.moved(party)
        if exchange_final(after):
            self._sealed(party, after)
        unsent = before.turn.pending
        if unsent and not unsent.sent and turn.acked == unsent.seq:
            self.fault(f"I3: {party.name}'s {unsent.move} took effect before it was sent")
        if before.turn.ended:
            self.fault(f"I6: {party.name} left {before.turn.state} for {turn.state}")

    def _sealed(self, party: Ours, exchange: Exchange) -> None:
        """I1: final only with the agreement and both seals stored; with our own alone where the peer does not seal."""
        contract, row, first, counter = party.read(
            lambda unit: (
                unit.contracts.get(exchange.pid),
                unit.peers.get(exchange.participant, exchange.peer),
                unit.seals.get(exchange.pid, AGREEMENT),
                unit.seals.get(exchange.pid, VERIFICATION),
            )
        )
        wanted = TWO_SIDED if row.seals is not None else ONE_SIDED
        own = first if exchange.turn.role == PROVIDER else counter
        if own is None or contract.agreement is None or contract.sealed != wanted:
            self.fault(f"I1: {party.name} is final, {contract.sealed} instead of {wanted}")
        if wanted == TWO_SIDED and (first is None or counter is None):
            self.fault(f"I1: {party.name} is final without both seals")

    def _tell(self, party: Ours, exchange: Exchange) -> None:
        turn = exchange.turn
        parts = [f"{party.name} {exchange.protocol} {self.world.short(exchange.pid)} {turn.state}"]
        if turn.pending:
            parts.append(
                f"{turn.pending.move} {self.world.short(turn.pending.id)}"
                + ("" if turn.pending.sent else " (not sent)")
            )
        parts += [f"wants {turn.wanted}"] if turn.wanted else []
        parts += [f"stalled {turn.stalled}"] if turn.stalled else []
        parts += [] if turn.confirmed else ["unconfirmed"]
        parts += ["adopted"] if turn.adopted else []
        parts += [f"waits for {exchange.waits}"] if exchange.waits else []
        self.world.say("    " + ", ".join(parts))

    def _access(self, party: Ours, grant: Any, exchanges: list[Exchange]) -> None:
        """I7 and I8: a grant is open only under a final contract, STARTED or a start pending, nothing decided against it."""
        if grant.closed is not None:
            return
        turn = next(exchange for exchange in exchanges if exchange.pid == grant.transfer).turn
        pending = turn.pending.move if turn.pending else None
        if turn.state != "STARTED" and pending != transfer.START:
            self.fault(f"I7: {party.name} gives access in {turn.state}")
        if pending in _CLOSING or turn.wanted in _CLOSING:
            self.fault(f"I8: {party.name} gives access after its {pending or turn.wanted}")
        contract = next((exchange for exchange in exchanges if exchange.pid == grant.contract), None)
        if contract is not None and contract.turn.state != "FINALIZED":
            self.fault(f"I7: {party.name} gives access under a contract that is {contract.turn.state}")

    def effect(self, party: Ours, call: Call) -> None:
        """Note that a message had an effect: a peer's message with an `@id` has one at most (I3)."""
        if "@id" not in call.body:
            return
        if (party.name, call.number) in self._effects:
            self.fault(f"I3: {party.name} applied a message twice")
        self._effects.add((party.name, call.number))

    def answered(self, party: Ours, call: Call, answer: Answer) -> None:
        """Check what a message of an existing process was answered."""
        if call.pid is None:
            return
        table = STATES[call.protocol]
        move = messages.read(table, call.suffix, call.body).move
        exchange = party.read(lambda unit: unit.exchanges.load(party.did, call.pid))
        if answer.status == 200 and "@id" not in call.body and not table.leads_to(
            answer.body["state"], move, exchange.turn.peer
        ):  # fmt: skip
            # Without an `@id` a repeat is known by nothing having happened since, so the state is still the one it led to.
            self.fault(f"I3: {party.name} has swallowed a {move} in {answer.body['state']}")
        if answer.status == 400:
            self._wrongly_refused(party, exchange.turn, move, answer.body["code"])

    def _wrongly_refused(self, party: Ours, turn: machine.Process, move: str, code: str) -> None:
        pending = turn.pending
        if code == "move_crossed" and pending and not pending.sent and pending.move != machine.TERMINATION:
            self.fault(f"{party.name} refuses a {move} for a {pending.move} that has not left")
        if (
            code in ("move_illegal", "process_ended")
            and turn.adopted
            and turn.state
            and turn.table.leads_to(turn.state, move, turn.peer)
        ):
            self.fault(f"{party.name} refuses the {move} that leads to the {turn.state} it has adopted")

    def refused(self, party: Ours, what: str) -> None:
        """Note what must never be refused: a suspension while a start is unanswered, a good token."""
        self.fault(f"{party.name} refuses {what}")

    # At the end

    def chained(self, party: Ours, rng: Random) -> None:
        """I10: the journal's chain holds, and a record that is changed, deleted or moved is found where it is."""
        links = party.database.chain()
        if list(chain.faults(links)):
            self.fault(f"I10: {party.name}'s journal does not hold")
        if len(links) > 2:
            for way in _SPOILT:
                at = rng.randrange(len(links) - 2)
                found = next(chain.faults(_SPOILT[way](links, at)), None)
                if found is None or found.number != at + 1:
                    self.fault(f"I10: record {at + 1} of {party.name}'s journal is {way}, and found is {found}")

    def rest(self, party: Ours) -> list[Exchange]:
        """Check that nothing of ours is under way at the end, and return the processes."""
        exchanges, _ = party.read(lambda unit: _all(unit, party))
        for exchange in exchanges:
            if exchange.turn.pending or exchange.turn.wanted:
                self.fault(f"{party.name} still has something to send in {exchange.turn.shown}")
            if exchange.pid in party.terminating and not exchange.turn.ended:
                self.fault(f"{party.name} has forgotten a termination in {exchange.turn.shown}")
            self.marks += _unfinished(exchange)
        return exchanges

    def quiet(self) -> None:
        """Check that messages have come to an end."""
        if self.world.posts and self.world.posts[-1] > self.world.now - DAY:
            self.fault("no end of messages")

    def alike(self, consumer: Ours, provider: Ours) -> None:
        """Check that two of ours have converged."""
        left, right = self.rest(consumer), self.rest(provider)
        for mine, other in ((left, right), (right, left)):
            for exchange in mine:
                self._pair(exchange, next((item for item in other if _same(exchange, item)), None))
        for exchange in left:
            twin = next((item for item in right if _same(exchange, item)), None)
            if twin is not None:
                self._content(consumer, exchange, provider, twin)

    def _pair(self, exchange: Exchange, twin: Exchange | None) -> None:
        turn = exchange.turn
        name = f"{exchange.protocol} {turn.role} {turn.shown}"
        if twin is None:
            if turn.state != TERMINATED or "contract_not_final" in exchange.reasons:
                self.fault(f"{name}: the peer has no such process {exchange.reasons}")
            return
        if turn.shown != twin.turn.shown:
            self.fault(f"{name}: the peer has {twin.turn.shown}")
        if turn.stalled or not turn.confirmed or turn.adopted:
            self.fault(f"{name}: stalled={turn.stalled} confirmed={turn.confirmed} adopted={turn.adopted}")
        if not turn.ended and turn.shown not in _RESTS and turn.shown == twin.turn.shown:
            person = exchange.waits == "person" or twin.waits == "person"
            if not person or turn.shown not in _WAITS_FOR_PERSON:
                self.fault(f"{name}: both wait for ever")

    def _content(self, consumer: Ours, mine: Exchange, provider: Ours, theirs: Exchange) -> None:
        """Both hold the same agreement, or the same address."""
        if mine.protocol == "negotiation" and mine.turn.state == "FINALIZED":
            held = [
                consumer.read(lambda unit: unit.contracts.get(mine.pid)),
                provider.read(lambda unit: unit.contracts.get(theirs.pid)),
            ]
            if held[0].agreement is None or held[0].agreement != held[1].agreement:
                self.fault("I1: final with different agreements")
            # The contract that transfers begin under in most seeds was not negotiated.
            for kind in () if mine.pid.startswith("urn:contract:") else (AGREEMENT, VERIFICATION):
                left, right = consumer.seal(mine.pid, kind), provider.seal(theirs.pid, kind)
                if left is None or right is None or left.jws != right.jws:
                    self.fault(f"I1: final with different seals: {kind}")
        if mine.protocol == "transfer" and mine.turn.state == "STARTED" and theirs.turn.state == "STARTED":
            found = consumer.read(lambda unit: unit.transfers.get(mine.pid))
            grant = provider.read(lambda unit: unit.grants.of_transfer(theirs.pid))
            if grant is None or grant.closed is not None:
                self.fault("STARTED without access")
            elif found.token != grant_token(GRANT_KEY, grant.id, grant.generation):
                self.fault("STARTED with an old address")

    def shown(self, party: Ours, foreign: Foreign) -> None:
        """Check that whatever has not converged with a peer of another kind is marked."""
        for exchange in self.rest(party):
            theirs = foreign.processes.get(exchange.peer_pid or "")
            if theirs is not None and exchange.turn.stalled is None:
                self._given(party, exchange, theirs)
                self._offered(party, exchange, theirs, certain=not foreign.habits.early)
            if theirs is None or not _agree(exchange, theirs):
                self._marked(exchange, theirs)

    def _given(self, party: Ours, exchange: Exchange, theirs: Process) -> None:
        """A consumer that is STARTED has the address of our last start, or we say that it may not."""
        if exchange.turn.role != PROVIDER or (exchange.turn.state, theirs.state) != ("STARTED", "STARTED"):
            return
        if exchange.protocol == "transfer":
            grant = party.read(lambda unit: unit.grants.of_transfer(exchange.pid))
            if grant_token(GRANT_KEY, grant.id, grant.generation) not in theirs.tokens:
                self.fault("silent: the peer is STARTED with an old address")

    def _offered(self, party: Ours, exchange: Exchange, theirs: Process, *, certain: bool) -> None:
        """Both have the same offer on the table (unless the peer goes by what it only tried), and what is agreed is there."""
        if exchange.protocol != "negotiation" or theirs.pid.startswith("urn:contract:"):
            return
        contract = party.read(lambda unit: unit.contracts.get(exchange.pid))
        open_ = exchange.turn.state in ("REQUESTED", "OFFERED") and exchange.turn.state == theirs.state
        if certain and open_ and contract.offer["permission"] != theirs.offer["permission"]:
            self.fault(f"silent: different offers on the table in {theirs.state}")
        if exchange.turn.state in ("AGREED", "VERIFIED", "FINALIZED") and contract.agreement is None:
            self.fault(f"{exchange.turn.state} without an agreement")

    def _marked(self, exchange: Exchange, theirs: Process | None) -> None:
        turn = exchange.turn
        told = turn.state == TERMINATED and theirs is None
        if turn.stalled is None and turn.confirmed and not told:
            state = theirs.state if theirs else "no process"
            self.fault(f"silent: {exchange.protocol} {turn.role} {turn.shown}, the peer has {state}")


def _changed(links: list[Link], at: int) -> list[Link]:
    record, payload = links[at]
    return [*links[:at], (replace(record, kind=record.kind + "."), payload), *links[at + 1 :]]


def _rewritten(links: list[Link], at: int) -> list[Link]:
    record, (salt, payload) = links[at]
    return [*links[:at], (record, (salt, payload + " ")), *links[at + 1 :]]


def _deleted(links: list[Link], at: int) -> list[Link]:
    return links[:at] + links[at + 1 :]


def _moved(links: list[Link], at: int) -> list[Link]:
    return [*links[:at], links[at + 1], links[at], *links[at + 2 :]]


_SPOILT: Final = {"changed": _changed, "rewritten": _rewritten, "deleted": _deleted, "moved": _moved}


def _unfinished(exchange: Exchange) -> bool:
    """Tell whether a process came neither to an end nor to rest, nor waits for a person: the peer has to go on."""
    turn = exchange.turn
    if turn.stalled is not None or not turn.confirmed:
        return True
    return not turn.ended and turn.shown not in _RESTS and exchange.waits is None


def _agree(exchange: Exchange, theirs: Process) -> bool:
    # A peer without an answer to its first message shows what that asks for.
    return exchange.turn.shown == (theirs.state or ("REQUESTED" if exchange.turn.role == PROVIDER else "OFFERED"))


def exchange_final(exchange: Exchange) -> bool:
    return exchange.protocol == "negotiation" and exchange.turn.state == "FINALIZED"


def _same(one: Exchange, other: Exchange) -> bool:
    if one.protocol != other.protocol or one.turn.role == other.turn.role:
        return False
    return one.peer_pid == other.pid or other.peer_pid == one.pid


def _all(unit: Any, party: Ours) -> tuple[list[Exchange], list[Any]]:
    exchanges = [unit.exchanges.load(party.did, pid) for pid in party.pids]
    grants = [unit.grants.of_transfer(item.pid) for item in exchanges if item.protocol == "transfer"]
    return exchanges, [grant for grant in grants if grant is not None]
