"""Alarm: one alarm as the gateway tells it."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import Any

from mxgateway.alarms.references import split_alarm_reference
from mxgateway.codec import to_jsonable
from mxgateway.codec.enums import names
from mxgateway.errors import MalformedReplyError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmProviderMode,
    AlarmProviderStatus,
    AlarmTransitionKind,
    MxValue,
    OnAlarmTransitionEvent,
)
from mxgateway.printable import printable
from mxgateway.status import enum_name
from mxgateway.timestamp import Timestamp
from mxgateway.values import ABSENT, PythonValue, from_mx_value
from mxgateway.values.shown import value_json, value_text

__all__ = ["Alarm", "AlarmProvider"]

_log = logging.getLogger("mxgateway.alarms")

_State = AlarmConditionState
_Kind = AlarmTransitionKind


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Alarm:
    """One alarm: what it is, how it stands, and who acknowledged it.

    Attributes:
        reference: `Provider!Group.Tag`, as it came.
        state: ACTIVE, ACTIVE_ACKED, or INACTIVE for one that has cleared. A number that
            this version does not know counts as active and not acknowledged.
        severity: The native severity: the priority, 1 the most urgent, 0 not told. It is
            no scale of 0 to 1000.
        source_object: The object it belongs to.
        type_name: What kind of alarm ("HiHi").
        category: Its category ("Value").
        description: What it says.
        raised: When it was raised, UTC; None where that was not told. Best effort while
            `degraded`.
        last_transition: When it changed last, UTC.
        operator: Who acknowledged it.
        comment: What they remarked.
        value: The value when it changed last; `ABSENT` where none was sent.
        limit: The limit; `ABSENT` where none was sent.
        degraded: Made up from tags while the alarm provider is away: identity and times
            are best effort, and fields are missing.
        source_provider: Where it was taken from.
        raw_value: The message behind `value`.
        raw_limit: The message behind `limit`.
        raw: The message that told it last.
    """

    reference: str
    state: AlarmConditionState
    severity: int = 0
    source_object: str = ""
    type_name: str = ""
    category: str = ""
    description: str = ""
    raised: Timestamp | None = None
    last_transition: Timestamp | None = None
    operator: str = ""
    comment: str = ""
    value: PythonValue = ABSENT
    limit: PythonValue = ABSENT
    degraded: bool = False
    source_provider: AlarmProviderMode = AlarmProviderMode.UNSPECIFIED
    raw_value: MxValue | None = field(default=None, compare=False)
    raw_limit: MxValue | None = field(default=None, compare=False)
    raw: ActiveAlarmSnapshot | OnAlarmTransitionEvent | None = field(default=None, compare=False)

    @classmethod
    def of_snapshot(cls, message: ActiveAlarmSnapshot) -> Alarm:
        """Return the alarm that a snapshot message tells. Never fails."""
        reference = message.alarm_full_reference
        return cls(
            reference=reference,
            state=_State(message.current_state),
            severity=message.severity,
            source_object=message.source_object_reference,
            type_name=message.alarm_type_name,
            category=message.category,
            description=message.description,
            raised=_moment(message.original_raise_timestamp),
            last_transition=_moment(message.last_transition_timestamp),
            operator=message.operator_user,
            comment=message.operator_comment,
            value=_value(reference, message.current_value),
            limit=_value(reference, message.limit_value),
            degraded=message.degraded,
            source_provider=AlarmProviderMode(message.source_provider),
            raw_value=message.current_value,
            raw_limit=message.limit_value,
            raw=message,
        )

    @classmethod
    def of_transition(cls, message: OnAlarmTransitionEvent, previous: Alarm | None = None) -> Alarm:
        """Return the alarm as it stands after a transition. Never fails.

        What the transition leaves out is kept from `previous`; but a new occurrence has
        neither the operator nor the comment of the one before. A kind that is not known
        leaves the state as it was.
        """
        reference = message.alarm_full_reference
        kind = _Kind(message.transition_kind)
        before = previous or cls(reference=reference, state=_State.UNSPECIFIED)
        new = kind in (_Kind.RAISE, _Kind.RETRIGGER)
        at = _moment(message.transition_timestamp)
        value = _value(reference, message.current_value)
        limit = _value(reference, message.limit_value)
        return cls(
            reference=reference,
            state=_STATES.get(kind, before.state),
            severity=message.severity or before.severity,
            source_object=message.source_object_reference or before.source_object,
            type_name=message.alarm_type_name or before.type_name,
            category=message.category or before.category,
            description=message.description or before.description,
            raised=_moment(message.original_raise_timestamp)
            or (at if new else None)
            or before.raised,
            last_transition=at or before.last_transition,
            operator=message.operator_user or ("" if new else before.operator),
            comment=message.operator_comment or ("" if new else before.comment),
            value=before.value if value is ABSENT else value,
            limit=before.limit if limit is ABSENT else limit,
            degraded=message.degraded,
            source_provider=AlarmProviderMode(message.source_provider),
            raw_value=before.raw_value if value is ABSENT else message.current_value,
            raw_limit=before.raw_limit if limit is ABSENT else message.limit_value,
            raw=message,
        )

    @property
    def provider(self) -> str:
        """What stands before the `!` of the reference ("Galaxy"); "" in another form."""
        return split_alarm_reference(self.reference).provider

    @property
    def group(self) -> str:
        """The alarm group, which is the area; "" where the reference has another form."""
        return split_alarm_reference(self.reference).group

    @property
    def tag(self) -> str:
        """The alarm within its group ("Tank_001.Level.HiHi"); else the whole reference."""
        return split_alarm_reference(self.reference).tag

    @property
    def active(self) -> bool:
        """Whether its condition is present; false only where the gateway says so."""
        return self.state != _State.INACTIVE

    @property
    def acked(self) -> bool:
        """Whether it is known to be acknowledged."""
        return self.state == _State.ACTIVE_ACKED

    def to_dict(self) -> dict[str, Any]:
        """Return the alarm as plain JSON types; `value` and `limit` only where there are any."""
        shown = {
            "reference": self.reference,
            "provider": self.provider,
            "group": self.group,
            "tag": self.tag,
            "state": names(AlarmConditionState)[self.state],
            "active": self.active,
            "acked": self.acked,
            "severity": self.severity,
            "sourceObject": self.source_object,
            "typeName": self.type_name,
            "category": self.category,
            "description": self.description,
            "raised": None if self.raised is None else self.raised.to_json(),
            "lastTransition": None
            if self.last_transition is None
            else self.last_transition.to_json(),
            "operator": self.operator,
            "comment": self.comment,
            "degraded": self.degraded,
            "sourceProvider": names(AlarmProviderMode)[self.source_provider],
        }
        if self.value is not ABSENT:
            shown["value"] = value_json(self.value, self.raw_value)
        if self.limit is not ABSENT:
            shown["limit"] = value_json(self.limit, self.raw_limit)
        return shown

    def __str__(self) -> str:
        """Return reference and state, with what else was told of it."""
        text = f"{self.reference} {enum_name(self.state)}"
        if self.severity:
            text += f", severity {self.severity}"
        if self.value is not ABSENT:
            text += f", value {value_text(self.value, self.raw_value)}"
        if self.limit is not ABSENT:
            text += f", limit {value_text(self.limit, self.raw_limit)}"
        if self.operator:
            text += f", operator {self.operator}"
        if self.comment:
            text += f", comment {self.comment!r}"
        return printable(f"{text}, degraded" if self.degraded else text)

    def __repr__(self) -> str:
        return f"<Alarm {self}>"


_STATES = {
    _Kind.RAISE: _State.ACTIVE,
    _Kind.RETRIGGER: _State.ACTIVE,
    _Kind.ACKNOWLEDGE: _State.ACTIVE_ACKED,
    _Kind.CLEAR: _State.INACTIVE,
}


@dataclass(frozen=True, slots=True)
class AlarmProvider:
    """Where the gateway takes alarms from now.

    Attributes:
        mode: ALARMMGR, the native alarm manager; SUBTAG, made up from tags.
        degraded: Whether that is the fallback.
        reason: Why, in the gateway's words; it alone tells a forced mode from a failover.
        since: Since when, UTC; None where that was not told.
    """

    mode: AlarmProviderMode
    degraded: bool
    reason: str
    since: Timestamp | None

    @classmethod
    def of(cls, message: AlarmProviderStatus) -> AlarmProvider:
        """Return what a provider-status message tells."""
        return cls(
            AlarmProviderMode(message.mode),
            message.degraded,
            message.reason,
            _moment(message.since),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, by the rules of protobuf JSON."""
        shown: dict[str, Any] = to_jsonable(
            AlarmProviderStatus(
                mode=self.mode, degraded=self.degraded, reason=self.reason, since=self.since
            )
        )
        return shown

    def __str__(self) -> str:
        text = enum_name(self.mode)
        if self.degraded:
            text += ", degraded"
        if self.since is not None:
            text += f", since {self.since}"
        return printable(f"{text}: {self.reason}" if self.reason else text)


def _moment(value: dt.datetime | None) -> Timestamp | None:
    if value is None or isinstance(value, Timestamp):
        return value
    return Timestamp.from_datetime(value)


def _value(reference: str, message: MxValue | None) -> PythonValue:
    try:
        return from_mx_value(message)
    except MalformedReplyError as error:
        # A value that contradicts itself must not hide the alarm; `raw` has it.
        _log.warning("alarm %r: its value is left out: %s", reference, error)
        return ABSENT
