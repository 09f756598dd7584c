"""Types and values of the grpcio gateway's tags, as Google's messages.

What is written is converted to the type of the tag where it can be (MXAccess reference,
section 3); arrays are replaced whole, and a sparse array is filled up with defaults
(gateway semantics, section 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google_messages import load_google_modules

__all__ = ["KINDS", "ConversionError", "Kind", "MalformedError", "null_value"]

_SCALARS = (
    "bool_value",
    "int32_value",
    "int64_value",
    "float_value",
    "double_value",
    "string_value",
    "timestamp_value",
)


class ConversionError(Exception):
    """The value cannot become one of the tag's type; the write fails in its completion."""


class MalformedError(Exception):
    """The value breaks the contract; the request is invalid."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A data type of MXAccess.

    Attributes:
        data_type: Name of its number in MxDataType.
        variant: VARIANT tag of a single value.
        stem: What the members of MxValue and MxArray that hold it begin with.
        default: What a sparse array leaves an unlisted element at.
    """

    data_type: str
    variant: str
    stem: str
    default: Any

    @property
    def number(self) -> int:
        """The number of the type."""
        return int(load_google_modules().gateway_pb2.MxDataType.Value(self.data_type))

    def message(self, value: Any) -> Any:
        """Return an MxValue that holds `value`, a list as an array, None as null."""
        pb = load_google_modules().gateway_pb2
        if value is None:
            return pb.MxValue(data_type=self.number, variant_type="VT_EMPTY", is_null=True)
        message = pb.MxValue(data_type=self.number, variant_type=self.variant)
        if isinstance(value, list):
            message.variant_type = f"VT_ARRAY|{self.variant}"
            array = message.array_value
            array.element_data_type = self.number
            array.variant_type = message.variant_type
            array.dimensions.append(len(value))
            entries = getattr(array, f"{self.stem}_values")
            entries.SetInParent()
            if self.stem == "timestamp":
                for moment in value:
                    entries.values.add().FromNanoseconds(moment)
            else:
                entries.values.extend(value)
        elif self.stem == "timestamp":
            message.timestamp_value.FromNanoseconds(value)
        else:
            setattr(message, f"{self.stem}_value", value)
        return message

    def convert(self, message: Any, *, array: bool) -> Any:
        """Return what a written MxValue is as a value of this type.

        Raises:
            ConversionError: It cannot be one.
            MalformedError: It is no value at all, or a sparse array that is not sound.
        """
        name = message.WhichOneof("kind")
        if message.is_null:
            raise ConversionError("null cannot be written")
        if name is None:
            raise MalformedError("the value is empty")
        if name == "sparse_array_value":
            if not array:
                raise ConversionError("an array was written to a single value")
            return self._filled(message.sparse_array_value)
        if (name == "array_value") is not array:
            raise ConversionError("an array is needed" if array else "a single value is needed")
        if not array:
            return self._scalar(message)
        part = message.array_value.WhichOneof("values")
        if part is None:
            return []
        if part == "raw_values":
            raise ConversionError("raw values have no type")
        entries = getattr(message.array_value, part).values
        return [self._converted(_plain(entry)) for entry in entries]

    def _scalar(self, message: Any) -> Any:
        name = message.WhichOneof("kind")
        if name not in _SCALARS:
            raise ConversionError(f"{name} has no type")
        return self._converted(_plain(getattr(message, name)))

    def _converted(self, value: Any) -> Any:
        try:
            if isinstance(value, Moment) is not (self.stem == "timestamp"):
                raise ValueError(value)
            return _CONVERSIONS[self.stem](value)
        except (ValueError, OverflowError, KeyError) as error:
            raise ConversionError(f"{value!r} is no {self.data_type}") from error

    def _filled(self, sparse: Any) -> list[Any]:
        pb = load_google_modules().gateway_pb2
        if sparse.element_data_type not in (self.number, pb.MX_DATA_TYPE_UNSPECIFIED):
            raise MalformedError("the elements of the sparse array are of another type")
        values = [self.default] * sparse.total_length
        seen = set()
        for element in sparse.elements:
            if element.index >= sparse.total_length or element.index in seen:
                raise MalformedError(f"index {element.index} of the sparse array is not valid")
            if element.value.WhichOneof("kind") != f"{self.stem}_value":
                raise MalformedError(f"element {element.index} is not a single {self.data_type}")
            seen.add(element.index)
            values[element.index] = self._scalar(element.value)
        return values


class Moment(int):
    """A time in nanoseconds since 1970; a type of its own, so that it is taken for no number."""


def _plain(value: Any) -> Any:
    """Return a time as a Moment, everything else as it is."""
    return Moment(value.ToNanoseconds()) if hasattr(value, "ToNanoseconds") else value


def _to_bool(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "1": True, "-1": True, "false": False, "0": False}[value.lower()]
    return bool(value)


def _to_int(value: Any) -> int:
    number = int(value) if isinstance(value, str) else round(value)
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError(value)
    return number


def _to_string(value: Any) -> str:
    return value if isinstance(value, str) else f"{value}"


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "bool": _to_bool,
    "int32": _to_int,
    "float": float,
    "double": float,
    "string": _to_string,
    "timestamp": int,
}

KINDS = {
    "Boolean": Kind("MX_DATA_TYPE_BOOLEAN", "VT_BOOL", "bool", False),
    "Integer": Kind("MX_DATA_TYPE_INTEGER", "VT_I4", "int32", 0),
    "Float": Kind("MX_DATA_TYPE_FLOAT", "VT_R4", "float", 0.0),
    "Double": Kind("MX_DATA_TYPE_DOUBLE", "VT_R8", "double", 0.0),
    "String": Kind("MX_DATA_TYPE_STRING", "VT_BSTR", "string", ""),
    "Time": Kind("MX_DATA_TYPE_TIME", "VT_DATE", "timestamp", 0),
}
"""The types that the plant has, by the name that its rows use."""


def null_value() -> Any:
    """Return the null of a tag that could not be read."""
    pb = load_google_modules().gateway_pb2
    return pb.MxValue(data_type=pb.MX_DATA_TYPE_NO_DATA, variant_type="VT_EMPTY", is_null=True)
