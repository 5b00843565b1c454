"""What an evaluation gives: the decision, and for each rule and condition why.

State names map to the report model of the W3C draft ODRL Formal Semantics: `active` is a rule's activation, `outcome` the
control of permissions, a duty's `state` its deontic state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from connector.policy.model import RuleKind

Outcome = Literal["permit", "deny", "not-applicable"]
State = Literal["satisfied", "not", "unknown"]
DutyState = Literal["fulfilled", "violated", "not-set"]


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One constraint with the values compared, or a logical constraint (`operator` its kind) with its operands.

    `value` is what the left operand was, as text; `None` when it is not known.
    """

    pointer: str
    left: str
    operator: str
    right: tuple[str, ...]
    value: tuple[str, ...] | None
    state: State
    operands: tuple[ConditionReport, ...] = ()


@dataclass(frozen=True, slots=True)
class DutyReport:
    """A duty, obligation, consequence or remedy: whether it binds now, its state, and by when it is due (seconds)."""

    pointer: str
    uid: str
    kind: RuleKind
    action: str
    active: bool | None
    state: DutyState
    due: float | None
    conditions: tuple[ConditionReport, ...]


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A permission or prohibition: whether it is about the request, whether it is active (`None` unknown), and why."""

    pointer: str
    uid: str
    kind: RuleKind
    about: bool | None
    active: bool | None
    conditions: tuple[ConditionReport, ...]
    duties: tuple[DutyReport, ...] = ()

    @property
    def rule(self) -> str:
        """The rule's own identifier, or its JSON pointer."""
        return self.uid or self.pointer


@dataclass(frozen=True, slots=True)
class Transform:
    """What the data plane must do to the data: make this constraint true."""

    pointer: str
    operand: str
    operator: str
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request.

    `next_change` is the earliest instant (seconds since 1970) at which time alone flips it; `duties` are those still to
    be done; `as_agreement` tells that an Offer was evaluated as the agreement it would become; `reasons` are short
    machine texts that name rules and operands, never values.
    """

    outcome: Outcome
    rules: tuple[RuleReport, ...] = ()
    next_change: float | None = None
    reasons: tuple[str, ...] = ()
    obligations: tuple[DutyReport, ...] = ()
    transforms: tuple[Transform, ...] = ()
    as_agreement: bool = False

    @property
    def permits(self) -> bool:
        """Whether the request is permitted; not applicable refuses too."""
        return self.outcome == "permit"

    @property
    def pending(self) -> tuple[DutyReport, ...]:
        """The duties of rules about the request, and the obligations, that bind and are not fulfilled."""
        duties = (duty for rule in self.rules if rule.about is not False for duty in rule.duties)
        return tuple(
            duty for duty in (*duties, *self.obligations) if duty.active is not False and duty.state != "fulfilled"
        )
