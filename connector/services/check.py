"""What a check found: the form in which the doctor and the check of a peer speak."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.errors import Value


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `code` is a key of the texts catalogue, with `values`; where it is not `ok`, the text has a next step."""

    id: str
    ok: bool
    code: str
    values: dict[str, Value] = field(default_factory=dict)
