"""What an event counts for in a bounded queue: its bytes, and more where it is made of little."""

from __future__ import annotations

import pytest

from mxgateway.events.weight import held_bytes
from mxgateway.generated.mxaccess_gateway.v1 import (
    DoubleArray,
    MxArray,
    MxEvent,
    MxSparseArray,
    MxSparseElement,
    MxStatusProxy,
    MxValue,
    OnBufferedDataChangeEvent,
    TimestampArray,
)
from mxgateway.timestamp import Timestamp

NOW = Timestamp.now()


def times(count: int) -> MxArray:
    return MxArray(timestamp_values=TimestampArray(values=[NOW] * count))


@pytest.mark.parametrize(
    "event",
    [
        MxEvent(value=MxValue(double_value=1.5)),
        MxEvent(statuses=[MxStatusProxy()] * 16),
        MxEvent(
            value=MxValue(array_value=MxArray(double_values=DoubleArray(values=[1.0] * 5_000)))
        ),
        MxEvent(value=MxValue(array_value=times(16))),
        MxEvent(on_buffered_data_change=OnBufferedDataChangeEvent()),
    ],
    ids=["value", "statuses", "numbers", "times", "buffered"],
)
def test_an_event_of_a_plant_counts_for_its_bytes(event: MxEvent) -> None:
    assert held_bytes(event, 123) == 123


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        (MxEvent(statuses=[MxStatusProxy()] * 5_000), 5_000),
        (MxEvent(value=MxValue(array_value=times(5_000))), 5_000),
        (
            MxEvent(
                on_buffered_data_change=OnBufferedDataChangeEvent(
                    quality_values=times(1_000), timestamp_values=times(2_000)
                )
            ),
            3_000,
        ),
        (
            MxEvent(
                value=MxValue(
                    sparse_array_value=MxSparseArray(
                        elements=[
                            MxSparseElement(value=MxValue(array_value=times(10))),
                            *[MxSparseElement()] * 100,
                        ]
                    )
                )
            ),
            212,
        ),
    ],
    ids=["statuses", "times", "buffered", "sparse"],
)
def test_what_takes_more_memory_than_bytes_counts_for_more(event: MxEvent, parts: int) -> None:
    assert held_bytes(event, 123) == 123 + 200 * parts
