"""`connector` and `python -m connector`: the command line, handed the application that `connector serve` runs."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.cli import main as cli

_INTERRUPTED = 130


def _serve() -> cli.Serve:
    # Nothing of what is imported is ever garbage: looking for some costs a fifth of the start, and then time for ever.
    gc.disable()
    from connector.app import serve  # noqa: PLC0415 - a second of imports that only `connector serve` needs

    gc.freeze()
    gc.enable()
    return serve


def main() -> int:
    """Run the command line of this process; Ctrl-C ends it without a word also while it is still being imported."""
    try:
        from connector.cli import main as cli  # noqa: PLC0415 - so that an interruption of it is caught

        return cli.main(_serve)
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
