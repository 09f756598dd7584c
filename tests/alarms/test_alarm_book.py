"""AlarmBook: what feed messages make of it (gateway semantics, section 9)."""

from __future__ import annotations

import json
import logging
import math

import pytest
from alarms.feed_messages import COMPLETE, HIHI, applied, at, book_of, snapshot, status, transition

from mxgateway import ABSENT, AlarmBook, AlarmChange, AlarmFeedMessage
from mxgateway.generated.mxaccess_gateway.v1 import (
    AlarmConditionState,
    AlarmProviderMode,
    AlarmTransitionKind,
    Int32Array,
    MxArray,
    MxValue,
)

State = AlarmConditionState
Kind = AlarmTransitionKind
Mode = AlarmProviderMode

HI = "Galaxy!Intake.Tank_001.Level.Hi"
FAULT = "Galaxy!Intake.Pump_001.Fault"


def change_of(book: AlarmBook, message: AlarmFeedMessage) -> AlarmChange:
    """The one change that a message makes."""
    (change,) = book.apply(message)
    return change


def test_a_feed_in_its_documented_order() -> None:
    book = AlarmBook()

    assert applied(book, snapshot(HIHI), snapshot(HI, State.ACTIVE_ACKED)) == [
        "raised Tank_001.Level.HiHi*",
        "raised Tank_001.Level.Hi*",
    ]
    assert (book.complete, len(book)) == (False, 2)
    assert applied(book, COMPLETE) == ["complete*"]
    assert book.complete
    assert book.provider is None
    assert applied(book, status(Mode.ALARMMGR)) == ["provider"]
    assert applied(
        book,
        transition(Kind.RAISE, FAULT, raised=5),
        transition(Kind.ACKNOWLEDGE, HIHI, time=6),
        transition(Kind.CLEAR, HI, time=7),
        transition(Kind.RETRIGGER, HIHI, raised=8),
    ) == [
        "raised Pump_001.Fault",
        "acknowledged Tank_001.Level.HiHi",
        "cleared Tank_001.Level.Hi",
        "retriggered Tank_001.Level.HiHi",
    ]
    assert list(book.alarms) == [HIHI, FAULT]
    assert [alarm.acked for alarm in book.active] == [False, False]


def test_the_alarm_says_all_that_was_told() -> None:
    book = book_of(
        snapshot(
            severity=100,
            source_object_reference="Tank_001",
            alarm_type_name="HiHi",
            category="Value",
            description="Level of tank 1",
            current_value=MxValue(float_value=96.3),
            limit_value=MxValue(float_value=95.0),
        )
    )
    raised = book.alarms[HIHI]
    assert (raised.provider, raised.group, raised.tag) == (
        "Galaxy",
        "Intake",
        "Tank_001.Level.HiHi",
    )
    assert (raised.severity, raised.limit, raised.raised) == (100, 95.0, at(1))

    change = change_of(
        book,
        transition(Kind.ACKNOWLEDGE, time=2, operator_user="PLANT\\shift", operator_comment="seen"),
    )

    alarm = change.alarm
    assert alarm is not None
    assert change.previous == raised
    assert (alarm.state, alarm.active, alarm.acked) == (State.ACTIVE_ACKED, True, True)
    assert (alarm.operator, alarm.comment) == ("PLANT\\shift", "seen")
    # What the transition left out is still known.
    assert (alarm.severity, alarm.type_name, alarm.category) == (100, "HiHi", "Value")
    assert (alarm.source_object, alarm.description) == ("Tank_001", "Level of tank 1")
    assert (alarm.value, alarm.limit) == (raised.value, 95.0)
    assert (alarm.raised, alarm.last_transition) == (at(1), at(2))
    shown = json.loads(json.dumps(change.to_dict()))
    assert shown["alarm"]["value"] == 96.3  # a 32-bit float in its shortest form
    assert shown["alarm"]["state"] == "ALARM_CONDITION_STATE_ACTIVE_ACKED"
    assert shown["alarm"]["raised"] == "2026-01-01T00:01:00Z"
    assert "96.3" in str(change)


