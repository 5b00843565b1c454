"""Operators: named holders of a token of the private listener. Only the digest of a token is stored."""

from __future__ import annotations

from typing import Final

from connector import canonical, ids
from connector.errors import Invalid, Missing, Unauthorized, WrongState
from connector.services import cursors, pages
from connector.services.house import House
from connector.store.parties import Operator
from connector.store.session import Store
from connector.store.unit import Unit

READ: Final = "read"
WRITE: Final = "write"
APPROVE: Final = "approve"
SCOPES: Final = (READ, WRITE, APPROVE)
"""Each scope includes those before it."""

_NAME_CHARACTERS: Final = 64


def includes(scope: str, needed: str) -> bool:
    """Tell whether a scope allows what needs another one."""
    return SCOPES.index(scope) >= SCOPES.index(needed)


async def create(store: Store, name: str, scope: str, *, by: str) -> tuple[Operator, str]:
    """Make an operator and return it with its token, which is shown this once and stored nowhere.

    Raises:
        Invalid: `operator_name`, `operator_scope_unknown`. WrongState: `operator_exists`.
    """
    if not _sayable(name):
        raise Invalid("operator_name", field="/name", most=_NAME_CHARACTERS)
    if scope not in SCOPES:
        raise Invalid("operator_scope_unknown", field="/scope", allowed=", ".join(SCOPES))
    token = ids.secret()

    def work(unit: Unit) -> tuple[Operator, str]:
        if unit.operators.get(name) is not None:
            raise WrongState("operator_exists", name=name)
        made = Operator(name, scope, digest(token), unit.now, by)
        unit.operators.add(made)
        _record(unit, "operator.added", name, scope=scope, by=by)
        return made, ""

    made, _ = await store.write(work)
    return made, token


async def add(house: House, name: str, scope: str, *, by: str) -> tuple[Operator, str]:
    """Make an operator; as `create`."""
    return await create(house.store, name, scope, by=by)


async def listing(house: House, cursor: str | None = None, limit: int = 100) -> tuple[list[Operator], str | None]:
    """Return operators by name. Raises Invalid `cursor_invalid`."""
    after = cursors.name(cursor)
    rows = await house.store.read(lambda unit: unit.operators.page(after=after, limit=limit + 1))
    return pages.part(rows, lambda row: (0.0, row.name), limit)


async def remove(house: House, name: str, *, by: str) -> Operator:
    """Remove an operator; the token opens nothing from the commit on.

    Raises:
        Missing: `operator_unknown`. WrongState: `operator_last`, nobody could approve anything any more.
    """

    def work(unit: Unit) -> Operator:
        found = unit.operators.get(name)
        if found is None:
            raise Missing("operator_unknown")
        if unit.operators.count(scope=APPROVE) == (found.scope == APPROVE):
            raise WrongState("operator_last")
        unit.operators.remove(name)
        _record(unit, "operator.removed", name, by=by)
        return found

    return await house.store.write(work)


async def who(house: House, token: str | None) -> Operator:
    """Return the operator who holds a token.

    Raises:
        Unauthorized: `operator_token_missing`, `operator_token_unknown`.
    """
    if not token:
        raise Unauthorized("operator_token_missing")
    wanted = digest(token)
    found = await house.store.read(lambda unit: unit.operators.by_token(wanted))
    if found is None:
        raise Unauthorized("operator_token_unknown")
    return found


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return canonical.of_bytes(token.encode(errors="replace"))


def _record(unit: Unit, kind: str, name: str, **payload: str) -> None:
    """Write the record into every participant's chain: an operator may act for each of them."""
    for participant in unit.participants.list():
        unit.record(participant.id, kind, name, **payload)


def _sayable(name: str) -> bool:
    return 0 < len(name) <= _NAME_CHARACTERS and name.isprintable() and name == name.strip()
