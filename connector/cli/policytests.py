"""`connector policies test`: the cases beside policy files, what they did not reach, and cases at the bounds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector import clock, texts
from connector.cli import folder
from connector.cli.commands import DONE, REFUSED, MisusedError
from connector.errors import Invalid

if TYPE_CHECKING:
    from connector.cli.session import Session
    from connector.policy.cases import Outcome, Result


def test(session: Session) -> int:
    """Run the cases; refused when one fails."""
    default = ["policies"] if Path("policies").is_dir() else ["."]
    files = folder.policies(session.typed("test_paths") or default)
    found = {file: outcome(file) for file in files}
    results = [each for each in found.values() if each is not None]
    failed = sum(not each.passed for outcome in results for each in outcome.results)
    if session.output.as_json:
        listed = [_record(file, each) for file, each in found.items()]
        session.output.value({"files": listed, "failed": failed})
    else:
        session.output.text(
            "\n".join(line for file, each in found.items() for line in _lines(file, each, session.output.language))
        )
        session.output.say("cli_cases_done", cases=sum(len(each.results) for each in results), failed=failed)
    return REFUSED if failed else DONE


def outcome(file: Path) -> Outcome | None:
    """Return how the cases beside a policy file went; `None` when there are none. Raises MisusedError."""
    from connector.policy.cases import run  # noqa: PLC0415 - slow, and the other verbs have no need of it

    beside = file.with_name(file.stem + folder.CASES)
    if not beside.exists():
        return None
    try:
        cases = tomllib.loads(folder.read(beside).decode()).get("case", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MisusedError("cli_cases_toml", field=str(beside), reason=str(error)) from None
    if not isinstance(cases, list) or not all(isinstance(each, dict) for each in cases):
        raise MisusedError("cli_cases_toml", field=str(beside), reason="[[case]]")
    try:
        return run(folder.policy(file)[1], cases, clock.now())
    except Invalid as error:
        raise MisusedError(error.code, field=f"{beside}: {error.field}", **error.values) from None


def _record(file: Path, found: Outcome | None) -> dict[str, Any]:
    if found is None:
        return {"file": str(file), "cases": [], "unreached": [], "boundaries": []}
    return {
        "file": str(file),
        "cases": [_case(each) for each in found.results],
        "unreached": [{"pointer": each.pointer, "why": each.why} for each in found.unreached],
        "boundaries": [*found.boundaries],
    }


def _case(result: Result) -> dict[str, Any]:
    decision = result.decision.outcome
    return {
        "name": result.name,
        "passed": result.passed,
        "expected": result.expected,
        "decision": decision,
        "rules": [*result.rules],
    }


def _lines(file: Path, found: Outcome | None, language: str) -> Iterator[str]:
    if found is None:
        yield texts.say("cli_cases_none", language, file=file)
        return
    for each in found.results:
        code = "cli_cases_passed" if each.passed else "cli_cases_failed"
        if not each.passed and (each.expected == "permit") == each.decision.permits:
            code = "cli_cases_other_rule"
        values = {"expected": each.expected, "decision": each.decision.outcome, "rules": ", ".join(each.rules) or "–"}
        yield texts.say(code, language, file=file, name=each.name, **values)
    for missed in found.unreached:
        yield texts.say(f"cli_cases_{missed.why}", language, file=file, pointer=missed.pointer)
    if found.boundaries:
        yield texts.say("cli_cases_boundaries", language, file=file)
        yield from (line for case in found.boundaries for line in toml(case))


def toml(case: Mapping[str, Any]) -> Iterator[str]:
    """Yield a case as the lines of a TOML table."""
    yield "[[case]]"
    for name, value in case.items():
        yield f"{name} = {_value(value)}"
    yield ""


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    return value.isoformat() if hasattr(value, "isoformat") else json.dumps(value, ensure_ascii=False)
