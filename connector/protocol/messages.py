"""DSP 2025-1 messages: building what we send (strict) and reading what we receive (lenient).

Sent messages validate against the official schemas. Received ones may carry anything more; what is read here is checked for
type and length, everything else is kept as it came. Sources: Dataspace Protocol 2025-1, "Message Types" of the contract
negotiation and transfer process protocols, and `negotiation/*.json`, `transfer/*.json` of its schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from connector import canonical, ids
from connector.errors import BadMessage
from connector.protocol import context, negotiation, transfer
from connector.protocol.context import AFTER, WAITS
from connector.protocol.machine import TERMINATION, Table

NEGOTIATION_TYPES: Final = {
    negotiation.REQUEST: "ContractRequestMessage",
    negotiation.OFFER: "ContractOfferMessage",
    negotiation.ACCEPTED_EVENT: "ContractNegotiationEventMessage",
    negotiation.AGREEMENT: "ContractAgreementMessage",
    negotiation.VERIFICATION: "ContractAgreementVerificationMessage",
    negotiation.FINALIZED_EVENT: "ContractNegotiationEventMessage",
    TERMINATION: "ContractNegotiationTerminationMessage",
}
TRANSFER_TYPES: Final = {
    transfer.REQUEST: "TransferRequestMessage",
    transfer.START: "TransferStartMessage",
    transfer.SUSPENSION: "TransferSuspensionMessage",
    transfer.COMPLETION: "TransferCompletionMessage",
    TERMINATION: "TransferTerminationMessage",
}
_EVENTS: Final = {negotiation.ACCEPTED_EVENT: "ACCEPTED", negotiation.FINALIZED_EVENT: "FINALIZED"}
_SUFFIXES: Final = {
    ("negotiation", negotiation.REQUEST): "request",
    ("negotiation", negotiation.OFFER): "offers",
    ("negotiation", negotiation.ACCEPTED_EVENT): "events",
    ("negotiation", negotiation.AGREEMENT): "agreement",
    ("negotiation", negotiation.VERIFICATION): "agreement/verification",
    ("negotiation", negotiation.FINALIZED_EVENT): "events",
    ("negotiation", TERMINATION): "termination",
    ("transfer", transfer.REQUEST): "request",
    ("transfer", transfer.START): "start",
    ("transfer", transfer.SUSPENSION): "suspension",
    ("transfer", transfer.COMPLETION): "completion",
    ("transfer", TERMINATION): "termination",
}
SUFFIXES: Final = {
    protocol: sorted({suffix for (name, _), suffix in _SUFFIXES.items() if name == protocol})
    for protocol in ("negotiation", "transfer")
}
"""The last path segments that messages of an existing process are posted to."""

_STATE_MESSAGES: Final = {"negotiation": "ContractNegotiation", "transfer": "TransferProcess"}
_MAX_REASONS: Final = 50


@dataclass(frozen=True, slots=True)
class Message:
    """A received message.

    Attributes:
        move: one of the table's moves.
        id: its `@id`, or None.
        digest: of its canonical form.
        after: the `@id` it names as last applied (`""` for none), or None.
        provider_pid, consumer_pid: as it carries them, or None.
        callback: its `callbackAddress`, or None.
        code, reasons: of a termination or suspension.
        body: everything, as it came. raw: the exact text it came as, where known.
    """

    protocol: str
    move: str
    id: str | None
    digest: str
    after: str | None
    provider_pid: str | None
    consumer_pid: str | None
    callback: str | None
    code: str | None
    reasons: tuple[str, ...]
    body: Mapping[str, Any]
    raw: str = ""


def path(protocol: str, move: str, peer_pid: str | None) -> str:
    """Return the path under the peer's base that a move is posted to; without a pid, the one that makes a process."""
    return f"{place(protocol, peer_pid) if peer_pid else f'/{protocol}s'}/{_SUFFIXES[protocol, move]}"


def place(protocol: str, peer_pid: str) -> str:
    """Return the path of a peer's process under its base: whatever the peer calls it, the pid is one segment."""
    return f"/{protocol}s/{quote(peer_pid, safe=':')}"


def build(  # noqa: PLR0913 - a message has this many parts
    table: Table,
    move: str,
    *,
    message_id: str,
    provider_pid: str | None,
    consumer_pid: str | None,
    after: str | None = None,
    code: str | None = None,
    reasons: tuple[str, ...] = (),
    **content: Any,
) -> dict[str, Any]:
    """Return a message of ours: `@id`, pids, `NS after`, code and reasons, and its own content (None is left out)."""
    types = NEGOTIATION_TYPES if table is negotiation.NEGOTIATION else TRANSFER_TYPES
    named = {"@id": message_id, AFTER: after} if after is not None else {"@id": message_id}
    return context.message(
        types[move],
        **named,
        providerPid=provider_pid,
        consumerPid=consumer_pid,
        eventType=_EVENTS.get(move) if table is negotiation.NEGOTIATION else None,
        code=code,
        reason=list(reasons) or None,
        **content,
    )


