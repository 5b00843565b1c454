"""What a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that holds or does not.

    Attributes:
        check: its stable name. code: the sentence that says it. values: what the sentence names.
    """

    check: str
    ok: bool
    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)


def judged(check: str, wrong: list[str], **values: str | int) -> Finding:
    """Return the finding of a check whose sentences are `verify_<check>_ok` and `verify_<check>_bad` (which names `wrong`)."""
    name = check.partition(".")[0]
    if not wrong:
        return Finding(check, ok=True, code=f"verify_{name}_ok", values=values)
    return Finding(check, ok=False, code=f"verify_{name}_bad", values={**values, "wrong": ", ".join(wrong[:_MOST])})


_MOST = 10
