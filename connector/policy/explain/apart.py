"""Two policies side by side, as a person sees them who has to choose: the sentences that only one of them says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from connector.policy.explain.sentences import explain, graded

if TYPE_CHECKING:
    from connector.policy.model import Policy


def apart(a: Policy, b: Policy, language: str) -> tuple[list[str], list[str]]:
    """Return the sentences that only the first policy says, and those that only the second says, each with its grades."""
    said = [
        [f"{each.text} [{graded(each, language)}]" for each in explain(policy, language).sentences] for policy in (a, b)
    ]
    return _without(said[0], said[1]), _without(said[1], said[0])


def _without(these: list[str], those: list[str]) -> list[str]:
    there, found = Counter(those), []
    for each in these:
        if there[each]:
            there[each] -= 1
        else:
            found.append(each)
    return found
