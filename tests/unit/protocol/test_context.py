"""The names on the wire: what we write is defined by the DSP context or is a full IRI, and what we read redefines nothing."""

from __future__ import annotations

from typing import Any

import pytest

from connector.ids import NS
from connector.protocol import context


def test_a_message_names_the_context_and_its_type_and_nothing_that_is_absent() -> None:
    written = context.message("TransferStartMessage", providerPid="urn:p", consumerPid=None, reason=[])
    assert written == {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "TransferStartMessage",
        "providerPid": "urn:p",
        "reason": [],
    }


@pytest.mark.parametrize("name", [context.AFTER, context.RENEWAL, context.WAITS])
def test_a_member_of_our_own_is_a_full_iri(name: str) -> None:
    assert name.startswith(NS)
    assert name != NS


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(context.DSPACE, id="one-string"),
        pytest.param([context.DSPACE], id="list"),
        pytest.param(["https://example.org/more.jsonld", context.DSPACE], id="with-another"),
    ],
)
def test_a_context_that_names_dsp_is_understood(value: Any) -> None:
    assert context.check_context(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="missing"),
        pytest.param([], id="empty"),
        pytest.param("https://w3id.org/dspace/2024/1/context.json", id="older-version"),
        pytest.param(["https://example.org/more.jsonld"], id="another-only"),
        pytest.param({"providerPid": "https://example.org/consumerPid"}, id="inline"),
        pytest.param([context.DSPACE, {"providerPid": "https://example.org/consumerPid"}], id="inline-after-dsp"),
        pytest.param([[context.DSPACE]], id="nested"),
        pytest.param(7, id="number"),
    ],
)
def test_a_context_that_could_redefine_terms_is_not_understood(value: Any) -> None:
    assert not context.check_context(value)
