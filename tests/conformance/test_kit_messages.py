"""What the kit (1.0.0-RC6) sends, as its own serializer writes it: each message is read, and as the move it is."""

from __future__ import annotations

from typing import Any

import pytest

from connector import clock
from connector.protocol import messages
from connector.protocol.machine import Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
IDS = {"@id": "46419653-2d61-4263-8710-f060da6157ca", "@context": CONTEXT}
PIDS = {
    "providerPid": "1c7d31d4-8a4a-4a07-9e3a-1e4b0a0a6a10",
    "consumerPid": "urn:uuid:5b9c5a53-5a1a-4d51-93f7-6f1a24c7b9ce",
}
RULES = {"permission": [{"action": "use"}]}
CALLBACK = "http://127.0.0.1:8083"
ADDRESS = {"@type": "DataAddress", "endpoint": "http://example.com", "endpointType": "https://w3id.org/idsa/v4.1/HTTP"}
AGREEMENT = {
    "@type": "Agreement",
    "@id": "7f8c3f0e-0d8d-4b8e-9a52-7d1c7f8f3c11",
    "target": "ACNC0101",
    **RULES,
    "timestamp": "2026-08-14T13:37:34.883221516Z",
    "assignee": "did:web:localhost%3A9101",
    "assigner": "TCK_PARTICIPANT",
}
FIRST_OFFER = {"@id": "CD123:ACN0101:456", "target": "ACN0101", "@type": "Offer", **RULES}
COUNTER_OFFER = {
    "@type": "Offer",
    "@id": "CD123:ACN0102:456",
    **RULES,
    "target": "ACN0102",
    "assignee": "TCK_PARTICIPANT",
}
PROVIDER_OFFER = {
    "@type": "Offer",
    "@id": "offerACNC0101",
    **RULES,
    "target": "ACNC0101",
    "assignee": "did:web:localhost%3A9101",
    "assigner": "TCK_PARTICIPANT",
}

SENT: list[tuple[Table, str, str, dict[str, Any]]] = [
    (
        NEGOTIATION,
        "request",
        "request",
        {"@type": "ContractRequestMessage", "consumerPid": "c", "offer": FIRST_OFFER, "callbackAddress": CALLBACK},
    ),
    (NEGOTIATION, "request", "request", {"@type": "ContractRequestMessage", **PIDS, "offer": COUNTER_OFFER}),
    (NEGOTIATION, "offers", "offer", {"@type": "ContractOfferMessage", **PIDS, "offer": PROVIDER_OFFER}),
    (NEGOTIATION, "agreement", "agreement", {"@type": "ContractAgreementMessage", **PIDS, "agreement": AGREEMENT}),
    (NEGOTIATION, "events", "accepted", {"@type": "ContractNegotiationEventMessage", **PIDS, "eventType": "ACCEPTED"}),
    (
        NEGOTIATION,
        "events",
        "finalized",
        {"@type": "ContractNegotiationEventMessage", **PIDS, "eventType": "FINALIZED"},
    ),
    (NEGOTIATION, "agreement/verification", "verification", {"@type": "ContractAgreementVerificationMessage", **PIDS}),
    (
        NEGOTIATION,
        "termination",
        "termination",
        {"@type": "ContractNegotiationTerminationMessage", **PIDS, "code": "1"},
    ),
    (
        TRANSFER,
        "request",
        "request",
        {
            "@type": "TransferRequestMessage",
            "consumerPid": "c",
            "agreementId": "ATP0101",
            "format": "HttpData-PULL",
            "callbackAddress": CALLBACK,
        },
    ),
    (TRANSFER, "start", "start", {"@type": "TransferStartMessage", **PIDS, "dataAddress": ADDRESS}),
    (TRANSFER, "start", "start", {"@type": "TransferStartMessage", **PIDS}),
    (TRANSFER, "suspension", "suspension", {"@type": "TransferSuspensionMessage", **PIDS, "code": "1"}),
    (TRANSFER, "completion", "completion", {"@type": "TransferCompletionMessage", **PIDS}),
    (TRANSFER, "termination", "termination", {"@type": "TransferTerminationMessage", **PIDS, "code": "1"}),
]


@pytest.mark.parametrize(("table", "suffix", "move", "body"), SENT)
def test_a_message_of_the_kit_is_read(table: Table, suffix: str, move: str, body: dict[str, Any]) -> None:
    message = messages.read(table, suffix, IDS | body)
    assert (message.move, message.id, message.after) == (move, IDS["@id"], None)


def test_the_kits_timestamp_has_nine_decimals_and_is_read() -> None:
    assert clock.seconds(AGREEMENT["timestamp"]) == pytest.approx(1786714654.883221)  # type: ignore[arg-type]
