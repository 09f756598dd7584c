"""Typed events: one class for each family, thin wrappers around MxEvent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mxgateway.errors import MalformedReplyError
from mxgateway.events.base import Event, Received, moment_of
from mxgateway.events.marks import ReplayGapEvent
from mxgateway.generated.mxaccess_gateway.v1 import (
    AlarmProviderMode,
    AlarmTransitionKind,
    MxArray,
    MxDataType,
    MxEvent,
    MxEventFamily,
    MxValue,
    OnAlarmProviderModeChangedEvent,
    OnAlarmTransitionEvent,
    OnBufferedDataChangeEvent,
)
from mxgateway.reading import TagValue
from mxgateway.status import (
    Quality,
    describe_hresult,
    describe_statuses,
    enum_name,
    hresult_failed,
    is_failure,
    is_pending,
)
from mxgateway.timestamp import Timestamp
from mxgateway.values import PythonValue, from_mx_value, value_text
from mxgateway.values.shown import data_type_of

__all__ = [
    "FAMILIES",
    "AlarmTransition",
    "BufferedDataChange",
    "BufferedSample",
    "DataChange",
    "OperationComplete",
    "ProviderModeChange",
    "UnknownEvent",
    "WriteComplete",
    "typed_event",
]


class DataChange(Received):
    """A new value, quality or status of an item; also its first one after an advise."""

    __slots__ = ()

    @property
    def value(self) -> PythonValue:
        """The Python value, see `from_mx_value`; the quality says whether it can be used.

        Raises:
            MalformedReplyError: The value contradicts itself; `reading()` never fails.
        """
        return from_mx_value(self._message.value)

    @property
    def quality(self) -> Quality:
        """The OPC DA quality."""
        return Quality.of(self._message.quality)

    @property
    def data_type(self) -> MxDataType:
        """The type of the scalar, or of the elements of an array."""
        return data_type_of(self._message.value)

    @property
    def good(self) -> bool:
        """Whether the value can be used without doubt: there, quality good, no failing status."""
        return self.reading().good

    def reading(self, tag: str = "") -> TagValue:
        """Return value, quality, time and status as one TagValue. Never fails.

        Args:
            tag: The reference that belongs to the item, for `TagValue.tag`.
        """
        message = self._message
        return TagValue.of(
            tag, message.value, message.quality, message.source_timestamp, message.statuses
        )

    def _text(self) -> str:
        reading = self.reading()
        what = value_text(reading.value, reading.raw)
        return f"{what}, {reading.quality}" if reading.ok else f"{what}, {reading.status}"


class _Completion(Received):
    __slots__ = ()

    @property
    def pending(self) -> bool:
        """Whether it is accepted but not finished; another completion follows."""
        return not self._failed and any(is_pending(entry) for entry in self._message.statuses)

    @property
    def ok(self) -> bool:
        """Whether it is finished and did not fail; a warning counts as done."""
        return not self._failed and not self.pending

    @property
    def status(self) -> str:
        """How it ended, in words; "OK" where there is nothing to say."""
        texts = [describe_statuses(self._message.statuses)]
        hresult = self._message.hresult
        if hresult is not None and hresult_failed(hresult):
            texts.append(f"HRESULT {describe_hresult(hresult)}")
        return "; ".join(text for text in texts if text) or "OK"

    @property
    def _failed(self) -> bool:
        message = self._message
        return hresult_failed(message.hresult) or any(is_failure(s) for s in message.statuses)

    def _text(self) -> str:
        return self.status


class WriteComplete(_Completion):
    """How an accepted write ended (OnWriteComplete); one that is `pending` may come first."""

    __slots__ = ()


class OperationComplete(_Completion):
    """The end of another asynchronous operation, such as Suspend (OperationComplete)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class BufferedSample:
    """One sample of a buffered data change.

    Attributes:
        value: The Python value.
        quality: Its OPC DA quality.
        timestamp: Its time in UTC; None where the event brought none.
    """

    value: PythonValue
    quality: Quality
    timestamp: Timestamp | None


