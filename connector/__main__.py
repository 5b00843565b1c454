"""`connector` and `python -m connector`: the command line, handed the application that `connector serve` runs."""

from __future__ import annotations

import gc
import sys

from connector.cli import main as cli


def _serve() -> cli.Serve:
    # Nothing of what is imported is ever garbage: looking for some costs a fifth of the start, and then time for ever.
    gc.disable()
    from connector.app import serve  # noqa: PLC0415 - a second of imports that only `connector serve` needs

    gc.freeze()
    gc.enable()
    return serve


def main() -> int:
    """Run the command line of this process."""
    return cli.main(_serve)


if __name__ == "__main__":
    sys.exit(main())
