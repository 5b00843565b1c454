"""The names on the wire: the DSP context, and our own extension members as full IRIs.

A DSP `@context` is a list of known strings, so every term that the DSP context does not define is written as a full IRI.
"""

from __future__ import annotations

from typing import Any, Final

from connector.ids import NS

DSPACE: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
VERSION: Final = "2025-1"

AFTER: Final = NS + "after"
"""Member of a message: the `@id` of the receiver's last message that its sender had applied, or `""` for none."""

RENEWAL: Final = NS + "renewal"
"""Member of a TransferRequestMessage (`"supported"`), and the name of an endpoint property: where to fetch the next token."""

SEAL: Final = NS + "seal"
"""Member of a ContractAgreementMessage and of its verification: the sender's seal (`evidence.seal`), a compact JWS.

In a DID document's announcement: whoever says so seals every contract, and expects the same.
"""

WAITS: Final = NS + "waits"
"""Member of an acknowledgement: `"person"` when an operator of its sender has to decide before the process goes on."""

HEADS: Final = NS + "journalHeads"
"""Announced in a DID document: signed heads of the journal are given, taken and lent at `<base>/journal/...`."""

CALLBACK: Final = NS + "callbackCheck"
"""Announced in a DID document: `<base>/callback-check` fetches the caller's version document and tells what came of it."""

PURPOSE: Final = NS + "purpose"
"""Member of a ContractRequestMessage, and of the agreement that it leads to: the IRI of what the data are wanted for."""

DUTIES: Final = NS + "duties"
"""An extension that a participant announces: it takes word of fulfilled duties at `negotiations/{pid}/duties`."""

FULFILMENT: Final = NS + "DutyFulfilment"
"""The `@type` of such a word; its own members are the next five."""
DUTY, FULFILLED_AT, EVIDENCE, EVIDENCE_BYTES, NOTE = (
    NS + name for name in ("duty", "fulfilledAt", "evidenceDigest", "evidenceBytes", "note")
)


def message(kind: str, **members: Any) -> dict[str, Any]:
    """Return a message of that `@type` with the DSP context; members that are None are left out."""
    present = {name: value for name, value in members.items() if value is not None}
    return {"@context": [DSPACE], "@type": kind} | present


def check_context(value: Any) -> bool:
    """Tell whether a received `@context` is understood: a string, or a list of strings, that names the DSP context.

    Inline contexts can redefine terms, so an object anywhere is not understood.
    """
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and all(isinstance(name, str) for name in names) and DSPACE in names
