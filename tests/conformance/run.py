"""Run the official conformance kit against a real connector process: `python -m tests.conformance.run`.

The connector is the production application with the kit's authentication, scripted decisions, seeds and webhooks
(`connector_process.py`). The kit's lines are passed on; the exit code is 0 when every active test of the kit passed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests import postgres
from tests.conformance import aftermath, kit_process, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_STOP_SECONDS = 15.0
_SHOWN_LINES = 60
_ERROR = re.compile(r"^\S+ \S+ (ERROR|CRITICAL) |^Traceback ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kit:
    """The kit's side of one run: its address, and the header value that proves it is the kit."""

    port: int
    authorization: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def main() -> int:
    options = _options()
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        sys.stderr.write(f"The conformance kit needs {' and '.join(missing)}: run 'make system-deps'.\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name)
        kit = Kit(_free_port(), secrets.token_urlsafe(24))
        if options.self_test:
            return kit_process.run(_self_test(kit), folder, options.only)
        log = (options.log or folder / "connector.log").absolute()
        with _database(options.database, folder) as url:
            code = _against_connector(kit, folder, url, log, options.only)
            sent, faults = aftermath.faults(url)
        faults += _errors(log)
    sys.stdout.write(f"{sent} messages sent by the connector on {options.database}, {len(faults)} faults\n")
    sys.stdout.writelines(f"{line}\n" for line in faults[:_SHOWN_LINES])
    return 1 if faults else code


def _against_connector(kit: Kit, folder: Path, database: str, log: Path, only: str | None) -> int:
    with log.open("wb") as output, _connector(kit, folder, database, output) as told:
        agent = told.pop("agent")
        addresses = settings.Addresses(kit=kit.address, kit_port=kit.port, **told)
        code = kit_process.run(settings.properties(addresses, agent, kit.authorization), folder, only)
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
        sys.stdout.write("\nThe connector's last lines:\n" + "\n".join(lines) + "\n")
    return code


def _errors(log: Path) -> list[str]:
    """Return the errors that the connector logged: a run in which it had any is no success, whatever the kit says."""
    return [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if _ERROR.search(line)]


@contextmanager
def _connector(kit: Kit, folder: Path, database: str, log: IO[bytes]) -> Iterator[dict[str, str]]:
    """Run the connector under test until the end of the block; give the addresses it tells once it is ready.

    Raises:
        RuntimeError: it did not start, or did not end in order when asked to.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.connector_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=_ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = {"home": str(folder / "home"), "database": database, "kit": kit.address, "secret": kit.authorization}
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            message = f"the connector did not start:\n{Path(log.name).read_text(errors='replace')}"
            raise RuntimeError(message)
        yield json.loads(line)
    finally:
        ended = _end(process)
    if ended:
        message = f"the connector ended with {ended}:\n{Path(log.name).read_text(errors='replace')[-5000:]}"
        raise RuntimeError(message)


def _end(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'connector.db'}"
        return
    with postgres.running(durable=True) as server:
        yield server.create()


def _self_test(kit: Kit) -> dict[str, str]:
    return {
        "dataspacetck.dsp.local.connector": "true",
        "dataspacetck.host": "127.0.0.1",
        "dataspacetck.port": str(kit.port),
        "dataspacetck.callback.address": kit.address,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the official Dataspace Protocol conformance kit.")
    chosen = os.environ.get("DATABASE", "sqlite")
    kinds = ("sqlite", "postgresql")
    parser.add_argument("--database", choices=kinds, default=chosen, help="what the connector stores in")
    parser.add_argument("--only", metavar="PATTERN", help="run only tests whose name contains this (counts as failed)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the connector's log there")
    parser.add_argument("--self-test", action="store_true", help="let the kit test itself, without a connector")
    options = parser.parse_args()
    if options.database not in kinds:
        parser.error(f"DATABASE must be one of {', '.join(kinds)}, not {options.database}")
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
