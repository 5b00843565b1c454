"""`--wait`: look at a process until it has come as far as the command wants, a person is waited for, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from connector import clock, texts
from connector.cli import table
from connector.cli.commands import DONE, Argument, option, seconds, switch
from connector.errors import LocalError

if TYPE_CHECKING:
    from connector.cli.output import Record
    from connector.cli.session import Session

DEFAULT_SECONDS: Final = 30.0
FIRST_PAUSE_SECONDS: Final = 0.05
MOST_PAUSE_SECONDS: Final = 1.0
WAIT: Final[tuple[Argument, ...]] = (switch("--wait"), option("--timeout", "SECONDS", type=seconds))
TERMINATED: Final = "TERMINATED"
_OF_DUTY: Final = ("id", "state", "due", "action")


def of(process: Record) -> Mapping[str, Any]:
    """Return why a process does not go on: `waits_for`, `why`, `next_attempt`, `stalled`, `unconfirmed`, `final` ..."""
    found = process.get("waiting", process)
    return found if isinstance(found, Mapping) else {}


def show(session: Session, process: Record, *, whole: bool = True) -> None:
    """Show a process, to people without its documents unless `whole`, and what it waits for in words."""
    language, why = session.output.language, of(process)
    words = {key: value for key, value in process.items() if key != "waiting" and (key, value) != ("duties", None)}
    if words.get("duties"):
        words["duties"] = [{name: table.plain(duty[name]) for name in _OF_DUTY} for duty in words["duties"]]
    if "sealed" in words:
        words["sealed"] = _sealed(process, language)
    told = {
        "waits_for": (waiter := why.get("waits_for")) and texts.say(f"cli_waits_for_{waiter}", language),
        "why": (code := why.get("why")) and texts.say(code, language),
        "next_attempt": why.get("next_attempt"),
        "last_error": why.get("last_error"),
    }
    words = words if whole else table.brief(words)
    session.output.shown(process, words | {name: value for name, value in told.items() if value})


def _sealed(contract: Record, language: str) -> str:
    """Return in words whose seals a contract has."""
    sided = contract["sealed"] or ("none" if of(contract).get("final") else "not_yet")
    return texts.say(f"cli_sealed_{sided}", language)


def finish(session: Session, process: Record, path: str, goal: Collection[str] = ()) -> int:
    """Show a process just begun; with `--wait`, once it has reached a goal, ended, or needs a person.

    Returns:
        DONE; 1 is the exit code of the error that is raised otherwise.

    Raises:
        LocalError: `cli_wait_terminated`, `cli_wait_stalled`, `cli_wait_timeout`; the process was shown before.
    """
    if not session.typed("wait"):
        show(session, process, whole=False)
        return DONE
    found, timed_out = _wait(session, process, path, goal)
    show(session, found, whole=False)
    language, why = session.output.language, of(found)
    if found["state"] == TERMINATED:
        reasons = "; ".join(found.get("reasons") or []) or texts.say("cli_no_reason", language)
        raise LocalError("cli_wait_terminated", id=found["id"], reasons=reasons)
    if why.get("stalled"):
        raise LocalError(
            "cli_wait_stalled", id=found["id"], state=found["state"], why=texts.say(why["stalled"], language)
        )
    if timed_out:
        waited = texts.say(why.get("why") or "cli_no_reason", language)
        raise LocalError("cli_wait_timeout", id=found["id"], state=found["state"], seconds=_limit(session), why=waited)
    return DONE


def _wait(session: Session, process: Record, path: str, goal: Collection[str]) -> tuple[Record, bool]:
    """Return the process as it was last seen, and whether the time was up."""
    end, pause = clock.monotonic() + _limit(session), FIRST_PAUSE_SECONDS
    session.output.step(process["state"])
    while not _settled(process, goal):
        left = end - clock.monotonic()
        if left <= 0:
            return process, True
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, MOST_PAUSE_SECONDS)
        before, process = process, session.api.get(path)
        if process["state"] != before["state"]:
            session.output.step(process["state"])
    return process, False


def _settled(process: Record, goal: Collection[str]) -> bool:
    why = of(process)
    return process["state"] in goal or bool(why.get("final")) or why.get("waits_for") == "person"


def _limit(session: Session) -> float:
    return float(session.typed("timeout", DEFAULT_SECONDS))
