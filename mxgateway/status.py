"""Quality, HRESULT and MXSTATUS_PROXY in words, and what counts as good.

The words are those of the MXAccess reference, sections 1.3, 4 and 5. Whatever is not
known is shown with its number and never taken for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Final

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
)
from mxgateway.printable import printable

__all__ = [
    "Quality",
    "QualityLevel",
    "describe_hresult",
    "describe_status",
    "describe_statuses",
    "enum_name",
    "hresult_failed",
    "hresult_hex",
    "hresult_name",
    "is_failure",
    "is_ok",
    "is_pending",
]


def enum_name(member: IntEnum | int, prefix: str = "") -> str:
    """Return the name of an enum member, `UNKNOWN(42)` for a number without one.

    `prefix` goes in front of a name, for example "MX_DATA_TYPE_" to get the
    name that stands in the contract.
    """
    name = getattr(member, "name", None)
    return f"{prefix}{name}" if name else f"UNKNOWN({int(member)})"


class QualityLevel(StrEnum):
    """The four answers to "can this value be used"."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    UNKNOWN = "unknown"


_SUBSTATUS: Final = {
    0x04: "configuration error",
    0x08: "not connected",
    0x0C: "device failure",
    0x10: "sensor failure",
    0x14: "last known value",
    0x18: "comm failure",
    0x1C: "out of service",
    0x20: "waiting for initial data",
    0x44: "last usable",
    0x50: "sensor not accurate",
    0x54: "EU exceeded",
    0x58: "sub-normal",
    0xD8: "local override",
}
_LIMITS: Final = ("", "low limited", "high limited", "constant")


@dataclass(frozen=True, slots=True)
class Quality:
    """The OPC DA quality of a value, taken apart.

    Only the low byte `QQSSSSLL` counts; the bytes above it are the vendor's own.
    A negative number is no quality and its level is UNKNOWN.

    Attributes:
        value: The number as it came.
        level: Good from 192, uncertain from 64, bad below, each in the low byte.
        substatus: In words; empty where the quality gives no reason.
        limit: "low limited", "high limited", "constant", or empty.
    """

    value: int
    level: QualityLevel
    substatus: str
    limit: str

    @classmethod
    def of(cls, value: int) -> Quality:
        """Return the parts of a quality number. Never fails, whatever the number."""
        return _quality(value)

    @property
    def good(self) -> bool:
        """Whether the value can be used without doubt."""
        return self.level is QualityLevel.GOOD

    @property
    def uncertain(self) -> bool:
        """Whether the value may be stale or inexact."""
        return self.level is QualityLevel.UNCERTAIN

    @property
    def bad(self) -> bool:
        """Whether the value must not be used; an unknown quality counts as bad."""
        return self.level in (QualityLevel.BAD, QualityLevel.UNKNOWN)

    def __str__(self) -> str:
        """Return it in words, for example "Bad, comm failure, constant (27)"."""
        words = [self.level.capitalize(), self.substatus, self.limit]
        return f"{', '.join(word for word in words if word)} ({self.value})"


@lru_cache(maxsize=512)
def _quality(value: int) -> Quality:
    if value < 0:
        return Quality(value, QualityLevel.UNKNOWN, "", "")
    low = value & 0xFF
    if low >= 0xC0:
        level = QualityLevel.GOOD
    elif low >= 0x40:
        level = QualityLevel.UNCERTAIN
    else:
        level = QualityLevel.BAD
    code = low & 0xFC
    substatus = _SUBSTATUS.get(code, "")
    if not substatus and code & 0x3F:
        substatus = f"substatus {(code & 0x3F) >> 2}"
    if 0x80 <= low < 0xC0:
        # OPC DA leaves these bits undefined; the gateway calls them uncertain.
        substatus = "reserved bits"
    return Quality(value, level, substatus, _LIMITS[low & 0x03])


_HRESULTS: Final = {
    0x00000000: ("S_OK", ""),
    0x00000001: ("S_FALSE", ""),
    0x80070057: (
        "E_INVALIDARG",
        "bad handle, a write without advise or before the first value, or a refused login",
    ),
    0x80004021: ("CO_E_NOT_SUPPORTED", "not supported for this item or security mode"),
    0x80040200: ("", "failure of the MXAccess interface"),
    0x80070005: ("E_ACCESSDENIED", "no MXAccess runtime licence"),
    0x80040154: ("REGDB_E_CLASSNOTREG", "MXAccess is not installed, or the process has 64 bits"),
    0x8007000E: ("E_OUTOFMEMORY", "too many advises in a burst"),
    0x800706BA: ("RPC_S_SERVER_UNAVAILABLE", "the runtime is gone"),
    0x80004005: ("E_FAIL", ""),
}


