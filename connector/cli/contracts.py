"""`connector contracts`: negotiating with peers, from the first request or offer to an agreement."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from connector import texts
from connector.cli import answers, policyfiles, waiting
from connector.cli.commands import DONE, PAGING, REFUSED, Argument, Verb, option, place, switch

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("state", lambda row: row["state"]),
    ("role", lambda row: row["role"]),
    ("peer", lambda row: row["peer"]),
    ("dataset", lambda row: row["dataset"]),
    ("sealed", lambda row: row["sealed"]),
    ("waits_for", lambda row: waiting.of(row).get("waits_for")),
)


def request(session: Session) -> int:
    """Ask a peer for a contract on a dataset of its catalogue."""
    return _begin(session, "request")


def offer(session: Session) -> int:
    """Offer a peer a contract on a dataset of ours."""
    return _begin(session, "offer")


def listing(session: Session) -> int:
    """List them, newest first."""
    session.list(COLUMNS, "contracts")
    return DONE


def show(session: Session) -> int:
    """Show one: its state, its terms, and what it waits for."""
    if session.typed("why"):
        return _show_why(session)
    found = session.api.get(_path(session))
    waiting.show(
        session, {name: value for name, value in found.items() if name != "difference" or session.output.as_json}
    )
    if not session.output.as_json:
        session.output.text("\n".join(answers.terms(found["agreement"] or found["offer"], session.output.language)))
    if not session.output.as_json and found.get("difference"):
        session.output.text("\n".join(answers.difference(found["difference"], session.output.language)))
    return DONE


def _show_why(session: Session) -> int:
    """Show why its policy permits reading now, or does not."""
    found = session.api.get(_path(session, "why"))
    if session.output.as_json:
        session.output.value(found)
        return DONE
    session.output.text("\n".join(answers.told(found, session.output.language)))
    if found["held_by"] is not None:
        session.output.say("cli_held_by", why=texts.say(found["held_by"], session.output.language))
    if found["decision"] != "permit" and found["recovers"]:
        session.output.say("cli_why_recovers")
    for each in found["used"]:
        code = "cli_used" if each["until"] is None else "cli_used_until"
        session.output.say(code, **each)
    return DONE


def approve(session: Session) -> int:
    """Agree, as provider, to what the consumer asks for."""
    return _change(session, "approve")


def accept(session: Session) -> int:
    """Accept, as consumer, what the provider offers."""
    return _change(session, "accept")


def counter(session: Session) -> int:
    """Answer with other terms."""
    return _change(session, "counter", policy=policyfiles.stored(session))


def terminate(session: Session) -> int:
    """End a negotiation."""
    return _change(session, "terminate", reason=session.typed("reason"))


def export(session: Session) -> int:
    """Save the contract with all its evidence as one file."""
    from connector.cli import bundlefile  # noqa: PLC0415 - the other verbs have no need of it

    saved = bundlefile.save(session, _path(session, "evidence"))
    if session.output.as_json:
        session.output.value({"id": session.typed("contract"), **saved})
    session.output.say("cli_bundle_saved", **saved, typed=shlex.quote(saved["file"]))
    return DONE


def reconcile(session: Session) -> int:
    """Compare what both parties have recorded; exit code 1 when something does not fit."""
    found = session.api.get(_path(session, "reconciliation"))
    if session.output.as_json:
        session.output.value(found)
    for each in found["differences"]:
        session.output.say("cli_journal_fault", text=each["text"])
    session.output.say("cli_reconciled" if found["ok"] else "cli_unreconciled", peer=found["peer"])
    return DONE if found["ok"] else REFUSED


def _begin(session: Session, kind: str) -> int:
    body = {"kind": kind, "peer": session.typed("peer"), "dataset": session.typed("dataset")}
    body |= {name: value for name in ("offer", "purpose") if (value := session.typed(name)) is not None}
    begun = session.api.post(session.path("contracts"), body)
    return waiting.finish(session, begun, session.path("contracts", begun["id"]))


def _change(session: Session, verb: str, **body: str) -> int:
    waiting.show(session, session.api.post(_path(session, verb), body), whole=False)
    return DONE


def _path(session: Session, *verb: str) -> str:
    return session.path("contracts", session.typed("contract"), *verb)


_ID: Final = place("ID", "contract")
_BEGIN: Final = (
    place("PEER", "peer"),
    place("DATASET", "dataset", text="any_dataset"),
    option("--offer", "ID"),
    *waiting.WAIT,
)
VERBS = (
    Verb("request", request, (*_BEGIN, option("--purpose", "IRI", text="declared_purpose"))),
    Verb("offer", offer, _BEGIN),
    Verb("list", listing, PAGING),
    Verb("show", show, (_ID, switch("--why"))),
    Verb("approve", approve, (_ID,)),
    Verb("accept", accept, (_ID,)),
    Verb("counter", counter, (_ID, policyfiles.POLICY)),
    Verb("reconcile", reconcile, (_ID,)),
    Verb("terminate", terminate, (_ID, option("--reason", "TEXT", required=True))),
    Verb(
        "export",
        export,
        (
            _ID,
            Argument(("-o", "--output"), "bundle_output", "FILE", {"dest": "output", "required": True}),
            switch("--force", text="bundle_force"),
        ),
    ),
)
