"""Row 43, and what leaves the house: a secret in every field, found in no log, journal, export, bundle, answer or error.

Two real connectors as processes that log everything they can, an API with a key as the source, a tap in front of each that hears
the tokens they send each other. What is secret: data, tokens, keys, and whatever strangers write where nobody asked for it. What
people write for each other (names, reasons, titles) may stand in journals and bundles, but in no log.
"""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from aiohttp import web

from connector.evidence import bundle
from connector.evidence.verify import verify
from tests.acceptance import towns
from tests.acceptance.processes import Process, processes
from tests.acceptance.tap import Tap
from tests.unit.cli.running import run

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

DATA, KEY, STRAY, WORDS = "canary-data-5f0c", "canary-key-9b21", "canary-stray-44e7", "canary-words-c03a"
POLICY: dict[str, Any] = {"@type": "Offer", "permission": [{"action": "use"}]}
_TOKEN_COLUMN = "transfer"  # the one table that holds a consumer's data token


class Ear(Tap):
    """A tap that also hears with what requests are authorized."""

    heard: set[str]

    async def _relay(self, request: web.BaseRequest) -> web.StreamResponse:
        self.heard.add(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return await super()._relay(request)


@asynccontextmanager
async def upstream(port: int) -> AsyncIterator[None]:
    """Run an API that gives its data for its key only, and whose errors tell more than they should."""

    async def handle(request: web.BaseRequest) -> web.Response:
        if request.headers.get("X-Api-Key") != KEY:
            return web.Response(status=403, text=f"{KEY} {DATA}")
        if request.path.endswith("broken"):
            return web.Response(status=500, text=f"traceback {KEY} {DATA}")
        return web.Response(text=f"well;level\n1;{DATA}\n" * 100)

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def published(provider: Process, folder: Path, port: int) -> None:
    """Publish the API, with words wherever an operator can write some."""
    file = folder / "api.key"
    file.write_text(KEY)
    file.chmod(0o600)
    policy = await provider.told("POST", "/policies", {"name": f"{WORDS}.json", "document": POLICY})
    source = {
        "kind": "http", "url": f"http://127.0.0.1:{port}/levels", "paths": ["/{well}"], "query": ["from"],
        "secret_header": {"name": "X-Api-Key", "file": str(file)},
    }  # fmt: skip
    body = {"id": "levels", "title": WORDS, "source": source, "description": {"dct:description": WORDS}}
    await provider.told("POST", "/datasets", {**body, "offers": [{"policy": policy["id"]}]})


async def traded(provider: Process, consumer: Process) -> tuple[str, list[str], set[str]]:
    """Conclude a contract, read its data in every way there is, end the transfer.

    Return the contract, every answer but the data, and the tokens that the consumer held.
    """
    peer = {"peer": provider.town.did, "dataset": "levels"}
    contract = str((await consumer.told("POST", "/contracts", peer))["id"])
    await consumer.until(f"/contracts/{contract}", "FINALIZED")
    transfer = (await consumer.told("POST", "/transfers", {"contract": contract}))["id"]
    await consumer.until(f"/transfers/{transfer}", "STARTED")
    answers = []
    for below in ("", "/w1", "/w1?from=2026", "/broken", "/no/such", f"?token={STRAY}", f"/w1?from={STRAY}"):
        status, text = await fetched(consumer, contract, below)
        assert (status == 200) == (DATA in text), (below, status, text)
        answers += [] if status == 200 else [text]
    held = set(token_of(consumer.town))
    ended = await consumer.call("POST", f"/transfers/{transfer}/terminate", {"reason": WORDS})
    assert ended is not None
    await consumer.until(f"/transfers/{transfer}", "TERMINATED")
    return contract, answers, held


async def fetched(consumer: Process, contract: str, below: str) -> tuple[int, str]:
    path = f"/api/v1/participants/{quote(consumer.town.did, safe='')}/contracts/{quote(contract, safe='')}/data{below}"
    return await asked(consumer, consumer.town.admin, "GET", path, f"Bearer {consumer.town.token}")


async def asked(
    process: Process, port: int, method: str, path: str, authorization: str | None, body: str | None = None
) -> tuple[int, str]:
    from yarl import URL  # noqa: PLC0415 - aiohttp's own; a DID's percent signs are not to be read

    headers = dict.fromkeys(("Cookie", "Referer", "X-Api-Key", "User-Agent", "Idempotency-Key"), STRAY)
    headers |= {"Authorization": authorization} if authorization else {}
    url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
    async with process.session.request(method, url, headers=headers, data=body) as answer:
        return answer.status, f"{dict(answer.headers)} {await answer.text()}"


async def strayed(process: Process) -> list[str]:
    """Write a secret wherever a stranger, or a mistaken operator, can; return the answers, all of which refuse."""
    town = process.town
    ours = f"/api/v1/participants/{quote(town.did, safe='')}"
    bearer = f"Bearer {town.token}"
    tokens = (None, STRAY, f"Bearer {STRAY}", f"Bearer a.{STRAY}.b", f"Basic {STRAY}", f'{{"clientId":"{STRAY}"}}')
    paths = ("/dsp/2025-1/catalog/request", "/dsp/2025-1/negotiations/request", f"/data/x?token={STRAY}")
    message = f'{{"{STRAY}":"{STRAY}"}}'
    found = [await asked(process, town.port, "POST", path, token, message) for token in tokens for path in paths]
    found += [await asked(process, town.admin, "GET", f"{ours}/contracts?x={STRAY}", token) for token in tokens]
    for path, body in (
        ("/contracts", f'{{"peer":"{STRAY}","dataset":"levels"}}'), ("/contracts", f'{{"peer":["{STRAY}"]}}'),
        ("/policies", f'{{"name":"x","document":{{"permission":"{STRAY}"}}}}'), ("/policies", f"{{{STRAY}"),
        ("/datasets", f'{{"id":"x","title":"x","source":"http://{STRAY}@x.example/","offers":[{{"policy":"x"}}]}}'),
        ("/transfers", f'{{"contract":"{STRAY}"}}'), ("/peers/preview", f'{{"id":"did:web:{STRAY}_"}}'),
    ):  # fmt: skip
        found.append(await asked(process, town.admin, "POST", ours + path, bearer, body))
    assert [status for status, _ in found if status < 400] == []
    return [text for _, text in found]


async def told(process: Process, contract: str) -> dict[str, str]:
    """Return everything that an installation tells about itself and a contract, by what tells it."""
    town = process.town
    found = {"log": process.log.read_text()}
    for path in ("journal?limit=1000", "journal/export?limit=1000", "journal/heads", "contracts", "transfers", "peers",
                 "datasets", "offers", "policies", "doctor", "journal/verify"):  # fmt: skip
        whole = f"/api/v1/participants/{quote(town.did, safe='')}/{path}"
        status, found[path] = await asked(process, town.admin, "GET", whole, f"Bearer {town.token}")
        assert status == 200, (path, found[path])
    for path in ("/metrics", "/health/ready", "/api/openapi.json", "/api/v1/operators"):
        _, found[path] = await asked(process, town.admin, "GET", path, f"Bearer {town.token}")
    found |= await exported(process, contract)
    return found


async def exported(process: Process, contract: str) -> dict[str, str]:
    """Return the texts of a contract's bundle, taken by the command line as an operator does, and of what that printed."""
    town = process.town
    (town.home / "operator.token").write_text(town.token)
    (town.home / "operator.token").chmod(0o600)
    file = town.home / "contract.zip"
    done = await asyncio.to_thread(run, "--home", town.home, "contracts", "export", contract, "-o", file)
    assert done.code == 0, done.err
    data = file.read_bytes()
    assert [each for each in verify(data) if not each.ok] == []
    return {"printed": done.out + done.err} | {name: text.decode() for name, text in bundle.unpack(data).items()}


def rows(town: Town) -> dict[str, str]:
    """Return every table of a town's database as text."""
    with sqlite3.connect(town.url.removeprefix("sqlite:///")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {f"table {name}": repr(database.execute(f'SELECT * FROM "{name}"').fetchall()) for name in names}  # noqa: S608
    database.close()
    return found


def keys(town: Town) -> Iterator[str]:
    """Yield the private keys of a town, as they would show themselves: PEM lines, hex, base64."""
    for file in sorted((town.home / "keys").rglob("*")):
        if file.suffix == ".pem":
            yield from [line for line in file.read_text().splitlines() if not line.startswith("-")][:2]
        elif file.is_file():
            yield from (file.read_bytes().hex(), base64.urlsafe_b64encode(file.read_bytes()).decode().rstrip("="))


def token_of(town: Town) -> Iterator[str]:
    """Yield the data tokens that a consumer holds."""
    with sqlite3.connect(town.url.removeprefix("sqlite:///")) as database:
        yield from (token for (token,) in database.execute("SELECT token FROM transfer") if token)
    database.close()


def leaks(found: dict[str, str], secrets: set[str]) -> list[tuple[str, str]]:
    """Return where which secrets are: as they are, as base64, as hex."""
    shapes = {
        shape: secret
        for secret in secrets
        for shape in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode().rstrip("=")[:-1])
    }
    return [(place, shapes[shape]) for place, text in found.items() for shape in shapes if shape in text]


async def test_a2_43_no_secret_is_in_any_log_journal_export_bundle_or_error(
    found_on_sqlite: Founding, tmp_path: Path
) -> None:
    a, b = await found_on_sqlite("strangnas", tapped=True), await found_on_sqlite("ekby", tapped=True)
    async with AsyncExitStack() as stack:
        ears = [Ear(town.port, town.listen) for town in (a, b)]
        for ear in ears:
            ear.heard = set()
            await stack.enter_async_context(ear.standing())
        with towns.free_ports(1) as (port,):
            pass
        await stack.enter_async_context(upstream(port))
        async with a.running(), b.running():
            await towns.befriend(a, b)
        provider, consumer = await stack.enter_async_context(processes(a, b, CONNECTOR_LOG_LEVEL="debug"))
        await published(provider, tmp_path, port)
        contract, answers, held = await traded(provider, consumer)
        for process in (provider, consumer):
            answers += await strayed(process)
        mirror = (await provider.told("GET", "/contracts"))["items"][0]["id"]
        everything = {"answers": "\n".join(answers)}
        for process, pid in ((provider, mirror), (consumer, contract)):
            told_here = await told(process, pid)
            everything |= {f"{process.town.home.name} {place}": text for place, text in told_here.items()}
        heard = set().union(*(ear.heard for ear in ears))
    tokens = {part for token in heard for part in token.split(".")[2:] if len(part) > 20}
    assert len(held) == 1
    assert len(tokens) > 8
    secrets = {DATA, KEY, STRAY, a.token, b.token} | held | tokens | {*keys(a), *keys(b)}
    assert leaks(everything, secrets) == []
    assert [place for place, text in everything.items() if place.endswith(" log") and WORDS in text] == []
    kept = {f"{town.home.name} {place}": text for town in (a, b) for place, text in rows(town).items()}
    allowed = {(place, secret) for place, secret in leaks(kept, secrets) if place.endswith(f"table {_TOKEN_COLUMN}")}
    assert set(leaks(kept, secrets)) - allowed == set()


@pytest.mark.parametrize("shape", ["x {} y", '{{"a": "{}"}}'])
def test_a_leak_is_found_in_every_shape(shape: str) -> None:
    for text in (DATA, DATA.encode().hex(), base64.b64encode(DATA.encode()).decode()):
        assert leaks({"log": shape.format(text)}, {DATA, KEY}) == [("log", DATA)]
    assert leaks({"log": "nothing"}, {DATA, KEY}) == []