def test_a_new_occurrence_has_nobody_who_acknowledged_it() -> None:
    book = book_of(
        snapshot(state=State.ACTIVE_ACKED, last=2, operator_user="op", operator_comment="seen")
    )

    change = change_of(book, transition(Kind.RETRIGGER, raised=3))

    assert change.alarm is not None
    assert (change.alarm.acked, change.alarm.operator, change.alarm.comment) == (False, "", "")
    assert change.alarm.raised == at(3)


# -- transitions that the snapshot knows already -------------------------------------


@pytest.mark.parametrize(
    ("told", "repeated"),
    [
        (snapshot(), transition(Kind.RAISE)),
        # The snapshot was taken after the acknowledgement; it must not be undone.
        (snapshot(state=State.ACTIVE_ACKED, last=2), transition(Kind.RAISE)),
        (snapshot(state=State.ACTIVE_ACKED, last=2), transition(Kind.ACKNOWLEDGE, time=2)),
        (snapshot(state=State.ACTIVE_ACKED, last=1), transition(Kind.RAISE)),
        # The occurrence before the one that the snapshot tells.
        (snapshot(raised=5), transition(Kind.CLEAR, raised=1, time=4)),
        (snapshot(raised=5), transition(Kind.ACKNOWLEDGE, raised=1, time=3)),
    ],
)
def test_a_transition_that_the_snapshot_covers_changes_nothing(
    told: AlarmFeedMessage, repeated: AlarmFeedMessage
) -> None:
    book = book_of(told)
    before = book.active

    assert applied(book, repeated) == []
    assert book.active == before


def test_a_transition_that_comes_twice_is_reported_once() -> None:
    book = book_of()
    raised = transition(Kind.RAISE, current_value=MxValue(double_value=math.nan))

    assert applied(book, raised, raised) == ["raised Tank_001.Level.HiHi"]
    acked = transition(Kind.ACKNOWLEDGE, time=2)
    assert applied(book, acked, acked) == ["acknowledged Tank_001.Level.HiHi"]
    cleared = transition(Kind.CLEAR, time=3)
    assert applied(book, cleared, cleared) == ["cleared Tank_001.Level.HiHi"]


def test_without_times_the_order_of_the_messages_decides() -> None:
    book = book_of(snapshot(raised=None))

    assert applied(book, transition(Kind.ACKNOWLEDGE, raised=None)) == [
        "acknowledged Tank_001.Level.HiHi"
    ]
    assert applied(book, transition(Kind.CLEAR, raised=None)) == ["cleared Tank_001.Level.HiHi"]


def test_an_older_time_of_another_provider_is_no_repetition() -> None:
    # Two clocks: the alarm manager's, and the gateway's in the fallback.
    book = book_of(snapshot(raised=5))

    assert applied(book, transition(Kind.CLEAR, time=4, provider=Mode.SUBTAG)) == [
        "cleared Tank_001.Level.HiHi"
    ]


def test_later_transitions_count_even_where_their_clock_went_back() -> None:
    book = book_of()

    assert applied(
        book, transition(Kind.RAISE, raised=5), transition(Kind.CLEAR, raised=5, time=4)
    ) == ["raised Tank_001.Level.HiHi", "cleared Tank_001.Level.HiHi"]


# -- odd orders and odd messages ------------------------------------------------------


def test_a_transition_may_come_before_the_snapshot_is_complete() -> None:
    book = AlarmBook()

    assert applied(book, transition(Kind.RAISE, FAULT, raised=3)) == ["raised Pump_001.Fault"]
    # Its snapshot was made before the acknowledgement and the clearing.
    applied(book, transition(Kind.ACKNOWLEDGE, FAULT, raised=3, time=4))
    assert applied(book, snapshot(FAULT, raised=3)) == []
    assert book.alarms[FAULT].acked
    applied(book, transition(Kind.CLEAR, FAULT, raised=3, time=5))
    assert applied(book, snapshot(FAULT, raised=3), COMPLETE) == ["complete*"]
    assert len(book.alarms) == 0


