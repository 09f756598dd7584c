"""What parameters offer for completion: remembered tags, objects, profiles, files after `@`.

All values are plain text here; each shell's completer quotes them.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

import rich_click as click
from click.shell_completion import CompletionItem

from mxgateway.errors import ConfigurationError

from ..environment import Environment
from ..settings.layers import weigh_connection
from ..settings.places import profile_file
from ..settings.profiles import Profiles
from .remembered import is_reference, read_tags

__all__ = ["FOLDER", "files_like", "known_objects", "known_tags", "named_files", "profile_names"]

FOLDER: Final = "folder"
"""Type of an answer that goes on: no blank is put after it."""

_MOST_OFFERED: Final = 500
_MOST_ENTRIES: Final = 100_000


def known_tags(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return remembered tags that begin as the incomplete word does; galaxy names have no case."""
    return _offered(_remembered(context), incomplete)


def known_objects(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the objects of remembered tags, as `known_tags` does."""
    objects = dict.fromkeys(tag.partition(".")[0] for tag in _remembered(context))
    return _offered(objects, incomplete)


def profile_names(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the names of profiles that begin as the incomplete word does."""
    variables = _variables(context)
    path = profile_file(variables, _config(context, variables))
    try:
        profiles = Profiles.load(path)
    except (ConfigurationError, OSError, RuntimeError):
        return []  # The command itself will say what is wrong with the file.
    return [
        CompletionItem(name) for name in sorted(profiles.profiles) if name.startswith(incomplete)
    ]


def named_files(incomplete: str) -> list[CompletionItem]:
    """Return the files and folders that `@` and the beginning of a path can become."""
    return files_like(incomplete[1:], before=incomplete[:1])


def files_like(path: str, *, before: str = "") -> list[CompletionItem]:
    """Return the files and folders that the beginning of a path can become.

    Args:
        before: What is put before each of them.
    """
    folder, name = os.path.split(path)
    try:
        with os.scandir(Path(folder).expanduser()) as entries:
            fitting = (
                (entry.name, _is_folder(entry))
                for entry in islice(entries, _MOST_ENTRIES)
                if entry.name.startswith(name)
            )
            found = heapq.nsmallest(_MOST_OFFERED, fitting)
    except (OSError, RuntimeError, ValueError):  # no such folder, nobody's home, a NUL
        return []
    typed = before + path[: len(path) - len(name)]
    return [
        CompletionItem(f"{typed}{entry}{os.sep}", type=FOLDER)
        if is_folder
        else CompletionItem(f"{typed}{entry}")
        for entry, is_folder in found
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link that leads to itself
        return False


def _offered(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    wanted = incomplete.casefold()
    # What begins otherwise need not be checked, and the file can hold many.
    found = (name for name in names if name.casefold().startswith(wanted) and is_reference(name))
    return [CompletionItem(name) for name in islice(found, _MOST_OFFERED)]


def _remembered(context: click.Context) -> list[str]:
    variables = _variables(context)
    try:
        endpoint = weigh_connection(context.params, {}, variables)["endpoint"].content
        return read_tags(variables, endpoint)
    except (ConfigurationError, click.UsageError, OSError, RuntimeError):
        return []  # Completion is a help; what is wrong is told by the command.


def _variables(context: click.Context) -> Mapping[str, str]:
    environment = context.find_object(Environment)
    return os.environ if environment is None else environment.variables


def _config(context: click.Context, variables: Mapping[str, str]) -> str | None:
    return context.params.get("config") or variables.get("MXGATEWAY_CONFIG")
