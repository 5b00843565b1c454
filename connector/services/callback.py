"""Where the messages of a peer's process go (A.2 row 1)."""

from __future__ import annotations

import re

from connector.errors import BadMessage
from connector.protocol.messages import Message

_UNDER = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~:-]+)*", re.ASCII)
"""What may follow a base: segments of plain characters that no server can read as leading elsewhere."""


def callback_of(message: Message, base: str) -> str:
    """Return where to send a process's messages: the callback address, which must start with the peer's whole base URL.

    Raises:
        BadMessage: `callback_foreign` (A.2 row 1).
    """
    callback = (message.callback or "").rstrip("/")
    if not callback.startswith(base) or not _UNDER.fullmatch(callback, len(base)):
        raise BadMessage("callback_foreign", field="/callbackAddress")
    return callback
