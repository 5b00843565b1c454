"""What a consumer says that it wants the data for: on the wire, in the agreement, and where a plain peer leaves it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector import ids
from connector.errors import BadMessage, Invalid
from connector.evidence import document
from connector.policy import purposes
from connector.policy.node import escape
from connector.protocol.context import PURPOSE
from connector.protocol.messages import Message
from connector.store.contracts import Contract
from connector.store.unit import Unit


def named(text: str | None) -> str | None:
    """Return the IRI of the purpose that an operator names. Raises Invalid `purpose_unknown`."""
    if text is None:
        return None
    found = purposes.purpose(text)
    if found is None:
        raise Invalid("purpose_unknown", field="purpose", purpose=text)
    return found


def stated(message: Message) -> str | None:
    """Return the purpose that a message declares; one that we do not know is kept, and permits nothing.

    Raises:
        BadMessage: `member_invalid`, it is no identifier.
    """
    found = message.body.get(PURPOSE)
    if found is not None and not ids.acceptable(found):
        raise BadMessage("member_invalid", field=f"/{escape(PURPOSE)}")
    return found


def compare(unit: Unit, contract: Contract, agreement: Mapping[str, Any]) -> None:
    """Record that a provider left the purpose that we declared out of the agreement, as one that does not know it does."""
    if not document.copied(agreement, contract.purpose):
        unit.record(
            contract.participant, "contract.purpose-not-copied", contract.id,
            peer=contract.peer, purpose=contract.purpose,
        )  # fmt: skip
