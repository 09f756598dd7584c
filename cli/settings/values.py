"""A setting's value and the place that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

__all__ = ["Layer", "Value"]


class Layer(IntEnum):
    """Where a value stands; the lower number wins."""

    OPTION = 0
    BATCH = 1  # Options of the `batch` command, for the lines that do not say otherwise.
    ENVIRONMENT = 2
    PROFILE = 3
    DEFAULT = 4


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from.

    Attributes:
        content: The value; None where nothing was set and there is no default.
        layer: The place in the order.
        source: The place in words, such as `variable MXGATEWAY_ENDPOINT`.
        beats: The profile that says something else, or "".
        barred: Why no command may go on with it, or "".
        withheld: Why the value that is there is not taken, or "".
        warning: What is wrong with the file that it came from, or "".
    """

    content: Any
    layer: Layer
    source: str
    beats: str = ""
    barred: str = ""
    withheld: str = ""
    warning: str = ""

    @property
    def given(self) -> bool:
        """Whether somebody set it."""
        return self.layer is not Layer.DEFAULT
