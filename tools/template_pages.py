"""Writes the how-to of each policy template from the registry, the explaining sentences and the notes; `--check` compares."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from connector.policy import templates
from connector.policy.explain.sentences import Explanation, explain, graded
from connector.policy.parse import parse

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "docs" / "how-to" / "policies"
NOTES: Final = ROOT / "tools" / "template_notes.toml"
LANGUAGES: Final = {"sv": "en", "en": "sv"}


def read_notes() -> dict[str, Any]:
    """Return the notes: template, language, part; and the words that all pages share, under `words`."""
    return tomllib.loads(NOTES.read_text(encoding="utf-8"))


def files() -> dict[Path, str]:
    """Return every page with its text."""
    notes = read_notes()
    pages = {
        FOLDER / f"{name}.{language}.md": page(name, language, notes[name][language])
        for name in templates.names()
        for language in LANGUAGES
    }
    return pages | {FOLDER / f"README.{language}.md": index(language, notes) for language in LANGUAGES}


def page(name: str, language: str, notes: dict[str, str]) -> str:
    """Return the how-to of a template."""
    found, words, other = templates.template(name), read_notes()["words"][language], LANGUAGES[language]
    document, cases = templates.make(name, {})
    explained = explain(parse(document), language)
    parts = [
        f"# {found['title'][language]}",
        f"*[{words['other']}]({name}.{other}.md)*",
        f"## {words['when']}\n\n{notes['when']}",
        f"## {words['make']}\n\n{_block(_new(name, found['parameters']))}\n\n{words['make_text']}",
        *_parameters(found["parameters"], language),
        f"## {words['says']}\n\n{words['says_text']}\n\n{_sentences(explained, language)}",
        f"## {words['kept']}\n\n{notes['kept']}",
        f"## {words['beyond']}\n\n{notes['beyond']}",
        f"## {words['publish']}\n\n{_block(_publish(name))}\n\n{words['publish_text']}",
        f"{words['cases']} {_cases(cases, language)}",
        words["more"],
    ]
    return "\n\n".join(parts) + "\n"


def index(language: str, notes: dict[str, Any]) -> str:
    """Return the page that lists the templates."""
    lines = [
        f"- [{templates.template(name)['title'][language]}]({name}.{language}.md) (`{name}`). {notes[name][language]['when']}"
        for name in templates.names()
    ]
    return "\n".join([read_notes()["words"][language]["index"], *lines]) + "\n"


def _new(name: str, parameters: dict[str, Any]) -> str:
    settings = [f"--set {each}={_default(entry)}" for each, entry in parameters.items()]
    return " ".join([f"connector policies new {name}", *settings, f"-o {name}.json"])


def _publish(name: str) -> str:
    tried = f"connector policies test {name}.json\nconnector policies lint {name}.json"
    return f"{tried}\nconnector --home HOME offers add DATASET --policy {name}.json"


def _default(entry: dict[str, Any]) -> str:
    value = entry["default"]
    return ",".join(value) if isinstance(value, list) else str(value)


def _parameters(parameters: dict[str, Any], language: str) -> list[str]:
    if not parameters:
        return []
    rows = [f"| `{each}` | {entry['label'][language]} | `{_default(entry)}` |" for each, entry in parameters.items()]
    return ["\n".join([read_notes()["words"][language]["parameters"], "|---|---|---|", *rows])]


def _sentences(explained: Explanation, language: str) -> str:
    numbered = [f"> {each.number}. {each.text} [{graded(each, language)}]" for each in explained.sentences]
    notes = [f">\n> {note}" for note in explained.notes]
    return "\n".join([f"> {explained.summary}", ">", *numbered, *notes])


def _cases(cases: Iterable[dict[str, Any]], language: str) -> str:
    words = read_notes()["words"][language]
    return ", ".join(f"`{case['name']}` ({words[case['expect']]})" for case in cases) + "."


def _block(text: str) -> str:
    return f"```sh\n{text}\n```"


def main() -> int:
    """Write the pages, or with `--check` tell whether they are as the registry and the notes say."""
    made = files()
    if "--check" in sys.argv:
        return int(any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in made.items()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
