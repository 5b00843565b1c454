"""Cases that come with a policy: run here, whoever sends them, so that no door leads around them."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from typing import Any

from connector.errors import Invalid
from connector.policy.cases import run
from connector.policy.parse import parse


async def failing(document: Mapping[str, Any], cases: str | None, now: float) -> list[str]:
    """Return the names of the cases that a policy fails; none where it has no cases.

    Args:
        document: the policy.
        cases: the text of a `NAME.cases.toml`, or None.
        now: the time of cases that state none.

    Raises:
        Invalid: `cases_toml`, and what `policy.cases.run` says.
    """
    if cases is None:
        return []
    return await asyncio.to_thread(_failing, document, cases, now)


def _failing(document: Mapping[str, Any], text: str, now: float) -> list[str]:
    try:
        cases = tomllib.loads(text).get("case", [])
    except tomllib.TOMLDecodeError as error:
        raise Invalid("cases_toml", field="/cases", reason=str(error)) from None
    if not isinstance(cases, list) or not all(isinstance(each, dict) for each in cases):
        raise Invalid("cases_toml", field="/cases", reason="[[case]]")
    return [each.name for each in run(parse(document), cases, now).results if not each.passed]
