"""What the tests of the protocol share: the official examples, and strategies for JSON that a peer may send."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from connector import ids, loader

_DSP: Final = Path(__file__).parents[2] / "data" / "dsp"

LEAVES: Final = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_PRINTABLE: Final = st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" ")
IDS: Final = st.text(_PRINTABLE, min_size=1, max_size=ids.MAX_LENGTH).filter(ids.acceptable)


def example(name: str) -> dict[str, Any]:
    """Return an official example by its path under the schemas, such as `catalog/example/catalog.json`."""
    return loader.load_object((_DSP / name).read_bytes())


def examples(room: str) -> list[str]:
    """Return the paths of the official examples of a room (`negotiation`, `transfer`)."""
    return sorted(str(path.relative_to(_DSP)) for path in (_DSP / room / "example").glob("*.json"))
