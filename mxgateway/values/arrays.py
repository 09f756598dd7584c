"""Nested Python sequences to MxArray and back, dimensions kept, in row-major order."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeGuard

from mxgateway.errors import MalformedReplyError
from mxgateway.generated.mxaccess_gateway.v1 import MxArray, MxDataType, MxValue
from mxgateway.timestamp import Timestamp
from mxgateway.values.scalars import RawValue, from_seconds, from_ticks

__all__ = ["flatten", "from_array", "is_sequence", "nest"]

Index = tuple[int, ...]
Refuse = Callable[[Index, str], NoReturn]

# Deeper than any SAFEARRAY (60 dimensions) and far from the interpreter's own limit.
_MAX_RANK = 60


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether `value` counts as an array; text and bytes are scalars."""
    return isinstance(value, Sequence) and not isinstance(
        value, str | bytes | bytearray | memoryview
    )


def flatten(
    value: Sequence[object], refuse: Refuse
) -> tuple[list[int], list[tuple[Index, object]]]:
    """Return the lengths per dimension, and every leaf with its index, in row-major order.

    `refuse` is called with the index of the first sub-sequence that has another
    length or depth than its neighbours; an MxArray is always rectangular.
    """
    dimensions = list(_shape(value, refuse))
    return dimensions, list(_leaves(value, dimensions, (), refuse))


def _shape(value: object, refuse: Refuse) -> Iterator[int]:
    rank = 0
    while is_sequence(value):
        rank += 1
        if rank > _MAX_RANK:
            refuse((), f"more than {_MAX_RANK} dimensions")
        yield len(value)
        if not len(value):
            return
        value = value[0]


def _leaves(
    value: object, dimensions: list[int], index: Index, refuse: Refuse
) -> Iterator[tuple[Index, object]]:
    depth = len(index)
    if depth == len(dimensions):
        if is_sequence(value):
            refuse(index, "a sequence where its neighbours are single values")
        yield index, value
        return
    if not is_sequence(value):
        refuse(index, "a single value where its neighbours are sequences")
    if len(value) != dimensions[depth]:
        refuse(index, f"{len(value)} elements where its neighbours have {dimensions[depth]}")
    for i, element in enumerate(value):
        yield from _leaves(element, dimensions, (*index, i), refuse)


def nest(values: Sequence[Any], dimensions: Sequence[int]) -> list[Any]:
    """Return flat row-major `values` as lists nested by `dimensions`; none given means one.

    Raises:
        MalformedReplyError: The dimensions do not multiply to the number of values.
    """
    if not dimensions:
        return list(values)
    if math.prod(dimensions) != len(values) or len(dimensions) > _MAX_RANK:
        shape = " x ".join(str(d) for d in dimensions[:_MAX_RANK])
        raise MalformedReplyError(f"an array of {len(values)} values says that it is {shape}")
    # From the innermost dimension outwards; sizes are at most those of `values`
    # except for empty rows, which a hostile message could ask for without end.
    if not values:
        return _empty(dimensions)
    rows = list(values)
    for length in reversed(dimensions[1:]):
        rows = [rows[i : i + length] for i in range(0, len(rows), length)]
    return rows


def _empty(dimensions: Sequence[int]) -> list[Any]:
    outer: list[int] = []
    for length in dimensions:
        outer.append(length)
        if not length:
            break
    if math.prod(outer[:-1]) > _MAX_EMPTY_ROWS:
        raise MalformedReplyError(
            f"an array without values says that it has {math.prod(outer[:-1])} empty rows"
        )
    rows: list[Any] = []
    for length in reversed(outer[:-1]):
        inner = rows
        rows = [_copy(inner) for _ in range(length)]
    return rows


def _copy(rows: list[Any]) -> list[Any]:
    return [_copy(row) for row in rows]


_MAX_EMPTY_ROWS = 1 << 16


def from_array(array: MxArray, around: MxValue) -> list[Any] | None:
    """Return the values of `array` as nested lists, or None where it carries none at all.

    What the array itself does not say about its elements (type, VARIANT, diagnostic)
    is taken from `around`, the value that holds it.

    Raises:
        MalformedReplyError: Its dimensions contradict the number of its values.
    """
    flat = _flat_values(array, around)
    return None if flat is None else nest(flat, array.dimensions)


def _flat_values(array: MxArray, around: MxValue) -> list[Any] | None:
    for arm in (
        array.double_values,
        array.float_values,
        array.int32_values,
        array.bool_values,
        array.string_values,
        array.int64_values,
    ):
        if arm is not None:
            if (array.element_data_type or around.data_type) == MxDataType.ELAPSED_TIME:
                return [_elapsed(array, value) for value in arm.values]
            return list(arm.values)
    if array.timestamp_values is not None:
        return [as_timestamp(value) for value in array.timestamp_values.values]
    if array.raw_values is not None:
        return [
            RawValue(
                data,
                array.raw_diagnostic or around.raw_diagnostic,
                array.raw_element_data_type or around.raw_data_type,
                array.element_data_type or around.data_type,
                array.variant_type or around.variant_type,
            )
            for data in array.raw_values.values
        ]
    return None


def _elapsed(array: MxArray, value: Any) -> Any:
    if isinstance(value, float):
        return from_seconds(value)
    # Of the other forms only the 64-bit integer has a known unit.
    return value if array.int64_values is None else from_ticks(value)


def as_timestamp(value: dt.datetime) -> Timestamp:
    """Return a decoded time as a Timestamp; one that already is stays the same object."""
    return value if isinstance(value, Timestamp) else Timestamp.from_datetime(value)
