"""What a write by tag name asks for, and how it ended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mxgateway.errors import MxGatewayError, Processed
from mxgateway.events import WriteComplete
from mxgateway.tags.login import Login
from mxgateway.values import DataType

__all__ = ["TagWrite", "User", "WriteRequest"]

User: TypeAlias = Login | int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One write, with all that can be said about it.

    Attributes:
        tag: The reference.
        value: The value; see `mxgateway.values.to_mx_value`.
        data_type: Its type; None for the tag's own.
        timestamp: The time of the value, aware; None for the plant's.
        user: Who writes: a Login, an id, or 0 for nobody.
        verifier: Who confirms a verified write.
    """

    tag: str
    value: object = field(repr=False)
    data_type: DataType | None = None
    timestamp: dt.datetime | None = None
    user: User = 0
    verifier: User = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TagWrite:
    """How one write ended.

    Attributes:
        tag: The reference as it was given.
        event: The completion; None where the write did not get that far.
        error: Why it failed, or why its outcome is not known; None for success.
        secured: Whether it went out as a secured or verified write.
    """

    tag: str
    event: WriteComplete | None = None
    error: MxGatewayError | None = None
    secured: bool = False

    @property
    def ok(self) -> bool:
        """Whether the value took effect."""
        return self.error is None

    @property
    def processed(self) -> Processed:
        """Whether the plant may have acted: "no", "maybe" or "yes"."""
        return "yes" if self.error is None else self.error.processed

    @property
    def status(self) -> str:
        """How it ended, in words."""
        if self.error is not None:
            return self.error.message
        return "OK" if self.event is None else self.event.status

    def require(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "tag": self.tag,
            "ok": self.ok,
            "processed": self.processed,
            "secured": self.secured,
            "status": self.status,
            "error": None if self.error is None else self.error.to_dict(),
        }
