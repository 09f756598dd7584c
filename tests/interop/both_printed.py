"""The same messages as JSON values: ours by our codec, Google's by Google's printer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import MessageToDict

from mxgateway.codec import to_jsonable

__all__ = ["ours", "theirs"]


def ours(messages: Iterable[Any]) -> list[Any]:
    """Return our messages as JSON values."""
    return [to_jsonable(message) for message in messages]


def theirs(messages: Iterable[Any]) -> list[Any]:
    """Return Google's messages as JSON values."""
    return [
        MessageToDict(message, always_print_fields_with_no_presence=True) for message in messages
    ]
