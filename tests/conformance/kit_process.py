"""The official kit as a process: its classpath from Maven Central, and one run of its tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "kit"
_CLASSPATH = FOLDER / "target" / "classpath"
_RUN_SECONDS = 900.0


def run(properties: Mapping[str, str], folder: Path, only: str | None = None) -> int:
    """Run the kit's tests and return the launcher's exit code: 0 when all its active tests passed.

    The kit's lines go straight to our standard output.

    Args:
        properties: the kit's settings.
        folder: where the properties file is written.
        only: a Java pattern; tests whose names do not contain it are left out, and the run then counts as failed.

    Raises:
        subprocess.CalledProcessError: Maven could not fetch the kit.
        subprocess.TimeoutExpired: the kit did not end.
    """
    file = folder / "tck.properties"
    file.write_text(settings.text(dict(properties)), encoding="utf-8")
    # The kit logs nothing of its own; without this SLF4J says so in three lines.
    command = ["java", "-Dslf4j.internal.verbosity=ERROR", "-cp", _classpath(), str(FOLDER / "RunTck.java"), str(file)]
    return subprocess.run([*command, *([only] if only else [])], check=False, timeout=_RUN_SECONDS).returncode


def _classpath() -> str:
    if not _usable():
        _CLASSPATH.parent.mkdir(exist_ok=True)
        goal = ["dependency:build-classpath", "-DincludeScope=runtime", f"-Dmdep.outputFile={_CLASSPATH}"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(FOLDER / "pom.xml"), *goal], check=True)
    return _CLASSPATH.read_text(encoding="utf-8").strip()


def _usable() -> bool:
    """Tell whether an earlier run's classpath is still right: not older than the POM, and every file there."""
    if not _CLASSPATH.exists() or _CLASSPATH.stat().st_mtime < (FOLDER / "pom.xml").stat().st_mtime:
        return False
    return all(Path(jar).exists() for jar in _CLASSPATH.read_text(encoding="utf-8").strip().split(os.pathsep))
