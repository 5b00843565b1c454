"""Records of data requests that were refused: the first of each grant and reason in a day, so that a flood fills no journal."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from connector.errors import ConnectorError, Denied, TooMany, Unavailable
from connector.services.house import House, grant_named
from connector.store.unit import Unit

log = logging.getLogger(__name__)
PERIOD_SECONDS: Final = 86400.0
_MOST: Final = 10_000


@dataclass(slots=True)
class Refusals:
    """What was recorded within the last day by this process."""

    house: House
    _told: dict[tuple[str, str], float] = field(default_factory=dict)

    async def note(self, token: str | None, error: ConnectorError) -> None:
        """Record that a request with a token of ours was refused; requests without one are by nobody that can be named."""
        named = grant_named(self.house.grant_key, token) if token is not None else None
        if named is None or not isinstance(error, (Denied, TooMany)):
            return
        key, now = (named[0], error.code), self.house.now()
        if self._told.get(key, 0.0) > now - PERIOD_SECONDS:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[key] = now
        try:
            await self.house.store.write(partial(_record, *key))
        except Unavailable:
            del self._told[key]
            log.warning("a refused data request is not recorded, the store is not available: code=%s", error.code)


def _record(grant_id: str, code: str, unit: Unit) -> None:
    grant = unit.grants.get(grant_id)
    if grant is not None:
        unit.record(
            grant.participant, "data.refused", grant.contract,
            peer=grant.peer, dataset=grant.dataset, transfer=grant.transfer, code=code,
        )  # fmt: skip
