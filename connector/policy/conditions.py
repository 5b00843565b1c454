"""Reading constraints, logical constraints and refinements (ODRL Information Model 2.2, 2.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from connector.errors import Invalid
from connector.policy import terms
from connector.policy.model import Condition, Constraint, LogicalConstraint, LogicalKind
from connector.policy.node import Item, Node, iri, is_reference, node
from connector.policy.operands import OPERANDS, Operand
from connector.policy.values import Value, all_typed, kind_of

if TYPE_CHECKING:
    from connector.policy.node import Source
    from connector.policy.values import Prefixes

LOGICAL: tuple[LogicalKind, ...] = get_args(LogicalKind)
_ATOMIC = terms.words("uid type leftOperand operator rightOperand rightOperandReference dataType unit status")
_REQUIRED = ("leftOperand", "operator")


def read_all(found: Node, member: str) -> tuple[Condition, ...]:
    """Return the conditions in a member.

    Raises:
        Invalid: a `policy_` code with the place.
    """
    return tuple(_condition(item, found.source) for item in found.items(member))


def _condition(item: Item, source: Source) -> Condition:
    source.spend(item[0], conditions=1)
    if not is_reference(item[1]):
        return _stated(node(item, source))
    with source.definition(item) as defined:
        if defined is not None:
            return _stated(node(defined, source))
    name = iri(item, source.prefixes)
    return Constraint(item[0], "", "", (), uid=name, reference=name)


def _stated(found: Node) -> Condition:
    kinds = [kind for kind in LOGICAL if kind in found.members]
    if len(kinds) > 1 or (kinds and "leftOperand" in found.members):
        raise Invalid("policy_logical", field=found.pointer)
    return _logical(found, kinds[0]) if kinds else _constraint(found)


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
        if not found.items(name):
            raise Invalid("policy_constraint", field=found.pointer, member=name)
    if ("rightOperand" in found.members) == ("rightOperandReference" in found.members):
        raise Invalid("policy_constraint", field=found.pointer, member="rightOperand")
    stated = Constraint(
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
    operand = _operand(stated)
    return stated if operand is None else _understood(stated, operand, found.prefixes)


def _operand(constraint: Constraint) -> Operand | None:
    """Return the operand of a constraint that can be evaluated at all.

    One outside the registry has the type of its right values, and can only be known by a fact stated for it.
    """
    if constraint.unknown or constraint.reference:
        return None
    return OPERANDS.get(constraint.left) or _foreign(constraint)


def _foreign(constraint: Constraint) -> Operand | None:
    kinds = {kind_of(value.datatype or constraint.data_type) for value in constraint.right}
    kind = kinds.pop() if len(kinds) == 1 else None
    return None if kind is None else Operand(constraint.left, kind, "declared")


def _understood(constraint: Constraint, operand: Operand, prefixes: Prefixes) -> Constraint:
    """Return the constraint with its values as the operand's type; IRIs in full, whatever their datatype."""
    right = constraint.right
    if operand.kind == "iri":
        right = tuple(Value(terms.expand(value.text, prefixes), value.datatype) for value in right)
    values = all_typed([_with_type(value, constraint.data_type) for value in right], operand.kind)
    return replace(constraint, right=right, operand=operand, values=values)


def _with_type(value: Value, data_type: str) -> Value | None:
    if not data_type or value.datatype == data_type:
        return value
    return None if value.datatype else Value(value.text, data_type)
