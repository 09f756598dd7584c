"""Reading tags once: hold them, wait for the first value of each, give them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio

from mxgateway.errors import MxGatewayError, PermissionDeniedError, TagError
from mxgateway.events import Event
from mxgateway.reading import TagValue
from mxgateway.tags.items import Change, key_of, reading_of
from mxgateway.tags.subscription import by_key, check_tags
from mxgateway.tags.tag_session import TagSession, failed
from mxgateway.transport.signals import Flag

if TYPE_CHECKING:
    from mxgateway.tags.engine import TagEngine

__all__ = ["READ_SECONDS", "raise_errors", "read"]

READ_SECONDS: Final = 10.0
"""How long a read waits unless told otherwise: a first advise can take 8 s to bind."""

_AT_ONCE: Final = 1000  # items advised at a time
_BULK: Final = 50  # tags of one ReadBulk, which reads one after another


class _Reader:
    """Holds the items of one read."""

    def __init__(self) -> None:
        self.found: dict[str, TagValue] = {}
        self.loss: MxGatewayError | None = None
        self._changed = Flag()

    def take(self, tag: str, change: Change, size: int) -> None:
        """Keep the first value of a tag."""
        key = key_of(tag)
        if key not in self.found:
            value = reading_of(change, tag)
            # What was there already costs no bytes of the stream.
            self.found[key] = replace(value, cached=True) if value.ok and not size else value
            self._changed.set()

    def notice(self, event: Event) -> None:
        """A gap does not matter: the first value is all that is asked for."""

    def lose(self, error: MxGatewayError) -> None:
        """Wait no longer."""
        self.loss = error
        self._changed.set()

    async def wait(self, tags: Iterable[str]) -> None:
        """Return once all of `tags` have a value, or none comes any more."""
        missing = {key_of(tag) for tag in tags}
        while self.loss is None:
            missing -= self.found.keys()
            if not missing:
                return
            self._changed.clear()
            await self._changed.wait()


async def read(engine: TagEngine, tags: Iterable[str], seconds: float) -> list[TagValue]:
    """Return one reading for each of `tags`, in order; see `GatewayClient.read`."""
    listed = check_tags(tags)
    once = list(by_key(listed).values())
    reader = _Reader()
    reason = f"no value within {seconds:g} s"
    cause: MxGatewayError | None = None
    if once:
        with anyio.move_on_after(seconds):
            try:
                await _read(await engine.session(), reader, once)
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
    return value if value.tag == tag else replace(value, tag=tag)


async def _read(session: TagSession, reader: _Reader, tags: Sequence[str]) -> None:
    for start in range(0, len(tags), _AT_ONCE):
        part = tags[start : start + _AT_ONCE]
        try:
            await _hold_and_wait(session, reader, part)
        except PermissionDeniedError:
            # A key that may not read events can still have the worker read.
            if session.deaf is None:
                raise
            await _read_bulk(session, reader, part)


async def _hold_and_wait(session: TagSession, reader: _Reader, tags: Sequence[str]) -> None:
    try:
        await session.hold(reader, tags)
        await reader.wait(tags)
    finally:
        found = map(session.items.find, tags)
        await session.release(reader, [item for item in found if item is not None])
    if reader.loss is not None:
        loss, reader.loss = reader.loss, None
        raise loss


async def _read_bulk(session: TagSession, reader: _Reader, tags: Sequence[str]) -> None:
    left = anyio.current_effective_deadline() - anyio.current_time()
    for start in range(0, len(tags), _BULK):
        part = tags[start : start + _BULK]
        milliseconds = max(1, int(min(left, READ_SECONDS) * 1000 / len(part)))
        results = await session.command(
            session.session.read_bulk(session.server, part, timeout_ms=milliseconds)
        )
        for tag, result in zip(part, results, strict=True):
            error = None
            if not result.was_successful:
                text = result.error_message or "the gateway gave no reason"
                error = TagError(f"{tag}: {text}", tag=tag)
            reader.found[key_of(tag)] = TagValue.of(
                tag,
                result.value,
                result.quality,
                result.source_timestamp,
                result.statuses,
                error=error,
                cached=result.was_cached,
            )


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
