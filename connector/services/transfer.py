"""What a transfer is about: the agreement it stands on, the address, the grant to read. See `exchange.Subject`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from connector import canonical
from connector.errors import BadMessage, Unknown
from connector.protocol import messages, transfer
from connector.protocol.context import RENEWAL
from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATION, Process
from connector.protocol.messages import Message
from connector.services import ledger, permission, standing
from connector.services.decide import POLICY, Situation
from connector.services.exchange import Content, Exchanging
from connector.services.office import Office
from connector.store.contracts import Contract, Grant, Transfer
from connector.store.exchanges import Exchange
from connector.store.unit import Unit

PULL = "HttpData-PULL"
HTTP_ENDPOINT = "https://w3id.org/idsa/v4.1/HTTP"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
GENERATION_SECONDS = 600.0
_CLOSING = (transfer.SUSPENSION, transfer.COMPLETION, TERMINATION)


@dataclass(slots=True)
class Transfers:
    """The subject of transfers. `negotiations` acknowledges FINALIZED when a request names the agreement."""

    exchanging: Exchanging | None = None

    def open(self, unit: Unit, _office: Office, exchange: Exchange, message: Message) -> None:
        """Store what a peer's TransferRequestMessage asks for.

        Raises:
            Unknown: `agreement_unknown`: none by that id with this peer.
            BadMessage: `contract_not_final`, `format_unsupported`.
        """
        messages.require(message, "agreementId", "format")
        body = message.body
        contract = unit.contracts.by_agreement(exchange.participant, exchange.peer, str(body["agreementId"]), PROVIDER)
        if contract is None:
            raise Unknown("agreement_unknown", field="/agreementId")
        if not self._final(unit, exchange, contract):
            raise BadMessage("contract_not_final", field="/agreementId")
        if body["format"] != PULL:
            raise BadMessage("format_unsupported", field="/format")
        renewable = body.get(RENEWAL) == "supported"
        unit.transfers.add(
            Transfer(exchange.pid, exchange.participant, contract.id, str(body["agreementId"]), PULL, renewable)
        )

    def _final(self, unit: Unit, exchange: Exchange, contract: Contract) -> bool:
        """Tell whether the contract is final; a request that names the agreement acknowledges our FINALIZED (rule 2)."""
        negotiation = unit.exchanges.load(exchange.participant, contract.id, exchange.peer)
        if negotiation is None:
            return False
        pending = negotiation.turn.pending
        if pending and pending.target == "FINALIZED" and pending.sent and self.exchanging:
            negotiation = self.exchanging.acknowledge(unit, negotiation, pending.id, "TransferRequestMessage")
        return negotiation.turn.state == "FINALIZED"

    def take(self, unit: Unit, _office: Office, exchange: Exchange, message: Message) -> None:
        """Store the address that a provider's start carries; one that we cannot read leaves the transfer without data."""
        if message.move == transfer.START and exchange.turn.role == CONSUMER:
            address = read_address(message.body.get("dataAddress"))
            until = unit.now + GENERATION_SECONDS if address["renewal"] else None
            unit.transfers.change(exchange.pid, **address, token_until=until)

    def content(self, unit: Unit, office: Office, exchange: Exchange, move: str, *, by: str) -> Content:
        """Return what our request or start says."""
        found = unit.transfers.get(exchange.pid)
        if move == transfer.REQUEST and found:
            callback = office.root(exchange.participant) + "/dsp/2025-1"
            asked = {"agreementId": found.agreement_id, "format": found.format, "callbackAddress": callback}
            return Content(asked | {RENEWAL: "supported"})
        if move == transfer.START and exchange.turn.role == PROVIDER and found:
            grant = self._grant(unit, office, exchange, found, by)
            stands_for = canonical.of_bytes(office.token(grant.id, grant.generation).encode())
            address = data_address(office.root(exchange.participant), exchange.pid, grant, stands_for)
            return Content({"dataAddress": address}, grant.id, grant.generation)
        return Content({})

    def _grant(self, unit: Unit, office: Office, exchange: Exchange, found: Transfer, by: str) -> Grant:
        """Open the transfer's grant, or open it again with the next generation."""
        grant = unit.grants.of_transfer(exchange.pid)
        contract = unit.contracts.get(found.contract)
        dataset = contract.dataset if contract else ""
        if grant is None:
            grant = Grant(
                office.new_id(), exchange.participant, exchange.peer, exchange.pid, found.contract, dataset, 1,
                found.renewable, unit.now,
            )  # fmt: skip
            unit.grants.add(grant)
        else:
            values: dict[str, Any] = {"generation": grant.generation + 1, "since": unit.now, "closed": None}
            unit.grants.change(grant.id, **values, closed_by=None, previous_until=None)
            grant = unit.grants.get(grant.id) or grant
        unit.record(
            exchange.participant, "grant.opened", exchange.pid,
            grant=grant.id, generation=grant.generation, by=by, peer=exchange.peer,
        )  # fmt: skip
        unit.after_commit(office.watch)
        return grant

    def situation(self, unit: Unit, exchange: Exchange, cause: Literal["applied", "effect"], move: str) -> Situation:
        """Return what is decided on: what the agreement permits now, and whether the dataset is still there."""
        found = unit.transfers.get(exchange.pid)
        contract = unit.contracts.get(found.contract) if found else None
        verdict = self._verdict(unit, exchange, contract)
        return Situation(
            "transfer", exchange.turn.role, exchange.turn.shown, cause, move, unit.now,
            dataset=contract.dataset if contract else None, agreement=found.agreement_id if found else None,
            opened=exchange.turn.seq == 0, moves=exchange.turn.seq, permitted=verdict.permits,
            reasons=verdict.told, recovers=verdict.recovers, paused=exchange.waits == POLICY,
        )  # fmt: skip

    def _verdict(self, unit: Unit, exchange: Exchange, contract: Contract | None) -> permission.Verdict:
        if exchange.turn.role != PROVIDER or contract is None:
            return permission.Verdict(permits=False, until=None)
        if unit.datasets.get(exchange.participant, contract.dataset) is None:
            return permission.Verdict(permits=False, until=None, reasons=("dataset_withdrawn",))
        return standing.verdict(unit, contract)

    def changed(self, unit: Unit, office: Office, exchange: Exchange, *, by: str) -> None:
        """Close the grant as soon as access is to end, whether or not the peer has answered (rule 1)."""
        turn = exchange.turn
        if turn.state == transfer.COMPLETED and (found := unit.transfers.get(exchange.pid)):
            ledger.triggered(unit, office, found.contract, ledger.COMPLETED)
        if turn.role == CONSUMER:
            if turn.state not in (None, transfer.REQUESTED, transfer.STARTED):
                unit.transfers.change(exchange.pid, token=None, token_until=None)
            if turn.state not in (None, transfer.REQUESTED) and not readable(turn):
                unit.after_commit(lambda: office.closed(exchange.pid))
            return
        grant = unit.grants.of_transfer(exchange.pid)
        if grant is None or grant.closed is not None:
            return
        pending = turn.pending.move if turn.pending else None
        starting = pending == transfer.START
        if turn.wanted is None and pending not in _CLOSING and (starting or turn.state == transfer.STARTED):
            return
        close(unit, office, grant, turn.wanted or pending or turn.shown, by=by)


