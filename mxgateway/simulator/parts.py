"""What a target shows of its attribute: the value, an element, a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxStatusProxy
from mxgateway.simulator.references import ENUM_ORDINAL, INVALID_REFERENCE, Target
from mxgateway.simulator.status import unresolved_status
from mxgateway.simulator.tag import GOOD
from mxgateway.simulator.variant import TypeInfo, type_info

__all__ = ["Seen", "is_constant", "look", "refusal", "with_bit"]

_CONSTANT = frozenset({"type", "securityclassification", "locked", "category"})
_INTEGER = type_info(MxDataType.INTEGER)
_BOOLEAN = type_info(MxDataType.BOOLEAN)
_SIGN = 31


@dataclass(frozen=True, slots=True)
class Seen:
    """What a target shows now.

    Attributes:
        info: Its type.
        value: The value; None where there is none.
        quality: OPC DA quality.
    """

    info: TypeInfo
    value: Any
    quality: int

    def differs(self, other: Seen | None) -> bool:
        """Whether this calls for a data change after `other`."""
        if other is None or self.quality != other.quality:
            return True
        # Not a number is no change after not a number.
        both_nan = self.value != self.value and other.value != other.value
        return type(self.value) is not type(other.value) or (
            self.value != other.value and not both_nan
        )


def is_constant(target: Target) -> bool:
    """Whether it shows the same as long as the attribute is deployed."""
    return target.part in _CONSTANT


def look(target: Target) -> Seen | None:
    """Return what a resolved target shows; None where it fails, see `refusal`."""
    tag = target.tag
    assert tag is not None
    if tag.owner.failure is not None:
        return None
    if target.part:
        return _property(target)
    value = tag.value
    if target.index is not None:
        if value is None or target.index > len(value):
            return None
        value = value[target.index - 1]
    return Seen(tag.info, value, tag.quality)


def refusal(target: Target) -> MxStatusProxy:
    """Return the status with which a target fails that shows nothing."""
    tag = target.tag
    if tag is not None and tag.owner.failure is not None:
        return tag.owner.failure
    # A name that leads nowhere, or an element that is no longer there.
    return unresolved_status(target.detail or INVALID_REFERENCE)


def _property(target: Target) -> Seen:
    tag = target.tag
    assert tag is not None
    match target.part:
        case "type":
            # The native number, which is the proto number minus 2.
            return Seen(type_info(MxDataType.ENUM), int(tag.info.data_type) - 2, GOOD)
        case "quality":
            return Seen(type_info(MxDataType.DATA_QUALITY_TYPE), tag.quality, GOOD)
        case "dimension1":
            return Seen(_INTEGER, len(tag.value or ()) if tag.is_array else 0, GOOD)
        case "securityclassification":
            info = type_info(MxDataType.SECURITY_CLASSIFICATION_ENUM)
            return Seen(info, tag.classification, GOOD)
        case "locked":
            return Seen(_BOOLEAN, value=tag.spec.locked, quality=GOOD)
        case "category":
            return Seen(_INTEGER, tag.category, GOOD)
        case _ if target.part == ENUM_ORDINAL:
            ordinal = tag.labels.index(tag.value) if tag.value in tag.labels else None
            return Seen(_INTEGER, ordinal, tag.quality)
    value = tag.value
    bit = None if value is None else bool(value >> int(target.part) & 1)
    return Seen(_BOOLEAN, bit, tag.quality)


def with_bit(value: int, bit: int, *, on: bool) -> int:
    """Return the 32-bit integer `value` with one bit set or cleared."""
    bits = value & 0xFFFF_FFFF
    bits = bits | 1 << bit if on else bits & ~(1 << bit)
    return bits - (1 << 32) if bits >> _SIGN else bits
