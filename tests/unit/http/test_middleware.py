from __future__ import annotations

import logging

import pytest

from connector.http.problems import NOBODY
from tests import schemas
from tests.unit.http.serving import WELL_KNOWN, serving

CANARY = "canary-3f9c"
HARDENED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


async def test_every_answer_is_hardened_and_names_no_server() -> None:
    async with serving() as place:
        replies = [
            await place.get("/health/ready"),
            await place.get("/nothing"),
            await place.get("/fail"),
            await place.get(WELL_KNOWN, method="DELETE"),
            await place.get("/dsp/2025-1/transfers/x"),
            await place.get(WELL_KNOWN, Expect="miracles"),
        ]
        assert [reply.status for reply in replies] == [200, 404, 500, 405, 404, 417]
        for reply in replies:
            assert HARDENED.items() <= reply.headers.items()
            assert "server" not in reply.headers
        assert len({reply.headers["x-request-id"] for reply in replies[:5]}) == 5
        refused = await place.ask(b"rubbish\r\n\r\n")
        assert refused.status == 400
        assert "server" not in refused.headers


async def test_an_unknown_path_and_method_are_answered_without_an_echo() -> None:
    async with serving() as place:
        reply = await place.get(f"/{CANARY}?{CANARY}", X_A=CANARY)
        assert (reply.status, reply.json["code"]) == (404, "http_path")
        assert CANARY not in f"{reply.body!r} {reply.headers}"
        reply = await place.get("/slow", method="DELETE")
        assert (reply.status, reply.json["code"], reply.headers["allow"]) == (405, "http_method", "GET,HEAD")
        reply = await place.get(WELL_KNOWN, Expect=CANARY)
        assert (reply.status, CANARY in str(reply.body)) == (417, False)


@pytest.mark.parametrize(
    ("path", "method", "status", "type_name"),
    [
        ("/dsp/2025-1/catalog/datasets/x", "GET", 503, "CatalogError"),
        ("/dsp/2025-1/catalog/other", "GET", 404, "CatalogError"),
        ("/dsp/2025-1/negotiations/urn:x/request", "DELETE", 405, "ContractNegotiationError"),
        ("/dsp/2025-1/negotiations/urn:x", "GET", 500, "ContractNegotiationError"),
        ("/dsp/2025-1/transfers/urn:x", "GET", 404, "TransferError"),
        ("/dsp/2025-1/transfers/x/y/z", "GET", 404, "TransferError"),
        ("/dsp/2025-1/transfers/%ff%00", "GET", 404, "TransferError"),
    ],
)
async def test_dsp_paths_get_valid_dsp_errors(path: str, method: str, status: int, type_name: str) -> None:
    async with serving() as place:
        reply = await place.get(path, method=method, Accept_Language="sv")
        assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
        assert schemas.faults(type_name, reply.json) == []
        if status == 503:
            assert reply.headers["retry-after"] == "5"
        if path.endswith("transfers/urn:x"):
            assert reply.json["providerPid"] == reply.json["consumerPid"] == "urn:x"
        if path.endswith("%ff%00"):
            assert reply.json["providerPid"] == NOBODY


async def test_problem_documents_speak_the_readers_language() -> None:
    async with serving(name="private") as place:
        assert (await place.get("/nothing", Accept_Language="sv-SE,en;q=0.5")).json["title"] == "Finns inte"
        assert (await place.get("/nothing")).json["title"] == "Not found"


async def test_a_fault_of_ours_is_logged_by_number_and_hides_its_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as place:
        reply = await place.get("/fail", Authorization=CANARY)
    assert (reply.status, reply.json["code"]) == (500, "http_unexpected")
    assert reply.headers["x-request-id"] in reply.json["detail"]
    assert CANARY not in reply.body.decode()
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "type=KeyError" in line
    assert "at=_fail:" in line
    assert reply.headers["x-request-id"] in line


async def test_a_route_that_answers_nothing_is_a_fault_without_words(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as place:
        reply = await place.get("/none", Authorization=CANARY)
    assert (reply.status, reply.json["code"]) == (500, "http_unexpected")
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert reply.json["detail"].split()[-1].rstrip(".") in line


async def test_an_answer_that_points_elsewhere_is_no_error() -> None:
    async with serving() as place:
        reply = await place.get("/moved")
    assert (reply.status, reply.headers["location"]) == (303, "/elsewhere")


async def test_a2_43_no_log_holds_what_a_client_could_hide(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hidden = {"Authorization": CANARY, "Referer": CANARY, "User_Agent": CANARY, "Cookie": CANARY, "X_Test_Peer": "p"}
    async with serving() as place:
        for path in (WELL_KNOWN, "/nothing", "/fail", "/member", "/away", "/half"):
            await place.get(f"{path}?token={CANARY}", **hidden)
        await place.get(WELL_KNOWN, Expect=CANARY)
        await place.post("/api/v1/things", f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode())
        await place.ask(f"GET / HTTP/1.1\r\nAuthorization : {CANARY}\r\n\r\n".encode())
        await place.ask(f"{CANARY} / HTTP/9\r\n\r\n".encode())
        await place.ask(b"GET / HTTP/1.1\r\nX-A: " + CANARY.encode() * 2000 + b"\r\n\r\n")
    assert len([record for record in caplog.records if record.name == "connector.http.access"]) >= 8
    assert CANARY not in caplog.text


async def test_the_access_log_keeps_each_request_on_its_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as place:
        await place.ask("GET /a%0Ab\u0085\x7f HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await place.get("/" + "a" * 5000)
    lines = [record.getMessage() for record in caplog.records if record.name == "connector.http.access"]
    assert len(lines) == 2
    assert all(line.isprintable() and len(line) < 500 for line in lines)


async def test_an_answer_that_has_begun_is_cut_not_continued() -> None:
    async with serving() as place:
        client = await place.connect(b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
        everything = await client.reader.read()
        assert everything.endswith(b"\r\n\r\n12345")


async def test_answers_are_counted_by_template() -> None:
    async with serving() as place:
        await place.get("/dsp/2025-1/transfers/urn:1")
        await place.get("/dsp/2025-1/transfers/urn:2")
        await place.get("/nothing")
        text = place.metrics.render(None).decode()
    assert 'method="GET",route="/dsp/2025-1/transfers/{pid}",status="404"} 2.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert "urn:1" not in text
