"""Messages of processes, with their exact bytes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from connector.store.prepared import Change
from connector.store.tables import Message, table

_messages = table(Message)

# What every message needs is made once: making a statement costs several times more than running it.
_insert = Change(insert(_messages))
_named = (
    _messages.c.process == bindparam("of_process"),
    _messages.c.direction == bindparam("of_direction"),
    _messages.c.message_id == bindparam("of_message_id"),
)
_withdraw = Change(update(_messages).where(*_named))
_applied = (
    select(_messages.c.body)
    .where(_messages.c.process == bindparam("of_process"), _messages.c.withdrawn.is_(None))
    .order_by(_messages.c.number)
)
_digest, _seq = select(_messages.c.digest).where(*_named), select(_messages.c.seq).where(*_named)


class Messages:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, **values: Any) -> None:
        """Insert a message: participant, process, direction (`in`, `out`), message_id, seq, move, digest, body, at."""
        _insert.run(self._conn, values)

    def known_digest(self, process: str, message_id: str) -> str | None:
        """Return the digest of the message the peer sent in this process under that `@id`, or None."""
        digest: str | None = self._one(_digest, process, "in", message_id)
        return digest

    def seq(self, process: str, message_id: str) -> int | None:
        """Return the number of our message with that `@id` in this process, or None."""
        seq: int | None = self._one(_seq, process, "out", message_id)
        return seq

    def withdraw(self, process: str, message_id: str, now: float) -> None:
        """Note that a move of ours was given up or gave way without having taken effect."""
        named = {"of_process": process, "of_direction": "out", "of_message_id": message_id}
        _withdraw.run(self._conn, {**named, "withdrawn": now})

    def applied(self, process: str) -> list[str]:
        """Return the exact texts of a process's messages, received and sent, that took effect, in order.

        A pending move of ours is among them: ask when there is none, or when it is known to have taken effect.
        """
        return list(self._conn.execute(_applied, {"of_process": process}).scalars())

    def of(self, process: str) -> list[dict[str, Any]]:
        """Return a process's messages in the order we stored them."""
        wanted = select(_messages).where(_messages.c.process == process).order_by(_messages.c.number)
        return [dict(row) for row in self._conn.execute(wanted).mappings()]

    def _one(self, wanted: Select[Any], process: str, direction: str, message_id: str) -> Any:
        named = {"of_process": process, "of_direction": direction, "of_message_id": message_id}
        return self._conn.execute(wanted, named).scalar()
