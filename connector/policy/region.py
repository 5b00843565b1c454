"""The region of a policy: every world in which it permits, over the test points of all policies that are looked at together.

A world is a point in each dimension: the action, the target, the assignee, the time, how long ago the agreement was made, every
other operand, and for each duty whether it leaves its permission free. What the rules say at a point is asked of the engine
itself, so that the analysis and the evaluation cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.policy import actions, activity, compare, operands
from connector.policy.boxes import Boxes, Space, Unclear, bits
from connector.policy.case import READ
from connector.policy.model import Constraint
from connector.policy.points import UNKNOWN, Point, Use, points, written
from connector.policy.registry import part_of
from connector.policy.state import state
from connector.policy.values import duration
from connector.policy.world import Facts, Request, World, after_agreement

if TYPE_CHECKING:
    from connector.policy.model import Action, Condition, LogicalConstraint, Policy, Rule, Subject
    from connector.policy.values import Typed

ACTION, TARGET, ASSIGNEE, NOW, AGO = "action", "target", "assignee", "now", "ago"
NO_ACTION = "urn:example:no-action"
_NOON = 1_750_000_000.0
"""Any instant: from it the agreement's time is counted back."""

Truth = Callable[[World], bool | None]


@dataclass(frozen=True, slots=True)
class Worlds:
    """The dimensions of several policies, with their points."""

    dimensions: dict[str, list[Point]]
    space: Space


def dimension(constraint: Constraint) -> str:
    """Return the dimension that a constraint is about.

    Raises:
        Unclear: it is about two at once.
    """
    if constraint.left == operands.PARTICIPANT:
        return ASSIGNEE
    if constraint.left == operands.IN_FORCE_DATE:
        relative = {after_agreement(value.text) is not None for value in constraint.right}
        if len(relative) > 1:
            raise Unclear
        return AGO if True in relative else NOW
    return {operands.DATE_TIME: NOW, operands.TIME_SINCE_AGREEMENT: AGO}.get(constraint.left, constraint.left)


def worlds(policies: Sequence[Policy]) -> Worlds:
    """Return the dimensions of some policies.

    Raises:
        Unclear: their values cannot be told apart by points.
    """
    rules = [rule for policy in policies for rule in (*policy.permissions, *policy.prohibitions)]
    used: dict[str, list[Constraint]] = {}
    for constraint in (each for rule in rules for each in _constraints(rule)):
        used.setdefault(dimension(constraint), []).append(constraint)
    found = {ACTION: _actions(rules), TARGET: _subjects(rule.target for rule in rules)}
    found[ASSIGNEE] = _assignees([rule.assignee for rule in rules], used.pop(ASSIGNEE, []))
    found[NOW] = points("dateTime", [_use(each) for each in used.pop(NOW, [])], "", single=True)[1:]
    ago = [_use(each) for each in used.pop(AGO, [])]
    found[AGO] = [*_short(points("duration", ago, "", single=True))]
    for index, (name, constraints) in enumerate(used.items()):
        kinds = {each.operand.kind for each in constraints if each.operand is not None}
        if len(kinds) > 1:
            raise Unclear
        uses = [_use(each) for each in constraints]
        found[name] = points(kinds.pop(), uses, f"{index}") if kinds else [UNKNOWN]
    for rule in rules:
        found |= {
            duty_name(duty): [Point("not-set"), Point("fulfilled")] for duty in rule.then if rule.kind == "permission"
        }
    return Worlds(found, Space({name: (1 << len(choices)) - 1 for name, choices in found.items()}))


def _short(choices: Iterable[Point]) -> Iterable[Point]:
    """Return lengths of time since the agreement: a negative one is none."""
    return (each for each in choices if each.value is None or not str(each.value).startswith("-"))


def duty_name(duty: Rule) -> str:
    """Return the dimension of a duty: what it says, so that the same duty of two policies is one."""
    return f"duty {compare.form(duty)!r}"


def _constraints(rule: Rule) -> list[Constraint]:
    holders: list[Action | Subject] = [
        rule.action,
        *(each for each in (rule.target, rule.assignee) if each is not None),
    ]
    waiting: list[Condition] = [*rule.constraints, *(each for holder in holders for each in holder.refinements)]
    found = []
    while waiting:
        condition = waiting.pop()
        if isinstance(condition, Constraint):
            found.append(condition)
        elif condition.kind == "andSequence":
            raise Unclear
        else:
            waiting += condition.operands
    return found


def _use(constraint: Constraint) -> Use:
    right: tuple[Typed, ...] = constraint.values or ()
    if constraint.left == operands.IN_FORCE_DATE:
        relative = [after_agreement(value.text) for value in constraint.right]
        lengths = [duration(f"PT{seconds}S") for seconds in relative if seconds is not None]
        right = tuple(length for length in lengths if length is not None) or right
    return Use(constraint.operator, right)


def _actions(rules: Iterable[Rule]) -> list[Point]:
    """Return the actions that can be asked for: the vocabulary's, those that the rules name, and none of them."""
    named = dict.fromkeys([READ, *actions.PARENT, *(rule.action.iri for rule in rules), NO_ACTION])
    return [Point(iri) for iri in named]


def _subjects(subjects: Iterable[Subject | None]) -> list[Point]:
    uses = [Use("eq", (subject.iri,)) for subject in subjects if subject is not None]
    return points("iri", uses, "target", single=True)[1:]


def _assignees(subjects: Iterable[Subject | None], constraints: Iterable[Constraint]) -> list[Point]:
    uses = [Use("eq", (subject.iri,)) for subject in subjects if subject is not None]
    unknown, *known = points("iri", [*uses, *(_use(each) for each in constraints)], "party", single=True)
    return [*known, unknown]


