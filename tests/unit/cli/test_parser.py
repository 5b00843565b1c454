import resource
import statistics
import subprocess
import sys

import pytest

from connector import __version__, texts
from connector.cli.commands import AS, COMMANDS, HOME, JSON, LANG, TOKEN_FILE
from connector.cli.parser import build, given_language, misuse, verbs
from tests.unit.cli.running import PROGRAM, run
from tools import cli_reference

HELP_SECONDS = 0.25
ALL = [(name, verb) for name in COMMANDS for verb in verbs(name)]


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_help_shows_every_command_with_its_line(language: str) -> None:
    done = run("--lang", language, "--help")
    assert done.code == 0
    for name in COMMANDS:
        line = texts.say(f"cli_help_{name}", language)
        assert any(shown.split()[:1] == [name] and shown.endswith(line) for shown in done.out.splitlines()), name


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(("name", "verb"), ALL, ids=lambda value: getattr(value, "name", value))
def test_every_verb_and_argument_is_explained(name: str, verb: object, language: str) -> None:
    typed = [name, verb.name] if verb.name else [name]  # type: ignore[attr-defined]
    done = run(*typed, "--help", "--lang", language)
    assert done.code == 0
    for argument in verb.arguments:  # type: ignore[attr-defined]
        assert "text" in texts.catalogue(language).get(f"cli_argument_{argument.text}", {}), argument.text
        assert (argument.metavar or argument.flags[0]) in done.out
    assert "cli_" not in done.out


def test_common_options_are_explained() -> None:
    for argument in (HOME, AS, JSON, LANG, TOKEN_FILE):
        assert f"cli_argument_{argument.text}" in texts.catalogue("sv")


def test_the_reference_page_is_as_the_parser_says() -> None:
    text = cli_reference.PAGE.read_text(encoding="utf-8")
    assert cli_reference.page(text) == text, "run: python -m tools.cli_reference"


@pytest.mark.slow
def test_help_answers_within_a_quarter_of_a_second() -> None:
    """Processor time, which on a machine with nothing else to do is the time one waits."""

    def measured() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PROGRAM, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert statistics.median(measured() for _ in range(5)) < HELP_SECONDS


def test_help_imports_no_server_library() -> None:
    program = (
        "import sys; from connector.cli.main import main; main(None, ['contracts', '--help'], {});"
        "print([m for m in ('aiohttp', 'sqlalchemy', 'pydantic', 'cryptography', 'asyncio', 'ssl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told() -> None:
    assert run("--version").out == f"connector {__version__}\n"


def test_options_are_understood_before_and_after_the_command() -> None:
    parser = build("en")
    before = parser.read(["--home", "h", "--as", "did:web:a", "--json", "contracts", "show", "x"])
    after = parser.read(["contracts", "show", "x", "--home", "h", "--as", "did:web:a", "--json"])
    for found in (before, after):
        assert (found.home, found.member, found.as_json, found.contract) == ("h", "did:web:a", True, "x")


def test_fingerprints_may_begin_with_a_dash() -> None:
    dashed, plain = "-" + "a" * 42, "b" * 43
    found = build("en").read(["peers", "add", "did:web:a", "--fingerprint", dashed, plain, "--json"])
    assert found.fingerprint == [dashed, plain]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ((), "cli_missing"),
        (("contracts",), "cli_missing"),
        (("contracts", "show"), "cli_missing"),
        (("contracts", "shwo", "x"), "cli_command_near"),
        (("qqq",), "cli_command"),
        (("init", "h", "--did", "did:web:a"), "cli_missing"),
        (("init", "h", "--did", "did:web:a", "--name", "A", "--public-port", "0"), "cli_value"),
        (("init", "h", "--did", "did:web:a", "--name", "A", "--public-port", "70000"), "cli_value"),
        (("init", "h", "--did", "did:web:a", "--name", "A", "--public-port", "x"), "cli_value"),
        (("init", "h", "--did", "nodid", "--name", "A"), "did_invalid"),
        (
            ("init", "h", "--did", "did:web:a", "--name", "A", "--public-port", "9", "--admin-port", "9"),
            "cli_ports_equal",
        ),
        (("operators", "add", "x", "--scope", "approv"), "cli_choice_near"),
        (("operators", "add", "x", "--scope", "q"), "cli_choice"),
        (("contracts", "list", "--limit", "0"), "cli_value"),
        (("contracts", "list", "--limit"), "cli_value_missing"),
        (("contracts", "request", "a", "b", "--timeout", "-1"), "cli_value"),
        (("contracts", "request", "a", "b", "--wit"), "cli_unrecognized"),
        (("contracts", "list", "--wait"), "cli_unrecognized"),
        (("contracts", "list", "--json=yes"), "cli_misused"),
        (("--lang", "no", "doctor"), "cli_choice"),
        (("doctor",), "cli_home_unnamed"),
        (("--home", "/no/such/home", "doctor"), "cli_home_missing"),
        (("serve", "--home", "/no/such/home"), "cli_home_missing"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_do(typed: tuple[str, ...], code: str) -> None:
    done = run("--json", *typed)
    assert (done.code, done.problem["code"], done.raw) == (2, code, b"")
    assert done.problem["next"]
    assert "{" not in done.problem["detail"] + done.problem["next"]
    spoken = run(*typed)
    assert spoken.err.startswith(f"Fel ({code}): ")
    assert "Gör så här: " in spoken.err


def test_the_nearest_command_is_named() -> None:
    assert "Did you mean contracts?" in run("--lang", "en", "contarcts").err


def test_a_complaint_that_is_not_known_is_passed_on() -> None:
    assert misuse("something else", "connector").values["why"] == "something else"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "sv"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "C.UTF-8"}, "sv"),
        ({"LANG": "sv_SE.UTF-8", "CONNECTOR_LANGUAGE": "en"}, "en"),
    ],
)
def test_help_speaks_the_language_of_the_environment(environ: dict[str, str], language: str) -> None:
    assert texts.say("cli_about", language)[:40] in run("--help", environ=environ).out


def test_lang_is_found_in_either_spelling() -> None:
    assert given_language(["--lang", "en"]) == given_language(["x", "--lang=en"]) == "en"
    assert given_language(["--lang"]) is None