def test_a_snapshot_that_is_newer_than_an_early_transition_counts() -> None:
    book = AlarmBook()
    applied(book, transition(Kind.CLEAR, FAULT, raised=1, time=2))

    assert applied(book, snapshot(FAULT, raised=3), COMPLETE) == [
        "raised Pump_001.Fault*",
        "complete*",
    ]


def test_an_acknowledgement_of_an_alarm_that_was_not_told_shows_that_it_is_active() -> None:
    book = book_of()

    assert applied(book, transition(Kind.ACKNOWLEDGE, FAULT, time=2)) == [
        "acknowledged Pump_001.Fault"
    ]
    assert book.alarms[FAULT].acked


def test_an_inactive_snapshot_and_a_clear_remove_and_are_silent_without_the_alarm() -> None:
    book = book_of(snapshot())

    assert applied(book, snapshot(FAULT, State.INACTIVE), transition(Kind.CLEAR, FAULT)) == []
    assert applied(book, snapshot(state=State.INACTIVE)) == ["cleared Tank_001.Level.HiHi*"]
    assert len(book) == 0


@pytest.mark.requirement("value.unknown-enum")
def test_an_unknown_kind_keeps_the_alarm_and_is_reported() -> None:
    book = book_of(snapshot(state=State.ACTIVE_ACKED, severity=100))

    change = change_of(book, transition(9, time=4, severity=7))

    assert change.kind == "other"
    assert change.alarm == book.alarms[HIHI]
    assert change.alarm is not None
    assert (change.alarm.acked, change.alarm.severity) == (True, 7)
    # Of an alarm that is not there it cannot be told whether it is active.
    assert applied(book, transition(9, FAULT)) == ["other Pump_001.Fault"]
    assert FAULT not in book.alarms


@pytest.mark.requirement("value.unknown-enum")
def test_an_unknown_state_counts_as_active_and_not_acknowledged() -> None:
    book = book_of(snapshot(state=State(7)))

    (alarm,) = book.unacked
    assert (alarm.active, alarm.acked, int(alarm.state)) == (True, False, 7)
    assert alarm.to_dict()["state"] == 7


def test_a_value_that_contradicts_itself_does_not_hide_the_alarm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = MxValue(array_value=MxArray(dimensions=[5], int32_values=Int32Array(values=[1])))

    with caplog.at_level(logging.WARNING, "mxgateway.alarms"):
        book = book_of(snapshot(current_value=broken))

    assert book.alarms[HIHI].value is ABSENT
    assert book.alarms[HIHI].raw_value == broken
    assert HIHI in caplog.text


def test_an_empty_message_changes_nothing() -> None:
    assert applied(AlarmBook(), AlarmFeedMessage()) == []


def test_references_differ_by_more_than_case() -> None:
    book = book_of(snapshot(HIHI))

    assert applied(book, transition(Kind.CLEAR, HIHI.upper(), time=2)) == [
        "cleared TANK_001.LEVEL.HIHI"
    ]
    assert applied(book, snapshot(HIHI)) == ["raised Tank_001.Level.HiHi*"]
    assert book.alarms[HIHI.lower()].reference == HIHI
    assert book.get(r"\\Galaxy\Intake.Tank_001.Level.HiHi") is book.alarms[HIHI]
    assert book.get(FAULT) is None


# -- another feed ----------------------------------------------------------------------


