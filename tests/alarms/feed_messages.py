"""Messages of the alarm feed, short to write; times are minutes of one hour."""

from __future__ import annotations

from typing import Any

from mxgateway import AlarmBook, AlarmFeedMessage, Timestamp
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmProviderMode,
    AlarmProviderStatus,
    AlarmTransitionKind,
    OnAlarmTransitionEvent,
)

__all__ = [
    "COMPLETE",
    "HIHI",
    "applied",
    "at",
    "book_of",
    "snapshot",
    "status",
    "transition",
]

HIHI = "Galaxy!Intake.Tank_001.Level.HiHi"
COMPLETE = AlarmFeedMessage(snapshot_complete=True)

_NATIVE = AlarmProviderMode.ALARMMGR


def at(minute: float) -> Timestamp:
    """The moment `minute` of the hour that all tests play in."""
    return Timestamp.from_unix(1_767_225_600 + int(minute * 60))


def snapshot(
    reference: str = HIHI,
    state: AlarmConditionState = AlarmConditionState.ACTIVE,
    *,
    raised: float | None = 1,
    last: float | None = None,
    provider: AlarmProviderMode = _NATIVE,
    **fields: Any,
) -> AlarmFeedMessage:
    """An alarm of a snapshot; by default it changed last when it was raised."""
    if last is None:
        last = raised
    return AlarmFeedMessage(
        active_alarm=ActiveAlarmSnapshot(
            alarm_full_reference=reference,
            current_state=state,
            original_raise_timestamp=None if raised is None else at(raised),
            last_transition_timestamp=None if last is None else at(last),
            source_provider=provider,
            degraded=provider == AlarmProviderMode.SUBTAG,
            **fields,
        )
    )


def transition(
    kind: AlarmTransitionKind | int,
    reference: str = HIHI,
    *,
    raised: float | None = 1,
    time: float | None = None,
    provider: AlarmProviderMode = _NATIVE,
    **fields: Any,
) -> AlarmFeedMessage:
    """A transition; by default it happened when the alarm was raised."""
    if time is None:
        time = raised
    return AlarmFeedMessage(
        transition=OnAlarmTransitionEvent(
            alarm_full_reference=reference,
            transition_kind=AlarmTransitionKind(kind),
            original_raise_timestamp=None if raised is None else at(raised),
            transition_timestamp=None if time is None else at(time),
            source_provider=provider,
            degraded=provider == AlarmProviderMode.SUBTAG,
            **fields,
        )
    )


def status(mode: AlarmProviderMode, reason: str = "", since: float = 0) -> AlarmFeedMessage:
    """The status of the alarm provider."""
    return AlarmFeedMessage(
        provider_status=AlarmProviderStatus(
            mode=mode,
            degraded=mode == AlarmProviderMode.SUBTAG,
            reason=reason,
            since=at(since),
        )
    )


def applied(book: AlarmBook, *messages: AlarmFeedMessage) -> list[str]:
    """Apply messages; return the changes as `kind tag`, with `*` for those of a snapshot."""
    shown = []
    for message in messages:
        for change in book.apply(message):
            text = str(change.kind)
            if change.alarm is not None:
                text += f" {change.alarm.tag}"
            shown.append(text + ("*" if change.from_snapshot else ""))
    return shown


def book_of(*messages: AlarmFeedMessage) -> AlarmBook:
    """A book that has these messages behind it, and a complete snapshot."""
    book = AlarmBook()
    applied(book, *messages, COMPLETE)
    return book
