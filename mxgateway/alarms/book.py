"""AlarmBook: the alarms that are active now, folded from the messages of the alarm feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from dataclasses import fields, replace
from typing import Any, Final

import betterproto2

from mxgateway.alarms.alarm import Alarm, AlarmProvider
from mxgateway.alarms.changes import AlarmChange, AlarmChangeKind
from mxgateway.alarms.kept import KeptAlarms, size_of
from mxgateway.alarms.references import normalise_alarm_reference
from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmFeedMessage,
    AlarmProviderStatus,
    AlarmTransitionKind,
    OnAlarmTransitionEvent,
)
from mxgateway.options import ClientOptions

__all__ = ["AlarmBook", "by_severity", "urgency"]

_Kind = AlarmTransitionKind


class _ByReference(Mapping[str, Alarm]):
    """Alarms by reference; as everywhere in MXAccess, case does not matter."""

    def __init__(self, alarms: dict[str, Alarm]) -> None:
        self._alarms = alarms

    def __getitem__(self, reference: str) -> Alarm:
        return self._alarms[_key(reference)]

    def __iter__(self) -> Iterator[str]:
        return (alarm.reference for alarm in self._alarms.values())

    def __len__(self) -> int:
        return len(self._alarms)

    def values(self) -> ValuesView[Alarm]:
        return self._alarms.values()  # at once: the view of a Mapping looks every key up

    def __repr__(self) -> str:
        return repr({alarm.reference: alarm for alarm in self._alarms.values()})


class AlarmBook:
    """The alarms that are active, kept from feed messages; no network, no clock, no tasks.

    Apply every message of one feed in its order. Call `begin` before the first message of
    another feed, for example after a lost connection: at the end of the new snapshot
    what is missing from it is reported as cleared (gateway semantics, section 9).

    Attributes:
        alarms: The active alarms by reference, a live view; case does not matter. What the
            feed brings of alarms that have cleared is not kept.
        provider: The source of alarms; None until the gateway tells it, which an older
            one never does.
        complete: Whether the snapshot is complete; until then `alarms` may lack some, and
            after `begin` have some that cleared meanwhile.

    Args:
        max_alarms: Most alarms that it keeps, with those that have cleared while the snapshot
            was not complete; they may have 1,000 bytes each on average.
    """

    def __init__(self, *, max_alarms: int = ClientOptions.max_alarms) -> None:
        self._alarms: dict[str, Alarm] = {}
        self._kept = KeptAlarms(max_alarms)
        self._size = 0  # bytes of the message that is applied
        # Those that a snapshot told last: only with them transitions overlap.
        self._from_snapshot: set[str] = set()
        # What transitions have told while the snapshot was not complete.
        self._overtaken: dict[str, Alarm] = {}
        self._unconfirmed: set[str] = set()
        self.alarms: Mapping[str, Alarm] = _ByReference(self._alarms)
        self.provider: AlarmProvider | None = None
        self.complete = False

    def begin(self) -> None:
        """Say that another feed begins; the alarms stay until its snapshot is complete."""
        self.complete = False
        self._unconfirmed = set(self._alarms)
        self._from_snapshot.clear()
        self._forget_overtaken()

    def apply(
        self, message: AlarmFeedMessage, *, size: int | None = None
    ) -> tuple[AlarmChange, ...]:
        """Take in one message and return what it changed, in order; empty for nothing.

        What the book knows already is not reported again. Only `snapshot_complete` gives
        more than one change: what has cleared, then COMPLETE. A message without a payload
        that this version knows changes nothing.

        Args:
            message: The message.
            size: Its bytes, as `last_size` of the stream has them; None to find them out.

        Raises:
            LimitError: There are more alarms than `max_alarms`; the book is as before.
        """
        self._size = len(encode(message)) if size is None else size
        _, payload = betterproto2.which_one_of(message, "payload")
        match payload:
            case ActiveAlarmSnapshot():
                return self._snapshot(payload)
            case OnAlarmTransitionEvent():
                return self._transition(payload)
            case AlarmProviderStatus():
                return self._provider(payload)
            case bool():  # its presence says it
                return self._complete()
        return ()

    # -- looking ---------------------------------------------------------------

    def get(self, reference: str) -> Alarm | None:
        """Return an active alarm, by a reference in any form that `acknowledge_alarm` takes.

        Raises:
            ConfigurationError: The reference is empty.
        """
        return self._alarms.get(_key(normalise_alarm_reference(reference)))

    @property
    def active(self) -> list[Alarm]:
        """The alarms in the order in which the book got to know them."""
        return list(self._alarms.values())

    @property
    def unacked(self) -> list[Alarm]:
        """Those that are not acknowledged."""
        return [alarm for alarm in self._alarms.values() if not alarm.acked]

    def by_severity(self) -> list[Alarm]:
        """Return the alarms with the most urgent first, not acknowledged before acknowledged.

        The most urgent severity is 1; 0 counts as 1 (MXAccess reference, section 9).
        """
        return by_severity(self._alarms.values())

    def __len__(self) -> int:
        return len(self._alarms)

    def __repr__(self) -> str:
        told = "" if self.complete else ", snapshot not complete"
        return f"<AlarmBook {len(self._alarms)} active, {len(self.unacked)} not acknowledged{told}>"

    # -- folding ---------------------------------------------------------------

    def _snapshot(self, message: ActiveAlarmSnapshot) -> tuple[AlarmChange, ...]:
        alarm = Alarm.of_snapshot(message)
        key = _key(alarm.reference)
        newer = self._overtaken.get(key)
        if newer is not None and _older(alarm, newer):
            return ()
        previous = self._alarms.get(key)
        if not alarm.active:
            self._unconfirmed.discard(key)
            return self._remove(key, alarm, from_snapshot=True)
        self._keep(key, alarm)
        self._unconfirmed.discard(key)
        self._alarms[key] = alarm
        self._from_snapshot.add(key)
        return self._report(_difference(alarm, previous), alarm, previous, from_snapshot=True)

    def _transition(self, message: OnAlarmTransitionEvent) -> tuple[AlarmChange, ...]:
        key = _key(message.alarm_full_reference)
        previous = self._alarms.get(key)
        alarm = Alarm.of_transition(message, previous)
        kind = _Kind(message.transition_kind)
        if previous is not None and key in self._from_snapshot and _repeats(kind, alarm, previous):
            return ()
        if kind not in _CHANGES:
            # An alarm that is not there must not be invented: whether it is active is not told.
            if previous is not None:
                self._keep(key, alarm)
                self._alarms[key] = alarm
            return self._report(AlarmChangeKind.OTHER, alarm, previous)
        if kind != _Kind.CLEAR or not self.complete:
            self._keep(key, alarm)
        self._unconfirmed.discard(key)
        if not self.complete:
            self._overtaken[key] = alarm
        if kind == _Kind.CLEAR:
            return self._remove(key, alarm)
        self._alarms[key] = alarm
        self._from_snapshot.discard(key)
        if previous is not None and _same(alarm, previous):
            return ()
        return self._report(_CHANGES[kind], alarm, previous)

    def _provider(self, message: AlarmProviderStatus) -> tuple[AlarmChange, ...]:
        provider = AlarmProvider.of(message)
        if provider == self.provider:
            return ()
        self.provider = provider
        return self._report(AlarmChangeKind.PROVIDER)

    def _complete(self) -> tuple[AlarmChange, ...]:
        if self.complete:
            return ()
        self.complete = True
        self._forget_overtaken()
        changes: list[AlarmChange] = []
        for key in [key for key in self._alarms if key in self._unconfirmed]:
            gone = replace(self._alarms[key], state=AlarmConditionState.INACTIVE)
            changes += self._remove(key, gone, from_snapshot=True)
        self._unconfirmed.clear()
        return (*changes, *self._report(AlarmChangeKind.COMPLETE, from_snapshot=True))

    def _remove(
        self, key: str, alarm: Alarm, *, from_snapshot: bool = False
    ) -> tuple[AlarmChange, ...]:
        self._from_snapshot.discard(key)
        previous = self._alarms.pop(key, None)
        if key not in self._overtaken:
            self._kept.drop(key)
        if previous is None:
            return ()
        return self._report(AlarmChangeKind.CLEARED, alarm, previous, from_snapshot=from_snapshot)

    def _keep(self, key: str, alarm: Alarm) -> None:
        self._kept.keep(key, size_of(alarm, self._size))

    def _forget_overtaken(self) -> None:
        for key in self._overtaken:
            if key not in self._alarms:
                self._kept.drop(key)
        self._overtaken.clear()

    def _report(
        self,
        kind: AlarmChangeKind | None,
        alarm: Alarm | None = None,
        previous: Alarm | None = None,
        *,
        from_snapshot: bool = False,
    ) -> tuple[AlarmChange, ...]:
        if kind is None:
            return ()
        return (AlarmChange(kind, alarm, previous, self.provider, from_snapshot),)


_CHANGES: Final = {
    _Kind.RAISE: AlarmChangeKind.RAISED,
    _Kind.RETRIGGER: AlarmChangeKind.RETRIGGERED,
    _Kind.ACKNOWLEDGE: AlarmChangeKind.ACKNOWLEDGED,
    _Kind.CLEAR: AlarmChangeKind.CLEARED,
}


def by_severity(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Return alarms as `AlarmBook.by_severity` does."""
    return sorted(alarms, key=urgency)


