"""One effect and one answer for an operator's `Idempotency-Key`, kept in the transaction of the effect itself.

So no crash lies between the two: either both are stored, or neither is and the request may be sent again. Of two requests with
the same key that run at the same time, the database lets one commit; the other gets that one's answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import exc

from connector.errors import WrongState
from connector.services.house import House
from connector.store.session import Store
from connector.store.unit import Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: who asked, under which key, and the digest of what was asked for."""

    operator: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is kept: the status and the body's JSON text."""

    status: int
    body: str


async def once(
    house: House,
    asked: Asked,
    run: Callable[[House], Awaitable[T]],
    answer: Callable[[Any], Answered],
) -> T | Answered:
    """Run a verb unless its request was answered before.

    Args:
        house: the installation.
        asked: the request.
        run: the verb; the first unit it writes is its effect, and what that unit returns is what is answered.
        answer: makes the answer to keep of it.

    Returns:
        What the verb returned, or the answer given before.

    Raises:
        WrongState: `idempotency_key_reused`, the key belongs to another request.
    """
    before = await _before(house, asked)
    if before is not None:
        return before
    try:
        return await run(cast("House", _Keeping(house, asked, answer)))
    except exc.IntegrityError:
        before = await _before(house, asked)
        if before is None:
            raise
        return before


async def _before(house: House, asked: Asked) -> Answered | None:
    found = await house.store.read(lambda unit: unit.operators.answered(asked.operator, asked.key))
    if found is None:
        return None
    digest, status, body = found
    if digest != asked.digest:
        raise WrongState("idempotency_key_reused", field="Idempotency-Key")
    return Answered(status, body)


class _Keeping:
    """A house whose store keeps the answer with the first unit that is written; in all else the house itself."""

    def __init__(self, house: House, asked: Asked, answer: Callable[[Any], Answered]) -> None:
        self._house = house
        self.store = _KeepingStore(house.store, asked, answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._house, name)


class _KeepingStore:
    def __init__(self, store: Store, asked: Asked, answer: Callable[[Any], Answered]) -> None:
        self._store = store
        self._asked = asked
        self._answer = answer
        self._kept = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run a unit; with the first one the answer is kept."""
        if self._kept:
            return await self._store.write(work)

        def whole(unit: Unit) -> T:
            result, asked = work(unit), self._asked
            answered = self._answer(result)
            values = {"digest": asked.digest, "status": answered.status, "body": answered.body, "at": unit.now}
            unit.operators.keep_answer(asked.operator, asked.key, **values)
            return result

        result = await self._store.write(whole)
        self._kept = True
        return result
