"""What an event counts for in a queue that is bounded in bytes.

That is its bytes on the wire, as a rule. But an empty sub-message takes two of them and some
200 bytes of memory, so that a few kilobytes could hold the memory of megabytes.
"""

from __future__ import annotations

from typing import Final

from mxgateway.generated.mxaccess_gateway.v1 import MxArray, MxEvent, MxValue

__all__ = ["held_bytes"]

_USUAL: Final = 16  # sub-messages that an event of a plant may have without counting for more
_EACH: Final = 200


def held_bytes(event: MxEvent, size: int) -> int:
    """Return what an event of so many bytes counts for.

    Counted are statuses, times in arrays, and elements of sparse arrays: what is repeated and
    no plain number or text.
    """
    parts = len(event.statuses)
    if event.value is not None:
        parts += _in_value(event.value)
    buffered = event.on_buffered_data_change
    if buffered is not None:
        parts += _in_array(buffered.quality_values) + _in_array(buffered.timestamp_values)
    return size if parts <= _USUAL else size + parts * _EACH


def _in_value(value: MxValue) -> int:
    # Sparse arrays can stand inside each other, as deep as the decoder allows.
    parts = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        parts += _in_array(one.array_value)
        if one.sparse_array_value is not None:
            elements = one.sparse_array_value.elements
            parts += 2 * len(elements)
            waiting += [element.value for element in elements if element.value is not None]
    return parts


def _in_array(array: MxArray | None) -> int:
    if array is None or array.timestamp_values is None:
        return 0
    return len(array.timestamp_values.values)