def urgency(alarm: Alarm) -> tuple[int, bool, str]:
    """Return by what `by_severity` sorts an alarm; no two of a book have the same."""
    return max(alarm.severity, 1), alarm.acked, _key(alarm.reference)


def _key(reference: str) -> str:
    return reference.lower()


def _older(one: Alarm, other: Alarm) -> bool:
    """Whether one tells an earlier state than the other, as far as times of one source say."""
    if one.source_provider != other.source_provider:
        return False  # two clocks
    if one.last_transition is None or other.last_transition is None:
        return False
    return one.last_transition < other.last_transition


def _repeats(kind: AlarmTransitionKind, alarm: Alarm, told: Alarm) -> bool:
    """Whether a transition tells only what led to the state that the snapshot told."""
    if _older(alarm, told):
        return True
    # The raise itself, where the snapshot knows of the acknowledgement at the same moment.
    same_time = alarm.last_transition is not None and alarm.last_transition == told.last_transition
    return kind == _Kind.RAISE and same_time


def _difference(alarm: Alarm, previous: Alarm | None) -> AlarmChangeKind | None:
    """Return what must have happened between two snapshots of an active alarm."""
    if previous is None:
        return AlarmChangeKind.RAISED
    if _same(alarm, previous):
        return None
    if _raised_later(alarm, previous):
        return AlarmChangeKind.RETRIGGERED
    if alarm.acked != previous.acked:
        return AlarmChangeKind.ACKNOWLEDGED if alarm.acked else AlarmChangeKind.RETRIGGERED
    return AlarmChangeKind.UPDATED


def _raised_later(alarm: Alarm, previous: Alarm) -> bool:
    if alarm.source_provider != previous.source_provider:
        return False
    if alarm.raised is None or previous.raised is None:
        return False
    return alarm.raised > previous.raised


_COMPARED: Final = tuple(each.name for each in fields(Alarm) if each.compare)


def _same(one: Alarm, other: Alarm) -> bool:
    return all(_equal(getattr(one, name), getattr(other, name)) for name in _COMPARED)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and one != one:
        return other != other  # NaN is the value that it is
    return bool(one == other)
