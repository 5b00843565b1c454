"""Writes the state diagrams of `docs/explanation/architecture.md` from the protocol's tables; `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from connector.protocol.machine import Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "architecture.md"


def diagram(table: Table) -> str:
    """Return a Mermaid state diagram of a table: every arrow names the move and who may make it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, moves in table.moves.items():
        for (move, sender), target in moves.items():
            arrows.setdefault((state or "[*]", target), []).append(f"{move} ({sender})")
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {start} --> {target}: {', '.join(names)}" for (start, target), names in arrows.items()]
    lines += [f"    {state} --> [*]" for state in sorted(table.terminal)]
    return "\n".join([*lines, "```"])


def page(text: str) -> str:
    """Return the page with fresh diagrams between its markers."""
    for table in (NEGOTIATION, TRANSFER):
        begin, end = f"<!-- {table.name}: begin -->", f"<!-- {table.name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{diagram(table)}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> int:
    """Write the page, or with `--check` tell whether it is as the tables say."""
    text = PAGE.read_text(encoding="utf-8")
    fresh = page(text)
    if "--check" in sys.argv:
        return int(fresh != text)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