def world(name: str, point: Point, policy: Policy) -> World:
    """Return a world of which nothing is known but one dimension."""
    action, target, assignee, now = READ, "", "", _NOON
    values: dict[str, object] = {}
    agreed_at = None
    if name == ACTION:
        action = point.value
    elif name == TARGET:
        target = point.value
    elif name == ASSIGNEE:
        assignee = point.value or ""
    elif name == NOW:
        now = point.value
    elif name == AGO:
        values, agreed_at = _ago(point, policy)
    elif point.value is not None:
        values = {name: point.value}
    known = {**part_of(), **point.part_of} if point.part_of else part_of()
    facts = Facts(values=values, part_of=known, agreed_at=agreed_at)
    return World(Request(action, target, assignee, now), facts, promise=False)


def _ago(point: Point, policy: Policy) -> tuple[dict[str, object], float | None]:
    """Return how long ago the agreement was made; an Offer would become one now."""
    text = point.value or (written(duration("PT0S")) if policy.kind == "Offer" else None)
    length = duration(text) if text else None
    if length is None:
        return {}, None
    if length[0]:
        return {operands.TIME_SINCE_AGREEMENT: text}, None
    return {}, _NOON - float(length[1])


@dataclass(frozen=True, slots=True)
class Reading:
    """How one policy reads in given worlds: `must` what holds for certain, `may` what is not refuted."""

    worlds: Worlds
    policy: Policy

    def permitted(self) -> Boxes:
        """Return every world in which the policy permits."""
        policy, space = self.policy, self.worlds.space
        if activity.stops(policy):
            return []
        granted = [box for rule in policy.permissions for box in self.granting(rule)]
        strategy = activity.strategy(policy)
        if strategy == "perm":
            return granted
        applied = [box for rule in policy.prohibitions for box in self.applying(rule)]
        return space.less(granted, applied + (self.clashes() if strategy == "invalid" else []))

    def granting(self, rule: Rule) -> Boxes:
        """Return the worlds in which a permission certainly grants."""
        space = self.worlds.space
        free = [space.box(duty_name(duty), 2) for duty in rule.then]
        return space.all_of([*self._about(rule, must=True), self.holds(rule, must=True), *free])

    def applying(self, rule: Rule) -> Boxes:
        """Return the worlds in which a prohibition is not refuted."""
        return self.worlds.space.all_of([*self._about(rule, must=False), self.holds(rule, must=False)])

    def clashes(self) -> Boxes:
        """Return the worlds in which a conflict voids the whole policy."""
        space, policy = self.worlds.space, self.policy
        found: Boxes = []
        for permission in policy.permissions:
            free = [space.box(duty_name(duty), 2) for duty in permission.then]
            for prohibition in policy.prohibitions:
                if activity.overlap(permission, prohibition):
                    active = [self.holds(permission, must=False), self.holds(prohibition, must=False), *free]
                    found += space.all_of(active)
        return found

    def holds(self, rule: Rule, *, must: bool) -> Boxes:
        """Return the worlds in which a rule's constraints hold."""
        if must and rule.unknown:
            return []
        return self.worlds.space.all_of(self.condition(each, must=must) for each in rule.constraints)

    def _about(self, rule: Rule, *, must: bool) -> list[Boxes]:
        found = [self._where(ACTION, lambda known: actions_state(rule, known), must=must)]
        holders = [(rule.action.refinements, rule.action.unknown)]
        for name, subject in ((TARGET, rule.target), (ASSIGNEE, rule.assignee)):
            if subject is not None:
                found.append(self._where(name, _same(subject, name), must=must))
                holders.append((subject.refinements, subject.unknown))
        for refinements, unknown in holders:
            found += [self.condition(each, must=must) for each in refinements]
            found += [[]] if must and unknown else []
        return found

    def condition(self, condition: Condition, *, must: bool) -> Boxes:
        """Return the worlds in which a condition holds."""
        if isinstance(condition, Constraint):
            return self._where(dimension(condition), lambda known: state(condition, known), must=must)
        if condition.unknown or not condition.operands:
            return [] if must else [{}]
        if condition.kind == "xone":
            return self._one_of(condition, must=must)
        parts = [self.condition(each, must=must) for each in condition.operands]
        return self.worlds.space.all_of(parts) if condition.kind == "and" else [box for part in parts for box in part]

    def _one_of(self, condition: LogicalConstraint, *, must: bool) -> Boxes:
        """Return where exactly one operand holds (for certain), or where that is not refuted."""
        space = self.worlds.space
        holding = [self.condition(each, must=must) for each in condition.operands]
        others = [space.outside(self.condition(each, must=not must)) for each in condition.operands]
        return [
            box
            for index, one in enumerate(holding)
            for box in space.all_of([one, *(each for number, each in enumerate(others) if number != index)])
        ]

    def _where(self, name: str, truth: Truth, *, must: bool) -> Boxes:
        found = [truth(world(name, point, self.policy)) for point in self.worlds.dimensions[name]]
        return self.worlds.space.box(name, bits([each is True if must else each is not False for each in found]))


def actions_state(rule: Rule, known: World) -> bool | None:
    """Return whether a rule's action includes the one asked for, refinements aside."""
    return actions.covers(rule.action.iri, known.request.action) if rule.action.iri else None


def _same(subject: Subject, name: str) -> Truth:
    return lambda known: activity.same(
        subject, known.request.target if name == TARGET else known.request.assignee, known
    )
