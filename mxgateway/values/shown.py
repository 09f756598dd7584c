"""Read values as JSON types, as text for people, and the name of their type."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from mxgateway.codec import to_jsonable
from mxgateway.duration import Duration
from mxgateway.generated.mxaccess_gateway.v1 import (
    DoubleArray,
    FloatArray,
    MxDataType,
    MxSparseArray,
    MxValue,
)
from mxgateway.timestamp import Timestamp
from mxgateway.values.convert import Absent, PythonValue
from mxgateway.values.scalars import RawValue, fits_int32
from mxgateway.values.types import data_type_name

__all__ = ["data_type_of", "type_name", "value_json", "value_text"]

_MAX_ELEMENTS: Final = 8
_MAX_CHARACTERS: Final = 60


def data_type_of(value: MxValue | None) -> MxDataType:
    """Return the data type of a scalar, or of the elements; UNSPECIFIED where there is none."""
    if value is None:
        return MxDataType.UNSPECIFIED
    array, sparse = value.array_value, value.sparse_array_value
    if array is not None and array.element_data_type:
        return MxDataType(array.element_data_type)
    if sparse is not None and sparse.element_data_type:
        return MxDataType(sparse.element_data_type)
    return MxDataType(value.data_type)


def type_name(value: MxValue | None) -> str:
    """Return the MXAccess name of the type, with `[]` for an array: "Float", "Integer[]"."""
    is_array = value is not None and (
        value.array_value is not None or value.sparse_array_value is not None
    )
    return data_type_name(data_type_of(value)) + ("[]" if is_array else "")


def value_json(value: PythonValue, raw: MxValue | None = None) -> Any:
    """Return a value of `from_mx_value` as plain JSON types, by the rules of protobuf JSON.

    A 64-bit integer is text, NaN and the infinities are "NaN", "Infinity" and
    "-Infinity", a 32-bit float has its shortest form, a time is RFC 3339 in UTC, an
    elapsed time seconds with an `s`, a `RawValue` an object with its bytes in
    base64. Null is None.

    Args:
        value: The Python value. `ABSENT` has no form in JSON: leave the member out.
        raw: The message it was read from; tells 32 from 64 bits.

    Raises:
        ValueError: The value is `ABSENT`.
    """
    if isinstance(value, Absent):
        raise ValueError("ABSENT has no form in JSON; leave the member out")
    return _json(value, narrow=_has_arm(raw, "float_value"), wide=_has_arm(raw, "int64_value"))


def _has_arm(raw: MxValue | None, field: str) -> bool:
    """Return whether a message holds the scalar of `field`, or an array of such."""
    if raw is None:
        return False
    array = raw.array_value
    return getattr(raw, field) is not None or (
        array is not None and getattr(array, f"{field}s") is not None
    )


def _json(value: PythonValue, *, narrow: bool, wide: bool) -> Any:
    match value:
        case list():
            if value and all(isinstance(element, float) for element in value):
                return _floats(value, narrow=narrow)
            return [_json(element, narrow=narrow, wide=wide) for element in value]
        case None | bool() | str():
            return value
        case int():
            return str(value) if wide or not fits_int32(value) else value
        case float():
            return _floats([value], narrow=narrow)[0]
        case Timestamp():
            return value.to_json()
        case dt.timedelta():
            return Duration.from_timedelta(value).to_json()
        case RawValue():
            return {
                "rawValue": b64encode(value.data).decode("ascii"),
                "rawDiagnostic": value.diagnostic,
                "rawDataType": value.raw_data_type,
                "variantType": value.variant_type,
            }
        case _:
            assert isinstance(value, MxSparseArray)
            return to_jsonable(value)


def _floats(values: Sequence[Any], *, narrow: bool) -> list[Any]:
    numbers = list(values)
    array = FloatArray(values=numbers) if narrow else DoubleArray(values=numbers)
    shown: list[Any] = to_jsonable(array)["values"]
    return shown


def value_text(value: PythonValue, raw: MxValue | None = None, *, whole: bool = False) -> str:
    """Return a value of `from_mx_value` for people.

    Text is quoted, null is `null`, no value `no value`, an elapsed time `90.5 s`; a
    32-bit float has its shortest form. Long texts and arrays are cut, with `...`
    and the number of characters or elements.

    Args:
        value: The Python value.
        raw: The message it was read from; tells 32-bit from 64-bit floats.
        whole: Cut nothing.
    """
    return _text(value, narrow=_has_arm(raw, "float_value"), whole=whole)


def _text(value: PythonValue, *, narrow: bool, whole: bool) -> str:
    match value:
        case Absent():
            return "no value"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            shown = _floats([value], narrow=narrow)[0]
            return shown if isinstance(shown, str) else repr(shown)  # "NaN" as in JSON
        case str():
            return _cut(value, whole)
        case Timestamp():
            return str(value)
        case dt.timedelta():
            return f"{value.total_seconds()!r} s"
        case list():
            first = value if whole else value[:_MAX_ELEMENTS]
            texts = [_text(element, narrow=narrow, whole=whole) for element in first]
            if len(first) < len(value):
                texts.append(f"... {len(value)} elements")
            return f"[{', '.join(texts)}]"
        case RawValue():
            shown_hex = value.data.hex() if whole else value.data[: _MAX_CHARACTERS // 2].hex()
            note = value.diagnostic or value.variant_type
            if len(shown_hex) < 2 * len(value.data):
                shown_hex += f"... {len(value.data)} bytes"
            return f"0x{shown_hex}" + (f" ({note})" if note else "")
        case _:
            assert isinstance(value, MxSparseArray)
            return f"sparse array, {len(value.elements)} of {value.total_length} elements given"


def _cut(text: str, whole: bool) -> str:
    if whole or len(text) <= _MAX_CHARACTERS:
        return repr(text)
    return f"{text[:_MAX_CHARACTERS]!r}... {len(text)} characters"
