"""Writes what is made from the profile's registry: `policies/profile/` and `docs/reference/profile.md`; `--check` compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from connector.cli import policytests
from connector.policy import registry, templates
from connector.policy.schema import schema
from connector.policy.terms import shorten

ROOT = Path(__file__).parent.parent
SOURCE, PROFILE = ROOT / "connector" / "policy" / "data", ROOT / "policies" / "profile"
TEMPLATES = ROOT / "policies" / "templates"
PAGE = ROOT / "docs" / "reference" / "profile.md"
HEAD = """# The Municipal Data Sharing Profile (Profil för kommunal datadelning)

This page is written from the registry (`policies/profile/registry.json`) by `python -m tools.profile_pages`; a test compares
them. In files `kom:` stands for `https://w3id.org/municipal-dataspace/v1#`; on publishing it is written out in full. Terms of
other vocabularies that DSP's context does not declare (`dpv:`, `cc:`, `edc:`, publisher types) are written in full.

How far a term is kept by technology is its grade, shown wherever a policy is shown:

- **enforced technically**: the connector checks it at every request and refuses otherwise;
- **shapes the data**: the connector changes the data before they leave; where it has no transform for the dataset's kind of
  file, it refuses;
- **attested**: somebody vouches for it (a membership, a declared purpose), and the connector checks only that;
- **contract term only, recorded**: a promise. The connector keeps a record and reminds; it cannot prevent a breach.

A term outside this page is unknown, and unknown never permits.

Days and months of quotas are those of Swedish clocks, unless the policy itself has the member
`"https://w3id.org/municipal-dataspace/v1#timeZone"` with another name of the IANA time zone database, such as `"UTC"`.
"""


def files() -> dict[Path, str]:
    """Return every file that is made, with its content."""
    made = {PROFILE / path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCE.glob("*.json"))}
    purposes = json.dumps(registry.read("registry")["purposes"], ensure_ascii=False, indent=2)
    types = json.dumps(registry.read("registry")["recipients"], ensure_ascii=False, indent=2)
    return {
        **made,
        **_templates(),
        PROFILE / "purposes.json": purposes + "\n",
        PROFILE / "publisher-types.json": types + "\n",
        PROFILE / "policy.schema.json": json.dumps(schema(), ensure_ascii=False, indent=1) + "\n",
        PAGE: page(),
    }


def _templates() -> dict[Path, str]:
    """Return every template with its defaults, as a policy file with its cases beside it."""
    made = {}
    for name in templates.names():
        document, cases = templates.make(name, {})
        text = "\n".join(line for case in cases for line in policytests.toml(case))
        made[TEMPLATES / f"{name}.json"] = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        made[TEMPLATES / f"{name}.cases.toml"] = text
    return made


def page() -> str:
    """Return the reference page."""
    operands, actions = registry.table("operands"), registry.table("actions")
    parts = [HEAD, "## Left operands\n"]
    parts += _table(
        ("Term", "Svenska", "English", "Type", "Operators", "Role", "Grade"),
        (
            (_code(iri), *_labels(entry), entry["kind"], " ".join(entry["operators"]), entry["role"], _grade(entry))
            for iri, entry in operands.items()
        ),
    )
    parts += ["## Actions\n"]
    parts += _table(
        ("Term", "Svenska", "English", "Included in", "Grade"),
        ((_code(iri), *_labels(entry), entry["includedIn"] or "", _grade(entry)) for iri, entry in actions.items()),
    )
    for name, title in (
        ("purposes", "Purposes"),
        ("recipients", "Kinds of recipient"),
        ("triggers", "Triggers of duties"),
    ):
        rows = (
            (_code(iri), *_labels(entry), " ".join(entry["broader"])) for iri, entry in registry.table(name).items()
        )
        parts += [f"## {title}\n", *_table(("Term", "Svenska", "English", "Broader"), rows)]
    return "\n".join([*parts, *_areas(), *_listed()])


def _areas() -> list[str]:
    return [
        "## Areas\n",
        "By SCB's codes: municipalities `kom:municipality-NNNN`, counties `kom:county-NN`, a county's region `kom:region-NN`.",
        "The 290 municipalities are in `policies/profile/areas.json`.\n",
        *_table(
            ("Term", "Svenska", "ISO 3166-2"),
            (
                (f"`kom:county-{code}`", county["name"], county["iso"])
                for code, county in registry.read("areas")["counties"].items()
            ),
        ),
    ]


def _listed() -> list[str]:
    rows = []
    for name in templates.names():
        found = templates.template(name)
        parameters = ", ".join(f"`{each}` ({entry['type']})" for each, entry in found["parameters"].items())
        rows.append((f"`{name}`", found["title"]["sv"], found["title"]["en"], parameters))
    return [
        "\n## Templates\n",
        "`connector policies new TEMPLATE --set NAME=VALUE -o FILE` makes a policy with its cases. `policies/templates/` has",
        "each with its defaults.\n",
        *_table(("Template", "Svenska", "English", "Parameters"), rows),
    ]


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [[*headings]]
    lines += [["---"] * len(lines[0]), *([*row] for row in rows)]
    return ["\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"]


def _labels(entry: dict[str, dict[str, str]]) -> tuple[str, str]:
    return entry["label"]["sv"], entry["label"]["en"]


def _grade(entry: dict[str, str]) -> str:
    return str(registry.read("registry")["grades"][entry["grade"]]["en"])


def _code(iri: str) -> str:
    return f"`{shorten(iri)}`"


def main() -> int:
    """Write the files, or with `--check` tell whether they are as the registry says."""
    made = files()
    if "--check" in sys.argv:
        return int(any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in made.items()))
    for folder in (PROFILE, TEMPLATES):
        folder.mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
