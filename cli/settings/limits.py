"""Limits of what a gateway may send: `NAME=NUMBER`, several with blanks or commas between."""

from __future__ import annotations

from typing import Final

import rich_click as click

from ..numbers import is_whole

__all__ = ["LIMITS", "LimitsText", "numbers_of"]

LIMITS: Final = (
    "max_receive_bytes",
    "max_message_elements",
    "max_expansion",
    "max_objects",
    "max_walk_bytes",
    "max_depth",
    "max_alarms",
)
"""The fields of ClientOptions that can be set so."""

_SHOWN: Final = 60  # characters of a wrong word that a message shows


class LimitsText(click.ParamType[str]):
    """Limits as text in the form of variables and profiles, each of them once."""

    name = "limits"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            limits = numbers_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return " ".join(f"{name}={number}" for name, number in limits.items())


def numbers_of(text: str) -> dict[str, int]:
    """Return the limits that a text gives, by name; the last one of a name counts.

    Raises:
        ValueError: It has another form, or a name that is no limit.
    """
    limits: dict[str, int] = {}
    for word in text.replace(",", " ").split():
        name, equals, number = word.partition("=")
        name = name.replace("-", "_")
        if not equals or not is_whole(number):
            raise ValueError(f"{word[:_SHOWN]!r}: give NAME=NUMBER, such as max_depth=200")
        if name not in LIMITS:
            raise ValueError(f"{name[:_SHOWN]!r} is no limit; known are {', '.join(LIMITS)}")
        limits[name] = int(number)
    return limits