class BufferedDataChange(Received):
    """The samples that a buffered item has gathered over one interval (OnBufferedDataChange)."""

    __slots__ = ()

    @property
    def data_type(self) -> MxDataType:
        """The type of the samples."""
        return MxDataType(self._body.data_type)

    @property
    def samples(self) -> list[BufferedSample]:
        """The samples in the order of the event.

        Raises:
            MalformedReplyError: Values, qualities and times are not equally many.
        """
        value = from_mx_value(self._message.value)
        if self._message.value is None or value is None:
            return []
        values = value if isinstance(value, list) else [value]
        qualities = self._column("qualities", self._body.quality_values, len(values))
        times = self._column("times", self._body.timestamp_values, len(values))
        whole = self._message.quality
        return [
            BufferedSample(
                entry,
                Quality.of(whole if qualities is None else qualities[index]),
                None if times is None else moment_of(times[index]),
            )
            for index, entry in enumerate(values)
        ]

    @property
    def _body(self) -> OnBufferedDataChangeEvent:
        body = self._message.on_buffered_data_change
        return OnBufferedDataChangeEvent() if body is None else body

    def _column(self, name: str, array: MxArray | None, count: int) -> list[Any] | None:
        if array is None:
            return None
        entries: Any = from_mx_value(MxValue(array_value=array)) or []
        if len(entries) != count:
            raise MalformedReplyError(
                f"buffered data change {self.worker_sequence} of item {self.item_handle}: "
                f"{count} values, {len(entries)} {name}",
                reply=self._message,
            )
        return entries  # type: ignore[no-any-return]

    def _text(self) -> str:
        return enum_name(self.data_type)


class AlarmTransition(Received):
    """An alarm was raised, acknowledged, cleared or raised again (OnAlarmTransition)."""

    __slots__ = ()

    @property
    def body(self) -> OnAlarmTransitionEvent:
        """All that the gateway says about it."""
        body = self._message.on_alarm_transition
        return OnAlarmTransitionEvent() if body is None else body

    @property
    def alarm_full_reference(self) -> str:
        """The alarm: `Provider!Group.Tag`."""
        return self.body.alarm_full_reference

    @property
    def kind(self) -> AlarmTransitionKind:
        """What happened to it."""
        return AlarmTransitionKind(self.body.transition_kind)

    @property
    def severity(self) -> int:
        """The native severity, which is not a scale of 0 to 1000."""
        return self.body.severity

    @property
    def degraded(self) -> bool:
        """Whether it was made up from tags, as the alarm provider is away."""
        return self.body.degraded

    def _text(self) -> str:
        return f"{enum_name(self.kind)} {self.alarm_full_reference}"


class ProviderModeChange(Received):
    """The gateway changed over to another source of alarms (OnAlarmProviderModeChanged)."""

    __slots__ = ()

    @property
    def body(self) -> OnAlarmProviderModeChangedEvent:
        """All that the gateway says about it."""
        body = self._message.on_alarm_provider_mode_changed
        return OnAlarmProviderModeChangedEvent() if body is None else body

    @property
    def mode(self) -> AlarmProviderMode:
        """The source of alarms from now on."""
        return AlarmProviderMode(self.body.mode)

    @property
    def reason(self) -> str:
        """Why, in the gateway's words."""
        return self.body.reason

    def _text(self) -> str:
        return f"{enum_name(self.mode)} {self.reason}".rstrip()


class UnknownEvent(Received):
    """An event of a family that this version does not know, passed through as it came."""

    __slots__ = ()

    def _text(self) -> str:
        return f"family {enum_name(self.family)}"


FAMILIES: Final[dict[int, type[Event]]] = {
    MxEventFamily.ON_DATA_CHANGE: DataChange,
    MxEventFamily.ON_WRITE_COMPLETE: WriteComplete,
    MxEventFamily.OPERATION_COMPLETE: OperationComplete,
    MxEventFamily.ON_BUFFERED_DATA_CHANGE: BufferedDataChange,
    MxEventFamily.ON_ALARM_TRANSITION: AlarmTransition,
    MxEventFamily.ON_ALARM_PROVIDER_MODE_CHANGED: ProviderModeChange,
}
"""The class of each family."""

_class_of = FAMILIES.get


def typed_event(message: MxEvent) -> Event:
    """Return the event that a message stands for; one of an unknown family as UnknownEvent."""
    if message.replay_gap is not None:
        return ReplayGapEvent(message)
    return _class_of(message.family, UnknownEvent)(message)
