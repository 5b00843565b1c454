"""The parser of the command line, in Swedish or English. A command's own arguments are read when its name is typed.

`argparse` tells what is wrong in English sentences only, so `misuse` recognises them and gives each case a code.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from connector import __version__, texts
from connector.cli.commands import AS, COMMANDS, HOME, JSON, LANG, TOKEN_FILE, Argument, MisusedError, Verb, common

PROGRAM = "connector"
_DASHED = re.compile(r"-[A-Za-z0-9_-]{42}")
"""A fingerprint that begins like an option; a space before it makes it a value."""
_CASES = (
    (re.compile(r"the following arguments are required: (?P<names>.+)"), "cli_missing"),
    (re.compile(r"argument (?P<name>[^:]+): expected (?:one|at least one) argument"), "cli_value_missing"),
    (re.compile(r"argument (?P<name>[^:]+): invalid choice: '?(?P<value>.*?)'? \(choose from (?P<known>.*)\)"), "cli_choice"),
    (re.compile(r"argument (?P<name>[^:]+): invalid (?:.*) value: '(?P<value>.*)'"), "cli_value"),
    (re.compile(r"unrecognized arguments: (?P<names>.+)"), "cli_unrecognized"),
)  # fmt: skip


class Told(Exception):
    """What the user asked to be told instead of a command being run."""


class _Tell(argparse.Action):
    """`--help` and `--version`: raise what there is to tell, for only `output.py` prints."""

    def __call__(self, parser: argparse.ArgumentParser, *_ignored: Any) -> NoReturn:
        raise Told(self.const or parser.format_help())


class Parser(argparse.ArgumentParser):
    """A parser that speaks our languages and learns its arguments when it is first used."""

    def __init__(self, language: str, *, fill: Callable[[Parser], None] | None = None, **settings: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, formatter_class=_formatter(language), **settings)
        self.language = language
        self.fill = fill
        self.ours = self.add_argument_group(texts.say("cli_title_arguments", language))

    def read(self, typed: Sequence[str]) -> argparse.Namespace:
        """Return what was typed. Raises MisusedError, Told."""
        return self.parse_args([f" {item}" if _DASHED.fullmatch(item) else item for item in typed])

    def share(self, arguments: Iterable[Argument]) -> Any:
        """Add, last, what is common to all commands, and return its group."""
        group = self.add_argument_group(texts.say("cli_title_common", self.language))
        group.add_argument("-h", "--help", action=_Tell, nargs=0, help=texts.say("cli_argument_help", self.language))
        for argument in arguments:
            _add(group, argument, self.language)
        return group

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `argparse`, after learning the arguments."""
        self.learn()
        return super().parse_known_args(args, namespace)

    def learn(self) -> None:
        """Learn the arguments, once."""
        if self.fill is not None:
            fill, self.fill = self.fill, None
            fill(self)

    def error(self, message: str) -> NoReturn:
        """Raise MisusedError for a complaint of `argparse`."""
        raise misuse(message, self.prog)


def misuse(message: str, command: str) -> MisusedError:
    """Return the error that a complaint of `argparse` stands for."""
    for pattern, code in _CASES:
        if found := pattern.fullmatch(message):
            values = found.groupdict()
            if code == "cli_choice":
                return _choice(command, **values)
            return MisusedError(code, command=command, **values)
    return MisusedError("cli_misused", command=command, why=message)


def build(language: str) -> Parser:
    """Return the parser of the whole command line."""
    about, exits = texts.say("cli_about", language), texts.say("cli_exit_codes", language)
    usage = f"{PROGRAM} [--home HOME] [--as DID] [--json] [--lang sv|en] COMMAND ..."
    parser = Parser(language, prog=PROGRAM, description=about, epilog=exits, usage=usage)
    commands = _subcommands(parser, "command", "COMMAND")
    for name in COMMANDS:
        line = texts.say(f"cli_help_{name}", language)
        commands.add_parser(name, help=line, description=line, language=language, fill=_filler(name))
    shared = parser.share((HOME, AS, JSON, LANG, TOKEN_FILE))
    told = texts.say("cli_argument_version", language)
    shared.add_argument("--version", action=_Tell, nargs=0, const=f"{PROGRAM} {__version__}", help=told)
    return parser


def verbs(name: str) -> tuple[Verb, ...]:
    """Return what can be done with a noun, by importing its module."""
    found: tuple[Verb, ...] = importlib.import_module(f"connector.cli.{name}").VERBS
    return found


def _filler(name: str) -> Callable[[Parser], None]:
    def fill(parser: Parser) -> None:
        known = verbs(name)
        if not known[0].name:
            _describe(parser, known[0])
            return
        parser.usage = f"{parser.prog} VERB ..."
        commands = _subcommands(parser, "verb", "VERB")
        for verb in known:
            line = texts.say(f"cli_help_{name}_{verb.name}", parser.language)
            _describe(commands.add_parser(verb.name, help=line, description=line, language=parser.language), verb)
        parser.share(())

    return fill


def _subcommands(parser: Parser, dest: str, metavar: str) -> Any:
    title = texts.say(f"cli_title_{dest}", parser.language)
    return parser.add_subparsers(
        title=title, dest=dest, metavar=metavar, required=True, parser_class=Parser, prog=parser.prog
    )


def _describe(parser: Parser, verb: Verb) -> None:
    for argument in verb.arguments:
        _add(parser.ours, argument, parser.language)
    own = {argument.flags for argument in verb.arguments}
    parser.share(argument for argument in common(verb) if argument.flags not in own)
    parser.usage = " ".join([parser.prog, *(argument.usage for argument in verb.arguments)])
    parser.set_defaults(run=verb.run)


def _add(group: Any, argument: Argument, language: str) -> None:
    """Add an argument; one that is not typed is left out of the result, so that a command's does not hide the program's."""
    settings = {
        "default": argparse.SUPPRESS,
        "help": texts.say(f"cli_argument_{argument.text}", language).replace("%", "%%"),
    }
    if argument.metavar and argument.settings.get("action", "append") == "append":
        settings["metavar"] = argument.metavar
    elif "choices" in argument.settings:
        settings["metavar"] = "|".join(argument.settings["choices"])
    group.add_argument(*argument.flags, **settings, **argument.settings)


def _choice(command: str, name: str, value: str, known: str) -> MisusedError:
    names = re.findall(r"[^\s,']+", known)
    whole = name in ("COMMAND", "VERB")
    near = difflib.get_close_matches(value, names, n=1)
    if near:
        code = "cli_command_near" if whole else "cli_choice_near"
        return MisusedError(code, command=command, name=name, value=value, near=near[0])
    code = "cli_command" if whole else "cli_choice"
    return MisusedError(code, command=command, name=name, value=value, known=", ".join(names))


def _formatter(language: str) -> type[argparse.HelpFormatter]:
    class Formatter(argparse.HelpFormatter):
        """Says "usage" in the language of the rest."""

        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=30, width=110)

        def add_usage(self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None) -> None:
            super().add_usage(usage, actions, groups, prefix or f"{texts.say('cli_title_usage', language)}: ")

    return Formatter


def given_language(arguments: Sequence[str]) -> str | None:
    """Return the language that `--lang` names, before anything else is understood."""
    for index, argument in enumerate(arguments):
        if argument == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
    return None
