"""Members of a document by dotted name: `sessionId`, `value.dataType`, `statuses.category`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ..environment import Environment
from .documents import json_line

__all__ = ["FieldCheck", "flatten", "member", "pick", "text_of"]

_MISSING: Final = object()


def member(document: Any, path: str) -> Any:
    """Return the member that `path` names, None where there is none; through a list, a list."""
    found = _find(document, path.split("."))
    return None if found is _MISSING else found


def _find(part: Any, names: Sequence[str]) -> Any:
    if not names:
        return part
    if isinstance(part, list):
        found = [_find(element, names) for element in part]
        return [None if one is _MISSING else one for one in found]
    if not isinstance(part, dict) or names[0] not in part:
        return _MISSING
    return _find(part[names[0]], names[1:])


def pick(document: Any, paths: Iterable[str]) -> Any:
    """Return the document reduced to the members that `paths` name, null where one is missing."""
    tree: dict[str, Any] = {}
    for path in paths:
        _plant(tree, path.split("."))
    return _prune(document, tree)


def _plant(tree: dict[str, Any], names: Sequence[str]) -> None:
    first, rest = names[0], names[1:]
    if not rest:
        tree[first] = None  # The whole member, whatever else is asked of it.
    elif tree.get(first, {}) is not None:
        _plant(tree.setdefault(first, {}), rest)


def _prune(part: Any, tree: dict[str, Any] | None) -> Any:
    if tree is None:
        return part
    if isinstance(part, list):
        return [_prune(element, tree) for element in part]
    if not isinstance(part, dict):
        return None
    return {name: _prune(part.get(name), below) for name, below in tree.items()}


def flatten(document: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of every member that is no object itself, sorted by name."""
    for name, value in sorted(document.items()):
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{before}{name}.")
        else:
            yield before + name, value


def text_of(value: Any) -> str:
    """Return a member as the text of a cell: text as it is, nothing as "", the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json_line(value)


def _is_empty(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(one is None for one in found)


class FieldCheck:
    """Notices names that no document had, so that a misspelt one is told."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._missing = set(paths)
        self._known: set[str] = set()

    def look(self, document: dict[str, Any]) -> None:
        """Look at one document."""
        if not self._missing:
            return
        self._known.update(document)
        for path in list(self._missing):
            found = _find(document, path.split("."))
            if found is not _MISSING and not _is_empty(found):
                self._missing.discard(path)

    def tell(self, environment: Environment) -> None:
        """Tell the user, unless every name was found or nothing came."""
        if self._missing and self._known:
            names = ", ".join(sorted(self._missing))
            environment.note(f"No result has {names}; there are {', '.join(sorted(self._known))}.")
