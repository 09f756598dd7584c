"""The event stream of fixtures/behavior, as the typed events of the library."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from fixtures_suite.behavior import fixture, from_json

from mxgateway import MxEventFamily, Timestamp
from mxgateway.events import (
    AlarmTransition,
    BufferedDataChange,
    DataChange,
    OperationComplete,
    ProviderModeChange,
    ReplayGapEvent,
    UnknownEvent,
    WriteComplete,
    typed_event,
)
from mxgateway.generated.mxaccess_gateway.v1 import AlarmProviderMode, AlarmTransitionKind

STREAM = fixture("event-stream.session-ordered")


@pytest.fixture(scope="module")
def events() -> list[Any]:
    """The typed events of the stream, in order."""
    return [typed_event(from_json(STREAM.message_type, one)) for one in STREAM.load()["events"]]


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_the_stream_shows_every_family_of_the_contract_and_one_that_is_not_in_it(
    events: list[Any],
) -> None:
    families = {int(event.family) for event in events}
    assert families == {int(family) for family in MxEventFamily} | {77}


def test_every_event_is_of_its_class_and_keeps_its_message(events: list[Any]) -> None:
    assert [type(event) for event in events] == [
        ReplayGapEvent,
        *[DataChange] * 3,
        *[WriteComplete] * 3,
        OperationComplete,
        BufferedDataChange,
        *[AlarmTransition] * 2,
        ProviderModeChange,
        UnknownEvent,
        DataChange,
    ]
    assert [event.to_dict() for event in events] == STREAM.load()["events"]


def test_the_gap_comes_first_and_says_what_is_lost_and_no_event_is_missing_after_it(
    events: list[Any],
) -> None:
    gap, *rest = events
    assert (gap.requested_after, gap.oldest_available, gap.lost) == (40, 118, 77)
    assert (gap.worker_sequence, gap.item_handle) == (0, 0)
    first = gap.oldest_available
    assert [event.worker_sequence for event in rest] == list(range(first, first + len(rest)))


def test_data_changes_have_value_quality_and_times(events: list[Any]) -> None:
    good, timeless, failed, last = of(events, DataChange)
    assert (good.value, good.good, good.item_handle) == (1450.5, True, 34)
    assert good.source_timestamp == Timestamp.parse("2026-03-01T08:15:58.1234567Z")
    assert timeless.source_timestamp is None
    assert timeless.worker_timestamp is not None
    assert (failed.value, failed.good) == (None, False)
    assert str(failed.quality) == "Bad, comm failure (24)"
    assert "engine not reachable" in failed.reading().status
    assert last.reading("Pump_001.Speed").tag == "Pump_001.Speed"


def test_a_write_is_first_pending_then_done_or_refused(events: list[Any]) -> None:
    pending, done, refused = of(events, WriteComplete)
    assert (pending.pending, pending.ok) == (True, False)
    assert (done.pending, done.ok, done.hresult) == (False, True, 0)
    assert (refused.pending, refused.ok, refused.hresult) == (False, False, -2147220992)
    assert "secured write needed" in refused.status
    (operation,) = of(events, OperationComplete)
    assert operation.ok
    assert operation.hresult is None


def test_buffered_samples_run_in_parallel(events: list[Any]) -> None:
    (buffered,) = of(events, BufferedDataChange)
    assert [(s.value, s.quality.good, s.timestamp) for s in buffered.samples] == [
        (7, True, Timestamp(2026, 3, 1, 8, 15, 4, 100_000)),
        (8, True, Timestamp(2026, 3, 1, 8, 15, 4, 600_000)),
        (9, False, Timestamp(2026, 3, 1, 8, 15, 5, 100_000, nanosecond=100)),
    ]


def test_alarms_and_the_mode_of_their_provider_come_through(events: list[Any]) -> None:
    raised, acknowledged = of(events, AlarmTransition)
    assert raised.kind is AlarmTransitionKind.RAISE
    assert acknowledged.kind is AlarmTransitionKind.ACKNOWLEDGE
    assert acknowledged.raw.on_alarm_transition.operator_user == "PLANT\\shift"
    (mode,) = of(events, ProviderModeChange)
    assert (mode.mode, mode.reason) == (AlarmProviderMode.SUBTAG, "three polls failed")


@pytest.mark.requirement("value.unknown-enum")
def test_a_family_of_a_newer_gateway_is_passed_on_and_ends_nothing(events: list[Any]) -> None:
    (unknown,) = of(events, UnknownEvent)
    assert int(unknown.family) == 77
    assert unknown.raw.value.int32_value == 5
    assert unknown.raw.raw_status == "from a newer gateway"
    assert unknown.worker_timestamp - Timestamp(2026, 3, 1, 8, 15, 9) == dt.timedelta(
        milliseconds=130
    )
