"""`connector peers`: whom a participant deals with, known by the fingerprints of their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector.cli import output
from connector.cli.commands import DONE, PAGING, REFUSED, MisusedError, Verb, option, place, switch
from connector.errors import LocalError

if TYPE_CHECKING:
    from connector.cli.output import Column, Record
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("state", lambda row: row["state"]),
    ("auth", lambda row: row["auth"]),
    ("base", lambda row: row["base"]),
)


def add(session: Session) -> int:
    """Look at a peer, let a person compare its fingerprints, and pin them."""
    asked = {"id": session.typed("peer"), "auth": session.typed("auth", "pinned"), **_trust(session)}
    if (endpoint := session.typed("endpoint")) is not None:
        asked["endpoint"] = endpoint
    body = {**asked, "fingerprints": _compared(session, asked)}
    session.output.done(session.api.post(session.path("peers"), body))
    return DONE


def confirm(session: Session) -> int:
    """Pin the keys that a known peer shows now."""
    known = session.api.get(session.path("peers", session.typed("peer")))
    trust = _trust(session)
    asked = {"id": known["id"], "auth": known["auth"], "endpoint": known["base"], **trust}
    body = {"fingerprints": _compared(session, asked), **trust}
    session.output.done(session.api.post(session.path("peers", known["id"], "confirm"), body))
    return DONE


def listing(session: Session) -> int:
    """List them by id."""
    session.list(COLUMNS, "peers")
    return DONE


def show(session: Session) -> int:
    """Show one with its pinned keys."""
    session.output.shown(session.api.get(session.path("peers", session.typed("peer"))))
    return DONE


def attest(session: Session) -> int:
    """Vouch for what one is and belongs to, in the place of what was vouched for before."""
    facts: dict[str, list[str]] = {}
    for text in session.typed("fact", []):
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise MisusedError("cli_fact", field="--fact", fact=text)
        facts.setdefault(name, []).append(value)
    body = {"facts": facts, "part_of": session.typed("part_of", [])}
    session.output.shown(session.api.post(session.path("peers", session.typed("peer"), "attest"), body))
    return DONE


def check(session: Session) -> int:
    """Check everything between us and one, from both sides where it can be asked; exit code 1 when something is wrong."""
    found = session.api.get(session.path("peers", session.typed("peer"), "check"))
    if session.output.as_json:
        session.output.value(found)
    for item in found["items"]:
        session.output.checked(item)
    return DONE if all(item["ok"] for item in found["items"]) else REFUSED


def remove(session: Session) -> int:
    """Part from one: open processes end and its access is closed at once."""
    return session.removed(session.path("peers", session.typed("peer")))


def _trust(session: Session) -> dict[str, Any]:
    """Return what the peer's certificate must be, as the API takes it: nothing where nothing was typed."""
    certificate, authority = session.typed("certificate"), session.typed("ca")
    found = {"certificate": _pem(certificate, "--certificate"), "authority": _pem(authority, "--ca")}
    found |= {"keys": session.typed("spki"), "name": session.typed("tls_name")}
    given = {name: value for name, value in found.items() if value is not None}
    if session.typed("token_only"):
        return {"trust": {}}
    return {"trust": given} if given else {}


def _pem(file: str | None, option: str) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise MisusedError("cli_file_unreadable", field=option, path=file, reason=str(error)) from None


def _compared(session: Session, asked: Mapping[str, Any]) -> Sequence[str]:
    """Return the fingerprints that the operator vouches for: named, believed with `--yes`, or compared on the terminal."""
    if (named := session.typed("fingerprint")) is not None:
        return list(named)
    if not session.typed("yes") and not output.person_at_terminal():
        raise MisusedError("cli_fingerprints_needed", field="--fingerprint")
    seen = session.api.post(session.path("peers", "preview"), asked)
    if not (session.output.as_json and session.typed("yes")):
        _show_keys(session, seen)
    if not session.typed("yes") and not session.output.ask("cli_peer_ask"):
        raise LocalError("cli_not_confirmed", field="--fingerprint")
    return list(seen["fingerprints"])


def _show_keys(session: Session, seen: Record) -> None:
    session.output.warn("cli_peer_seen", peer=seen["id"], base=seen["base"])
    session.output.rows([[key["thumbprint"], key["purpose"]] for key in seen["keys"]])
    session.output.rows([[shown["spki"], shown["names"], shown["until"]] for shown in seen["certificates"]])


_PEER: Final = place("DID", "peer")
_VOUCH: Final = (switch("--yes"), option("--fingerprint", "THUMBPRINT", nargs="+", type=str.strip))
_ATTEST: Final = (
    option("--part-of", "IRI", action="append"),
    option("--fact", "NAME=VALUE", text="attested_fact", action="append"),
)
_TRUST: Final = (
    option("--certificate", "FILE"),
    option("--spki", "HASH", nargs="+", type=str.strip),
    option("--ca", "FILE"),
    option("--name", "DNS", text="tls_name", dest="tls_name"),
)
VERBS = (
    Verb(
        "add",
        add,
        (_PEER, option("--endpoint", "URL"), option("--auth", choices=("pinned", "mock")), *_TRUST, *_VOUCH),
    ),
    Verb("list", listing, PAGING),
    Verb("show", show, (_PEER,)),
    Verb("confirm", confirm, (_PEER, *_TRUST, switch("--token-only"), *_VOUCH)),
    Verb("attest", attest, (_PEER, *_ATTEST)),
    Verb("check", check, (_PEER,)),
    Verb("remove", remove, (_PEER,)),
)
