"""Towns and counterparties as in the conversations; here the counterparties are hostile."""

from __future__ import annotations

from tests.acceptance.conftest import found_on_sqlite, on_sqlite
from tests.conversation.conftest import meet, peer, source, town

__all__ = ["found_on_sqlite", "meet", "on_sqlite", "peer", "source", "town"]
