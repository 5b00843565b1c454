"""The journal's part of upkeep: heads are signed, exchanged with peers, and payloads removed, each when it is due."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from connector.errors import ConnectorError, Unavailable
from connector.services import heads, retention, witness
from connector.services.house import House

log = logging.getLogger(__name__)
LONGEST_SECONDS = 3600.0
FIRST_SECONDS = 60.0
"""How long after the start peers are asked for the first time: whoever starts has other things to do."""


@dataclass(slots=True)
class Keeping:
    """Does what is due; a head's time follows from the last head, so that restarts neither delay nor multiply heads."""

    house: House
    _exchange: float = field(init=False)

    def __post_init__(self) -> None:
        self._exchange = self.house.now() + FIRST_SECONDS

    async def once(self) -> float:
        """Do what is due and return the seconds until the next thing is."""
        waits = [await self._sign(participant) for participant in list(self.house.members)]
        for participant in list(self.house.members):
            await retention.run_due(self.house, participant)
        if self.house.now() >= self._exchange:
            self._exchange = self.house.now() + heads.EVERY_SECONDS
            for participant in list(self.house.members):
                await witness.fetch_all(self.house, participant)
        due = min([LONGEST_SECONDS, *waits, self._exchange - self.house.now()])
        return max(1.0, due)

    async def _sign(self, participant: str) -> float:
        try:
            wait = await heads.sign_due(self.house, participant)
        except Unavailable:
            raise
        except ConnectorError as error:
            log.error(  # noqa: TRY400 - what happened is in the code; there is no fault of ours to trace
                "no head was signed: run connector journal verify: participant=%s code=%s", participant, error.code
            )
            wait = None
        return LONGEST_SECONDS if wait is None else wait
