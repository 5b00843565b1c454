"""The left operands that the engine understands: their type and their role.

Sources: ODRL Vocabulary 2.2, "Constraint Left Operands" (types from the definitions); the profile for the terms under NS.
The media-oriented operands of ODRL (positions, sizes, resolution) are left out, so that they stay unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connector.ids import NS
from connector.policy.terms import DCAT, EDC, ODRL

if TYPE_CHECKING:
    from connector.policy.values import Kind

Role = Literal["context", "ledger", "shape", "declared"]

DATE_TIME = ODRL + "dateTime"
PARTICIPANT = NS + "participant"
TIME_SINCE_AGREEMENT = NS + "timeSinceAgreement"
DUE_WITHIN = NS + "dueWithin"
ELAPSED_TIME = ODRL + "elapsedTime"
TRIGGER = NS + "trigger"
IN_FORCE_DATE = EDC + "inForceDate"


@dataclass(frozen=True, slots=True)
class Operand:
    """A left operand: the type of its values, and who makes it true (checked, counted, shaped, declared)."""

    iri: str
    kind: Kind
    role: Role

    @property
    def shaped_by(self) -> frozenset[str]:
        """The operators that a transform of the data can make true; none for an operand that is checked."""
        return _SHAPED_BY.get(self.iri, frozenset())


_SHAPED_BY = {
    NS + "minGroupSize": frozenset({"gteq"}),
    NS + "field": frozenset({"isAnyOf", "isNoneOf"}),
    NS + "pseudonymised": frozenset({"eq"}),
    NS + "minAge": frozenset({"gteq"}),
    NS + "area": frozenset({"isPartOf"}),
    DCAT + "temporalResolution": frozenset({"gteq"}),
    DCAT + "spatialResolutionInMeters": frozenset({"gteq"}),
}


def _table(base: str, kind: Kind, role: Role, names: str) -> dict[str, Operand]:
    return {base + name: Operand(base + name, kind, role) for name in names.split()}


OPERANDS: dict[str, Operand] = {
    **_table(ODRL, "dateTime", "context", "dateTime"),
    **_table(ODRL, "duration", "context", "delayPeriod elapsedTime"),
    **_table(ODRL, "duration", "ledger", "meteredTime timeInterval"),
    **_table(ODRL, "number", "ledger", "count"),
    **_table(ODRL, "number", "context", "percentage payAmount"),
    **_table(ODRL, "iri", "context", "purpose recipient industry spatial event systemDevice deliveryChannel product"),
    **_table(ODRL, "iri", "context", "device system unitOfCount virtualLocation media fileFormat"),
    **_table(ODRL, "string", "context", "language version"),
    **_table(NS, "iri", "context", "participant memberOf legalBasis"),
    **_table(NS, "number", "context", "assurance informationClass"),
    **_table(NS, "iri", "declared", "legalInstrument"),
    **_table(NS, "duration", "context", "timeSinceAgreement"),
    **_table(NS, "duration", "ledger", "dueWithin"),
    **_table(NS, "iri", "ledger", "trigger"),
    **_table(NS, "number", "ledger", "requestsPerHour requestsPerDay requestsPerMonth"),
    **_table(NS, "number", "ledger", "bytesPerHour bytesPerDay bytesPerMonth"),
    **_table(NS, "number", "shape", "minGroupSize"),
    **_table(NS, "string", "shape", "field"),
    **_table(NS, "boolean", "shape", "pseudonymised"),
    **_table(NS, "duration", "shape", "minAge"),
    **_table(NS, "iri", "shape", "area"),
    **_table(DCAT, "duration", "shape", "temporalResolution"),
    **_table(DCAT, "number", "shape", "spatialResolutionInMeters"),
    **_table(EDC, "dateTime", "context", "inForceDate"),
}
"""Every operand that can be evaluated, by IRI; any other is unknown, whatever the facts say."""
