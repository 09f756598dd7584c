"""MxValue for every MXAccess data type, and the conversions that a write goes through.

Types, VARIANT forms and coercion follow the MXAccess reference, section 3: a value
that can be converted is written, one that cannot fails in OnWriteComplete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import (
    BoolArray,
    DoubleArray,
    FloatArray,
    Int32Array,
    MxArray,
    MxDataType,
    MxSparseArray,
    MxValue,
    RawArray,
    StringArray,
    TimestampArray,
)
from mxgateway.simulator.coercion import (
    CoercionError,
    to_bool,
    to_double,
    to_float,
    to_int,
    to_label,
    to_struct,
    to_text,
    to_time,
)

__all__ = [
    "NO_DATA",
    "CoercionError",
    "InvalidValueError",
    "TypeInfo",
    "batch_array",
    "batch_value",
    "coerce",
    "coerce_python",
    "from_message",
    "to_message",
    "type_info",
]

_MAX_ARRAY = 32_767  # MXAccess reference, section 8: largest index
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidValueError(ValueError):
    """The request is malformed; it never reaches MXAccess."""


@dataclass(frozen=True)
class TypeInfo:
    """How one data type travels.

    Attributes:
        data_type: The proto number, which is the native number plus 2.
        variant: VARIANT type of a scalar, for example "VT_I4".
        kind: Member of MxValue's oneof that holds a scalar.
        array_kind: Member of MxArray's oneof that holds the elements; None where
            the type has no arrays.
        convert: Converts a scalar Python value, or raises CoercionError.
        default: What a sparse write fills in.
    """

    data_type: MxDataType
    variant: str
    kind: str
    array_kind: str | None
    convert: Callable[[Any], Any]
    default: Any


def to_message(info: TypeInfo, value: Any) -> MxValue:
    """Return `value` as MxValue; None becomes a null, a list an array."""
    if value is None:
        return MxValue(
            data_type=info.data_type,
            variant_type="VT_EMPTY",
            is_null=True,
            raw_data_type=int(info.data_type),
        )
    if isinstance(value, list):
        return MxValue(
            data_type=info.data_type,
            variant_type=f"VT_ARRAY|{info.variant}",
            raw_data_type=int(info.data_type),
            array_value=_array(info, value),
        )
    message = MxValue(
        data_type=info.data_type,
        variant_type=info.variant,
        raw_data_type=int(info.data_type),
    )
    setattr(message, info.kind, value)
    if info.kind == "raw_value":
        message.raw_diagnostic = "the VARIANT has no projection; raw bytes follow"
    return message


def batch_value(info: TypeInfo, samples: list[Any]) -> MxValue:
    """Return the samples of a buffered item as one array, for types without arrays too.

    A sample without a value is the type's default; its quality tells.
    """
    values = [info.default if sample is None else sample for sample in samples]
    array = batch_array(f"{info.kind}s", values)
    array.element_data_type = info.data_type
    array.variant_type = f"VT_ARRAY|{info.variant}"
    array.raw_element_data_type = int(info.data_type)
    return MxValue(
        data_type=info.data_type,
        variant_type=array.variant_type,
        raw_data_type=int(info.data_type),
        array_value=array,
    )


def batch_array(member: str, values: list[Any]) -> MxArray:
    """Return an array whose elements stand in `member`, without a data type."""
    array = MxArray(dimensions=[len(values)])
    setattr(array, member, _ARRAY_CLASS[member](values=values))
    return array


_ARRAY_CLASS: dict[str, Any] = {
    "bool_values": BoolArray,
    "int32_values": Int32Array,
    "float_values": FloatArray,
    "double_values": DoubleArray,
    "string_values": StringArray,
    "timestamp_values": TimestampArray,
    "raw_values": RawArray,
}


def _array(info: TypeInfo, values: list[Any]) -> MxArray:
    if info.array_kind is None:
        raise CoercionError(f"{info.data_type.name} has no arrays")
    array = MxArray(
        element_data_type=info.data_type,
        variant_type=f"VT_ARRAY|{info.variant}",
        dimensions=[len(values)],
        raw_element_data_type=int(info.data_type),
    )
    setattr(array, info.array_kind, _ARRAY_CLASS[info.array_kind](values=values))
    return array


_SCALARS = (
    "bool_value",
    "int32_value",
    "int64_value",
    "float_value",
    "double_value",
    "string_value",
    "timestamp_value",
    "raw_value",
)
_ARRAYS = (
    "bool_values",
    "int32_values",
    "int64_values",
    "float_values",
    "double_values",
    "string_values",
    "timestamp_values",
    "raw_values",
)


def from_message(message: MxValue) -> Any:
    """Return what a written MxValue holds: a scalar, a list, a MxSparseArray, or None for a null.

    Raises:
        InvalidValueError: It holds nothing and is not marked as null, or its array
            has another length than its dimensions say.
    """
    if message.is_null:
        return None
    for name in _SCALARS:
        value = getattr(message, name)
        if value is not None:
            return value
    if message.sparse_array_value is not None:
        return message.sparse_array_value
    array = message.array_value
    if array is None:
        raise InvalidValueError("the value has no kind set; set one, or is_null for a null")
    values: list[Any] = []
    for name in _ARRAYS:
        member = getattr(array, name)
        if member is not None:
            values = list(member.values)
            break
    if array.dimensions and math.prod(array.dimensions) != len(values):
        raise InvalidValueError(
            f"the array holds {len(values)} elements, its dimensions say "
            f"{' x '.join(map(str, array.dimensions))}"
        )
    return values


def coerce(message: MxValue, info: TypeInfo, *, is_array: bool) -> Any:
    """Return the written value converted to the attribute's type.

    Raises:
        CoercionError: It cannot be converted; MXAccess answers with a failing completion.
        InvalidValueError: The value itself is malformed; the gateway refuses the request.
    """
    return coerce_python(from_message(message), info, is_array=is_array)


def coerce_python(value: Any, info: TypeInfo, *, is_array: bool) -> Any:
    """Return `value` converted to the attribute's type; lists for arrays.

    Raises:
        CoercionError: It cannot be converted.
        InvalidValueError: A sparse array contradicts itself.
    """
    if isinstance(value, MxSparseArray):
        value = _expand(value)
    if value is None:
        raise CoercionError("a null cannot be written")
    if is_array:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise CoercionError("a scalar cannot be written to a whole array")
        if len(value) > _MAX_ARRAY:
            raise CoercionError(f"an array has at most {_MAX_ARRAY} elements, not {len(value)}")
        return [info.convert(element) for element in value]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        raise CoercionError("an array cannot be written to a scalar")
    return info.convert(value)


def _expand(sparse: MxSparseArray) -> list[Any]:
    """Fill a sparse array: what it does not list is reset to the default (section 7)."""
    total = sparse.total_length
    if not 0 < total <= _MAX_ARRAY:
        raise InvalidValueError(
            f"sparse array: total_length must be 1 to {_MAX_ARRAY}, not {total}"
        )
    info = _TYPES.get(sparse.element_data_type)
    if info is None:
        raise InvalidValueError("sparse array: element_data_type is missing or unknown")
    values = [info.default] * total
    seen: set[int] = set()
    for element in sparse.elements:
        if element.index >= total or element.index in seen:
            raise InvalidValueError(
                f"sparse array: index {element.index} is given twice or not below {total}"
            )
        seen.add(element.index)
        if element.value is None:
            raise InvalidValueError(f"sparse array: element {element.index} has no value")
        if getattr(element.value, info.kind) is None:
            raise InvalidValueError(
                f"sparse array: element {element.index} is no {info.data_type.name}"
            )
        try:
            values[element.index] = coerce(element.value, info, is_array=False)
        except CoercionError as error:
            raise InvalidValueError(f"sparse array: element {element.index}: {error}") from error
    return values


def _info(
    data_type: MxDataType,
    variant: str,
    kind: str,
    array_kind: str | None,
    convert: Callable[[Any], Any],
    default: Any,
) -> TypeInfo:
    return TypeInfo(data_type, variant, kind, array_kind, convert, default)


_T = MxDataType
_TYPES: dict[MxDataType, TypeInfo] = {
    info.data_type: info
    for info in (
        _info(_T.BOOLEAN, "VT_BOOL", "bool_value", "bool_values", to_bool, False),
        _info(_T.INTEGER, "VT_I4", "int32_value", "int32_values", to_int, 0),
        _info(_T.FLOAT, "VT_R4", "float_value", "float_values", to_float, 0.0),
        _info(_T.DOUBLE, "VT_R8", "double_value", "double_values", to_double, 0.0),
        _info(_T.STRING, "VT_BSTR", "string_value", "string_values", to_text, ""),
        _info(_T.TIME, "VT_DATE", "timestamp_value", "timestamp_values", to_time, _EPOCH),
        _info(_T.ELAPSED_TIME, "VT_R8", "double_value", "double_values", to_double, 0.0),
        _info(_T.REFERENCE_TYPE, "VT_BSTR", "string_value", "string_values", to_text, ""),
        _info(_T.STATUS_TYPE, "VT_I4", "int32_value", None, to_int, 0),
        _info(_T.ENUM, "VT_I4", "int32_value", None, to_int, 0),
        _info(_T.SECURITY_CLASSIFICATION_ENUM, "VT_I4", "int32_value", None, to_int, 0),
        _info(_T.DATA_QUALITY_TYPE, "VT_I4", "int32_value", None, to_int, 0),
        _info(_T.QUALIFIED_ENUM, "VT_BSTR", "string_value", None, to_label, ""),
        _info(_T.QUALIFIED_STRUCT, "VT_UNKNOWN", "raw_value", None, to_struct, b""),
        _info(_T.INTERNATIONALIZED_STRING, "VT_BSTR", "string_value", "string_values", to_text, ""),
        _info(_T.BIG_STRING, "VT_BSTR", "string_value", None, to_text, ""),
    )
}
# What an attribute that cannot be resolved answers with.
NO_DATA = TypeInfo(_T.NO_DATA, "VT_EMPTY", "", None, to_text, None)


def type_info(data_type: MxDataType) -> TypeInfo:
    """Return how `data_type` travels.

    Raises:
        KeyError: No attribute can have that type.
    """
    return _TYPES[data_type]
