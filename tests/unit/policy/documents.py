"""Policies, requests and facts for the tests: short builders, and hypothesis strategies for sense and nonsense."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from connector.ids import NS
from connector.policy.decision import Decision
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.terms import DCAT, ODRL
from connector.policy.values import instant

DATASET = "https://town.example/datasets/1"
EKBY = "did:web:ekby.example"
REGION = "did:web:region.example"
VENDOR = "did:web:vendor.example"
NOW = "2026-06-01T12:00:00Z"
PARTICIPANT = NS + "participant"


def at(text: str) -> float:
    """Return the instant that an xsd:dateTime names."""
    found = instant(text)
    assert found is not None
    return found


def asked(*, action: str = "odrl:read", target: str = DATASET, assignee: str = EKBY, now: str = NOW) -> Request:
    """Return a request to read the dataset, changed where the test says."""
    return Request(action, target, assignee, at(now))


def constraint(left: Any, operator: Any, right: Any, **more: Any) -> dict[str, Any]:
    """Return a constraint."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


def rule(*constraints: Any, action: Any = "use", **more: Any) -> dict[str, Any]:
    """Return a rule about `use`."""
    return {"action": action, **({"constraint": [*constraints]} if constraints else {}), **more}


def offer(*permissions: Any, prohibition: Any = None, conflict: Any = "prohibit", **more: Any) -> Any:
    """Return an Offer with these permissions."""
    found: dict[str, Any] = {"@type": "Offer", "odrl:conflict": {"@id": f"odrl:{conflict}"}}
    if permissions:
        found["permission"] = [*permissions]
    if prohibition:
        found["prohibition"] = prohibition
    return {**found, **more}


def decide(document: Any, request: Request | None = None, facts: Facts | None = None) -> Decision:
    """Return the decision on a request under a policy document."""
    return evaluate(parse(document), request or asked(), facts or Facts())


def stated(**values: Any) -> Facts:
    """Return facts with values for ODRL's operands."""
    return Facts(values={ODRL + name: value for name, value in values.items()})


# ---------------------------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["use", "odrl:dateTime", "eq", EKBY, NOW, "P1D", "http://x.example/y", "did:web:x", ""]),
)
names = st.one_of(
    st.sampled_from(
        "@id @type uid action constraint permission prohibition obligation duty remedy consequence target assignee "
        "assigner leftOperand operator rightOperand rightOperandReference and or xone andSequence refinement source "
        "rdf:value odrl:conflict profile inheritFrom dataType unit status @context @value @list odrl:permission "
        "informedParty timestamp dct:isReplacedBy".split()
    ),
    st.text(max_size=5),
)
nonsense: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=40,
)

moments = st.sampled_from(
    ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NOW, "2026-06-01", "2027-01-01T00:00:00+01:00", "never"]
)
parties = st.sampled_from([EKBY, REGION, VENDOR, "did:web:EKBY.example", "nobody", "urn:group:neighbours"])
durations = st.sampled_from(["PT1H", "P1D", "P1M", "P30D", "1 day"])
right_values = {
    "odrl:dateTime": moments,
    PARTICIPANT: parties,
    "kom:participant": parties,
    "odrl:purpose": st.sampled_from(["urn:purpose:flood", "urn:purpose:water", "flood"]),
    "odrl:count": st.sampled_from(["1", "5", "10.0", "many"]),
    "odrl:elapsedTime": durations,
    NS + "timeSinceAgreement": durations,
    "https://w3id.org/edc/v0.0.1/ns/inForceDate": st.sampled_from(["contractAgreement+1d", NOW, "contract"]),
    DCAT + "temporalResolution": durations,
    NS + "field": st.sampled_from(["level", "name"]),
    "urn:foreign": st.sampled_from(["a", "b"]),
}
operators = {
    "odrl:dateTime": ["lt", "lteq", "gt", "gteq", "eq", "neq"],
    PARTICIPANT: ["eq", "neq", "isAnyOf", "isNoneOf", "isPartOf"],
    "kom:participant": ["eq", "isAnyOf", "isNoneOf"],
    "odrl:purpose": ["eq", "isA", "isAnyOf", "isNoneOf", "hasPart"],
    "odrl:count": ["lt", "lteq", "gteq", "eq"],
    "odrl:elapsedTime": ["lt", "lteq", "gteq"],
    NS + "timeSinceAgreement": ["lt", "lteq"],
    "https://w3id.org/edc/v0.0.1/ns/inForceDate": ["lteq", "gteq"],
    DCAT + "temporalResolution": ["gteq", "lteq"],
    NS + "field": ["isAnyOf", "isNoneOf", "isAllOf"],
    "urn:foreign": ["eq", "isAnyOf"],
}
ODD = ["isAllOf", "hasPart", "lt", "odd", "odrl:eq", "neq", "term-lteq"]
MOSTLY_TIME = ["odrl:dateTime", "odrl:dateTime", PARTICIPANT]


def rarely(draw: st.DrawFn, times: int = 9) -> bool:
    """Draw true once in so many times."""
    return draw(st.integers(0, times)) == times


