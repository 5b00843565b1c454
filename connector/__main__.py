"""`connector` and `python -m connector`: the command line, handed the application that `connector serve` runs."""

from __future__ import annotations

import sys

from connector.cli import main as cli


def _serve() -> cli.Serve:
    from connector.app import serve  # noqa: PLC0415 - a second of imports that only `connector serve` needs

    return serve


def main() -> int:
    """Run the command line of this process."""
    return cli.main(_serve)


if __name__ == "__main__":
    sys.exit(main())
