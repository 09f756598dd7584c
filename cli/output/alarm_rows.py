"""Active alarms and messages of the alarm feed: how they look in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .rows import Narrow, Shape
from .tables import Cell, Column
from .values import time_text

if TYPE_CHECKING:
    from datetime import datetime

    from mxgateway.generated.mxaccess_gateway.v1 import (
        ActiveAlarmSnapshot,
        AlarmFeedMessage,
        AlarmProviderMode,
        AlarmProviderStatus,
        OnAlarmTransitionEvent,
    )

__all__ = ["ACTIVE_ALARMS", "ACTIVE_RANKS", "FEED"]

_WIDE = 130  # Cells of a terminal that all columns of the feed need.
_STATES = {"ACTIVE": "bold red", "ACTIVE_ACKED": "yellow", "INACTIVE": "green"}
_KINDS = {"RAISE": "bold red", "RETRIGGER": "bold red", "ACKNOWLEDGE": "yellow", "CLEAR": "green"}


def _document(message: Any) -> dict[str, Any]:
    from mxgateway.codec import to_jsonable

    document: dict[str, Any] = to_jsonable(message)
    return document


def _words(member: Any, styles: dict[str, str]) -> Cell:
    from mxgateway.status import enum_name

    name = enum_name(member)
    return Cell(name.replace("_", " ").lower() if name.isupper() else name, styles.get(name, ""))


def _provider(mode: AlarmProviderMode, *, degraded: bool) -> Cell:
    """Return where an alarm comes from; made up from tags stands out."""
    told = _words(mode, {})
    return Cell(f"{told.text}, degraded", "yellow") if degraded else told


def _alarm(alarm: ActiveAlarmSnapshot) -> list[Cell | str]:
    return [
        alarm.alarm_full_reference,
        _words(alarm.current_state, _STATES),
        str(alarm.severity),
        time_text(alarm.original_raise_timestamp),
        time_text(alarm.last_transition_timestamp),
        _provider(alarm.source_provider, degraded=alarm.degraded),
        alarm.operator_user or "-",
        alarm.operator_comment or "-",
        alarm.description or "-",
    ]


ACTIVE_ALARMS: Shape[ActiveAlarmSnapshot] = Shape(
    name="alarms",
    document=_document,
    members=(
        *("alarmFullReference", "currentState", "severity", "originalRaiseTimestamp"),
        *("lastTransitionTimestamp", "sourceObjectReference", "alarmTypeName", "category"),
        *("description", "operatorUser", "operatorComment", "degraded", "sourceProvider"),
    ),
    columns=(
        Column("Alarm"),
        Column("State"),
        Column("Severity", right=True),
        Column("Raised (UTC)"),
        Column("Last change (UTC)"),
        Column("Provider"),
        Column("Operator"),
        Column("Comment"),
        Column("Description"),
    ),
    cells=_alarm,
)
"""Alarms that are active now."""
ACTIVE_RANKS: Final = (-1, 0, 2, 3, 7, 8, 5, (6, 12), (4, 12))


def _message(message: AlarmFeedMessage) -> list[Cell | str]:
    alarm, transition, status = message.active_alarm, message.transition, message.provider_status
    if alarm is not None:
        return ["active alarm", *_of_alarm(alarm)]
    if transition is not None:
        return [_words(transition.transition_kind, _KINDS), *_of_transition(transition)]
    if status is not None:
        return ["provider status", *_of_status(status)]
    if message.snapshot_complete is not None:
        return ["snapshot complete", "-", "-", "-", "-", "-"]
    return ["(unknown message)", "-", "-", "-", "-", "-"]


def _of_alarm(alarm: ActiveAlarmSnapshot) -> list[Cell | str]:
    return [
        alarm.alarm_full_reference,
        _words(alarm.current_state, _STATES),
        str(alarm.severity),
        time_text(alarm.last_transition_timestamp or alarm.original_raise_timestamp),
        _provider(alarm.source_provider, degraded=alarm.degraded),
    ]


def _of_transition(transition: OnAlarmTransitionEvent) -> list[Cell | str]:
    signed = ": ".join(t for t in (transition.operator_user, transition.operator_comment) if t)
    return [
        transition.alarm_full_reference,
        signed or "-",
        str(transition.severity),
        time_text(transition.transition_timestamp),
        _provider(transition.source_provider, degraded=transition.degraded),
    ]


def _of_status(status: AlarmProviderStatus) -> list[Cell | str]:
    reason = status.reason or "-"
    return [
        "-",
        reason,
        "-",
        time_text(status.since),
        _provider(status.mode, degraded=status.degraded),
    ]


def _compact(message: AlarmFeedMessage) -> list[Cell | str]:
    kind, alarm, detail, severity, _, provider = _message(message)
    if message.provider_status is not None:
        alarm = provider if detail == "-" else f"{_plain(provider)}: {_plain(detail)}"
    return [kind, alarm, severity, time_text(_moment(message), date=False)]


def _moment(message: AlarmFeedMessage) -> datetime | None:
    alarm, transition, status = message.active_alarm, message.transition, message.provider_status
    if alarm is not None:
        return alarm.last_transition_timestamp or alarm.original_raise_timestamp
    if transition is not None:
        return transition.transition_timestamp
    return None if status is None else status.since


def _plain(cell: Cell | str) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def _csv(message: AlarmFeedMessage) -> list[Any]:
    cells = [_plain(cell) for cell in _message(message)]
    return [None if text == "-" else text for text in cells]


FEED: Shape[AlarmFeedMessage] = Shape(
    name="messages",
    document=_document,
    members=("message", "alarm", "detail", "severity", "time", "provider"),
    csv=_csv,
    columns=(
        Column("Message", room=17),
        Column("Alarm", room=36),
        Column("Detail", room=20),
        Column("Severity", right=True),
        Column("Time (UTC)", room=28),
        Column("Provider"),
    ),
    cells=_message,
    narrow=Narrow(
        columns=(
            Column("Message", room=17),
            Column("Alarm", room=34),
            Column("Sev", right=True),
            Column("Time (UTC)", room=16),
        ),
        cells=_compact,
        below=_WIDE,
    ),
)
"""Messages of the alarm feed."""
