"""A clock, a queue of events and a network that loses, repeats, delays and reorders, all drawn from one seed."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from connector.services.deliver import Answer

START = 1_767_225_600.0
"""The simulated time begins at 2026-01-01T00:00:00Z."""
TIMEOUT_SECONDS = 20.0
LONGEST_DELAY_SECONDS = 120.0
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a party: POST of a message (`suffix`), GET of a state (no suffix) or a read of data.

    `number` tells moves apart for the checks; it is not on the wire.
    """

    kind: str
    protocol: str
    pid: str | None
    suffix: str = ""
    body: Any = None
    raw: str = ""
    token: str | None = None
    number: str = ""


class Party(Protocol):
    """Somebody on the network."""

    name: str
    up: bool

    def handle(self, call: Call) -> Answer | None:
        """Answer a request, or None: the party fell over."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the network and the machines are until it heals."""

    heal: float
    loss: float
    repeat: float
    slow: float
    crash: float

    @classmethod
    def draw(cls, rng: Random) -> Weather:
        calm = rng.random() < 0.1
        return cls(
            heal=rng.choice((20.0, 90.0, 300.0, 3000.0)) * rng.uniform(0.5, 1.0),
            loss=0.0 if calm else rng.choice((0.0, 0.1, 0.3, 0.5)),
            repeat=0.0 if calm else rng.choice((0.0, 0.1, 0.3)),
            slow=0.0 if calm else rng.choice((0.0, 0.1, 0.3, 0.5)),
            crash=0.0 if calm else rng.choice((0.0, 0.02, 0.08)),
        )


class World:
    """The event queue and the network between the parties of one seed."""

    def __init__(self, rng: Random, weather: Weather, *, trace: bool = False) -> None:
        self.rng, self.weather = rng, weather
        self.now = START
        self.heal = START + weather.heal
        self.lines: list[str] | None = [] if trace else None
        self.posts: list[float] = []
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._letters: dict[str, str] = {}

    def at(self, when: float, action: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (max(when, self.now), self._count, action, args))

    def run(self, until: float) -> None:
        queue = self._queue
        while queue and queue[0][0] <= until:
            self.now, _, action, args = heapq.heappop(queue)
            action(*args)
        self.now = until

    @property
    def healed(self) -> bool:
        return self.now >= self.heal

    def chance(self, probability: float) -> bool:
        """Draw a fault: none happens once the network has healed."""
        return not self.healed and self.rng.random() < probability

    def say(self, text: str) -> None:
        if self.lines is not None:
            self.lines.append(f"{self.now - START:12.3f}  {text}")

    def short(self, name: str | None) -> str:
        """Return a short name for an id, the same in every run of a seed."""
        if not name:
            return "-"
        return self._letters.setdefault(name, f"#{len(self._letters) + 1}")

    def _latency(self) -> float:
        if self.chance(self.weather.slow):
            return self.rng.uniform(1.0, LONGEST_DELAY_SECONDS)
        return self.rng.uniform(0.01, 0.5)

    def request(self, source: str, target: Party, call: Call, done: Callable[[Answer], None]) -> None:
        """Carry a request and its answer; `done` is called once."""
        sent = self.now
        if call.kind == "POST":
            self.posts.append(sent)
        exchange = _Exchange(self, source, target, call, done, sent)
        if self.chance(self.weather.loss):
            self.say(f"{source} -> {target.name} {_what(self, call)}: lost")
            self.at(sent + TIMEOUT_SECONDS, exchange.finish, Answer(None, error="timeout"))
        else:
            latency = self._latency()
            self.at(sent + latency, exchange.arrive)
            if latency >= TIMEOUT_SECONDS:
                self.at(sent + TIMEOUT_SECONDS, exchange.finish, Answer(None, error="timeout"))
        if self.chance(self.weather.repeat):
            self.at(sent + self._latency(), exchange.arrive_again)


class _Exchange:
    """One request on its way, and its answer."""

    __slots__ = ("call", "done", "open", "sent", "source", "target", "world")

    def __init__(
        self, world: World, source: str, target: Party, call: Call, done: Callable[[Answer], None], sent: float
    ) -> None:
        self.world, self.source, self.target, self.call, self.done, self.sent = world, source, target, call, done, sent
        self.open = True

    def arrive_again(self) -> None:
        """Arrive once more; nobody waits for this answer."""
        answer = self.target.handle(self.call) if self.target.up else None
        if self.world.lines is not None:
            self._tell(answer, " (repeated by the network)")

    def arrive(self) -> None:
        """Reach the peer, and send its answer back."""
        world = self.world
        answer = self.target.handle(self.call) if self.target.up else None
        if world.lines is not None:
            self._tell(answer)
        if not self.open:
            return
        if answer is None:
            world.at(world.now + 0.05, self.finish, Answer(None, error="connection_lost"))
        elif world.chance(world.weather.loss):
            world.say(f"{self.target.name} -> {self.source} the answer {answer.status}: lost")
            world.at(self.sent + TIMEOUT_SECONDS, self.finish, Answer(None, error="timeout"))
        else:
            when = world.now + world._latency()
            if when - self.sent >= TIMEOUT_SECONDS:
                world.at(self.sent + TIMEOUT_SECONDS, self.finish, Answer(None, error="timeout"))
            else:
                world.at(when, self.finish, answer)

    def finish(self, answer: Answer) -> None:
        if self.open:
            self.open = False
            self.done(answer)

    def _tell(self, answer: Answer | None, again: str = "") -> None:
        state = answer.body.get("state") if answer and isinstance(answer.body, dict) else None
        code = answer.body.get("code") if answer and isinstance(answer.body, dict) else None
        said = "no answer (down)" if answer is None else f"{answer.status} {state or code or ''}"
        late = " (late)" if self.world.now - self.sent >= TIMEOUT_SECONDS else ""
        self.world.say(
            f"{self.source} -> {self.target.name} {_what(self.world, self.call)}{again}{late}: {said.strip()}"
        )


def _what(world: World, call: Call) -> str:
    if call.kind != "POST":
        return f"{call.kind} {call.protocol} {world.short(call.pid)}"
    body = call.body if isinstance(call.body, dict) else {}
    kind = str(body.get("@type", "")).removeprefix("Contract").removesuffix("Message")
    event = f" {body['eventType']}" if "eventType" in body else ""
    after = next((value for name, value in body.items() if name.endswith("#after")), None)
    named = f" after {world.short(after)}" if after is not None else ""
    return f"{kind}{event} {world.short(body.get('@id'))} to {world.short(call.pid)}{named}"
