"""The plant behind the grpcio gateway: tags, sessions, and the events that a script makes.

Most tags are those of `plant_rows`. Some have a behaviour of their own, see the constants;
every `Pump_NNN.Speed` behaves as `SPEED` does. Nothing moves by itself.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from interop.plant_rows import TAGS
from interop.plant_sessions import FaultError, Item, Reader, Session, Tag
from interop.statuses import BARE_ARRAY, INVALID_REFERENCE
from interop.tag_values import KINDS

__all__ = [
    "BIG",
    "BIG_TEXT",
    "FLOOD",
    "MISSPELT",
    "SILENT",
    "SPEED",
    "BusyError",
    "Plant",
    "Written",
]

SPEED = "Pump_001.Speed"
"""Delivers 10.5, 20.5 and 30.5 when it is advised."""
FLOOD = "Flood.Counter"
"""Delivers 0, 1, 2, ... without end while a stream reads."""
SILENT = "Silent.Value"
"""Can be advised but delivers nothing before it was written; takes values of any type."""
BIG = "Big.Text"
"""Delivers one string of `BIG_TEXT`, larger than any usual flow-control window."""
MISSPELT = "No.Such.Tag"
"""Refused by AddItem with E_INVALIDARG; other references that lead nowhere get a handle."""
BIG_TEXT = "äöü€-0123456789 " * 200_000

_REFERENCE = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>-?\d*)\])?")
_PUMP_SPEED = re.compile(r"pump_\d{3}\.speed")
# How long a stream that has ended may take to be noticed before a new one is refused.
_NOTICE_SECONDS = 0.2


class BusyError(Exception):
    """The session has its one event stream already."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write that took effect.

    Attributes:
        reference: The item's reference.
        value: The value, of the tag's type.
        user: Who wrote it, 0 for nobody.
        verifier: Who confirmed it, 0 for nobody.
    """

    reference: str
    value: Any
    user: int
    verifier: int = 0


class Plant:
    """Keeps tags and sessions. Thread-safe; `changed` announces every change.

    Attributes:
        sessions: Every session by id.
        writes: The writes that took effect, in order.
        ring: Events that a session keeps for resuming.
        limit: Events that may wait in a session.
        session_limit: Sessions that may be open at a time.
        first_values: Whether an advise is followed by the present value.
        normalise_arrays: Whether `[]` is appended to the bare name of an array.
        pending_first: Whether a completion Pending comes before the true one.
        operation_complete: Whether Suspend is followed by an OperationComplete.
        on_value: Called with a tag after its value has changed.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.meeting = 0  # calls that have come to meet others
        self.sessions: dict[str, Session] = {}
        self.writes: list[Written] = []
        self.ring = 1024
        self.limit = 10_000
        self.session_limit = 1000
        self.first_values = True
        self.normalise_arrays = True
        self.pending_first = False
        self.operation_complete = False
        self.on_value: Callable[[Tag], None] = lambda _tag: None
        self._tags: dict[str, Tag] = {}
        for row in TAGS:
            tag = Tag(row.reference, KINDS[row.type], row.value, row.quality, row.classification)
            self._tags[row.reference.lower()] = tag
        for tag in (
            Tag(FLOOD, KINDS["Integer"], 0),
            Tag(BIG, KINDS["String"], BIG_TEXT),
            Tag(SILENT, None),
        ):
            self._tags[tag.reference.lower()] = tag

    # Sessions -----------------------------------------------------------------------

    def open(self) -> Session:
        """Make a session."""
        with self.changed:
            number = len(self.sessions) + 1
            session = Session(f"session-{number:032x}", ring=self.ring, limit=self.limit)
            self.sessions[session.session_id] = session
            self.changed.notify_all()
            return session

    def close(self, session: Session) -> None:
        """Close a session; a faulted one stays what it is."""
        with self.changed:
            if session.state == "READY":
                session.state = "CLOSED"
            self.changed.notify_all()

    def fail(self, session_id: str, reason: str, code: str = "ABORTED") -> None:
        """Fault a session: its stream ends with `reason` after the events that there are."""
        with self.changed:
            self.sessions[session_id].fail(FaultError(code, reason))
            self.changed.notify_all()

    def evict(self, session_id: str) -> None:
        """Empty the ring of a session: what was handed out cannot be resumed any more."""
        with self.changed:
            session = self.sessions[session_id]
            session.evicted = session.sent

    # Tags ---------------------------------------------------------------------------

    def find(self, reference: str) -> tuple[Tag | None, int | None, int]:
        """Return tag, element and detail code that a reference leads to.

        The element is counted from 1; None for the whole value. Without a tag the
        detail code says why (MXAccess reference, sections 4.1 and 8).
        """
        match = _REFERENCE.fullmatch(reference)
        tag = None if match is None else self._named(match["name"])
        if match is None or tag is None:
            return None, None, INVALID_REFERENCE
        index = match["index"]
        if index is None:
            return (None, None, BARE_ARRAY) if tag.array else (tag, None, 0)
        if tag.array and index in ("", "-1"):
            return tag, None, 0
        if tag.array and 1 <= int(index or 0) <= len(tag.value):
            return tag, int(index), 0
        return None, None, INVALID_REFERENCE

    def _named(self, name: str) -> Tag | None:
        key = name.lower()
        if key not in self._tags and _PUMP_SPEED.fullmatch(key):
            script = (10.5, 20.5, 30.5)
            self._tags[key] = Tag(name, KINDS["Float"], script[-1], classification=6, script=script)
        return self._tags.get(key)

    def normalised(self, reference: str) -> str:
        """Return `reference` with `[]` appended where it is the bare name of an array."""
        bare = self.normalise_arrays and self.find(reference)[2] == BARE_ARRAY
        return f"{reference}[]" if bare else reference

    def set(self, reference: str, value: Any, quality: int = 192) -> None:
        """Give a tag a value from inside the plant; who advised it gets a data change."""
        with self.changed:
            tag = self._named(reference)
            assert tag is not None, reference
            self.update(tag, value, quality)
            self.changed.notify_all()

    def update(self, tag: Tag, value: Any, quality: int = 192, moment: Any = None) -> None:
        """Change a tag and tell who advised it, unless it is what it was."""
        if (tag.value, tag.quality) == (value, quality) and moment is None:
            return
        tag.value, tag.quality, tag.moment = value, quality, moment
        for session in self.sessions.values():
            for item in session.items.values():
                if item.tag is tag and item.advised and not item.suspended:
                    session.change(item)
        self.on_value(tag)

    def deliver(self, session_id: str, item_handle: int, *values: float) -> None:
        """Make data changes of one item, as the plant does when nobody asks."""
        with self.changed:
            session = self.sessions[session_id]
            for value in values:
                session.change_to(session.items[item_handle], value)
            self.changed.notify_all()

    def advise(self, session: Session, item: Item) -> None:
        """Start data changes of an item; nothing happens to one that is advised."""
        if item.advised:
            return
        item.advised = True
        if not self.first_values:
            return
        tag = item.tag
        if tag is None or not (tag.script or tag.reference in (FLOOD, SILENT)):
            session.change(item)
        elif tag.reference == FLOOD:
            session.flooding = item
        elif tag.script:
            for value in tag.script:
                session.change_to(item, value)
        elif tag.value is not None:
            session.change(item)

    def un_advise(self, session: Session, item: Item) -> None:
        """End data changes of an item."""
        item.advised = item.supervisory = item.suspended = item.has_value = False
        item.samples.clear()
        if session.flooding is item:
            session.flooding = None

    # Streams ------------------------------------------------------------------------

    def follow(self, session: Session, after: int, reader: Reader) -> Iterator[Any]:
        """Yield the session's events after sequence `after`, until it closes or `reader` ends.

        A flood makes each event only when it is asked for, so that `session.events`
        shows how far its sender has come.

        Raises:
            BusyError: The session has a stream already.
            FaultError: The session is faulted, and all its events were delivered.
        """
        cursor, gap = self._attach(session, after, reader)
        try:
            if gap is not None:
                yield gap
            while not reader.ended.is_set():
                if not self._wait(session, cursor, reader):
                    return
                for event in session.events[cursor:]:
                    cursor += 1
                    session.sent = max(session.sent, cursor)
                    yield event
        finally:
            with self.changed:
                if session.reader is reader:
                    session.reader = None
                self.changed.notify_all()

    def _attach(self, session: Session, after: int, reader: Reader) -> tuple[int, Any]:
        def free() -> bool:
            return session.reader is None or session.reader.ended.is_set()

        with self.changed:
            if not self.changed.wait_for(free, _NOTICE_SECONDS):
                raise BusyError
            session.reader = reader
            self.changed.notify_all()
            return session.position(after)

    def _wait(self, session: Session, cursor: int, reader: Reader) -> bool:
        """Return whether there are events behind `cursor`, or False when no more can come."""
        with self.changed:
            while cursor >= len(session.events):
                if reader.ended.is_set():
                    return False
                if session.fault is not None:
                    raise session.fault
                if session.flooding is not None:
                    session.change_to(session.flooding, len(session.events))
                    self.changed.notify_all()
                elif session.closed:
                    return False
                else:
                    pause = session.flush()
                    if cursor >= len(session.events):
                        self.changed.wait(pause)
            return True
