"""Python values to MxValue and back, and from text (MXAccess reference, section 3)."""

from mxgateway.values.convert import (
    ABSENT,
    Absent,
    DataType,
    PythonValue,
    from_mx_value,
    to_mx_value,
)
from mxgateway.values.scalars import RawValue
from mxgateway.values.shown import data_type_of, type_name, value_json, value_text
from mxgateway.values.text import parse_value
from mxgateway.values.types import TYPE_NAMES, data_type_name

__all__ = [
    "ABSENT",
    "TYPE_NAMES",
    "Absent",
    "DataType",
    "PythonValue",
    "RawValue",
    "data_type_name",
    "data_type_of",
    "from_mx_value",
    "parse_value",
    "to_mx_value",
    "type_name",
    "value_json",
    "value_text",
]
