"""The parties of the story: three installations, and a second participant under the roof of the first."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from demo import processes
from demo.failure import Failure
from demo.stage import PROGRAM, Party, Stage, free_ports

STRANGNAS, VA, EKBY, REGION = "strangnas", "va", "ekby", "region"
HOMES: Final = {STRANGNAS: "Strängnäs kommun", EKBY: "Ekby kommun", REGION: "Region Sörmland"}
COMPANY: Final = "Strängnäs VA AB"
_TRIES: Final = 3
_PORT_TAKEN: Final = "cli_port_taken"


def open_all(stage: Stage) -> None:
    """Make and start the three installations, and add the company to the first. Raises Failure."""
    with ThreadPoolExecutor(len(HOMES)) as pool:
        made = list(pool.map(lambda item: _open(stage, *item), HOMES.items()))
    for home, (party, words) in zip(HOMES, made, strict=True):
        stage.parties[home] = party
        stage.tell.command(["connector", *words])
        stage.tell.command(["connector", "serve", "--home", home])
        stage.tell.line("party", name=party.name, did=party.did)
    first = stage.parties[STRANGNAS]
    company = f"{first.did}:{VA}"
    stage.ask(first, "participants", "add", company, "--name", COMPANY)
    stage.parties[VA] = Party(COMPANY, first.home, company, further=True)
    stage.tell.line("company", name=COMPANY, roof=first.name, did=company)


def _open(stage: Stage, home: str, name: str) -> tuple[Party, list[str]]:
    """Make an installation and start it; once more with other ports where somebody has just taken one of them."""
    for _ in range(_TRIES):
        public, private = free_ports(2)
        party = Party(name, home, f"did:web:localhost%3A{public}")
        ports = ["--public-port", str(public), "--admin-port", str(private)]
        words = ["init", home, "--did", party.did, "--name", name, *ports, "--tls", "dev"]
        stage.succeed(party, words, stage.run(*words))
        if _serve(stage, home):
            return party, words
        shutil.rmtree(stage.folder / home)
    raise Failure("process_ended", stage.log(home), name=home)


def _serve(stage: Stage, home: str) -> bool:
    """Start a connector and wait for it; tell whether its ports were free."""
    command = [str(PROGRAM), "serve", "--home", home, "--json"]
    running = processes.start(home, command, stage.folder, stage.environ)
    stage.running.append(running)
    try:
        processes.ready(running)
    except Failure:
        if _PORT_TAKEN in running.log.read_text(encoding="utf-8", errors="replace"):
            stage.running.remove(running)
            return False
        raise
    return True
