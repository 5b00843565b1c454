"""How the kit comes in: its fixed header as a way of proving who speaks, and its two webhooks."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web

from connector.errors import Unauthenticated
from connector.http.bodies import json_answer, read_json
from connector.http.dsp import HOUSE
from connector.identity.authenticator import Identity, PinnedAuthenticator
from connector.protocol.machine import CONSUMER
from connector.services import contracts, transfers
from tests.conformance import seeds, settings

if TYPE_CHECKING:
    from connector.identity.keys import Signer
    from connector.identity.pinned import PeerKeys
    from connector.identity.ring import Signers

KIT_HEADER: Final = "kit-header"
"""The name under which the kit is stored as a peer."""

NEGOTIATION_PATH: Final = "/conformance/negotiations"
TRANSFER_PATH: Final = "/conformance/transfers"


class KitAuthenticator:
    """The kit's `Authorization` header is one fixed value; ours to it is the product's token, which it does not read."""

    def __init__(self, did: str, key: Signer | Signers, header: str) -> None:
        self._header = header
        self._ours = PinnedAuthenticator(did, key)

    def identify(self, authorization: str | None) -> str | None:
        return settings.KIT_PARTICIPANT if same(authorization, self._header) else None

    def verify(self, authorization: str | None, peer: PeerKeys, *, audience: str, now: float) -> Identity:  # noqa: ARG002 - the header names no audience
        if self.identify(authorization) != peer.did:
            raise Unauthenticated("token_issuer")
        return Identity(peer.did, None, now)

    def authorization(self, peer_id: str, *, now: float, jti: str) -> str:
        return self._ours.authorization(peer_id, now=now, jti=jti)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The kit asks for a negotiation or a transfer, as an operator's command would."""

    did: str
    header: str

    def routes(self) -> list[web.RouteDef]:
        return [web.post(NEGOTIATION_PATH, self.negotiation), web.post(TRANSFER_PATH, self.transfer)]

    async def negotiation(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        offer = {"@id": asked["offerId"], "@type": "Offer"} | seeds.RULES
        house = request.app[HOUSE]
        made = await contracts.request_offer(
            house, self.did, asked["providerId"], asked["datasetId"], offer, by=seeds.BY
        )
        return json_answer({"id": made.id})

    async def transfer(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        house = request.app[HOUSE]
        found = await house.store.read(
            lambda unit: unit.contracts.by_agreement(self.did, asked["providerId"], asked["agreementId"], CONSUMER)
        )
        if found is None:
            raise web.HTTPNotFound
        made = await transfers.start(house, self.did, found.id, by=seeds.BY)
        return json_answer({"id": made.id})

    async def _asked(self, request: web.Request) -> dict[str, Any]:
        if not same(request.headers.get(hdrs.AUTHORIZATION), self.header):
            raise Unauthenticated("token_missing")
        asked, _ = await read_json(request)
        return asked


def same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
