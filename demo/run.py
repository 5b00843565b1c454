"""`python -m demo.run [--keep]`: plays the story, tells it in DEMO_LANG (en or sv), and leaves nothing behind.

Exit code 0 when everything went as told, 1 when something did not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo import contracts, datasets, evidence, processes, sharing
from demo.failure import Failure
from demo.parties import EKBY, REGION, STRANGNAS, VA
from demo.stage import PROGRAM, Stage
from demo.telling import LANGUAGES, Telling

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.run", description="Municipalities share data: a demonstration."
    )
    parser.add_argument("--keep", action="store_true", help="leave the connectors running and tell how to go on")
    keep = parser.parse_args(arguments).keep
    language = os.environ.get("DEMO_LANG", "en") or "en"
    if language not in LANGUAGES:
        parser.error(f"DEMO_LANG is one of: {', '.join(LANGUAGES)}")
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may lack our letters
    stage = Stage(Path(tempfile.mkdtemp(prefix="connector-demo-")), Telling(language))
    code = _INTERRUPTED
    try:
        code = _play(stage, keep=keep)
    except KeyboardInterrupt:
        stage.tell.failure("interrupted", [])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        if not (keep and code == 0):
            _clear(stage)
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _play(stage: Stage, *, keep: bool) -> int:
    began = time.monotonic()
    try:
        contract = story(stage)
    except Failure as failure:
        stage.tell.failure(failure.key, failure.tail(), **failure.values)
        return 1
    except (LookupError, TypeError, ValueError) as error:
        unexpected = Failure("unexpected", stage.log(STRANGNAS), what=repr(error))
        stage.tell.failure(unexpected.key, unexpected.tail(), **unexpected.values)
        return 1
    stage.tell.scene("end")
    stage.tell.line("figures", commands=stage.commands, seconds=round(time.monotonic() - began))
    if keep:
        _go_on(stage, contract)
    else:
        stage.tell.line("cleared")
    return 0


def story(stage: Stage) -> str:
    """Play every scene; return Ekby's contract on the live levels. Raises Failure."""
    stage.tell.title()
    datasets.meet(stage)
    datasets.publish(stage)
    datasets.pin(stage)
    datasets.browse(stage)
    borders = contracts.automatic(stage)
    air, models = contracts.more(stage)
    stormwater = contracts.approved(stage)
    contracts.refused(stage)
    sharing.files(stage, borders, air)
    sharing.directory(stage, models)
    transfer = sharing.live(stage, stormwater)
    sharing.revoke(stage, stormwater, transfer)
    sharing.verify(stage)
    evidence.keep(stage, borders)
    return stormwater


def _go_on(stage: Stage, contract: str) -> None:
    """Tell what can be done with the connectors that are left running, and how to end them."""
    ekby, company = stage.parties[EKBY], stage.parties[VA]
    stage.tell.line("kept")
    tries = (
        ["connector", "--home", STRANGNAS, "participants", "list"],
        ["connector", *ekby.prefix, "contracts", "list"],
        ["connector", *ekby.prefix, "transfers", "start", contract, "--wait"],
        ["connector", *ekby.prefix, "fetch", contract, "v1/wells"],
        ["connector", "--home", REGION, "journal", "list"],
        ["connector", "--home", REGION, "doctor"],
        ["connector", *company.prefix, "peers", "remove", ekby.did],
    )
    stage.tell.plain(f"  cd {shlex.quote(str(stage.folder))}")
    stage.tell.plain(f"  export PATH={shlex.quote(str(PROGRAM.parent))}:$PATH")
    for words in tries:
        stage.tell.plain(f"  {shlex.join(words)}")
    stage.tell.line("stop")
    pids = " ".join(str(running.pid) for running in stage.running)
    stage.tell.plain(f"  kill {pids} && sleep 3 && rm -r {shlex.quote(str(stage.folder))}")


def _clear(stage: Stage) -> None:
    """End every process that was started, by its id, and remove the folder; a second Ctrl-C does not stop this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    processes.stop(stage.running)
    shutil.rmtree(stage.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