def acknowledgement(
    protocol: str, provider_pid: str, consumer_pid: str, state: str, *, waits: str | None = None
) -> dict[str, Any]:
    """Return the ContractNegotiation or TransferProcess that answers a message or a GET.

    `waits` (`NS waits`) is `person` when an operator of ours has to decide before the process goes on.
    """
    return context.message(
        _STATE_MESSAGES[protocol],
        providerPid=provider_pid,
        consumerPid=consumer_pid,
        state=state,
        **{WAITS: waits},
    )


def read(table: Table, suffix: str, body: Mapping[str, Any], raw: str = "") -> Message:
    """Read a message that came to a path ending in `suffix`.

    Raises:
        BadMessage: `context_unknown`, `message_type`, `member_invalid`; `json_number`: a number without a canonical form.
    """
    if not context.check_context(body.get("@context")):
        raise BadMessage("context_unknown", field="/@context")
    move = _move(table, suffix, body)
    message_id = _text(body, "@id")
    return Message(
        protocol=table.name,
        move=move,
        id=message_id,
        digest=_digest(body),
        after=_after(body),
        provider_pid=_pid(body, "providerPid"),
        consumer_pid=_pid(body, "consumerPid"),
        callback=_text(body, "callbackAddress", longest=2048),
        code=_text(body, "code") if isinstance(body.get("code"), str) else None,
        reasons=_reasons(body.get("reason")),
        body=body,
        raw=raw,
    )


def require(message: Message, *names: str) -> None:
    """Check that members are there. Raises BadMessage `member_missing`."""
    for name in names:
        if message.body.get(name) in (None, "", [], {}):
            raise BadMessage("member_missing", field=f"/{name}")


def member(message: Message, name: str) -> dict[str, Any]:
    """Return a member that is an object. Raises BadMessage `member_missing` or `member_invalid`."""
    require(message, name)
    value = message.body[name]
    if not isinstance(value, dict):
        raise BadMessage("member_invalid", field=f"/{name}")
    return value


def state_of(body: Any) -> str | None:
    """Return the `state` of a ContractNegotiation or TransferProcess a peer answered, or None."""
    state = body.get("state") if isinstance(body, dict) else None
    return state.rsplit("/", 1)[-1].rsplit(":", 1)[-1] if isinstance(state, str) else None


def waits_for_person(body: Any) -> bool:
    """Tell whether an acknowledgement says that a person at the peer has to decide."""
    return isinstance(body, dict) and body.get(WAITS) == "person"


def _move(table: Table, suffix: str, body: Mapping[str, Any]) -> str:
    kind = body.get("@type")
    name = kind.rsplit("/", 1)[-1].rsplit(":", 1)[-1] if isinstance(kind, str) else kind
    types = NEGOTIATION_TYPES if table is negotiation.NEGOTIATION else TRANSFER_TYPES
    fitting = [move for move in types if types[move] == name and _SUFFIXES[table.name, move] == suffix]
    if len(fitting) > 1:
        event = body.get("eventType")
        event = event.rsplit("/", 1)[-1].rsplit(":", 1)[-1] if isinstance(event, str) else event
        fitting = [move for move in fitting if _EVENTS.get(move) == event]
        if not fitting:
            raise BadMessage("member_invalid", field="/eventType")
    if not fitting:
        raise BadMessage("message_type", field="/@type")
    return fitting[0]


def _digest(body: Mapping[str, Any]) -> str:
    """Return the digest by which repeats are known; the loader lets integers pass that RFC 8785 gives no form."""
    try:
        return canonical.digest(body)
    except ValueError:
        raise BadMessage("json_number") from None


def _after(body: Mapping[str, Any]) -> str | None:
    value = body.get(AFTER)
    if value is None or value == "":
        return value
    return _text(body, AFTER)


def _text(body: Mapping[str, Any], name: str, longest: int = ids.MAX_LENGTH) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
        raise BadMessage("member_invalid", field=f"/{name}")
    return value


def _pid(body: Mapping[str, Any], name: str) -> str | None:
    pid = _text(body, name)
    if pid is not None and not ids.acceptable(pid):
        raise BadMessage("member_invalid", field=f"/{name}")
    return pid


def _reasons(value: Any) -> tuple[str, ...]:
    """Return the reasons as texts: DSP says a list, some peers send one text or language-tagged objects."""
    items = value if isinstance(value, list) else [value] if value is not None else []
    texts = [
        item if isinstance(item, str) else item.get("@value") if isinstance(item, dict) else None for item in items
    ]
    return tuple(text[:1000] for text in texts[:_MAX_REASONS] if isinstance(text, str))
