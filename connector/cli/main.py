"""The program: reads what was typed, runs one command, turns every error into a sentence and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector import texts
from connector.cli import output, parser
from connector.cli.commands import DONE, MISUSED, REFUSED, MisusedError
from connector.cli.output import Output
from connector.errors import ConfigError, ConnectorError

Ready = Callable[[Any], None]
Serve = Callable[[Path, Mapping[str, str], Ready], Coroutine[Any, Any, None]]
_INTERRUPTED = 130
"""What a shell expects of a program that was stopped with Ctrl-C: 128 and the signal's number."""


def main(
    serve: Callable[[], Serve], arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> int:
    """Run a command line and return its exit code: 0 done, 1 refused or failed, 2 wrong use.

    Args:
        serve: gives what runs an installation; called by `connector serve` only, for it is slow to import.
        arguments: what was typed after the program's name; those of this process unless given.
        environ: the environment; that of this process unless given.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    around = os.environ if environ is None else environ
    logging.lastResort = None  # a library's warning is not part of a command's answer; `serve` sets logging up itself
    output.prepare()
    said = Output(_language(typed, around), "--json" in typed)
    try:
        code = _run(typed, around, said, serve)
        said.flush()
    except BrokenPipeError:
        output.abandon()
        return REFUSED
    except KeyboardInterrupt:
        said.end_progress()
        return _INTERRUPTED
    return code


def _run(typed: Sequence[str], environ: Mapping[str, str], said: Output, serve: Callable[[], Serve]) -> int:
    try:
        arguments = parser.build(said.language).read(typed)
        return _command(arguments, environ, said, serve)
    except parser.Told as told:
        said.text(str(told))
        return DONE
    except (MisusedError, ConfigError) as error:
        said.error(error)
        return MISUSED
    except ConnectorError as error:
        said.error(error)
        return REFUSED
    except BrokenPipeError:
        raise
    except OSError as error:
        said.error(ConnectorError("cli_file", field=_named(error), reason=error.strerror or str(error)))
        return REFUSED


def _named(error: OSError) -> str | None:
    return None if error.filename is None else str(error.filename)


def _command(arguments: Namespace, environ: Mapping[str, str], said: Output, serve: Callable[[], Serve]) -> int:
    # Imported late: a session reads settings, which help has no need of.
    from connector.cli.session import Session  # noqa: PLC0415

    return int(arguments.run(Session(arguments, environ, said, serve)))


def _language(typed: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the language to speak until the home's settings are read: `--lang`, then the environment, then Swedish."""
    wanted = parser.given_language(typed) or environ.get("CONNECTOR_LANGUAGE")
    names = [environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    first = wanted or next((name for name in names if name), "")
    return first[:2].lower() if first[:2].lower() in texts.LANGUAGES else "sv"
