"""The plant behind the grpcio gateway: sessions, handles, and the events a script makes.

Values follow from the tag name and a counter alone, so a test knows what it will
read. Some tags have a behaviour of their own, see the constants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google_messages import load_google_modules

__all__ = [
    "BIG",
    "BIG_TEXT",
    "E_INVALIDARG",
    "FLOOD",
    "MESSAGE_PREFIX",
    "MISSPELT",
    "SILENT",
    "SOURCE_SECONDS",
    "SPEED",
    "FaultError",
    "Plant",
    "RefusalError",
    "Session",
]

SPEED = "Pump_001.Speed"
"""Delivers 10.5, 20.5 and 30.5 when it is advised."""
FLOOD = "Flood.Counter"
"""Delivers 0, 1, 2, ... without end while a stream reads."""
SILENT = "Silent.Value"
"""Can be advised but never delivers by itself."""
BIG = "Big.Text"
"""Delivers one string of `BIG_TEXT`, larger than any usual flow-control window."""
MISSPELT = "No.Such.Tag"
"""Refused by AddItem with E_INVALIDARG."""
BIG_TEXT = "äöü€-0123456789 " * 200_000

MESSAGE_PREFIX = 5
"""Bytes that gRPC puts before each message."""
E_INVALIDARG = -2147024809
SOURCE_SECONDS = 1_760_000_000
SOURCE_NANOS = 123_456_700  # seven digits, the resolution of MXAccess


class FaultError(Exception):
    """The session is faulted: its stream ends with an error after the events it has."""


class RefusalError(Exception):
    """MXAccess refuses the command: a normal reply that carries an HRESULT."""


@dataclass(slots=True)
class Item:
    server_handle: int
    handle: int
    reference: str
    advised: bool = False
    supervisory: bool = False


@dataclass(slots=True)
class Session:
    """One session: its registrations, items and the log of all events it ever made.

    `made` is how many bytes these events take on a gRPC stream.
    """

    session_id: str
    servers: set[int] = field(default_factory=set)
    items: dict[int, Item] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    made: int = 0
    flooding: Item | None = None
    closed: bool = False
    fault: str | None = None
    next_handle: int = 1

    def new_handle(self) -> int:
        self.next_handle += 1
        return self.next_handle - 1

    def log(self, event: Any) -> None:
        self.events.append(event)
        self.made += event.ByteSize() + MESSAGE_PREFIX


class Plant:
    """Executes commands and keeps the events. Thread-safe; `changed` announces every change."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.meeting = 0  # calls that have come to meet others
        self.sessions: dict[str, Session] = {}
        self.writes: list[tuple[str, Any, int]] = []
        self._pb = load_google_modules().gateway_pb2
        self._commands: dict[int, Callable[[Session, Any, Any], None]] = {
            self._pb.MX_COMMAND_KIND_REGISTER: self._register,
            self._pb.MX_COMMAND_KIND_UNREGISTER: self._unregister,
            self._pb.MX_COMMAND_KIND_ADD_ITEM: self._add_item,
            self._pb.MX_COMMAND_KIND_ADD_ITEM2: self._add_item2,
            self._pb.MX_COMMAND_KIND_REMOVE_ITEM: self._remove_item,
            self._pb.MX_COMMAND_KIND_ADVISE: self._advise,
            self._pb.MX_COMMAND_KIND_UN_ADVISE: self._un_advise,
            self._pb.MX_COMMAND_KIND_ADVISE_SUPERVISORY: self._advise_supervisory,
            self._pb.MX_COMMAND_KIND_WRITE: self._write,
        }

    def open(self) -> Session:
        with self.changed:
            session = Session(f"session-{len(self.sessions) + 1:032x}")
            self.sessions[session.session_id] = session
            self.changed.notify_all()
            return session

    def close(self, session: Session) -> None:
        with self.changed:
            session.closed = True
            self.changed.notify_all()

    def fail(self, session_id: str, reason: str) -> None:
        """Fault a session: its stream ends with `reason` after the events that there are."""
        with self.changed:
            self.sessions[session_id].fault = reason
            self.changed.notify_all()

    def deliver(self, session_id: str, item_handle: int, *values: float) -> None:
        """Make data changes of one item, as the plant does when nobody asks."""
        with self.changed:
            session = self.sessions[session_id]
            for value in values:
                self._data_change(session, session.items[item_handle], double_value=value)
            self.changed.notify_all()

    def execute(self, session: Session, command: Any, reply: Any) -> None:
        """Carry out `command` and fill `reply`.

        Raises:
            RefusalError: MXAccess would refuse it.
            KeyError: This gateway does not know the command's kind.
        """
        handler = self._commands[command.kind]
        payload = getattr(command, command.WhichOneof("payload"))
        with self.changed:
            handler(session, payload, reply)
            self.changed.notify_all()

    def follow(self, session: Session, after: int, alive: Callable[[], bool]) -> Iterator[Any]:
        """Yield the session's events after sequence `after`, until it closes or `alive` ends.

        A flood makes each event only when it is asked for, so that `session.events`
        shows how far its sender has come.

        Raises:
            FaultError: The session is faulted, and all its events were delivered.
        """
        cursor = after
        while alive():
            with self.changed:
                while cursor == len(session.events) and alive():
                    if session.fault is not None:
                        raise FaultError(session.fault)
                    if session.flooding is not None:
                        self._data_change(session, session.flooding, int32_value=cursor)
                        self.changed.notify_all()
                    elif session.closed:
                        return
                    else:
                        self.changed.wait()
                batch = session.events[cursor:]
            yield from batch
            cursor += len(batch)

    def _register(self, session: Session, payload: Any, reply: Any) -> None:
        if not payload.client_name:
            raise RefusalError("Register needs a client name")
        handle = session.new_handle()
        session.servers.add(handle)
        reply.register.server_handle = handle

    def _unregister(self, session: Session, payload: Any, _reply: Any) -> None:
        self._check_server(session, payload.server_handle)
        session.servers.remove(payload.server_handle)

    def _add_item(self, session: Session, payload: Any, reply: Any) -> None:
        reply.add_item.item_handle = self._new_item(session, payload, payload.item_definition)

    def _add_item2(self, session: Session, payload: Any, reply: Any) -> None:
        reference = f"{payload.item_context}.{payload.item_definition}"
        reply.add_item2.item_handle = self._new_item(session, payload, reference)

    def _new_item(self, session: Session, payload: Any, reference: str) -> int:
        self._check_server(session, payload.server_handle)
        if reference == MISSPELT:
            raise RefusalError(f"{reference} does not exist")
        item = Item(payload.server_handle, session.new_handle(), reference)
        session.items[item.handle] = item
        return item.handle

    def _remove_item(self, session: Session, payload: Any, _reply: Any) -> None:
        del session.items[self._item(session, payload).handle]

    def _advise(self, session: Session, payload: Any, _reply: Any) -> None:
        item = self._item(session, payload)
        item.advised = True
        if item.reference == FLOOD:
            session.flooding = item
        elif item.reference == BIG:
            self._data_change(session, item, string_value=BIG_TEXT)
        elif item.reference != SILENT:
            for value in (10.5, 20.5, 30.5):
                self._data_change(session, item, double_value=value)

    def _advise_supervisory(self, session: Session, payload: Any, reply: Any) -> None:
        self._advise(session, payload, reply)
        self._item(session, payload).supervisory = True

    def _un_advise(self, session: Session, payload: Any, _reply: Any) -> None:
        item = self._item(session, payload)
        if not item.advised:
            raise RefusalError(f"{item.reference} is not advised")
        item.advised = item.supervisory = False
        if session.flooding is item:
            session.flooding = None

    def _write(self, session: Session, payload: Any, _reply: Any) -> None:
        item = self._item(session, payload)
        if not item.advised:
            raise RefusalError(f"{item.reference} is not advised")
        kind = payload.value.WhichOneof("kind")
        self.writes.append((item.reference, getattr(payload.value, kind), payload.user_id))
        self._data_change(session, item, **{kind: getattr(payload.value, kind)})
        done = self._event(session, item)
        done.family = self._pb.MX_EVENT_FAMILY_ON_WRITE_COMPLETE
        done.on_write_complete.SetInParent()
        done.hresult = 0
        session.log(done)

    def _data_change(self, session: Session, item: Item, **value: Any) -> None:
        event = self._event(session, item)
        event.family = self._pb.MX_EVENT_FAMILY_ON_DATA_CHANGE
        event.value.CopyFrom(self._pb.MxValue(**value))
        event.on_data_change.SetInParent()
        session.log(event)

    def _event(self, session: Session, item: Item) -> Any:
        event = self._pb.MxEvent(
            session_id=session.session_id,
            server_handle=item.server_handle,
            item_handle=item.handle,
            quality=192,
            worker_sequence=len(session.events) + 1,
            statuses=[self._pb.MxStatusProxy(success=-1, category=self._pb.MX_STATUS_CATEGORY_OK)],
        )
        event.source_timestamp.seconds = SOURCE_SECONDS + len(session.events)
        event.source_timestamp.nanos = SOURCE_NANOS
        return event

    def _check_server(self, session: Session, handle: int) -> None:
        if handle not in session.servers:
            raise RefusalError(f"server handle {handle} is not registered")

    def _item(self, session: Session, payload: Any) -> Item:
        item = session.items.get(payload.item_handle)
        if item is None or item.server_handle != payload.server_handle:
            raise RefusalError(f"item handle {payload.item_handle} is not valid")
        return item
