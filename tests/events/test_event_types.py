"""Typed events: what each family shows, and that nothing of the message gets lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from mxgateway import ABSENT, MalformedReplyError, Timestamp
from mxgateway.codec import to_jsonable
from mxgateway.events import (
    AlarmTransition,
    BufferedDataChange,
    DataChange,
    DroppedEvents,
    OperationComplete,
    ProviderModeChange,
    ReplayGapEvent,
    SequenceGap,
    UnknownEvent,
    WriteComplete,
    typed_event,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AlarmProviderMode,
    AlarmTransitionKind,
    MxArray,
    MxDataType,
    MxEvent,
    MxEventFamily,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
    OnAlarmProviderModeChangedEvent,
    OnAlarmTransitionEvent,
    OnBufferedDataChangeEvent,
    ReplayGap,
)
from mxgateway.values import to_mx_value

NOON = Timestamp.parse("2026-03-01T12:00:00.1234567Z")
BAD = MxStatusProxy(
    category=MxStatusCategory.SECURITY_ERROR,
    detected_by=MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
    detail=1012,
)
PENDING = MxStatusProxy(category=MxStatusCategory.PENDING)


def of(family: MxEventFamily, **fields: Any) -> Any:
    return typed_event(
        MxEvent(
            family=family,
            session_id="s",
            server_handle=1,
            item_handle=2,
            worker_sequence=3,
            **fields,
        )
    )


@pytest.mark.parametrize(
    ("family", "cls"),
    [
        (MxEventFamily.ON_DATA_CHANGE, DataChange),
        (MxEventFamily.ON_WRITE_COMPLETE, WriteComplete),
        (MxEventFamily.OPERATION_COMPLETE, OperationComplete),
        (MxEventFamily.ON_BUFFERED_DATA_CHANGE, BufferedDataChange),
        (MxEventFamily.ON_ALARM_TRANSITION, AlarmTransition),
        (MxEventFamily.ON_ALARM_PROVIDER_MODE_CHANGED, ProviderModeChange),
        (MxEventFamily.UNSPECIFIED, UnknownEvent),
        (MxEventFamily(99), UnknownEvent),
    ],
)
def test_every_family_has_its_class_and_keeps_its_message(family: MxEventFamily, cls: Any) -> None:
    event = of(
        family, hresult=0, worker_timestamp=NOON, gateway_receive_timestamp=NOON, statuses=[BAD]
    )
    assert type(event) is cls
    assert event.family == family
    assert (event.session_id, event.server_handle, event.item_handle) == ("s", 1, 2)
    assert (event.worker_sequence, event.hresult, event.statuses) == (3, 0, (BAD,))
    assert event.worker_timestamp == event.gateway_receive_timestamp == NOON
    assert event.source_timestamp is None
    assert event.to_dict() == to_jsonable(event.raw)
    assert repr(event).startswith(f"<{cls.__name__} 3, server 1 item 2: ")


def test_a_data_change_shows_value_quality_and_time() -> None:
    event = of(
        MxEventFamily.ON_DATA_CHANGE,
        value=to_mx_value(1450.5, "float"),
        quality=192,
        source_timestamp=NOON,
    )
    assert (event.value, event.good, event.data_type) == (1450.5, True, MxDataType.FLOAT)
    assert str(event.quality) == "Good (192)"
    reading = event.reading("Pump_001.Speed")
    assert (reading.tag, reading.value, reading.timestamp) == ("Pump_001.Speed", 1450.5, NOON)
    assert repr(event) == "<DataChange 3, server 1 item 2: 1450.5, Good (192)>"


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ABSENT),
        (MxValue(is_null=True), None),
        (to_mx_value(0), 0),
        (to_mx_value(""), ""),
        (to_mx_value(False), False),
    ],
)
def test_absent_null_zero_empty_and_false_stay_different(value: Any, expected: Any) -> None:
    event = of(MxEventFamily.ON_DATA_CHANGE, value=value, quality=192)
    assert event.value is expected or (
        event.value == expected and type(event.value) is type(expected)
    )
    assert event.good is (value is not None)


@pytest.mark.parametrize(("quality", "statuses"), [(64, []), (0, []), (-1, []), (192, [BAD])])
def test_a_doubtful_quality_or_a_failing_status_is_not_good(
    quality: int, statuses: list[MxStatusProxy]
) -> None:
    event = of(
        MxEventFamily.ON_DATA_CHANGE, value=to_mx_value(1), quality=quality, statuses=statuses
    )
    assert not event.good


def test_each_access_to_an_array_gives_a_list_of_its_own() -> None:
    event = of(MxEventFamily.ON_DATA_CHANGE, value=to_mx_value([1, 2]), quality=192)
    event.value.append(3)
    assert event.value == [1, 2]


@pytest.mark.parametrize(
    ("fields", "ok", "pending", "status"),
    [
        ({}, True, False, "OK"),
        ({"statuses": [PENDING]}, False, True, "Pending"),
        (
            {"statuses": [BAD]},
            False,
            False,
            "Security error from responding automation object: detail 1012 (secured write needed)",
        ),
        ({"statuses": [BAD, PENDING]}, False, False, None),
        ({"hresult": -2147024809}, False, False, None),
        ({"statuses": [MxStatusProxy(category=MxStatusCategory.WARNING)]}, True, False, "Warning"),
        ({"statuses": [MxStatusProxy(success=0)]}, True, False, None),
        ({"statuses": [MxStatusProxy(category=MxStatusCategory(77))]}, False, False, None),
    ],
)
def test_a_completion_says_how_it_ended(
    fields: dict[str, Any], ok: bool, pending: bool, status: str | None
) -> None:
    for family in (MxEventFamily.ON_WRITE_COMPLETE, MxEventFamily.OPERATION_COMPLETE):
        event = of(family, **fields)
        assert (event.ok, event.pending) == (ok, pending)
        assert status is None or event.status == status


def _buffered(values: Any, qualities: Any, times: Any) -> Any:
    def array(column: Any) -> MxArray | None:
        return None if column is None else to_mx_value(column).array_value

    return of(
        MxEventFamily.ON_BUFFERED_DATA_CHANGE,
        value=to_mx_value(values),
        quality=64,
        on_buffered_data_change=OnBufferedDataChangeEvent(
            data_type=MxDataType.INTEGER,
            quality_values=array(qualities),
            timestamp_values=array(times),
        ),
    )


def test_a_buffered_change_has_one_sample_per_value() -> None:
    later = NOON + dt.timedelta(seconds=1)
    event = _buffered([1, 2], [192, 0], [NOON, later])
    assert event.data_type == MxDataType.INTEGER
    assert [(s.value, s.quality.value, s.timestamp) for s in event.samples] == [
        (1, 192, NOON),
        (2, 0, later),
    ]
    bare = _buffered([1, 2], None, None)
    assert [(s.value, s.quality.value, s.timestamp) for s in bare.samples] == [
        (1, 64, None),
        (2, 64, None),
    ]
    assert of(MxEventFamily.ON_BUFFERED_DATA_CHANGE).samples == []


def test_columns_of_different_length_are_never_paired() -> None:
    with pytest.raises(MalformedReplyError, match="2 values, 1 qualities"):
        _ = _buffered([1, 2], [192], None).samples
    with pytest.raises(MalformedReplyError, match="2 values, 3 times"):
        _ = _buffered([1, 2], None, [NOON] * 3).samples


def test_alarm_events_show_their_body() -> None:
    raised = of(
        MxEventFamily.ON_ALARM_TRANSITION,
        on_alarm_transition=OnAlarmTransitionEvent(
            alarm_full_reference="Galaxy!Area.Tank.Hi",
            transition_kind=AlarmTransitionKind.RAISE,
            severity=500,
            degraded=True,
        ),
    )
    assert (raised.alarm_full_reference, raised.severity) == ("Galaxy!Area.Tank.Hi", 500)
    assert (raised.kind, raised.degraded) == (AlarmTransitionKind.RAISE, True)
    moved = of(
        MxEventFamily.ON_ALARM_PROVIDER_MODE_CHANGED,
        on_alarm_provider_mode_changed=OnAlarmProviderModeChangedEvent(
            mode=AlarmProviderMode.SUBTAG, reason="forced"
        ),
    )
    assert (moved.mode, moved.reason) == (AlarmProviderMode.SUBTAG, "forced")
    assert of(MxEventFamily.ON_ALARM_TRANSITION).severity == 0


def test_gaps_and_marks_say_what_is_missing() -> None:
    gap = typed_event(
        MxEvent(replay_gap=ReplayGap(requested_after_sequence=5, oldest_available_sequence=9))
    )
    assert isinstance(gap, ReplayGapEvent)
    assert (gap.requested_after, gap.oldest_available, gap.lost) == (5, 9, 3)
    empty = typed_event(MxEvent(replay_gap=ReplayGap(requested_after_sequence=5)))
    assert isinstance(empty, ReplayGapEvent)
    assert empty.lost is None
    jump = SequenceGap(2, 5, "s")
    assert (jump.lost, jump.raw, jump.session_id) == (2, None, "s")
    assert repr(jump) == "<SequenceGap: events lost after 2 and before 5>"
    dropped = DroppedEvents(7, "s")
    assert dropped.to_dict() == {"type": "DroppedEvents", "sessionId": "s", "count": 7}
    assert (dropped.family, dropped.worker_sequence) == (MxEventFamily.UNSPECIFIED, 0)
