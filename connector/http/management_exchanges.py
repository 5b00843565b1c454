"""The management API's endpoints for contracts and transfers."""

from __future__ import annotations

from typing import Final

from connector.errors import Invalid
from connector.http.management_requests import Counter, NewContract, NewTransfer, Paging, Reason
from connector.http.management_route import Ask, Route
from connector.services import contracts, transfers
from connector.services.operators import APPROVE, READ, WRITE, includes
from connector.services.views import ContractView, TransferView
from connector.services.why import Why, why

_CONTRACTS: Final = "/api/v1/participants/{participant}/contracts"
_TRANSFERS: Final = "/api/v1/participants/{participant}/transfers"


def contract(view: ContractView) -> ContractView:
    """Show a contract as the service does."""
    return view


def reasons(found: Why) -> Why:
    """Show the trace as the service does."""
    return found


def transfer(view: TransferView) -> TransferView:
    """Show a transfer as the service does."""
    return view


async def _contracts(ask: Ask, query: Paging) -> tuple[list[ContractView], str | None]:
    """List the contracts, the newest first."""
    return await contracts.listing(ask.house, ask.participant, query.cursor, ask.most(query))


async def _contract(ask: Ask) -> ContractView:
    """Show a contract, and what it waits for."""
    return await contracts.show(ask.house, ask.participant, ask.path["contract"], ask.language)


async def _why(ask: Ask) -> Why:
    """Evaluate a contract's policy now and show why it permits reading or does not, rule by rule."""
    return await why(ask.house, ask.participant, ask.path["contract"], ask.language)


async def _new_contract(ask: Ask, body: NewContract) -> ContractView:
    """Ask a peer for a contract on a dataset of its catalogue, or offer it one on a dataset of ours."""
    asked = (ask.house, ask.participant, body.peer, body.dataset, body.offer)
    if body.kind == "request":
        return await contracts.request(*asked, by=ask.by, purpose=body.purpose)
    if body.purpose is not None:
        raise Invalid("purpose_of_offer", field="purpose")
    return await contracts.offer(*asked, by=ask.by, approves=includes(ask.scope, APPROVE))


async def _approve(ask: Ask) -> ContractView:
    """Agree, as provider, to what the consumer asks for or has accepted."""
    return await contracts.approve(ask.house, ask.participant, ask.path["contract"], by=ask.by)


async def _accept(ask: Ask) -> ContractView:
    """Accept, as consumer, the offer that the provider has made."""
    return await contracts.accept(ask.house, ask.participant, ask.path["contract"], by=ask.by)


async def _counter(ask: Ask, body: Counter) -> ContractView:
    """Answer with other rules: a counter-offer as provider, a counter-request as consumer."""
    return await contracts.counter(ask.house, ask.participant, ask.path["contract"], body.policy, by=ask.by)


async def _end_contract(ask: Ask, body: Reason) -> ContractView:
    """End a negotiation."""
    return await contracts.terminate(ask.house, ask.participant, ask.path["contract"], body.reason, by=ask.by)


async def _transfers(ask: Ask, query: Paging) -> tuple[list[TransferView], str | None]:
    """List the transfers, the newest first."""
    return await transfers.listing(ask.house, ask.participant, query.cursor, ask.most(query))


async def _transfer(ask: Ask) -> TransferView:
    """Show a transfer, and what it waits for."""
    return await transfers.show(ask.house, ask.participant, ask.path["transfer"])


async def _start(ask: Ask, body: NewTransfer) -> TransferView:
    """Ask the provider of a contract of ours for its data."""
    return await transfers.start(ask.house, ask.participant, body.contract, by=ask.by)


async def _suspend(ask: Ask) -> TransferView:
    """Suspend a transfer; as provider, access ends at once."""
    return await transfers.suspend(ask.house, ask.participant, ask.path["transfer"], by=ask.by)


async def _resume(ask: Ask) -> TransferView:
    """Start a suspended transfer again."""
    return await transfers.resume(ask.house, ask.participant, ask.path["transfer"], by=ask.by)


async def _complete(ask: Ask) -> TransferView:
    """Complete a transfer; as provider, access ends at once."""
    return await transfers.complete(ask.house, ask.participant, ask.path["transfer"], by=ask.by)


async def _end_transfer(ask: Ask, body: Reason) -> TransferView:
    """End a transfer; as provider, access ends at once."""
    return await transfers.terminate(ask.house, ask.participant, ask.path["transfer"], body.reason, by=ask.by)


ROUTES: Final = (
    Route("GET", _CONTRACTS, READ, _contracts, contract, many=True),
    Route("POST", _CONTRACTS, WRITE, _new_contract, contract, 201),
    Route("GET", f"{_CONTRACTS}/{{contract}}", READ, _contract, contract),
    Route("GET", f"{_CONTRACTS}/{{contract}}/why", READ, _why, reasons),
    Route("POST", f"{_CONTRACTS}/{{contract}}/approve", APPROVE, _approve, contract),
    Route("POST", f"{_CONTRACTS}/{{contract}}/accept", APPROVE, _accept, contract),
    Route("POST", f"{_CONTRACTS}/{{contract}}/counter", APPROVE, _counter, contract),
    Route("POST", f"{_CONTRACTS}/{{contract}}/terminate", WRITE, _end_contract, contract),
    Route("GET", _TRANSFERS, READ, _transfers, transfer, many=True),
    Route("POST", _TRANSFERS, WRITE, _start, transfer, 201),
    Route("GET", f"{_TRANSFERS}/{{transfer}}", READ, _transfer, transfer),
    Route("POST", f"{_TRANSFERS}/{{transfer}}/suspend", WRITE, _suspend, transfer),
    Route("POST", f"{_TRANSFERS}/{{transfer}}/resume", WRITE, _resume, transfer),
    Route("POST", f"{_TRANSFERS}/{{transfer}}/complete", WRITE, _complete, transfer),
    Route("POST", f"{_TRANSFERS}/{{transfer}}/terminate", WRITE, _end_transfer, transfer),
)
