"""The connector under test, a process: `python -m tests.conformance.connector_process`.

The production application with the kit's authentication, scripted decisions, seeds and webhooks. One line of JSON on the
standard input says where to live and who the kit is (`home`, `database`, `kit`, `secret`); one line on the standard output
says, once it is ready, where it is reached (the addresses of `settings.Addresses` and `agent`). It ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from connector.app import Application
from connector.config import Config
from connector.identity.authenticator import PINNED, PinnedAuthenticator
from connector.identity.participant import place
from connector.protocol.machine import CONSUMER, TERMINATION
from connector.services.decide import NOTHING, Decision, Situation
from connector.store import migrate
from connector.store.session import Store
from tests.conformance import doors, scripts, seeds

_UNLIMITED: Final = 1_000_000
"""The kit's tests run side by side from one address, faster than a neighbour may."""


def decide(situation: Situation) -> Decision:
    """Return the script's next move: the kit's decision in the place of the product's."""
    transfer, consumer = situation.protocol == "transfer", situation.role == CONSUMER
    seed = situation.agreement if transfer else situation.dataset
    assert seed is not None
    # The request that opens a process was the kit's wish at a webhook, not a move of the script.
    made = situation.moves - 1 if consumer else situation.moves
    move = scripts.answer(seed, made, situation.cause, situation.move)
    if move is None:
        return NOTHING
    code = "script" if move == TERMINATION else None
    return Decision(move, not_before=situation.now + scripts.PAUSE_SECONDS, code=code)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("connector.worker").setLevel(logging.DEBUG)
    told = json.loads(sys.stdin.readline())
    public, private = _free_ports(2)
    planted = seeds.Seeds(f"did:web:localhost%3A{public}", Path(told["home"]), told["kit"], doors.KIT_HEADER)
    planted.home.mkdir(mode=0o700)
    config = _config(planted.home, told["database"], public, private)
    migrate.upgrade(config.database_url())
    asyncio.run(_serve(config, planted, told["secret"]))


async def _serve(config: Config, planted: seeds.Seeds, header: str) -> None:
    store = Store(config.database_url())
    await planted.plant(store)
    await store.close()
    application = Application(
        config,
        decide,
        lambda own, key: {
            PINNED: PinnedAuthenticator(own, key),
            doors.KIT_HEADER: doors.KitAuthenticator(own, key, header),
        },
        doors.Webhooks(planted.did, header).routes(),
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await application.start()
    sys.stdout.write(json.dumps(_addresses(planted.did)) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await application.stop()


def _config(home: Path, database: str, public: int, private: int) -> Config:
    return Config(
        home=home,
        database=database,
        public_port=public,
        admin_port=private,
        peer_rate_per_second=_UNLIMITED,
        peer_burst=_UNLIMITED,
        address_rate_per_second=_UNLIMITED,
        address_burst=_UNLIMITED,
        language="en",
    )


def _addresses(did: str) -> dict[str, str]:
    found = place(did)
    return {
        "agent": did,
        "base": found.root,
        "dsp": found.base,
        "negotiation_webhook": found.root + doors.NEGOTIATION_PATH,
        "transfer_webhook": found.root + doors.TRANSFER_PATH,
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


if __name__ == "__main__":
    main()
