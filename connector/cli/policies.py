"""`connector policies`: what authors of policies need, on files alone; no running connector, no home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector import clock, texts
from connector.cli import folder
from connector.cli.commands import DONE, REFUSED, Verb, option, places

if TYPE_CHECKING:
    from pathlib import Path

    from connector.cli.session import Session
    from connector.policy.lint.check import Placed


def lint(session: Session) -> int:
    """Say what is wrong, doubtful or worth knowing about policy files; refused when anything must be put right."""
    from connector.policy.lint.check import lint as findings  # noqa: PLC0415 - each verb imports what it needs

    files = folder.policies(session.typed("paths"))
    found = [
        _finding(session.output.language, file, each)
        for file in files
        for each in findings(folder.read(file), clock.now(), folder.beside(file))
    ]
    errors = sum(each["severity"] == "error" for each in found)
    if session.output.as_json or session.typed("format") == "json":
        session.output.value({"findings": found})
        return REFUSED if errors else DONE
    for each in found:
        severity = texts.say(f"cli_severity_{each['severity']}", session.output.language)
        session.output.text(
            f"{each['file']}:{each['line']}:{each['column']}: {severity} {each['rule']}: {each['message']}"
        )
        session.output.text(f"    {each['fix']}")
    session.output.say("cli_linted", files=len(files), findings=len(found), errors=errors)
    return REFUSED if errors else DONE


def _finding(language: str, file: Path, placed: Placed) -> dict[str, Any]:
    """Return a finding as it is given to programs."""
    finding = placed.finding
    message, fix = (texts.say(finding.code, language, key, **finding.values) for key in ("text", "next"))
    place = {"file": str(file), "line": placed.line, "column": placed.column}
    return {"rule": finding.rule, "severity": finding.severity, **place, "message": message, "fix": fix}


_FORMAT: Final = option("--format", choices=("text", "json"))
VERBS = (Verb("lint", lint, (places("PATH", "paths"), _FORMAT), client=False),)
