"""The MXSTATUS_PROXY entries and HRESULTs of the grpcio gateway (MXAccess reference, section 4)."""

from __future__ import annotations

from typing import Any

from google_messages import load_google_modules

__all__ = [
    "BARE_ARRAY",
    "E_INVALIDARG",
    "INVALID_REFERENCE",
    "NOT_SUPPORTED",
    "NO_PERMISSION",
    "SECURED_NEEDED",
    "VERIFIED_NEEDED",
    "WRITE_REFUSED",
    "status",
]

E_INVALIDARG = -2147024809
NOT_SUPPORTED = -2147467231

INVALID_REFERENCE = 6
NO_PERMISSION = 321
WRITE_REFUSED = 902
BARE_ARRAY = 1003
SECURED_NEEDED = 1012
VERIFIED_NEEDED = 1013


def status(
    category: str = "OK",
    source: str = "RESPONDING_AUTOMATION_OBJECT",
    detail: int = 0,
    text: str = "",
) -> Any:
    """Return an MxStatusProxy; category and source by the end of their names."""
    pb = load_google_modules().gateway_pb2
    number = pb.MxStatusCategory.Value(f"MX_STATUS_CATEGORY_{category}")
    detected = pb.MxStatusSource.Value(f"MX_STATUS_SOURCE_{source}")
    return pb.MxStatusProxy(
        success=-1 if category in ("OK", "PENDING", "WARNING") else 0,
        category=number,
        detected_by=detected,
        detail=detail,
        raw_category=number,
        raw_detected_by=detected,
        diagnostic_text=text,
    )
