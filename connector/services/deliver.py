"""Delivery of pending moves, inside units of work: what an answer, a silence or a refusal of the peer does.

The schedule is `net.backoff`; the rules are 1 and 4 of `docs/explanation/architecture.md`. Sending itself is the worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from connector import ids
from connector.net import backoff
from connector.protocol import messages
from connector.services.decide import PEERS_PERSON
from connector.services.exchange import Exchanging
from connector.store.exchanges import Exchange
from connector.store.outbox import Parcel
from connector.store.unit import Unit

PATIENCE_SECONDS = 60.0
_TRY_AGAIN = frozenset({408, 425, 429})
_EARLY = frozenset({404, 409})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: an HTTP status with the JSON body (or None), or no status and the error's code."""

    status: int | None
    body: Any = None
    error: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What to do with a parcel now: nothing more, ask the peer for its state, or try again at a time."""

    step: Literal["done", "look", "retry"]
    parcel: Parcel | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The verbs of delivery. `chance` draws 0 to 1 for the jitter."""

    exchanging: Exchanging
    chance: Callable[[], float]

    def claim(self, unit: Unit, message_id: str) -> tuple[Parcel, Exchange] | None:
        """Count an attempt before its first byte leaves, and return what to send; None when it is settled or held."""
        parcel = unit.outbox.get(message_id)
        exchange = unit.exchanges.load(parcel.participant, parcel.process, parcel.peer) if parcel else None
        if parcel is None or exchange is None:
            return None
        lease = unit.now + self.exchanging.office.lease_seconds
        parcel = replace(
            parcel, attempts=parcel.attempts + 1, first_attempt=parcel.first_attempt or unit.now, lease=lease
        )
        unit.outbox.change(message_id, attempts=parcel.attempts, first_attempt=parcel.first_attempt, lease=parcel.lease)
        return parcel, exchange

    def answered(self, unit: Unit, parcel: Parcel, answer: Answer) -> Next:
        """Take the answer to an attempt. A 2xx makes the move take effect at once."""
        exchange = unit.exchanges.load(parcel.participant, parcel.process, parcel.peer)
        if exchange is None:
            return Next("done")
        if answer.status is not None and 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's success class
            self._acknowledge(unit, exchange, parcel, answer)
            return Next("done")
        if exchange.turn.pending is None or exchange.turn.pending.id != parcel.id:
            return Next("done")
        if self._worth_retrying(unit, exchange, parcel, answer):
            return self._retry(unit, exchange, parcel, answer)
        reasons = reasons_of(answer)
        if exchange.peer_pid is None:
            self.exchanging.give_up(unit, exchange, parcel.id, reasons, late=False)
            return Next("done")
        unit.outbox.change(parcel.id, last_error=f"{answer.status} {' '.join(reasons)}"[:500])
        return Next("look", parcel)

    def looked(self, unit: Unit, parcel: Parcel, refusal: Answer, answer: Answer) -> Next:
        """Take the peer's state after a refusal: adopt what it explains, else give the move up.

        A GET that fails for the network's sake is tried again with the move itself.
        """
        exchange = unit.exchanges.load(parcel.participant, parcel.process, parcel.peer)
        if exchange is None or exchange.turn.pending is None or exchange.turn.pending.id != parcel.id:
            return Next("done")
        state = messages.state_of(answer.body) if answer.status is not None and answer.status < 300 else None  # noqa: PLR2004
        if state is not None and self.exchanging.look(unit, exchange, state) is not None:
            return Next("done")
        if answer.status is None or answer.status >= 500:  # noqa: PLR2004 - HTTP's server errors
            return self._retry(unit, exchange, parcel, answer)
        shown = (f"peer shows {state}",) if state else ()
        self.exchanging.give_up(unit, exchange, parcel.id, reasons_of(refusal) + shown, late=False)
        return Next("done")

    def checked(self, unit: Unit, exchange: Exchange, answer: Answer) -> None:
        """Take the state of a peer that was asked a day after the last change."""
        exchange = unit.exchanges.load(exchange.participant, exchange.pid, exchange.peer) or exchange
        status = answer.status or 0
        state = messages.state_of(answer.body) if 200 <= status < 300 else None  # noqa: PLR2004 - HTTP's success class
        refused = 400 <= status < 500 and status not in _TRY_AGAIN  # noqa: PLR2004 - HTTP's client errors
        self.exchanging.asked(unit, exchange, state, refused=refused)

    def _acknowledge(self, unit: Unit, exchange: Exchange, parcel: Parcel, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, dict) else {}
        theirs = body.get("providerPid" if exchange.turn.role == "consumer" else "consumerPid")
        if exchange.peer_pid is None and ids.acceptable(theirs):
            exchange = replace(exchange, peer_pid=theirs)
        if messages.waits_for_person(body) and exchange.turn.pending and exchange.turn.pending.id == parcel.id:
            exchange = replace(exchange, waits=PEERS_PERSON)
        self.exchanging.acknowledge(unit, exchange, parcel.id)

    def _worth_retrying(self, unit: Unit, exchange: Exchange, parcel: Parcel, answer: Answer) -> bool:
        """Tell whether a failure may pass: the network, a 5xx, 408, 425, 429, and for a minute an early 404 or 409."""
        status = answer.status
        if status is None or status >= 500 or status in _TRY_AGAIN:  # noqa: PLR2004 - HTTP's server errors
            return True
        known = exchange.peer_pid is not None
        early = unit.now - (parcel.first_attempt or unit.now) < PATIENCE_SECONDS
        return status in _EARLY and known and early

    def _retry(self, unit: Unit, exchange: Exchange, parcel: Parcel, answer: Answer) -> Next:
        first = parcel.first_attempt or unit.now
        when = backoff.next_attempt(parcel.attempts, first, unit.now, self.chance())
        if when is None:
            self.exchanging.give_up(unit, exchange, parcel.id, reasons_of(answer), late=True)
            return Next("done")
        when = max(when, unit.now + (answer.retry_after_seconds or 0.0))
        lease = when + self.exchanging.office.lease_seconds
        error = answer.error or f"HTTP {answer.status}"
        unit.outbox.change(parcel.id, next_attempt=when, lease=lease, last_error=error)
        return Next("retry", replace(parcel, next_attempt=when, lease=lease))


def reasons_of(answer: Answer) -> tuple[str, ...]:
    """Return why a peer refused, as short texts: its code and reasons, else the HTTP status or our error's code."""
    body = answer.body if isinstance(answer.body, dict) else {}
    told = body.get("reason")
    items = told if isinstance(told, list) else [told]
    texts = [item for item in items if isinstance(item, str)]
    code = body.get("code")
    named = [str(code)] if isinstance(code, (str, int)) else []
    return tuple(text[:300] for text in (named + texts)[:10]) or (answer.error or f"HTTP {answer.status}",)
