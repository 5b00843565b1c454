"""Reading constraints, logical constraints and refinements (ODRL Information Model 2.2, 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from connector.errors import Invalid
from connector.policy import terms
from connector.policy.model import Condition, Constraint, LogicalConstraint, LogicalKind
from connector.policy.node import Item, Node, iri, node

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGICAL: tuple[LogicalKind, ...] = get_args(LogicalKind)
_ATOMIC = terms.words("uid type leftOperand operator rightOperand rightOperandReference dataType unit status")
_REQUIRED = ("leftOperand", "operator")


def read_all(found: Node, member: str) -> tuple[Condition, ...]:
    """Return the conditions in a member.

    Raises:
        Invalid: a `policy_` code with the place.
    """
    return tuple(_condition(item, found.prefixes) for item in found.items(member))


def _condition(item: Item, prefixes: Mapping[str, str]) -> Condition:
    if isinstance(item[1], str):
        return _referred(item[0], iri(item, prefixes))
    found = node(item, prefixes)
    if set(found.members) == {"uid"}:
        return _referred(item[0], found.one_iri("uid"))
    kinds = [kind for kind in LOGICAL if kind in found.members]
    if len(kinds) > 1 or (kinds and "leftOperand" in found.members):
        raise Invalid("policy_logical", field=found.pointer)
    return _logical(found, kinds[0]) if kinds else _constraint(found)


def _referred(pointer: str, name: str) -> Constraint:
    return Constraint(pointer, "", "", (), uid=name, reference=name)


def _logical(found: Node, kind: LogicalKind) -> LogicalConstraint:
    return LogicalConstraint(
        pointer=found.pointer,
        kind=kind,
        operands=read_all(found, kind),
        uid=found.one_iri("uid"),
        unknown=found.unknown({"uid", "type", kind}),
    )


def _constraint(found: Node) -> Constraint:
    for name in _REQUIRED:
        if name not in found.members:
            raise Invalid("policy_constraint", field=found.pointer, member=name)
    if ("rightOperand" in found.members) == ("rightOperandReference" in found.members):
        raise Invalid("policy_constraint", field=found.pointer, member="rightOperand")
    return Constraint(
        pointer=found.pointer,
        left=found.one_iri("leftOperand", term=True),
        operator=terms.local(found.one_iri("operator", term=True), found.prefixes),
        right=found.values("rightOperand"),
        data_type=found.one_iri("dataType"),
        unit=found.one_iri("unit"),
        status=found.values("status"),
        uid=found.one_iri("uid"),
        reference=" ".join(found.iris("rightOperandReference")),
        unknown=found.unknown(_ATOMIC),
    )
