"""Turns generated source text into a function."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

__all__ = ["compile_function"]


def compile_function(
    name: str, title: str, lines: list[str], namespace: dict[str, Any]
) -> Callable[..., Any]:
    """Return the function `name` that `lines` define.

    Args:
        name: Name of the function.
        title: What tracebacks and debuggers show as the file.
        lines: The source, which holds nothing that came from outside this package.
        namespace: The globals of the function.
    """
    text = "\n".join(lines) + "\n"
    # Tracebacks and debuggers find the text here.
    linecache.cache[title] = (len(text), None, text.splitlines(keepends=True), title)
    # Text of our own alone: names of our message classes and fields, nothing that was received.
    exec(compile(text, title, "exec"), namespace)  # noqa: S102 # nosec B102
    function: Callable[..., Any] = namespace[name]
    return function
