"""What the data plane can make true for a dataset, and a trial of it before anything is published. Reads local files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from connector.dataplane import media, opening, paths
from connector.dataplane.shape.declared import declaration
from connector.dataplane.shape.recipe import Recipe
from connector.dataplane.shape.source import MEDIA_TYPES, PIECE_BYTES, shaper
from connector.errors import Denied
from connector.policy.operands import FIELD, TRANSFORMED

TRIAL_BYTES: Final = 4 * 1024 * 1024
MOST_FILES: Final = 10_000


def offered(spec: Mapping[str, Any]) -> frozenset[str]:
    """Return the left operands that can be made true for a source, by its spec: what its media type is shows when it is read."""
    return TRANSFORMED if declaration(spec).time else frozenset({FIELD})


def trial(spec: Mapping[str, Any], recipe: Recipe) -> None:
    """Try a recipe on what a source holds now: the beginning of a file, the names in a directory. Blocks.

    An API is not asked: whether what it answers can be shaped shows when it answers.

    Raises:
        Denied: `shape_media_type`. Unshapable: the file is not as it was declared.
        Unreachable, Unknown: the file cannot be read.
    """
    if spec["kind"] == "file":
        _try(Path(spec["path"]), recipe)
    elif spec["kind"] == "directory":
        for name in _names(Path(spec["path"])):
            if media.of(name) not in MEDIA_TYPES:
                raise Denied("shape_media_type", media_type=media.of(name))


def _try(path: Path, recipe: Recipe) -> None:
    shaping = shaper(recipe, media.of(path.name))
    with opening.directory(path.parent) as parent, opening.regular_file(path.name, parent) as file:
        offset = 0
        while offset < TRIAL_BYTES and (piece := os.pread(file.fileno(), PIECE_BYTES, offset)):
            offset += len(piece)
            shaping.feed(piece)
        if offset < TRIAL_BYTES:
            shaping.end()


def _names(root: Path) -> Iterator[str]:
    """Give the names of the files that a directory source serves, some at most."""
    count = 0
    for _, folders, names in os.walk(root):
        folders[:] = [name for name in folders if paths.plain_name(name)]
        for name in filter(paths.plain_name, names):
            yield name
            count += 1
            if count >= MOST_FILES:
                return
