"""A secret in a file of its own: never in a spec, a log, an error or an answer."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from connector.errors import Invalid

_MOST_BYTES = 4096
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def read(path: Path) -> str:
    """Return the one line in a file that only its owner can read. Blocks.

    Raises:
        Invalid: `source_secret` when the file is missing, empty, too long or no header value, `source_secret_open`
            when group or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        raise Invalid("source_secret", field="secret_header") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Invalid("source_secret_open", field="secret_header", path=str(path))
    value = data.decode("ascii", errors="replace").strip("\r\n")
    if len(data) > _MOST_BYTES or not _VALUE.fullmatch(value):
        raise Invalid("source_secret", field="secret_header")
    return value
