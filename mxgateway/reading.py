"""TagValue: one value of a tag with everything that says whether it can be used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mxgateway.codec import to_jsonable
from mxgateway.codec.enums import names
from mxgateway.errors import MalformedReplyError, TagError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxSparseArray,
    MxStatusProxy,
    MxValue,
)
from mxgateway.printable import printable
from mxgateway.status import Quality, describe_statuses, is_failure
from mxgateway.timestamp import Timestamp
from mxgateway.values import ABSENT, PythonValue, data_type_name, from_mx_value
from mxgateway.values.shown import data_type_of, value_json, value_text

__all__ = ["TagValue"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TagValue:
    """One value as MXAccess gives it: value, quality, time, status, type.

    Attributes:
        tag: The reference as it was asked for; "" where it is not known.
        value: The Python value. `ABSENT` (none was sent), None (null), 0, "" and
            False are five different things.
        quality: The OPC DA quality as it came. It alone does not make a value good.
        timestamp: The source's time in UTC, to 100 ns; None where it is missing.
        statuses: Every MXSTATUS_PROXY that came with the value.
        data_type: The type of the scalar, or of the elements of an array.
        raw: The message, with VARIANT type, raw type and diagnostic; None where
            there was none.
        error: Why there is no value; None where there is one.
        cached: Whether the worker answered from its cache (ReadBulk).
    """

    tag: str
    value: PythonValue
    quality: Quality
    timestamp: Timestamp | None
    statuses: tuple[MxStatusProxy, ...]
    data_type: MxDataType
    raw: MxValue | None = field(compare=False)
    error: TagError | None = None
    cached: bool = False

    @classmethod
    def of(
        cls,
        tag: str,
        value: MxValue | None,
        quality: int,
        timestamp: dt.datetime | None,
        statuses: Iterable[MxStatusProxy],
        *,
        error: TagError | None = None,
        cached: bool = False,
    ) -> TagValue:
        """Return the reading that the parts of a decoded message make up. Never fails.

        A value that breaks the contract (an array that contradicts its dimensions, a
        sparse array, which only travels towards the gateway) stays in `raw` and
        becomes an `error`: one tag must not take the others of its message along.
        """
        content, broken = _read(tag, value)
        error = error or broken
        if timestamp is not None and not isinstance(timestamp, Timestamp):
            timestamp = Timestamp.from_datetime(timestamp)
        return cls(
            tag=tag,
            value=content,
            quality=Quality.of(quality),
            timestamp=timestamp,
            statuses=tuple(statuses),
            data_type=data_type_of(value),
            raw=value,
            error=error,
            cached=cached,
        )

    @property
    def ok(self) -> bool:
        """Whether there is no error and no failing status. The quality does not matter here."""
        return self.error is None and not any(is_failure(entry) for entry in self.statuses)

    @property
    def good(self) -> bool:
        """Whether the value can be used without doubt: there, quality good, nothing failed."""
        return self.quality.good and self._usable

    @property
    def uncertain(self) -> bool:
        """Whether the value may be stale or inexact: there, quality uncertain, nothing failed."""
        return self.quality.uncertain and self._usable

    @property
    def bad(self) -> bool:
        """Whether the value must not be used: neither good nor uncertain."""
        return not (self.good or self.uncertain)

    @property
    def _usable(self) -> bool:
        return self.value is not ABSENT and self.ok

    @property
    def status(self) -> str:
        """The error and the statuses in words; "OK" where there is neither."""
        texts = []
        if self.error is not None:
            texts.append(self.error.message.removeprefix(f"{self.tag}: "))
        if self.error is None or any(is_failure(entry) for entry in self.statuses):
            texts.append(describe_statuses(self.statuses))
        return "; ".join(text for text in texts if text) or "OK"

    @property
    def is_array(self) -> bool:
        """Whether the value is an array, also an empty one."""
        return isinstance(self.value, list) or (
            self.raw is not None and self.raw.array_value is not None
        )

    @property
    def type_name(self) -> str:
        """The MXAccess name of the type, with `[]` for an array: "Float", "Integer[]"."""
        return data_type_name(self.data_type) + ("[]" if self.is_array else "")

    def age(self, now: dt.datetime | None = None) -> dt.timedelta | None:
        """Return how old the value is; None without a timestamp.

        Negative where the source's clock is ahead.

        Args:
            now: An aware datetime; the computer's time if not given.
        """
        if self.timestamp is None:
            return None
        age: dt.timedelta = (Timestamp.now() if now is None else now) - self.timestamp
        return age

    def require(self) -> PythonValue:
        """Return the value, null as None; the quality is not looked at, see `good`.

        Raises:
            TagError: There is no value, or a status says that the read failed.
        """
        if self.error is not None:
            raise self.error
        if not self.ok:
            raise _tag_error(self.tag, self.status)
        if self.value is ABSENT:
            raise _tag_error(self.tag, "the gateway sent no value")
        return self.value

    @property
    def _name(self) -> str:
        return self.tag or "a tag"

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as plain JSON types, by the rules of protobuf JSON.

        `value` is left out where there is none and None for null. 64-bit integers
        are text, times RFC 3339 with 0, 3, 6 or 9 digits, NaN is "NaN".
        """
        value = {} if self.value is ABSENT else {"value": value_json(self.value, self.raw)}
        return {
            "tag": self.tag,
            **value,
            "dataType": names(MxDataType)[self.data_type],
            "isArray": self.is_array,
            "quality": self.quality.value,
            "good": self.good,
            "timestamp": None if self.timestamp is None else self.timestamp.to_json(),
            "statuses": [to_jsonable(entry) for entry in self.statuses],
            "cached": self.cached,
            "error": None if self.error is None else self.error.to_dict(),
        }

    def __str__(self) -> str:
        """Return tag and value, with what is wrong where it is not good."""
        text = f"{self._name} = {value_text(self.value, self.raw)}"
        if self.good:
            return printable(text)
        return printable(f"{text} ({self.quality if self.ok else self.status})")

    def __repr__(self) -> str:
        """Return all of it in one line, for example `<Pump_001.Speed 1450.5 Float, Good (192)>`."""
        kind = self.type_name if self.data_type else ""
        parts = [
            f"{self._name} {value_text(self.value, self.raw)} {kind}".rstrip(),
            str(self.quality),
        ]
        if not self.ok:
            parts.append(self.status)
        if self.timestamp is not None:
            parts.append(str(self.timestamp))
        return printable(f"<{', '.join(parts)}{', cached' if self.cached else ''}>")


def _read(tag: str, message: MxValue | None) -> tuple[PythonValue, TagError | None]:
    try:
        value = from_mx_value(message)
    except MalformedReplyError as malformed:
        error = _tag_error(tag, malformed.message)
        error.__cause__ = malformed
        return ABSENT, error
    if isinstance(value, MxSparseArray):
        return ABSENT, _tag_error(tag, "a sparse array came as a value that was read")
    return value, None


def _tag_error(tag: str, text: str) -> TagError:
    return TagError(f"{tag}: {text}" if tag else text, tag=tag)