def readable(turn: Process) -> bool:
    """Tell whether a consumer may read now: the transfer is started, and no move of ours is about to end that."""
    pending = turn.pending.move if turn.pending else None
    return turn.state == transfer.STARTED and turn.wanted is None and pending not in _CLOSING


def close(unit: Unit, office: Office, grant: Grant, why: str, *, by: str) -> None:
    """Close a grant: from the commit on it opens nothing, and running streams are cut. `by`: `peer`, or whoever acted here."""
    unit.grants.change(grant.id, closed=unit.now, closed_by=why)
    unit.record(grant.participant, "grant.closed", grant.transfer, grant=grant.id, why=why, by=by, peer=grant.peer)
    unit.after_commit(lambda: office.closed(grant.id))


def data_address(root: str, transfer_pid: str, grant: Grant, stands_for: str) -> dict[str, Any]:
    """Return the DataAddress of a start, in DSP's terms and with the properties that Eclipse EDC reads.

    `stands_for` is the digest that the stored message shows; the token takes its place as the message leaves.
    """
    endpoint = f"{root}/data/{transfer_pid}"
    values = {
        "authorization": stands_for,
        "authType": "bearer",
        EDC + "endpoint": endpoint,
        EDC + "endpointType": HTTP_ENDPOINT,
        EDC + "authorization": stands_for,
        EDC + "authType": "bearer",
    }
    if grant.renewable:
        values[RENEWAL] = f"{root}/dsp/2025-1/transfers/{transfer_pid}/renewal"
    properties = [{"@type": "EndpointProperty", "name": name, "value": value} for name, value in values.items()]
    return {
        "@type": "DataAddress",
        "endpointType": HTTP_ENDPOINT,
        "endpoint": endpoint,
        "endpointProperties": properties,
    }


def read_address(address: Any) -> dict[str, Any]:
    """Return `endpoint`, `token` and `renewal` from a DataAddress in DSP's or Eclipse EDC's terms; None for what is not there."""
    found = address if isinstance(address, Mapping) else {}
    listed = found.get("endpointProperties")
    values = {
        str(item.get("name")).rsplit("/", 1)[-1].rsplit("#", 1)[-1]: item.get("value")
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    }
    endpoint = found.get("endpoint") or values.get("endpoint")
    return {
        "endpoint": endpoint if isinstance(endpoint, str) else None,
        "token": values.get("authorization") if isinstance(values.get("authorization"), str) else None,
        "renewal": values.get("renewal") if isinstance(values.get("renewal"), str) else None,
    }
