"""Where the changes of an item go: straight out, only where a part changed, or into batches."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxEvent,
    MxEventFamily,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    OnBufferedDataChangeEvent,
)
from mxgateway.simulator.clock import Clock, Timer, call_later
from mxgateway.simulator.events import item_prefix
from mxgateway.simulator.items import Item
from mxgateway.simulator.parts import Seen, look, refusal
from mxgateway.simulator.status import OK_STATUS, make_status
from mxgateway.simulator.variant import NO_DATA, batch_array, batch_value, to_message

__all__ = ["BufferSink", "PartSink", "Publisher"]

_FULL = 1000  # samples of one item that go out before the interval is over


class Publisher(Protocol):
    """What sinks need of the session."""

    def send_change(self, item: Item, now: datetime, tail: bytes) -> None:
        """Queue a data change with the current value of the item."""

    def publish(self, prefix: bytes, head: bytes, tail: bytes, now: datetime) -> None:
        """Queue an event put together from its parts."""


class PartSink:
    """For elements and properties: the attribute may change while they stay the same."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def send_change(self, item: Item, now: datetime, tail: bytes) -> None:
        """Queue a data change if the item shows something new."""
        seen = None if item.target.tag is None else look(item.target)
        if seen is not None and not seen.differs(item.last):
            return
        item.last = seen
        self._publisher.send_change(item, now, tail)


class BufferSink:
    """Gathers the samples of the buffered items of one registration.

    A batch goes out when the interval is over that began with its first sample. 1000
    samples go out at once, so that a long interval costs no more memory.

    Attributes:
        interval: Seconds between two batches; a change counts from the next batch.
    """

    def __init__(self, publisher: Publisher, *, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._samples: dict[Item, list[tuple[Seen, datetime]]] = {}
        self._timer: Timer | None = None
        self.interval = 1.0

    def send_change(self, item: Item, now: datetime, tail: bytes) -> None:  # noqa: ARG002
        """Keep a sample; a reference that shows nothing fails at once."""
        tag = item.target.tag
        seen = None if tag is None else look(item.target)
        if tag is None or seen is None:
            self._fail(item, now, refusal(item.target))
        elif isinstance(seen.value, list):
            self._fail(item, now, _NO_ARRAYS)
        else:
            taken = self._samples.setdefault(item, [])
            taken.append((seen, tag.timestamp))
            if len(taken) == _FULL:
                self._send(item, self._samples.pop(item), now)
            elif self._timer is None:
                self._timer = call_later(self._clock, self.interval, self._interval_is_over)

    def _interval_is_over(self) -> None:
        self._timer = None
        samples, self._samples = self._samples, {}
        now = self._clock()
        for item, taken in samples.items():
            self._send(item, taken, now)

    def _send(self, item: Item, taken: list[tuple[Seen, datetime]], now: datetime) -> None:
        last, time = taken[-1]
        values = [seen.value for seen, _ in taken]
        qualities = [seen.quality for seen, _ in taken]
        head = MxEvent(
            value=batch_value(last.info, values),
            quality=last.quality,
            source_timestamp=time,
            statuses=[OK_STATUS],
        )
        body = OnBufferedDataChangeEvent(
            data_type=last.info.data_type,
            quality_values=batch_array("int32_values", qualities),
            timestamp_values=batch_array("timestamp_values", [when for _, when in taken]),
            raw_data_type=int(last.info.data_type),
        )
        self._publish(item, head, body, now)

    def _fail(self, item: Item, now: datetime, status: MxStatusProxy) -> None:
        head = MxEvent(value=to_message(NO_DATA, None), source_timestamp=now, statuses=[status])
        self._publish(item, head, OnBufferedDataChangeEvent(data_type=NO_DATA.data_type), now)

    def _publish(
        self, item: Item, head: MxEvent, body: OnBufferedDataChangeEvent, now: datetime
    ) -> None:
        prefix = item_prefix(
            MxEventFamily.ON_BUFFERED_DATA_CHANGE, item.session_id, item.server_handle, item.handle
        )
        tail = MxEvent(
            worker_timestamp=now, gateway_receive_timestamp=now, on_buffered_data_change=body
        )
        self._publisher.publish(prefix, encode(head), encode(tail), now)

    def forget(self, item: Item) -> None:
        """Drop what was gathered for an item."""
        self._samples.pop(item, None)

    def close(self) -> None:
        """Send nothing any more."""
        self._samples.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_NO_ARRAYS = make_status(
    MxStatusCategory.OPERATIONAL_ERROR,
    MxStatusSource.REQUESTING_LMX,
    text="an array attribute has no buffered values",
)