def hresult_hex(hresult: int) -> str:
    """Return an HRESULT, signed or unsigned, as `0x` and eight digits."""
    return f"0x{hresult & 0xFFFFFFFF:08X}"


def hresult_name(hresult: int) -> str:
    """Return the Windows name of an HRESULT that MXAccess is known to give, else ""."""
    return _HRESULTS.get(hresult & 0xFFFFFFFF, ("", ""))[0]


def hresult_failed(hresult: int | None) -> bool:
    """Return whether an HRESULT, signed or unsigned, says failure. None, absent, does not."""
    return hresult is not None and bool(hresult & 0x80000000)


def describe_hresult(hresult: int) -> str:
    """Return an HRESULT for people: hex, name and meaning as far as they are known."""
    name, meaning = _HRESULTS.get(hresult & 0xFFFFFFFF, ("", ""))
    text = f"{hresult_hex(hresult)} {name}".rstrip()
    return f"{text} ({meaning})" if meaning else text


_CATEGORIES: Final = {
    MxStatusCategory.UNSPECIFIED: "No category",
    MxStatusCategory.UNKNOWN: "Unknown",
    MxStatusCategory.OK: "OK",
}
_SOURCES: Final = {
    MxStatusSource.REQUESTING_LMX: "requesting LMX",
    MxStatusSource.RESPONDING_LMX: "responding LMX",
    MxStatusSource.REQUESTING_NMX: "requesting NMX",
    MxStatusSource.RESPONDING_NMX: "responding NMX",
    MxStatusSource.REQUESTING_AUTOMATION_OBJECT: "requesting automation object",
    MxStatusSource.RESPONDING_AUTOMATION_OBJECT: "responding automation object",
}
_DETAILS: Final = {
    0: ("MX_S_Success", ""),
    1: ("MX_E_RequestTimedOut", "no answer in time"),
    2: ("MX_E_PlatformCommunicationError", "platform not reachable"),
    3: ("MX_E_InvalidPlatformId", "bad id in a bound reference"),
    4: ("MX_E_InvalidEngineId", "bad id in a bound reference"),
    5: ("MX_E_EngineCommunicationError", "engine not reachable"),
    6: ("MX_E_InvalidReference", "name cannot be resolved"),
    7: ("MX_E_NoGalaxyRepository", "galaxy repository away"),
    8: ("MX_E_InvalidObjectId", "object id unknown"),
    321: ("", "refused by security"),
    902: ("", "refused by the state of the item"),
    1003: ("", "array given without []"),
    1012: ("", "secured write needed"),
    1013: ("", "verified write needed, two users"),
}
_PENDING: Final = MxStatusCategory.PENDING
_NOT_FAILED: Final = frozenset(
    {
        MxStatusCategory.UNSPECIFIED,
        MxStatusCategory.UNKNOWN,
        MxStatusCategory.OK,
        MxStatusCategory.WARNING,
        MxStatusCategory.PENDING,
    }
)


def is_pending(status: MxStatusProxy) -> bool:
    """Return whether the operation is accepted but not finished; another status follows."""
    return status.category == _PENDING


def is_failure(status: MxStatusProxy) -> bool:
    """Return whether the category says failure.

    The number `success` is a COM member, not a flag, and is not looked at: 0 with
    an unset category is no failure (gateway semantics, section 4). A category
    that this version does not know is a failure.
    """
    return MxStatusCategory(status.category) not in _NOT_FAILED


def is_ok(status: MxStatusProxy) -> bool:
    """Return whether the operation is done and did not fail; a warning counts as done."""
    return not is_failure(status) and not is_pending(status)


def describe_status(status: MxStatusProxy) -> str:
    """Return a status for people: category, who detected it, detail, and the gateway's text.

    For example "Configuration error from requesting LMX: detail 6
    MX_E_InvalidReference (name cannot be resolved)".
    """
    category = MxStatusCategory(status.category)
    words = _CATEGORIES.get(category)
    if words is None:
        words = enum_name(category).replace("_", " ").capitalize()
        if not category.name:
            words = f"Unknown category ({category.value})"
    parts = [words]
    source = MxStatusSource(status.detected_by)
    if source in _SOURCES:
        parts.append(f" from {_SOURCES[source]}")
    elif not source.name:
        parts.append(f" from unknown source ({source.value})")
    if status.detail:
        name, meaning = _DETAILS.get(status.detail, ("", ""))
        parts.append(f": detail {status.detail}")
        parts.append(f" {name}" if name else "")
        parts.append(f" ({meaning})" if meaning else "")
    if status.diagnostic_text:
        parts.append(f": {printable(status.diagnostic_text)}")
    return "".join(parts)


def describe_statuses(statuses: Iterable[MxStatusProxy]) -> str:
    """Return several statuses for people, separated by semicolons; empty for none."""
    return "; ".join(describe_status(status) for status in statuses)
