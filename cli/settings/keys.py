"""Where an API key comes from: itself, a variable, a file, or the person at the keyboard."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import rich_click as click

from mxgateway.redact import Secret

from ..text_files import decoded, read_named
from .places import named_path

__all__ = ["is_literal", "key_file", "mask", "read_key"]

_MASKED = "***"
_MOST_BYTES: Final = 65_536


def is_literal(reference: str) -> bool:
    """Whether the text is a key itself and not a word for where it is."""
    return reference != "prompt" and not reference.startswith(("env:", "file:"))


def mask(reference: str) -> str:
    """Return the text as it may be shown: a key hidden, a place as it is."""
    return _MASKED if is_literal(reference) else reference


def read_key(
    reference: str, variables: Mapping[str, str], *, origin: str, option: str
) -> tuple[Secret, str]:
    """Return the key and, in words for messages, where it came from.

    Args:
        reference: The key, `env:NAME`, `file:PATH` or `prompt`.
        variables: The environment variables.
        origin: Where the reference stands, such as `--api-key`.
        option: What to name in the message where there is no key.

    Raises:
        UsageError: There is no key at that place.
    """
    kind, _, rest = reference.partition(":")
    if reference == "prompt":
        return Secret(_ask(option)), "API key typed in"
    if kind == "env" and reference != kind:
        key = variables.get(rest, "").strip()
        if not key:
            raise click.UsageError(
                f"{option}: the environment variable {rest} is not set or empty; "
                "give the name of the variable that holds the key"
            )
        return Secret(key), f"API key from environment variable {rest}"
    if kind == "file" and reference != kind:
        return Secret(_from_file(rest, option)), f"API key from file {rest}"
    return Secret(reference), f"API key from {origin}"


def key_file(reference: str) -> Path | None:
    """Return the file that a reference names, or None."""
    kind, _, path = reference.partition(":")
    return named_path(path) if kind == "file" and path else None


def _from_file(path: str, option: str) -> str:
    try:
        key = decoded(read_named(path, _MOST_BYTES)).strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it {error}"
        raise click.UsageError(f"{option}: the file {path!r} cannot be read: {reason}") from error
    if not key or len(key.split()) != 1:
        raise click.UsageError(
            f"{option}: the file {path!r} must hold the API key and nothing else"
        )
    return key


def _ask(option: str) -> str:
    if sys.stdin is None or not os.isatty(sys.stdin.fileno()):
        raise click.UsageError(
            f"{option}: prompt needs a terminal to ask at; use env:NAME or file:PATH"
        )
    key: str = click.prompt("API key", hide_input=True, err=True)
    return key.strip()
