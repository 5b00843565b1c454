"""Messages of processes, with their exact bytes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from connector.store.tables import Message, table

_messages = table(Message)


class Messages:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, **values: Any) -> None:
        """Insert a message: participant, process, direction (`in`, `out`), message_id, seq, move, digest, body, at."""
        self._conn.execute(insert(_messages), values)

    def known_digest(self, process: str, message_id: str) -> str | None:
        """Return the digest of the message the peer sent in this process under that `@id`, or None."""
        digest: str | None = self._one(_messages.c.digest, process, "in", message_id)
        return digest

    def seq(self, process: str, message_id: str) -> int | None:
        """Return the number of our message with that `@id` in this process, or None."""
        seq: int | None = self._one(_messages.c.seq, process, "out", message_id)
        return seq

    def of(self, process: str) -> list[dict[str, Any]]:
        """Return a process's messages in the order we stored them."""
        wanted = select(_messages).where(_messages.c.process == process).order_by(_messages.c.number)
        return [dict(row) for row in self._conn.execute(wanted).mappings()]

    def _one(self, column: Any, process: str, direction: str, message_id: str) -> Any:
        wanted = select(column).where(
            _messages.c.process == process,
            _messages.c.direction == direction,
            _messages.c.message_id == message_id,
        )
        return self._conn.execute(wanted).scalar()
