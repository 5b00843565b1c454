from __future__ import annotations

import orjson
import pytest

from connector import errors, texts
from connector.http.problems import NOBODY, Pids, dsp_error, dsp_type, problem
from tests import schemas

EVERY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ConnectorError)]
TYPES = ["CatalogError", "ContractNegotiationError", "TransferError"]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_error_becomes_a_problem_document(kind: type[errors.ConnectorError], language: str) -> None:
    answer = problem(kind("body_too_large", field="/a", limit_bytes=7), language)
    assert answer.status == kind.status
    assert answer.content_type == "application/problem+json"
    assert answer.body == {
        "type": "https://w3id.org/municipal-dataspace/v1#body_too_large",
        "title": texts.say(f"http_title_{kind.status}", language),
        "status": kind.status,
        "code": "body_too_large",
        "detail": texts.say("body_too_large", language, "text", limit_bytes=7),
        "next": texts.say("body_too_large", language, "next"),
        "field": "/a",
    }
    assert not str(answer.body["title"]).startswith("http_title")


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("pids", [Pids(), Pids("urn:p"), Pids("urn:p", "urn:c")])
def test_every_error_becomes_a_valid_dsp_error_in_english(
    kind: type[errors.ConnectorError], type_name: str, pids: Pids
) -> None:
    answer = dsp_error(kind("body_too_large", field="/a", limit_bytes=7), type_name, pids)
    assert schemas.faults(type_name, answer.body) == []
    assert answer.body["code"] == "body_too_large"
    assert answer.body["reason"] == ["The message is larger than 7 bytes. (/a)"]
    if type_name != "CatalogError":
        assert answer.body["providerPid"] == (pids.provider or NOBODY)
        assert answer.body["consumerPid"] == (pids.consumer or NOBODY)
    assert answer.status == (503 if kind is errors.Unreachable else kind.status)


def test_who_may_try_again_is_told_when() -> None:
    many = errors.TooMany("http_too_many", retry_after_seconds=7)
    assert problem(many, "sv").headers == {"Retry-After": "7"}
    assert dsp_error(many, "CatalogError", Pids()).headers == {"Retry-After": "7"}
    assert problem(errors.Unavailable("x"), "sv").headers == {"Retry-After": "5"}
    assert dsp_error(errors.Unreachable("x"), "CatalogError", Pids()).headers == {"Retry-After": "5"}
    assert problem(errors.Unauthorized("x"), "sv").headers == {"WWW-Authenticate": "Bearer"}
    assert problem(errors.Missing("x"), "sv").headers == {}


def test_half_characters_of_a_client_do_not_break_the_answer() -> None:
    response = problem(errors.BadMessage("json_duplicate_key", field="å\ud800"), "sv").response()
    assert isinstance(response.body, bytes)
    written = orjson.loads(response.body)
    assert written["field"] == "å?"
    assert written["detail"] == texts.say("json_duplicate_key", "sv")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dsp/2025-1/catalog/request", "CatalogError"),
        ("/dsp/2025-1/catalog", "CatalogError"),
        ("/town/va/dsp/2025-1/negotiations/urn:x/events", "ContractNegotiationError"),
        ("/dsp/2025-1/transfers/request", "TransferError"),
        ("/dsp/2025-1/transfersrequest", None),
        ("/dsp/2025-1/", None),
        ("/data/x", None),
        ("/api/v1/participants", None),
    ],
)
def test_dsp_paths_have_their_own_kind_of_error(path: str, expected: str | None) -> None:
    assert dsp_type(path) == expected


@pytest.mark.parametrize(("language", "told"), [("sv", "Bara i vår."), ("en", "This spring only.")])
def test_a_problem_tells_the_failing_rules_in_the_readers_language(language: str, told: str) -> None:
    error = errors.Denied("policy_denies", rules_sv="Bara i vår.", rules_en="This spring only.")
    assert told in problem(error, language).body["detail"]
