"""Which Python value an MXAccess data type takes, and in which field of the wire it travels.

One `Arm` per member of the `kind` oneof of MxValue; `RULES` says which arms a
declared type accepts (MXAccess reference, section 3; requirement `write.types`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mxgateway.generated.mxaccess_gateway.v1 import (
    BoolArray,
    DoubleArray,
    FloatArray,
    Int32Array,
    Int64Array,
    MxDataType,
    RawArray,
    StringArray,
    TimestampArray,
)
from mxgateway.values import scalars

__all__ = [
    "ARMS",
    "NAMED_TYPES",
    "RULES",
    "TYPE_NAMES",
    "Arm",
    "Declared",
    "data_type_name",
    "resolve",
]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way a value travels: a member of the `kind` oneof, and its array counterpart.

    Attributes:
        field: Member of `MxValue.kind`.
        array_field: Member of `MxArray.values` for an array of the same.
        array_type: Message class behind `array_field`.
        expected: What a Python value must be, in words for an error message.
        matches: Whether a Python value is of the right kind at all.
        convert: Gives the wire value; raises `scalars.RefusedError` for what the wire cannot hold.
    """

    field: str
    array_field: str
    array_type: Callable[..., Any]
    expected: str
    matches: Callable[[object], bool]
    convert: Callable[[Any], Any]


BOOL: Final = Arm("bool_value", "bool_values", BoolArray, "bool", scalars.is_bool, scalars.to_bool)
INT32: Final = Arm(
    "int32_value", "int32_values", Int32Array, "int of 32 bits", scalars.is_int, scalars.to_int32
)
INT64: Final = Arm(
    "int64_value", "int64_values", Int64Array, "int of 64 bits", scalars.is_int, scalars.to_int64
)
FLOAT: Final = Arm(
    "float_value",
    "float_values",
    FloatArray,
    "float of 32 bits",
    scalars.is_number,
    scalars.to_float32,
)
DOUBLE: Final = Arm(
    "double_value", "double_values", DoubleArray, "float", scalars.is_number, scalars.to_double
)
STRING: Final = Arm(
    "string_value", "string_values", StringArray, "str", scalars.is_str, scalars.to_text
)
TIME: Final = Arm(
    "timestamp_value",
    "timestamp_values",
    TimestampArray,
    "datetime with a time zone",
    scalars.is_datetime,
    scalars.to_timestamp,
)
ELAPSED: Final = Arm(
    "double_value",
    "double_values",
    DoubleArray,
    "timedelta, or seconds as a number",
    scalars.is_elapsed,
    scalars.to_seconds,
)
RAW: Final = Arm(
    "raw_value", "raw_values", RawArray, "bytes or RawValue", scalars.is_raw, scalars.to_raw
)

ARMS: Final = (BOOL, INT32, INT64, FLOAT, DOUBLE, STRING, TIME, ELAPSED, RAW)

# Enumerations travel as their number or their label (MXAccess reference, section 3).
_NUMBER_OR_LABEL: Final = (INT32, STRING)

RULES: Final[dict[MxDataType, tuple[Arm, ...]]] = {
    MxDataType.BOOLEAN: (BOOL,),
    MxDataType.INTEGER: (INT32,),
    MxDataType.FLOAT: (FLOAT,),
    MxDataType.DOUBLE: (DOUBLE,),
    MxDataType.STRING: (STRING,),
    MxDataType.TIME: (TIME,),
    MxDataType.ELAPSED_TIME: (ELAPSED,),
    MxDataType.REFERENCE_TYPE: (STRING,),
    MxDataType.STATUS_TYPE: _NUMBER_OR_LABEL,
    MxDataType.ENUM: _NUMBER_OR_LABEL,
    MxDataType.SECURITY_CLASSIFICATION_ENUM: _NUMBER_OR_LABEL,
    MxDataType.DATA_QUALITY_TYPE: _NUMBER_OR_LABEL,
    MxDataType.QUALIFIED_ENUM: _NUMBER_OR_LABEL,
    MxDataType.QUALIFIED_STRUCT: (RAW,),
    MxDataType.INTERNATIONALIZED_STRING: (STRING,),
    MxDataType.BIG_STRING: (STRING,),
}

# These declare nothing about the value, so the Python value decides.
_UNDECLARED: Final = frozenset({MxDataType.UNSPECIFIED, MxDataType.UNKNOWN, MxDataType.NO_DATA})

NAMED_TYPES: Final[dict[str, tuple[MxDataType, Arm]]] = {
    "bool": (MxDataType.BOOLEAN, BOOL),
    "int32": (MxDataType.INTEGER, INT32),
    "int64": (MxDataType.INTEGER, INT64),
    "float": (MxDataType.FLOAT, FLOAT),
    "double": (MxDataType.DOUBLE, DOUBLE),
    "string": (MxDataType.STRING, STRING),
    "time": (MxDataType.TIME, TIME),
    "elapsed": (MxDataType.ELAPSED_TIME, ELAPSED),
}

TYPE_NAMES: Final = (*NAMED_TYPES, *(f"{name}[]" for name in NAMED_TYPES))
"""The type names that `to_mx_value`, `parse_value` and the command line understand."""

_WORDS: Final = {
    MxDataType.NO_DATA: "NoData",
    MxDataType.ELAPSED_TIME: "ElapsedTime",
    MxDataType.REFERENCE_TYPE: "ReferenceType",
    MxDataType.STATUS_TYPE: "StatusType",
    MxDataType.ENUM: "DataTypeEnum",
    MxDataType.SECURITY_CLASSIFICATION_ENUM: "SecurityClassificationEnum",
    MxDataType.DATA_QUALITY_TYPE: "DataQualityType",
    MxDataType.QUALIFIED_ENUM: "QualifiedEnum",
    MxDataType.QUALIFIED_STRUCT: "QualifiedStruct",
    MxDataType.INTERNATIONALIZED_STRING: "InternationalizedString",
    MxDataType.BIG_STRING: "BigString",
}


class Declared(NamedTuple):
    """What the caller said about the type of a value.

    Attributes:
        data_type: Goes out in `MxValue.data_type`; None where the Python value decides it.
        arms: The accepted arms; empty where the Python value decides.
        is_array: True or False where the name said so (`int32[]`, `int32`), else None.
        name: The type in words, for an error message; empty where none was declared.
    """

    data_type: MxDataType | None
    arms: tuple[Arm, ...]
    is_array: bool | None
    name: str


def data_type_name(data_type: int) -> str:
    """Return the MXAccess name of a data type, `UNKNOWN(n)` for a number without one."""
    member = MxDataType(data_type)
    if not member.name:
        return f"UNKNOWN({int(data_type)})"
    return _WORDS.get(member, member.name.title())


def resolve(data_type: MxDataType | int | str | None) -> Declared | None:
    """Return what `data_type` demands of a value, or None where it is no type at all.

    A number that the contract does not define is kept and the Python value
    chooses the arm, so that a type of a newer gateway can be written.
    """
    if data_type is None:
        return Declared(None, (), None, "")
    if isinstance(data_type, str):
        base = data_type.removesuffix("[]")
        named = NAMED_TYPES.get(base)
        if named is None:
            return None
        return Declared(named[0], (named[1],), base != data_type, data_type)
    if isinstance(data_type, bool) or not isinstance(data_type, int):
        return None
    member = MxDataType(data_type)
    if member in _UNDECLARED:
        return Declared(None, (), None, "")
    if member == MxDataType.END:
        return None
    return Declared(member, RULES.get(member, ()), None, data_type_name(member))
