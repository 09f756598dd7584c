"""The MXSTATUS_PROXY entries that the simulator hands out (MXAccess reference, section 4)."""

from __future__ import annotations

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
)

__all__ = [
    "ENGINE_STOPPED",
    "E_FAIL",
    "E_INVALIDARG",
    "NOT_SUPPORTED",
    "NO_PERMISSION",
    "OK_STATUS",
    "PENDING_STATUS",
    "PLATFORM_STOPPED",
    "REQUEST_TIMED_OUT",
    "SECURED_WRITE_NEEDED",
    "VERIFIED_WRITE_NEEDED",
    "WRITE_REFUSED",
    "make_status",
    "unresolved_status",
]

E_INVALIDARG = -2_147_024_809
E_FAIL = -2_147_467_259
NOT_SUPPORTED = -2_147_467_231  # 0x80004021

# Detail codes, MXAccess reference, section 4.1.
REQUEST_TIMED_OUT = 1
PLATFORM_STOPPED = 2
ENGINE_STOPPED = 5
NO_PERMISSION = 321
WRITE_REFUSED = 902
SECURED_WRITE_NEEDED = 1012
VERIFIED_WRITE_NEEDED = 1013


# A pending write arrives with non-zero success too.
_USABLE = (MxStatusCategory.OK, MxStatusCategory.PENDING)


def make_status(
    category: MxStatusCategory, source: MxStatusSource, detail: int = 0, text: str = ""
) -> MxStatusProxy:
    """Return a status; raw members hold proto numbers, as in the gateway's own fixture."""
    return MxStatusProxy(
        success=-1 if category in _USABLE else 0,
        category=category,
        detected_by=source,
        detail=detail,
        raw_category=int(category),
        raw_detected_by=int(source),
        diagnostic_text=text,
    )


OK_STATUS = make_status(MxStatusCategory.OK, MxStatusSource.REQUESTING_LMX)
PENDING_STATUS = make_status(MxStatusCategory.PENDING, MxStatusSource.RESPONDING_AUTOMATION_OBJECT)


def unresolved_status(detail: int) -> MxStatusProxy:
    """Return the status of a reference that leads nowhere."""
    return make_status(
        MxStatusCategory.CONFIGURATION_ERROR,
        MxStatusSource.REQUESTING_LMX,
        detail,
        "array without []" if detail == 1003 else "the reference cannot be resolved",
    )
