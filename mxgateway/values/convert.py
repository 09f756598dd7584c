"""`to_mx_value` and `from_mx_value`: Python values to MxValue and back."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias, Union

from mxgateway.errors import EncodeError, MalformedReplyError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxArray,
    MxDataType,
    MxSparseArray,
    MxValue,
)
from mxgateway.timestamp import Timestamp
from mxgateway.values import types
from mxgateway.values.arrays import as_timestamp, flatten, from_array, is_sequence
from mxgateway.values.scalars import (
    RawValue,
    RefusedError,
    fits_int32,
    from_seconds,
    from_ticks,
)
from mxgateway.values.types import Arm, Declared

__all__ = ["ABSENT", "Absent", "DataType", "PythonValue", "from_mx_value", "to_mx_value"]


class Absent(Enum):
    """The type of `ABSENT`; an enumeration, so that type checkers narrow `is ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.ABSENT
"""No value was sent: neither a value nor null. Not the same as None, 0, False or ""."""

DataType: TypeAlias = MxDataType | int | str
PythonValue: TypeAlias = Union[  # noqa: UP007 - the alias refers to itself
    bool,
    int,
    float,
    str,
    Timestamp,
    dt.timedelta,
    RawValue,
    MxSparseArray,
    Absent,
    list["PythonValue"],
    None,
]


class _Place:
    """Where a value stands, for the message of a refusal."""

    __slots__ = ("_name", "_tag")

    def __init__(self, tag: str | None, declared: Declared | None) -> None:
        self._tag = tag
        self._name = "" if declared is None else declared.name

    def refuse(self, index: tuple[int, ...], reason: str) -> NoReturn:
        where = "value" + "".join(f"[{i}]" for i in index)
        raise EncodeError("MxValue", where, f"{self._tag}: {reason}" if self._tag else reason)

    def wrong_kind(self, index: tuple[int, ...], arms: tuple[Arm, ...], value: object) -> NoReturn:
        self.refuse(index, f"{self.expects(arms)}, given {_given(value)}")

    def expects(self, arms: tuple[Arm, ...]) -> str:
        expected = " or ".join(arm.expected for arm in arms)
        return f"{self._name} expects {expected}" if self._name else f"expected {expected}"


def to_mx_value(
    value: object, data_type: DataType | None = None, *, tag: str | None = None
) -> MxValue:
    """Return `value` as an MxValue, checked against the declared type before anything is sent.

    Without a declared type the Python type decides: bool, int (32 bits if it
    fits, else 64), float as double, str, datetime as time, timedelta as elapsed
    time, bytes as raw, a sequence as a typed array, None as null. An MxValue
    passes unchanged.

    Args:
        value: The Python value. Sequences may be nested; they must be rectangular
            and of one type. Elapsed time is a timedelta, or seconds as a number
            where the type is declared.
        data_type: An MxDataType, its number, or a name of `TYPE_NAMES` such as
            "int32" or "float[]". UNSPECIFIED, UNKNOWN and NO_DATA declare nothing.
        tag: The reference that the value is meant for; only for error messages.

    Raises:
        EncodeError: The value is out of range, of the wrong kind, would lose
            digits, is NaN or infinite, or is a datetime without a time zone. The
            message holds the tag, the expected and the given type.
    """
    declared = types.resolve(data_type)
    place = _Place(tag, declared)
    if declared is None:
        place.refuse(
            (), f"{data_type!r} is no type of a value; known are {', '.join(types.TYPE_NAMES)}"
        )
    if isinstance(value, MxValue):
        if data_type is not None:
            place.refuse((), "an MxValue has its own type; leave data_type out")
        return value
    if value is None:
        return MxValue(data_type=declared.data_type or MxDataType.UNSPECIFIED, is_null=True)
    if is_sequence(value):
        if declared.is_array is False:
            place.refuse((), f"{declared.name} expects a single value, given {_given(value)}")
        return _array(*flatten(value, place.refuse), declared, place)
    if declared.is_array:
        place.refuse((), f"{declared.name} expects a sequence, given {_given(value)}")
    return _scalar(value, declared, place)


def _scalar(value: object, declared: Declared, place: _Place) -> MxValue:
    inferred, arm = _choose([((), value)], declared, place)
    data_type = inferred if declared.data_type is None else declared.data_type
    message = MxValue(data_type=data_type, **{arm.field: _convert((), value, arm, place)})
    if isinstance(value, RawValue):
        message.raw_diagnostic = value.diagnostic
        message.raw_data_type = value.raw_data_type
        message.variant_type = value.variant_type
        if declared.data_type is None:
            message.data_type = value.data_type
    return message


def _array(
    dimensions: list[int],
    leaves: list[tuple[tuple[int, ...], object]],
    declared: Declared,
    place: _Place,
) -> MxValue:
    if not leaves and not declared.arms:
        place.refuse((), 'an empty array needs its type, for example data_type="int32[]"')
    inferred, arm = _choose(leaves, declared, place)
    data_type = inferred if declared.data_type is None else declared.data_type
    values = [_convert(index, leaf, arm, place) for index, leaf in leaves]
    array = MxArray(
        element_data_type=data_type,
        dimensions=dimensions,
        **{arm.array_field: arm.array_type(values=values)},
    )
    first = leaves[0][1] if leaves else None
    if isinstance(first, RawValue):
        # The wire has one set of metadata for the whole array.
        array.raw_diagnostic = first.diagnostic
        array.raw_element_data_type = first.raw_data_type
        array.variant_type = first.variant_type
        if declared.data_type is None:
            array.element_data_type = data_type = first.data_type
    return MxValue(data_type=data_type, array_value=array)


def _choose(
    leaves: list[tuple[tuple[int, ...], object]], declared: Declared, place: _Place
) -> tuple[MxDataType, Arm]:
    """Return the inferred type and the one arm that takes all leaves."""
    if not declared.arms:
        return _infer(leaves, place)
    if not leaves:
        return MxDataType.UNSPECIFIED, declared.arms[0]
    index, first = leaves[0]
    for arm in declared.arms:
        if arm.matches(first):
            break
    else:
        place.wrong_kind(index, declared.arms, first)
    return MxDataType.UNSPECIFIED, arm


_INFERRED: Final[tuple[tuple[MxDataType, Arm], ...]] = (
    (MxDataType.BOOLEAN, types.BOOL),
    (MxDataType.INTEGER, types.INT32),
    (MxDataType.DOUBLE, types.DOUBLE),
    (MxDataType.STRING, types.STRING),
    (MxDataType.TIME, types.TIME),
    (MxDataType.ELAPSED_TIME, types.ELAPSED),
    (MxDataType.UNSPECIFIED, types.RAW),
)


def _infer(leaves: list[tuple[tuple[int, ...], object]], place: _Place) -> tuple[MxDataType, Arm]:
    index, first = leaves[0]
    found = next((pair for pair in _INFERRED if pair[1].matches(first)), None)
    if found is None:
        place.refuse(
            index,
            f"a value of type {_given(first)} has no form on the wire; give bool, int, float, str, "
            "datetime, timedelta, bytes, None, or a sequence of one of them",
        )
    data_type, arm = found
    for other, leaf in leaves:
        # DOUBLE takes ints and ELAPSED numbers, which is for declared types only.
        if not arm.matches(leaf) or _kind(leaf) is not _kind(first):
            place.refuse(
                other,
                f"a sequence of {_given(first)} holds {_given(leaf)}; make all elements one type "
                "or give data_type",
            )
    if arm is types.INT32 and not all(
        isinstance(leaf, int) and fits_int32(leaf) for _, leaf in leaves
    ):
        arm = types.INT64
    return data_type, arm


_KINDS: Final = (bool, int, float, str, dt.datetime, dt.timedelta)


def _kind(value: object) -> type:
    return next((kind for kind in _KINDS if isinstance(value, kind)), bytes)


def _convert(index: tuple[int, ...], value: object, arm: Arm, place: _Place) -> Any:
    if not arm.matches(value):
        place.wrong_kind(index, (arm,), value)
    try:
        return arm.convert(value)
    except RefusedError as exc:
        place.refuse(index, f"{place.expects((arm,))}, given {_given(value)}: {exc}")


def _given(value: object) -> str:
    """The type of a value in words; the value itself may be a secret and is not shown."""
    if isinstance(value, dt.datetime) and value.utcoffset() is None:
        return f"{type(value).__name__} without a time zone"
    return type(value).__name__


def from_mx_value(value: MxValue | None) -> PythonValue:
    """Return what an MxValue holds, as the Python value that says the same.

    Null is None. No value at all (or no message) is `ABSENT`. A time is a
    Timestamp with its 100 ns digit, an elapsed time a `Duration`, which is a
    timedelta (a float in seconds where no timedelta can hold it), whether it came
    as seconds or as a 64-bit count of 100 ns; an array a list, nested once per
    further dimension in row-major order, an unconvertible VARIANT a `RawValue`.
    A sparse array, which only travels towards the gateway, stays a message.

    Raises:
        MalformedReplyError: The dimensions of an array contradict its values.
    """
    if value is None:
        return ABSENT
    if value.is_null:
        return None
    elapsed = value.data_type == MxDataType.ELAPSED_TIME
    if (number := _first(value.double_value, value.float_value)) is not None:
        return from_seconds(number) if elapsed else number
    plain: PythonValue = _first(value.int32_value, value.bool_value, value.string_value)
    if plain is not None:
        return plain
    if value.int64_value is not None:
        return from_ticks(value.int64_value) if elapsed else value.int64_value
    if value.timestamp_value is not None:
        return as_timestamp(value.timestamp_value)
    if value.array_value is not None:
        return _list(value)
    if value.raw_value is not None:
        return RawValue(
            value.raw_value,
            value.raw_diagnostic,
            value.raw_data_type,
            value.data_type,
            value.variant_type,
        )
    return ABSENT if value.sparse_array_value is None else value.sparse_array_value


def _first(*arms: Any) -> Any:
    for arm in arms:
        if arm is not None:
            return arm
    return None


def _list(value: MxValue) -> PythonValue:
    assert value.array_value is not None
    try:
        values = from_array(value.array_value, value)
    except MalformedReplyError as exc:
        raise MalformedReplyError(exc.message, reply=value) from None
    return ABSENT if values is None else values
