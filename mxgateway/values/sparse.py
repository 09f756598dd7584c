"""`to_sparse_value`: some elements of an array, for a write that resets all the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NoReturn

import betterproto2

from mxgateway.errors import EncodeError
from mxgateway.generated.mxaccess_gateway.v1 import MxSparseArray, MxSparseElement, MxValue
from mxgateway.values import types
from mxgateway.values.convert import DataType, to_mx_value

__all__ = ["to_sparse_value"]

_UINT32_MAX: Final = (1 << 32) - 1


def to_sparse_value(
    elements: Mapping[int, object] | Iterable[tuple[int, object]],
    total_length: int,
    data_type: DataType,
    *,
    tag: str | None = None,
) -> MxValue:
    """Return an MxValue that sets the given elements of an array and resets all others.

    The gateway expands it to the whole array: a position that is not listed gets
    the default of the type (false, 0, "" or the Unix epoch) and does not keep its
    value (gateway semantics, section 7). It only travels towards the gateway.

    Args:
        elements: Value by index, or pairs of index and value. The index counts
            from 0, other than in a reference such as `Tank_001.LevelTrend[1]`.
        total_length: Number of elements of the whole array.
        data_type: Type of the elements, as for `to_mx_value`; "int32" and "int32[]"
            say the same here.
        tag: The reference that the value is meant for; only for error messages.

    Raises:
        EncodeError: There is no element, an index is no whole number below
            `total_length` or stands twice, a value is null, an array, or does not
            fit the type, or the type is not told.
    """
    where = f"{tag}: " if tag else ""
    if isinstance(data_type, str):
        data_type = data_type.removesuffix("[]")
    declared = types.resolve(data_type)
    if declared is None or declared.data_type is None:
        known = ", ".join(types.NAMED_TYPES)
        _refuse("element_data_type", f"{where}{data_type!r} is no type; give one such as {known}")
    if not _is_index(total_length) or not 0 < total_length <= _UINT32_MAX:
        _refuse("total_length", f"{where}give the length of the whole array, not {total_length!r}")
    found: dict[int, MxValue] = {}
    for index, value in elements.items() if isinstance(elements, Mapping) else elements:
        if not _is_index(index) or not 0 <= index < total_length:
            _refuse(
                "elements",
                f"{where}there is no element {index!r}; indices go from 0 to {total_length - 1}",
            )
        if index in found:
            _refuse("elements", f"{where}element {index} is given twice")
        found[index] = _element(value, data_type, f"{where}element {index}")
    if not found:
        _refuse(
            "elements",
            f"{where}no element is given, which would reset the whole array; "
            "write a whole array if that is meant",
        )
    if len(arms := {betterproto2.which_one_of(value, "kind")[0] for value in found.values()}) > 1:
        _refuse("elements", f"{where}elements of several types: {', '.join(sorted(arms))}")
    return MxValue(
        data_type=declared.data_type,
        sparse_array_value=MxSparseArray(
            element_data_type=declared.data_type,
            total_length=total_length,
            elements=[MxSparseElement(index=i, value=found[i]) for i in sorted(found)],
        ),
    )


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _element(value: object, data_type: DataType, where: str) -> MxValue:
    if isinstance(value, MxValue):
        _refuse("elements", f"{where}: give a Python value, not an MxValue")
    built = to_mx_value(value, data_type, tag=where)
    if built.is_null or built.array_value is not None:
        _refuse(
            "elements",
            f"{where}: give a single value, not {'null' if built.is_null else 'an array'}",
        )
    return built


def _refuse(field: str, reason: str) -> NoReturn:
    raise EncodeError("MxSparseArray", field, reason)
