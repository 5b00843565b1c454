"""What a plain counterparty says, message by message, and the ways through a conversation that many tests begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from connector import clock, ids
from tests.acceptance import towns
from tests.acceptance.towns import Town
from tests.conversation.counterparty import Counterparty, Heard, Said, say

READ = {"@type": "Offer", "permission": [{"action": "use"}]}


@dataclass(frozen=True, slots=True)
class Pids:
    """Both identifiers of a process, and where the town has it under its base."""

    provider: str
    consumer: str
    place: str

    def say(self, kind: str, **members: Any) -> dict[str, Any]:
        """Return a message of this process."""
        return say(kind, providerPid=self.provider, consumerPid=self.consumer, **members)


async def offer_of(peer: Counterparty, town: Town, dataset: str = "flow") -> dict[str, Any]:
    """Return the first offer that a town's catalogue shows for a dataset, with its target."""
    said = await peer.says(town, f"catalog/datasets/{dataset}", expect=200)
    found: dict[str, Any] = said.body["hasPolicy"][0]
    return found | {"target": dataset}


def request(peer: Counterparty, offer: dict[str, Any], consumer: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a first ContractRequestMessage."""
    named = {"consumerPid": consumer or ids.new(), "callbackAddress": peer.base, "offer": offer}
    return say("ContractRequestMessage", **(named | members))


def transfer_request(peer: Counterparty, agreement: str, **members: Any) -> dict[str, Any]:
    """Return a TransferRequestMessage."""
    named = {
        "agreementId": agreement,
        "format": "HttpData-PULL",
        "callbackAddress": peer.base,
        "consumerPid": ids.new(),
    }
    return say("TransferRequestMessage", **(named | members))


def provider_pids(said: Said) -> Pids:
    """Return the process that a town, as provider, has just made."""
    kind = "transfers" if said.body["@type"] == "TransferProcess" else "negotiations"
    return Pids(said.body["providerPid"], said.body["consumerPid"], f"{kind}/{said.body['providerPid']}")


def consumer_pids(message: dict[str, Any], provider: str, kind: str = "negotiations") -> Pids:
    """Return the process that a town, as consumer, has made, with the pid that the counterparty gave."""
    return Pids(provider, message["consumerPid"], f"{kind}/{message['consumerPid']}")


# The town is the provider


async def requested(peer: Counterparty, town: Town, dataset: str = "flow") -> Pids:
    """Ask a town for a contract."""
    body = request(peer, await offer_of(peer, town, dataset))
    return provider_pids(await peer.says(town, "negotiations/request", body, expect=201))


async def agreed(peer: Counterparty, town: Town, dataset: str = "flow") -> tuple[Pids, dict[str, Any]]:
    """Ask a town for a contract and return its agreement."""
    pids = await requested(peer, town, dataset)
    return pids, (await peer.hears("ContractAgreementMessage"))["agreement"]


async def finalized(peer: Counterparty, town: Town, dataset: str = "flow") -> tuple[Pids, dict[str, Any]]:
    """Conclude a contract with a town that provides."""
    pids, agreement = await agreed(peer, town, dataset)
    await peer.says(
        town, f"{pids.place}/agreement/verification", pids.say("ContractAgreementVerificationMessage"), expect=200
    )
    await peer.hears("ContractNegotiationEventMessage")
    return pids, agreement


async def started(peer: Counterparty, town: Town, dataset: str = "flow") -> tuple[Pids, dict[str, Any]]:
    """Conclude a contract with a town and start a transfer; return the address of its start."""
    _, agreement = await finalized(peer, town, dataset)
    said = await peer.says(town, "transfers/request", transfer_request(peer, agreement["@id"]), expect=201)
    return provider_pids(said), (await peer.hears("TransferStartMessage"))["dataAddress"]


# The town is the consumer


def offering(peer: Counterparty, *offers: dict[str, Any], dataset: str = "lakes") -> None:
    """Let a counterparty show a dataset with offers, and otherwise answer by its habit."""
    entry = say(
        "Dataset", **{"@id": dataset}, hasPolicy=list(offers),
        distribution=[{"@type": "Distribution", "format": "HttpData-PULL", "accessService": peer.base}],
    )  # fmt: skip

    def answer(heard: Heard) -> web.Response | None:
        return web.json_response(entry) if heard.path == f"/catalog/datasets/{dataset}" else None

    peer.answer = answer


def their_offer(**members: Any) -> dict[str, Any]:
    """Return an offer of a counterparty."""
    return {"@id": f"offer-{ids.new()[-12:]}"} | READ | members


def agreement_to(peer: Counterparty, town: Town, asked: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return the agreement that a request of a town's becomes."""
    rules = {name: value for name, value in asked["offer"].items() if name not in ("@id", "@type", "target")}
    named = {"@id": ids.new(), "@type": "Agreement", "target": asked["offer"]["target"]}
    parties = {"assigner": peer.did, "assignee": town.did, "timestamp": clock.iso(clock.now())}
    made: dict[str, Any] = orjson.loads(orjson.dumps(named | parties | rules)) | members
    return made


async def asked(peer: Counterparty, town: Town, *offers: dict[str, Any]) -> tuple[str, Pids, dict[str, Any]]:
    """Let a town ask for a contract; return its id there, the pids and the request."""
    offering(peer, *(offers or (their_offer(),)))
    contract = await town.request(peer.did, "lakes")
    message = await peer.hears("ContractRequestMessage")
    await towns.eventually(lambda: _answered(town, contract))
    return contract, consumer_pids(message, peer.pid_of(message)), message


async def _answered(town: Town, contract: str) -> bool:
    return (await town.contract(contract)).peer_pid is not None


async def agree(peer: Counterparty, town: Town, *offers: dict[str, Any]) -> tuple[str, Pids, dict[str, Any]]:
    """Conclude a contract as provider with a town that consumes; return its id there, the pids and the agreement."""
    contract, pids, message = await asked(peer, town, *offers)
    agreement = agreement_to(peer, town, message)
    await peer.says(
        town, f"{pids.place}/agreement", pids.say("ContractAgreementMessage", agreement=agreement), expect=200
    )
    await peer.hears("ContractAgreementVerificationMessage")
    final = pids.say("ContractNegotiationEventMessage", eventType="FINALIZED")
    await peer.says(town, f"{pids.place}/events", final, expect=200)
    await town.contract(contract, "FINALIZED")
    return contract, pids, agreement
