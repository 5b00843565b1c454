"""A counterparty that seals its contracts as ours do: what it has to say, and its seals, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from connector import canonical, clock, ids
from connector.evidence import seal
from connector.evidence.seal import AGREEMENT, VERIFICATION, Expected
from connector.protocol.context import SEAL
from tests.conversation import parts

if TYPE_CHECKING:
    from connector.identity.keys import KeyPair
    from tests.acceptance.towns import Town
    from tests.conversation.counterparty import Counterparty
    from tests.conversation.parts import Pids

ANNOUNCE = (SEAL,)
POLICY = canonical.of_bytes(b"the provider's policy file")


def digest(message: dict[str, Any]) -> str:
    """Return the digest of a message's exact bytes, as both sides write them."""
    return canonical.of_bytes(orjson.dumps(message))


def now() -> str:
    return clock.iso(clock.now())


@dataclass(frozen=True, slots=True)
class Agreed:
    """A negotiation up to an agreement: what was said, the agreement's, and what the next seal has to say."""

    contract: str
    pids: Pids
    agreement: dict[str, Any]
    expected: Expected

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of the seal as it has to be."""
        return seal.build(self.expected, at=now())


async def asked(peer: Counterparty, town: Town) -> Agreed:
    """Let a town ask a sealing provider for a contract, up to the agreement that it has not sent."""
    offer = parts.their_offer(
        permission=[{"action": "use", "constraint": [_until("2090-01-01T00:00:00Z")]}],
        prohibition=[{"action": "odrl:sell"}],
    )
    contract, pids, message = await parts.asked(peer, town, offer)
    agreement = parts.agreement_to(peer, town, message)
    expected = Expected(
        AGREEMENT,
        agreement,
        peer.did,
        town.did,
        canonical.digest(message["offer"]),
        [digest(message)],
        0.0,
        9e9,
        POLICY,
    )
    return Agreed(contract, pids, agreement, expected)


async def agreed(peer: Counterparty, town: Town) -> tuple[Agreed, dict[str, Any]]:
    """Ask a town that provides for a contract, as a sealing consumer, up to the verification; return also its message."""
    request = parts.request(peer, await parts.offer_of(peer, town)) | {"@id": ids.new()}
    pids = parts.provider_pids(await peer.says(town, "negotiations/request", request, expect=201))
    message = await peer.hears("ContractAgreementMessage")
    first = seal.read(message[SEAL])
    expected = Expected(
        VERIFICATION, message["agreement"], town.did, peer.did, canonical.digest(request["offer"]),
        [digest(request), digest(message)], 0.0, 9e9, first.policy, first.digest,
    )  # fmt: skip
    return Agreed(pids.provider, pids, message["agreement"], expected), message


def agreement(found: Agreed, text: Any = None) -> dict[str, Any]:
    """Return the agreement message with a seal; without one where it is None."""
    return found.pids.say("ContractAgreementMessage", agreement=found.agreement, **{SEAL: text})


def verification(found: Agreed, text: Any = None) -> dict[str, Any]:
    """Return the verification message with a counter-seal; without one where it is None."""
    return found.pids.say("ContractAgreementVerificationMessage", **{SEAL: text})


def signed(found: Agreed, by: KeyPair, **changes: Any) -> str:
    """Return the seal that a key makes, with members changed."""
    return seal.sign(by, found.payload | changes)


def expecting(found: Agreed, **changes: Any) -> Expected:
    """Return what a seal has to say, changed."""
    return replace(found.expected, **changes)


def _until(moment: str) -> dict[str, Any]:
    return {"leftOperand": "dateTime", "operator": "lt", "rightOperand": moment}
