"""The events of a session: typed, for any number of consumers, from one gateway stream."""

from mxgateway.events.base import Event
from mxgateway.events.bounded import Overflow
from mxgateway.events.hub import EventHub, EventSink
from mxgateway.events.marks import DroppedEvents, ReplayGapEvent, SequenceGap
from mxgateway.events.queue import EventFilter, EventQueue, Families, Items
from mxgateway.events.reader import StreamSource
from mxgateway.events.stream import EventStream
from mxgateway.events.types import (
    AlarmTransition,
    BufferedDataChange,
    BufferedSample,
    DataChange,
    OperationComplete,
    ProviderModeChange,
    UnknownEvent,
    WriteComplete,
    typed_event,
)

__all__ = [
    "AlarmTransition",
    "BufferedDataChange",
    "BufferedSample",
    "DataChange",
    "DroppedEvents",
    "Event",
    "EventFilter",
    "EventHub",
    "EventQueue",
    "EventSink",
    "EventStream",
    "Families",
    "Items",
    "OperationComplete",
    "Overflow",
    "ProviderModeChange",
    "ReplayGapEvent",
    "SequenceGap",
    "StreamSource",
    "UnknownEvent",
    "WriteComplete",
    "typed_event",
]
