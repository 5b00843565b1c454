"""Templates: each passes lint, may travel, has cases that hold and reach everything, and reads aloud in both languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Invalid
from connector.ids import NS
from connector.policy import templates
from connector.policy.cases import run
from connector.policy.explain.sentences import explain
from connector.policy.lint.check import lint
from connector.policy.parse import parse
from connector.policy.wire import check_wire, expand_terms
from tests.schemas import faults
from tests.unit.policy.documents import DATASET, EKBY, NOW, VENDOR, at
from tools import template_pages

FIRST = ("permission", 0, "constraint", 0, "rightOperand")
END = ("permission", 0, "constraint", 1, "rightOperand", "@value")


def test_there_are_at_least_ten() -> None:
    assert len(templates.names()) >= 10


@pytest.mark.parametrize("name", templates.names())
def test_a_template_passes_lint_and_may_travel(name: str) -> None:
    document, _ = templates.make(name, {})
    found = lint(json.dumps(document).encode(), at(NOW), lambda _: None)
    assert [each.finding.rule for each in found if each.finding.severity != "info"] == []
    check_wire(expand_terms(document))


@pytest.mark.parametrize("name", templates.names())
def test_a_template_is_a_valid_offer_and_agreement_by_the_official_schemas(name: str) -> None:
    document, _ = templates.make(name, {})
    rules = {each: value for each, value in expand_terms(document).items() if each not in ("@context", "@id")}
    zoned = {NS + "timeZone": "Europe/Stockholm", NS + "purpose": NS + "FloodPrevention"}
    offer = {**rules, **zoned, "@id": "urn:offer:1", "target": DATASET}
    parties = {"assigner": EKBY, "assignee": VENDOR, "timestamp": NOW}
    agreement = {**offer, **parties, "@id": "urn:agreement:1", "@type": "Agreement"}
    envelope = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "providerPid": "urn:p",
        "consumerPid": "urn:c",
    }
    for kind, body in (
        ("ContractRequestMessage", {"offer": offer}),
        ("ContractOfferMessage", {"offer": offer}),
        ("ContractAgreementMessage", {"agreement": agreement}),
    ):
        assert faults(kind, {**envelope, "@type": kind, **body}) == [], kind


@pytest.mark.parametrize("name", templates.names())
def test_the_cases_of_a_template_hold_and_reach_everything(name: str) -> None:
    document, cases = templates.make(name, {})
    found = run(parse(document), cases, at(NOW))
    assert {each.expected for each in found.results} == {"permit", "deny"}
    assert [each.name for each in found.results if not each.passed] == []
    assert found.unreached == ()


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", templates.names())
def test_a_template_is_titled_and_explained(name: str, language: str) -> None:
    found = templates.template(name)
    assert found["title"][language]
    assert all(entry["label"][language] for entry in found["parameters"].values())
    told = explain(parse(templates.make(name, {})[0]), language)
    assert all("${" not in each.text and "unknown" not in each.grades for each in told.sentences)


@pytest.mark.parametrize(
    ("name", "given", "place", "value"),
    [
        ("valid-period", {"to": "2031-07-01"}, END, "2031-07-01T00:00:00+02:00"),
        ("valid-period", {"to": "2031-10-27"}, END, "2031-10-27T00:00:00+01:00"),
        ("valid-period", {"to": "2031-01-01T12:00:00Z"}, END, "2031-01-01T12:00:00Z"),
        ("purpose-bound", {"purposes": "kom:A, kom:B"}, FIRST, [{"@id": "kom:A"}, {"@id": "kom:B"}]),
        ("county-neighbours", {"county": "25"}, (*FIRST, "@id"), "kom:county-25"),
        ("requests-per-day", {"requests": "5"}, (*FIRST, "@value"), "5"),
    ],
)  # fmt: skip
def test_parameters_are_filled_in(name: str, given: dict[str, str], place: tuple[Any, ...], value: Any) -> None:
    found: Any = templates.make(name, given)[0]
    for step in place:
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("nothing", {}, "template_unknown"),
        ("trial", {"days": "30"}, "template_parameter"),
        ("research", {"days": "30"}, "template_parameter"),
        ("trial", {"period": "a month"}, "template_value"),
        ("valid-period", {"to": "2031-02-30"}, "template_value"),
        ("valid-period", {"to": "soon"}, "template_value"),
        ("requests-per-day", {"requests": "many"}, "template_value"),
        ("county-neighbours", {"county": "99"}, "template_value"),
        ("open-attribution", {"source": "the town"}, "template_value"),
    ],
)
def test_wrong_parameters_are_refused(name: str, given: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        templates.make(name, given)
    assert caught.value.code == code


@pytest.mark.parametrize("path", sorted(template_pages.files()), ids=lambda path: path.name)
def test_the_how_to_of_a_template_is_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == template_pages.files()[path], "run: python -m tools.template_pages"


def test_every_template_has_notes_in_both_languages_and_there_are_no_others() -> None:
    notes = template_pages.read_notes()
    assert set(notes) - {"words"} == set(templates.names())
    for name, pages in notes.items():
        assert set(pages) == {"sv", "en"}, name
        assert pages["sv"].keys() == pages["en"].keys(), name
        assert all(text.strip() for texts in pages.values() for text in texts.values()), name