def test_after_a_reconnect_the_new_snapshot_is_compared_with_the_book() -> None:
    other = "Galaxy!Intake.Valve_001.Fault"
    book = book_of(
        snapshot(HIHI), snapshot(HI), snapshot(FAULT, State.ACTIVE_ACKED, last=2), snapshot(other)
    )

    book.begin()
    assert (book.complete, len(book.alarms)) == (False, 4)
    assert applied(
        book,
        snapshot(HIHI),
        snapshot(HI, State.ACTIVE_ACKED, last=3),
        snapshot(FAULT, raised=6),
        snapshot("Galaxy!Intake.Pump_002.Fault", raised=6),
    ) == [
        "acknowledged Tank_001.Level.Hi*",
        "retriggered Pump_001.Fault*",
        "raised Pump_002.Fault*",
    ]
    (cleared, complete) = book.apply(COMPLETE)
    assert (str(cleared.kind), str(complete.kind)) == ("cleared", "complete")
    assert cleared.alarm is not None
    assert cleared.previous is not None
    assert (cleared.alarm.reference, cleared.alarm.active) == (other, False)
    assert cleared.previous.active
    assert other not in book.alarms


def test_the_new_snapshot_counts_even_where_its_times_went_back() -> None:
    book = book_of()
    applied(book, transition(Kind.RAISE, raised=5), transition(Kind.ACKNOWLEDGE, raised=5, time=6))

    book.begin()

    assert applied(book, snapshot(raised=2)) == ["retriggered Tank_001.Level.HiHi*"]
    assert not book.alarms[HIHI].acked


def test_a_snapshot_that_breaks_off_clears_nothing() -> None:
    book = book_of(snapshot(HIHI), snapshot(HI))

    book.begin()
    applied(book, snapshot(HIHI))
    book.begin()

    assert applied(book, snapshot(HI), COMPLETE) == ["cleared Tank_001.Level.HiHi*", "complete*"]


def test_another_severity_in_a_new_snapshot_is_an_update() -> None:
    book = book_of(snapshot(severity=500))

    book.begin()

    assert applied(book, snapshot(severity=100)) == ["updated Tank_001.Level.HiHi*"]


# -- provider --------------------------------------------------------------------------


def test_failover_and_failback() -> None:
    book = book_of(snapshot(severity=100, description="Level"))
    applied(book, status(Mode.ALARMMGR))

    change = change_of(book, status(Mode.SUBTAG, "3 failures", since=4))
    assert change.provider == book.provider
    assert book.provider is not None
    assert (book.provider.mode, book.provider.degraded) == (Mode.SUBTAG, True)
    assert (book.provider.reason, book.provider.since) == ("3 failures", at(4))
    assert applied(book, status(Mode.SUBTAG, "3 failures", since=4)) == []

    applied(book, transition(Kind.ACKNOWLEDGE, raised=4, time=5, provider=Mode.SUBTAG))
    degraded = book.alarms[HIHI]
    assert (degraded.degraded, degraded.source_provider) == (True, Mode.SUBTAG)
    assert (degraded.severity, degraded.description) == (100, "Level")
    assert "degraded" in str(degraded)

    assert applied(book, status(Mode.ALARMMGR, "back", since=8)) == ["provider"]
    assert applied(book, transition(Kind.CLEAR, time=9)) == ["cleared Tank_001.Level.HiHi"]


def test_a_forced_subtag_mode_differs_only_by_its_reason() -> None:
    book = book_of()

    assert applied(book, status(Mode.SUBTAG, "away"), status(Mode.SUBTAG, "forced")) == [
        "provider",
        "provider",
    ]


# -- views -----------------------------------------------------------------------------


def test_the_most_urgent_comes_first_and_what_is_not_acknowledged() -> None:
    book = book_of(
        snapshot("G!A.low", severity=900),
        snapshot("G!A.acked", State.ACTIVE_ACKED, severity=100),
        snapshot("G!A.b", severity=100),
        snapshot("G!A.a", severity=100),
        snapshot("G!A.one", severity=1),
        snapshot("G!A.zero", severity=0),
    )

    assert [a.tag for a in book.by_severity()] == ["one", "zero", "a", "b", "acked", "low"]
    assert "acked" not in [a.tag for a in book.unacked]
    assert repr(book) == "<AlarmBook 6 active, 5 not acknowledged>"
