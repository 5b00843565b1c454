"""What a decision with its explanation costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Figure, median
from bench.scale import Scale
from connector.ids import NS
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.services import permission
from connector.services.facts import READ

_PEER = "did:web:localhost%3A1"
_TARGET = "measurements"
_CONSTRAINTS = 10


def policy(folder: Path, scale: Scale) -> list[Figure]:
    """Measure reading a policy of ten constraints, deciding on it, and both as a message does."""
    del folder
    document = _document()
    data = orjson.dumps(document)
    parsed, request = parse(document), Request(action=READ, target=_TARGET, assignee=_PEER, now=2e9)
    assert evaluate(parsed, request, Facts()).permits
    costs = {
        "Policy: read it (once for each content)": lambda: parse(orjson.loads(data)),
        "Policy: decide, with the trace that explains it": lambda: evaluate(parsed, request, Facts()),
        "Policy: decide on a stored document": lambda: permission.verdict(document, request, Facts()),
    }
    note = f"{_CONSTRAINTS} constraints"
    return [Figure(name, _microseconds(work, scale), "us CPU", None, note) for name, work in costs.items()]


def _microseconds(work: Any, scale: Scale) -> float:
    found = list[float]()
    for _ in range(scale.rounds):
        before = time.thread_time()
        for _ in range(scale.evaluations):
            work()
        found.append((time.thread_time() - before) * 1e6 / scale.evaluations)
    return median(found)


def _document() -> Mapping[str, Any]:
    dates = [
        {"leftOperand": "odrl:dateTime", "operator": "gt", "rightOperand": f"20{year:02}-01-01T00:00:00Z"}
        for year in range(_CONSTRAINTS - 2)
    ]
    who = {"leftOperand": f"{NS}participant", "operator": "isAnyOf", "rightOperand": [_PEER, "did:web:example.org"]}
    other = {"leftOperand": f"{NS}participant", "operator": "neq", "rightOperand": "did:web:example.net"}
    permission_rule = {"action": "use", "constraint": [*dates, who, other]}
    return {"@id": "urn:offer:1", "@type": "Offer", "permission": [permission_rule]}