@st.composite
def atomic(draw: st.DrawFn) -> Any:
    """Draw a constraint, mostly one that can be evaluated."""
    left = draw(st.sampled_from(MOSTLY_TIME) if draw(st.booleans()) else st.sampled_from(sorted(right_values)))
    operator = draw(st.sampled_from(ODD if rarely(draw) else operators[left]))
    single = operator not in ("isAnyOf", "isNoneOf", "isAllOf", "isPartOf") and not rarely(draw)
    values = draw(st.lists(right_values[left], min_size=0 if rarely(draw) else 1, max_size=1 if single else 3))
    found = constraint(left, operator, values[0] if single and values else values)
    if rarely(draw, 19):
        found[draw(st.sampled_from(["odrl:unit", "surprise", "uid"]))] = "urn:x"
    return found


conditions: st.SearchStrategy[Any] = st.recursive(
    atomic(),
    lambda inner: st.builds(
        lambda kind, operands: {kind: operands},
        st.sampled_from(["and", "and", "or", "or", "xone", "andSequence"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=5,
)
actions = st.sampled_from(
    ["use", "use", "use", "odrl:read", "odrl:read", "odrl:distribute", "odrl:transfer", "urn:dance", "odrl:play"]
)
subjects = st.one_of(
    st.none(),
    st.sampled_from([DATASET, EKBY, REGION, "urn:group:neighbours"]),
    st.just({"@type": "PartyCollection", "source": "urn:group:neighbours"}),
)


@st.composite
def duties(draw: st.DrawFn) -> Any:
    """Draw a duty."""
    found = rule(*draw(st.lists(conditions, max_size=1)), action="odrl:inform")
    found["uid"] = draw(st.sampled_from(["urn:duty:1", "urn:duty:2"]))
    if draw(st.booleans()):
        found["consequence"] = [{"action": "odrl:compensate", "uid": "urn:duty:3"}]
    return found


@st.composite
def rules(draw: st.DrawFn, *, permission: bool = True) -> Any:
    """Draw a permission or a prohibition."""
    found = rule(*draw(st.lists(conditions, max_size=2)), action=draw(actions))
    for name in ("target", "assignee"):
        subject = draw(subjects)
        if subject is not None and rarely(draw, 4):
            found[name] = subject
    if permission and draw(st.integers(0, 3)) == 0:
        found["duty"] = draw(st.lists(duties(), min_size=1, max_size=2))
    if rarely(draw, 14):
        found["surprise"] = 1
    return found


@st.composite
def policies(draw: st.DrawFn) -> Any:
    """Draw a policy document."""
    found = offer(
        *draw(st.lists(rules(), min_size=1, max_size=2)),
        prohibition=draw(st.lists(rules(permission=False), max_size=draw(st.sampled_from([0, 0, 1, 2])))),
        conflict=draw(st.sampled_from(["perm", "prohibit", "invalid", "invalid"])),
    )
    if rarely(draw, 19):
        found["profile"] = "urn:unknown"
    return found


times: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.builds(constraint, st.just("odrl:dateTime"), st.sampled_from(operators["odrl:dateTime"]), moments),
        st.builds(constraint, st.just(NS + "timeSinceAgreement"), st.sampled_from(["lt", "gteq", "eq"]), durations),
        st.builds(constraint, st.just("odrl:elapsedTime"), st.sampled_from(["lteq", "gt"]), durations),
    ),
    lambda inner: st.builds(
        lambda kind, operands: {kind: operands}, st.sampled_from(["and", "or", "xone"]), st.lists(inner, min_size=1)
    ),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """Draw a policy document with one of its values replaced by nonsense."""
    document = deepcopy(draw(policies()))
    place: Any = document
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or not place[key] or rarely(draw, 5):
            place[key] = draw(nonsense)
            return document
        place = place[key]


@st.composite
def timed_policies(draw: st.DrawFn) -> Any:
    """Draw a policy whose answer hangs on time."""
    return offer(
        *draw(st.lists(st.builds(rule, times), min_size=1, max_size=2)),
        prohibition=draw(st.lists(st.builds(rule, times), max_size=1)),
        conflict=draw(st.sampled_from(["perm", "prohibit"])),
    )


requests = st.builds(
    asked,
    action=st.sampled_from(["odrl:read"] * 4 + ["read", "use", "odrl:distribute", "urn:dance"]),
    target=st.sampled_from([DATASET] * 4 + ["urn:other", ""]),
    assignee=st.sampled_from([EKBY] * 4 + [REGION, VENDOR, "nobody", ""]),
    now=st.sampled_from(["2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", NOW, "2026-12-31T23:00:00Z", "2028-01-01"]),
)
facts = st.builds(
    Facts,
    values=st.dictionaries(
        st.sampled_from([ODRL + "purpose", ODRL + "count", DCAT + "temporalResolution", "urn:foreign"]),
        st.sampled_from(["urn:purpose:flood", 3, "5", "P1D", ["a", "b"], {"@value": "a"}, None]),
        max_size=3,
    ),
    part_of=st.sampled_from(
        [{}, {EKBY: ["urn:group:neighbours"]}, {"urn:purpose:flood": ["urn:purpose:water"], EKBY: ["urn:a"]}]
    ),
    duties=st.dictionaries(
        st.sampled_from(["urn:duty:1", "urn:duty:2", "urn:duty:3"]),
        st.sampled_from(["fulfilled", "violated", "not-set", "nonsense"]),
        max_size=3,
    ),
    since=st.sampled_from([{}, {ODRL + "elapsedTime": at("2026-05-31T12:00:00Z")}]),
    transforms=st.sampled_from([frozenset(), frozenset({DCAT + "temporalResolution", NS + "field"})]),
    agreed_at=st.sampled_from([None, at("2026-05-15T00:00:00Z")]),
    lenient=st.booleans(),
)
