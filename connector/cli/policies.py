"""`connector policies`: what authors of policies need, on files alone; `list` and `who` ask the running connector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector import clock, texts
from connector.cli import answers, folder, policyhome, policytests
from connector.cli.commands import DONE, PAGING, REFUSED, Argument, MisusedError, Verb, option, place, places
from connector.errors import Invalid

if TYPE_CHECKING:
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


def explain(session: Session) -> int:
    """Say in numbered sentences what a policy means, and how far technology keeps it."""
    from connector.policy.explain.sentences import explain as told  # noqa: PLC0415 - as above
    from connector.policy.explain.sentences import graded  # noqa: PLC0415 - as above

    document, policy = folder.policy(Path(session.typed("file")))
    language = session.output.language
    found = told(policy, language)
    title = folder.title(document, language)
    if session.output.as_json:
        sentences = [
            {"number": each.number, "rule": each.rule, "kind": each.kind, "text": each.text, "grades": each.grades}
            for each in found.sentences
        ]
        head = {"language": language, "title": title, "summary": found.summary}
        session.output.value({**head, "sentences": sentences, "notes": [*found.notes]})
        return DONE
    lines = [title] if title else []
    lines += [found.summary, *(f"{each.number}. {each.text} [{graded(each, language)}]" for each in found.sentences)]
    session.output.text("\n".join([*lines, *found.notes]))
    return DONE


def check(session: Session) -> int:
    """Say whether a policy permits what somebody asks, and why."""
    from connector.policy.case import read_case  # noqa: PLC0415 - as above
    from connector.policy.evaluate import evaluate  # noqa: PLC0415 - as above

    _, policy = folder.policy(Path(session.typed("file")))
    try:
        request, facts = read_case(_case(session), policy, clock.now(), lenient=session.typed("duties") == "lenient")
    except Invalid as error:
        raise MisusedError(error.code, field=error.field, **error.values) from None
    decision = evaluate(policy, request, facts)
    if session.output.as_json:
        session.output.value(answers.decision(decision))
    else:
        session.output.text("\n".join(answers.lines(decision, session.output.language)))
    return DONE if decision.permits else REFUSED


def diff(session: Session) -> int:
    """Say which of two policies is the stricter, what changed, and who would notice."""
    from connector.policy.difference import difference  # noqa: PLC0415 - as above

    a, b = (folder.policy(Path(session.typed(name)))[1] for name in ("a", "b"))
    found = difference(a, b)
    if session.output.as_json:
        session.output.value({"verdict": found.verdict, "changes": [*found.changes], "witness": found.witness})
        return DONE
    session.output.say(f"cli_verdict_{found.verdict}")
    for each in found.changes:
        session.output.text(answers.change(each, session.output.language))
    if found.witness is not None:
        session.output.say("cli_witness")
        session.output.value(found.witness)
    return DONE


def schema(session: Session) -> int:
    """Print the JSON Schema for editors."""
    from connector.policy.schema import schema as made  # noqa: PLC0415 - as above

    session.output.value(made(session.output.language))
    return DONE


def new(session: Session) -> int:
    """Print a policy made from a template, or write it with its cases beside it; without a template list them."""
    from connector.policy import templates  # noqa: PLC0415 - as above

    name, output, language = session.typed("template"), session.typed("output"), session.output.language
    try:
        if name is None:
            listed = [answers.template(each, templates.template(each), language) for each in templates.names()]
            session.output.listed({"items": listed, "next": None}, answers.TEMPLATE)
            return DONE
        document, cases = templates.make(name, dict(map(_setting, session.typed("set", []))))
    except Invalid as error:
        raise MisusedError(error.code, field=error.field, **error.values) from None
    if output is None:
        session.output.value(document)
        return DONE
    for file in folder.create(
        Path(output), document, "\n".join(line for case in cases for line in policytests.toml(case))
    ):
        session.output.say("cli_new_written", file=file)
    return DONE


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise MisusedError("cli_setting", field="--set", setting=text)
    return name, value


def _case(session: Session) -> dict[str, Any]:
    """Return the case that a file holds, with what is typed besides. Raises MisusedError."""
    named = session.typed("case")
    case: dict[str, Any] = dict(folder.document(Path(named))) if named else {}
    if named is None and session.typed("assignee") is None:
        raise MisusedError("cli_case_missing", field="--as")
    typed = {"assignee": "assignee", "action": "action", "target": "target", "purpose": "purpose", "at": "time"}
    case |= {member: session.typed(name) for name, member in typed.items() if session.typed(name) is not None}
    facts = dict(map(_fact, session.typed("fact", [])))
    return {**case, "facts": {**(case.get("facts") or {}), **facts}} if facts else case


def _fact(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise MisusedError("cli_fact", field="--fact", fact=text)
    return name, value.split(",") if "," in value else value


_FORMAT: Final = option("--format", choices=("text", "json"))
_FILE: Final = place("FILE", "file", text="policy_file")
_CASE: Final = (
    option("--as", "DID", text="assignee", dest="assignee"),
    option("--action", "ACTION"),
    option("--target", "IRI", text="target"),
    option("--purpose", "IRI"),
    option("--at", "TIME"),
    option("--fact", "NAME=VALUE", action="append"),
    option("--case", "CASE"),
    option("--duties", choices=("strict", "lenient")),
)
VERBS = (
    Verb("lint", lint, (places("PATH", "paths"), _FORMAT), client=False),
    Verb("explain", explain, (_FILE,), client=False),
    Verb("check", check, (_FILE, *_CASE), client=False),
    Verb("diff", diff, (place("A", "a", text="policy_a"), place("B", "b", text="policy_b")), client=False),
    Verb(
        "new",
        new,
        (
            place("TEMPLATE", "template", optional=True),
            option("--set", "NAME=VALUE", action="append"),
            Argument(("-o", "--output"), "policy_output", "FILE", {"dest": "output"}),
        ),
        client=False,
    ),
    Verb("schema", schema, client=False),
    Verb("test", policytests.test, (places("PATH", "test_paths", optional=True),), client=False),
    Verb("list", policyhome.listing, PAGING),
    Verb("who", policyhome.who, (place("DATASET", "dataset"), option("--purpose", "IRI", text="who_purpose"))),
)
