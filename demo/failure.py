"""What stops the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TAIL_LINES = 15


class Failure(Exception):
    """Something went otherwise than the demo expects.

    Args:
        key: the sentence, in the texts' `failures`; `values` are its values.
        log: the log whose tail tells more.
    """

    def __init__(self, key: str, log: Path | None = None, **values: Any) -> None:
        super().__init__(key)
        self.key, self.log, self.values = key, log, values

    def tail(self) -> list[str]:
        """Return the last lines of the log."""
        if self.log is None or not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
