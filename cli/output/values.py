"""Values, types and times of the plant as text for a table cell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from .text import shortened

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxValue

__all__ = ["MOST_ON_SCREEN", "time_text", "type_text", "value_text"]


MOST_ON_SCREEN: Final = 200
"""Elements of an array that a table on a terminal shows; the rest is counted."""

_CHARACTERS: Final = 10  # for which one element counts, in a text


def value_text(value: MxValue | None, *, most: int = 0) -> str:
    """Return what a value holds; text stands as it is, arrays in brackets, no value as `-`.

    Args:
        most: Elements after which the rest is only counted; of a text, ten times as many
            characters. 0 for all.
    """
    from mxgateway.errors import MalformedReplyError
    from mxgateway.values import ABSENT, from_mx_value

    try:
        content = from_mx_value(value)
    except MalformedReplyError as error:
        return f"({error.message})"
    if content is ABSENT:
        return "-"
    if isinstance(content, str):
        return shortened(content, most * _CHARACTERS) if most else content
    # A 32-bit float has fewer digits than its 64-bit image: 0.1, not 0.10000000149011612.
    narrow = value is not None and (
        value.float_value is not None
        or (value.array_value is not None and value.array_value.float_values is not None)
    )
    if most and isinstance(content, list) and len(content) > most:
        begin = _text(content[:most], narrow=narrow).removesuffix("]")
        return f"{begin}, ... {len(content) - most} more]"
    return _text(content, narrow=narrow)


def _text(content: Any, *, narrow: bool) -> str:
    from mxgateway.values import RawValue

    match content:
        case None:
            return "null"
        case bool():
            return "true" if content else "false"
        case float():
            return _short(content) if narrow else repr(content)
        case str():
            return json.dumps(content, ensure_ascii=False)
        case timedelta():
            return f"{content.total_seconds()!r} s"
        case list():
            return "[" + ", ".join(_text(element, narrow=narrow) for element in content) + "]"
        case RawValue():
            note = f" ({content.diagnostic})" if content.diagnostic else ""
            return f"0x{content.data.hex()}{note}"
        case _:
            return str(content)


def _short(number: float) -> str:
    """Return the shortest text that reads back as the same 32-bit float."""
    import struct

    packed = struct.pack("<f", number)
    for digits in range(1, 9):
        text = f"{number:.{digits}g}"
        if struct.pack("<f", float(text)) == packed:
            return repr(float(text))
    return repr(float(f"{number:.9g}"))


def type_text(value: MxValue | None) -> str:
    """Return the MXAccess name of the type, with `[]` for an array; `-` for no value."""
    if value is None:
        return "-"
    from mxgateway.values import data_type_name

    array = value.array_value
    if array is None:
        return data_type_name(value.data_type)
    kind = array.element_data_type or value.data_type
    return data_type_name(kind) + "[]"


def time_text(moment: datetime | None, *, date: bool = True) -> str:
    """Return a time in UTC with 7 digits, the gateway's precision; `-` where there is none.

    Args:
        date: False for the time of day only, without the letter of the zone.
    """
    if moment is None:
        return "-"
    from mxgateway.timestamp import Timestamp

    if not isinstance(moment, Timestamp):
        moment = Timestamp.from_datetime(moment)
    text = str(moment.astimezone(UTC))
    return text if date else text.partition("T")[2].removesuffix("Z")
