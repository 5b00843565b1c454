"""What keeps data from being shaped: the place and the reason, for whoever owns the data."""

from __future__ import annotations

from connector.errors import Unreachable


class Unshapable(Unreachable):
    """A piece of data that the declared transform cannot take; its code begins with `shape_`.

    `values`: `row` (counted from 1 without the header; 0 for the header or the whole) and the `column` where there is one. They
    name things of the data, so no peer is told them.
    """

    def __init__(self, code: str, *, row: int = 0, column: str = "") -> None:
        super().__init__(code, row=row, column=column[:100])
