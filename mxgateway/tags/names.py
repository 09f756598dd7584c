"""Tags as they are given: checked, and each once."""

from __future__ import annotations

from collections.abc import Iterable

from mxgateway.errors import ConfigurationError
from mxgateway.tags.items import key_of

__all__ = ["by_key", "check_tags"]


def by_key(tags: Iterable[str]) -> dict[str, str]:
    """Return the tags by key, each as it was spelled first."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(key_of(tag), tag)
    return found


def check_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags as a list; one tag alone is a list of one.

    Raises:
        ConfigurationError: One is empty or no text, or they are no list.
    """
    given: object = tags
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f'tags: give references such as "Pump_001.Speed", not {type(tags).__name__}'
        )
    listed = [tags] if isinstance(tags, str) else list(tags)
    for index, tag in enumerate(listed):
        if not isinstance(tag, str) or not tag.strip():
            raise ConfigurationError(
                f'tags[{index}]: give a reference such as "Pump_001.Speed", not {tag!r}'
            )
    return listed
