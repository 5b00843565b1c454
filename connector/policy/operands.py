"""The left operands that the engine understands: their type and their role.

They stand in the profile's registry. Sources: ODRL Vocabulary 2.2, "Constraint Left Operands" (types from the definitions).
The media-oriented operands of ODRL (positions, sizes, resolution) are left out, so that they stay unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connector.ids import NS
from connector.policy.registry import Grade, table
from connector.policy.terms import EDC, ODRL

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
TEMPORAL_RESOLUTION = "http://www.w3.org/ns/dcat#temporalResolution"
FIELD = NS + "field"
TRANSFORMED = frozenset({TEMPORAL_RESOLUTION, FIELD})
"""The operands for which a transform of the data is built; under any other that shapes data nothing is handed out."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A left operand: the type of its values, and who makes it true (checked, counted, shaped, declared).

    `grade` tells how far technology keeps it; `operators` are those that the profile allows with it.
    """

    iri: str
    kind: Kind
    role: Role
    grade: Grade = "recorded"
    operators: frozenset[str] = frozenset()

    @property
    def shaped_by(self) -> frozenset[str]:
        """The operators that a transform of the data can make true; none for an operand that is checked."""
        return _SHAPED_BY.get(self.iri, frozenset())


_SHAPED_BY = {iri: frozenset(entry["shaped_by"]) for iri, entry in table("operands").items() if "shaped_by" in entry}

OPERANDS: dict[str, Operand] = {
    iri: Operand(iri, entry["kind"], entry["role"], entry["grade"], frozenset(entry["operators"]))
    for iri, entry in table("operands").items()
}
"""Every operand that can be evaluated, by IRI; any other is unknown, whatever the facts say."""
