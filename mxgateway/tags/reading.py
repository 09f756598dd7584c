"""Reading tags once: hold them, wait for the first value of each, give them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio

from mxgateway.errors import MxGatewayError, PermissionDeniedError, SessionLostError
from mxgateway.events import Event
from mxgateway.reading import TagValue
from mxgateway.tags.items import Change, key_of, reading_of
from mxgateway.tags.names import by_key, check_tags
from mxgateway.tags.readings import bulk_reading, failed, is_bare_array
from mxgateway.tags.tag_session import TagSession
from mxgateway.transport.signals import Flag

if TYPE_CHECKING:
    from mxgateway.tags.engine import TagEngine

__all__ = ["READ_SECONDS", "raise_errors", "read"]

READ_SECONDS: Final = 10.0
"""How long a read waits unless told otherwise: a first advise can take 8 s to bind."""

_AT_ONCE: Final = 1000  # items advised at a time
_BULK: Final = 50  # tags of one ReadBulk, which reads one after another


class _Reader:
    """Holds the items of one read, and what it found.

    Attributes:
        wanted: The tags by key.
        found: The first value of each tag, by key.
        missing: Keys of the tags that were asked for and have none yet.
        loss: Why no more values come, where that is so.
    """

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = wanted
        self.found: dict[str, TagValue] = {}
        self.missing: set[str] = set()
        self.loss: MxGatewayError | None = None
        self._done = Flag()

    def take(self, key: str, change: Change, size: int) -> None:
        """Keep the first value of a tag."""
        if key in self.missing:
            value = reading_of(change, self.wanted[key])
            # What was there already costs no bytes of the stream.
            self.found[key] = replace(value, cached=True) if value.ok and not size else value
            self.missing.discard(key)
            if not self.missing:
                self._done.set()

    def notice(self, event: Event) -> None:
        """A gap does not matter: the first value is all that is asked for."""

    def lose(self, error: MxGatewayError) -> None:
        """Wait no longer."""
        self.loss = error
        self._done.set()

    async def wait(self) -> None:
        """Return once no value is missing, or none comes any more."""
        while self.missing and self.loss is None:
            self._done.clear()
            await self._done.wait()


async def read(engine: TagEngine, tags: Iterable[str], seconds: float) -> list[TagValue]:
    """Return one reading for each of `tags`, in order; see `GatewayClient.read`."""
    listed = check_tags(tags)
    reader = _Reader(by_key(listed))
    deadline = anyio.current_time() + seconds
    reason = f"no value within {seconds:g} s"
    cause: MxGatewayError | None = None
    if listed:
        with anyio.move_on_after(seconds):
            try:
                await _read_again(engine, reader, deadline)
            except MxGatewayError as error:
                if not reader.found:
                    raise
                reason, cause = f"not read: {error}", error
    return [_result(reader.found.get(key_of(tag)), tag, reason, cause) for tag in listed]


def _result(
    value: TagValue | None, tag: str, reason: str, cause: MxGatewayError | None
) -> TagValue:
    if value is None:
        return failed(tag, reason, cause)
    return reading_of(value, tag)


async def _read_again(engine: TagEngine, reader: _Reader, deadline: float) -> None:
    """Read, in a second session where the first turns out to be gone; a read may be repeated.

    A session whose events may not be read tells nobody that its lease has ended.
    """
    try:
        await _read(await engine.session(), reader, deadline)
    except SessionLostError:
        if reader.found:
            raise
        await _read(await engine.session(), reader, deadline)


async def _read(session: TagSession, reader: _Reader, deadline: float) -> None:
    try:
        await _by_events(session, reader, deadline)
    except PermissionDeniedError:
        # A key that may not read events can still have the worker read.
        if session.deaf is None:
            raise
        left = [tag for key, tag in reader.wanted.items() if key not in reader.found]
        await _by_worker(session, reader, left, deadline)


async def _by_events(session: TagSession, reader: _Reader, deadline: float) -> None:
    """Advise some tags at a time, until each has its value; one that has none holds up no other."""
    reader.loss = None
    reader.missing = set()
    keys = list(reader.wanted)
    parts = [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]
    try:
        for parts_left, part in zip(range(len(parts), 0, -1), parts, strict=True):
            reader.missing.update(part)
            await session.hold(reader, [reader.wanted[key] for key in part])
            if parts_left > 1:
                share = (deadline - anyio.current_time()) / parts_left
                with anyio.move_on_after(min(share, READ_SECONDS)):
                    await reader.wait()
                have = [key for key in part if key in reader.found]
                await session.release(reader, session.items.held(reader, have))
        await reader.wait()
    finally:
        await session.release(reader)
    if reader.loss is not None:
        raise reader.loss


async def _by_worker(
    session: TagSession, reader: _Reader, tags: Sequence[str], deadline: float
) -> None:
    for start in range(0, len(tags), _BULK):
        part = tags[start : start + _BULK]
        left = max(0.0, min(deadline - anyio.current_time(), READ_SECONDS))
        milliseconds = max(1, int(left * 1000 / len(part)))
        names = dict(zip(part, part, strict=True))
        while names:
            results = await session.command(
                session.session.read_bulk(
                    session.server, list(names.values()), timeout_ms=milliseconds
                )
            )
            bare = {}
            for (tag, name), result in zip(names.items(), results, strict=True):
                reader.found[key_of(tag)] = bulk_reading(tag, result)
                if is_bare_array(name, result.statuses):
                    bare[tag] = f"{name}[]"  # no gateway appends it to what is read in bulk
            names = bare


def raise_errors(values: Iterable[TagValue]) -> None:
    """Raise if any of these readings has no value, for callers who prefer exceptions.

    Raises:
        ExceptionGroup: Of one TagError for each reading that is not `ok`, in order.
    """
    errors: list[MxGatewayError] = []
    for value in values:
        if not value.ok:
            try:
                value.require()
            except MxGatewayError as error:
                errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} tags could not be read", errors)
