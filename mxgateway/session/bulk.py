"""BulkMethods: one command for many items, one result for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import anyio
import betterproto2

from mxgateway.codec import encode
from mxgateway.commands import command
from mxgateway.errors import DeadlineExceededError, MalformedReplyError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItemBulkCommand,
    AdviseItemBulkCommand,
    BulkReadResult,
    BulkWriteResult,
    MxCommandRequest,
    ReadBulkCommand,
    RemoveItemBulkCommand,
    SubscribeBulkCommand,
    SubscribeResult,
    UnAdviseItemBulkCommand,
    UnsubscribeBulkCommand,
    Write2BulkCommand,
    Write2BulkEntry,
    WriteBulkCommand,
    WriteBulkEntry,
    WriteSecured2BulkCommand,
    WriteSecured2BulkEntry,
    WriteSecuredBulkCommand,
    WriteSecuredBulkEntry,
)
from mxgateway.session.arguments import int32, listed, texts, uint32
from mxgateway.session.base import SessionBase
from mxgateway.session.entries import checked, secrets_of
from mxgateway.session.parts import split, tell_partial
from mxgateway.values import DataType

__all__ = ["BulkMethods"]

_Entry = TypeVar("_Entry")
Build = Callable[[list[Any]], betterproto2.Message]

# Beside the waits themselves, for the worker's own work and the way there and back.
_MARGIN_SECONDS: Final = 5.0
# Stands for the id of a request that is only measured; a new one is as long.
_SOME_CORRELATION_ID: Final = "0" * 32


class BulkMethods(SessionBase):
    """Bulk commands.

    Each returns one result per entry, in the order of the entries. An entry that
    fails is a result with `was_successful` False and an `error_message`; it raises
    nothing and does not stop the others. Without entries nothing is sent.

    More entries than the option `max_bulk_items`, or than fit into
    `max_send_bytes`, are sent as several commands, one after another. `timeout`
    then counts for all of them together, the default `call_timeout` for each. Where
    one of them fails, the rest is not sent; the error says how many entries were
    done and has their results in `partial_results`. It has `processed` "no" only
    where nothing at all was executed. Cancelling loses the results so far.

    Everything is checked before the first command goes out: ConfigurationError for
    handles, ids and references, EncodeError for values, ResourceExhaustedError for
    one entry that is larger than `max_send_bytes`. A reply without exactly one
    result for each entry, or with results of other items, is a MalformedReplyError.
    """

    async def add_item_bulk(
        self,
        server_handle: int,
        references: Iterable[str],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """Add references; the results hold the item handles (AddItem for each)."""
        server = int32("server_handle", server_handle)
        tags = texts("references", references)

        def build(part: list[str]) -> AddItemBulkCommand:
            return AddItemBulkCommand(server_handle=server, tag_addresses=part)

        return await self._added(server, build, tags, timeout, correlation_id)

    async def advise_item_bulk(
        self,
        server_handle: int,
        item_handles: Iterable[int],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """Start data changes of items (Advise for each)."""
        server = int32("server_handle", server_handle)
        items = _handles(item_handles)

        def build(part: list[int]) -> AdviseItemBulkCommand:
            return AdviseItemBulkCommand(server_handle=server, item_handles=part)

        return await self._in_parts(build, items, timeout, correlation_id, items=items)

    async def remove_item_bulk(
        self,
        server_handle: int,
        item_handles: Iterable[int],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """Drop items; un-advise them first (RemoveItem for each)."""
        server = int32("server_handle", server_handle)
        items = _handles(item_handles)

        def build(part: list[int]) -> RemoveItemBulkCommand:
            return RemoveItemBulkCommand(server_handle=server, item_handles=part)

        return await self._removed(server, build, items, timeout, correlation_id)

    async def un_advise_item_bulk(
        self,
        server_handle: int,
        item_handles: Iterable[int],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """End data changes of items (UnAdvise for each); also called `unadvise_item_bulk`."""
        server = int32("server_handle", server_handle)
        items = _handles(item_handles)

        def build(part: list[int]) -> UnAdviseItemBulkCommand:
            return UnAdviseItemBulkCommand(server_handle=server, item_handles=part)

        return await self._in_parts(build, items, timeout, correlation_id, items=items)

    unadvise_item_bulk = un_advise_item_bulk

    async def subscribe_bulk(
        self,
        server_handle: int,
        references: Iterable[str],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """Add and advise references; the results hold the item handles.

        (AddItem and Advise for each.) Read the event stream soon after.
        """
        server = int32("server_handle", server_handle)
        tags = texts("references", references)

        def build(part: list[str]) -> SubscribeBulkCommand:
            return SubscribeBulkCommand(server_handle=server, tag_addresses=part)

        return await self._added(server, build, tags, timeout, correlation_id)

    async def unsubscribe_bulk(
        self,
        server_handle: int,
        item_handles: Iterable[int],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[SubscribeResult]:
        """Un-advise and drop items (UnAdvise and RemoveItem for each)."""
        server = int32("server_handle", server_handle)
        items = _handles(item_handles)

        def build(part: list[int]) -> UnsubscribeBulkCommand:
            return UnsubscribeBulkCommand(server_handle=server, item_handles=part)

        return await self._removed(server, build, items, timeout, correlation_id)

    async def read_bulk(
        self,
        server_handle: int,
        references: Iterable[str],
        *,
        timeout_ms: int = 0,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[BulkReadResult]:
        """Read references once; items need not be added or advised before.

        One that is added and advised already is answered from the worker's cache
        (`was_cached`). The others are added, advised, awaited, un-advised and
        removed one after another, so this can take the number of references times
        `timeout_ms` (gateway semantics, section 8). The gateway's own limit for a
        command, 30 s by default, counts as well: see `command_timeout` of
        `GatewayClient.open_session`, and keep `max_bulk_items` times `timeout_ms` below it.

        Args:
            server_handle: From `register`.
            references: Such as "Pump_001.Speed"; duplicates are allowed.
            timeout_ms: Longest wait for one reference; 0 for the worker's default.
            timeout: Seconds for everything. By default each command gets the
                options' `call_timeout`, or its number of references times
                `timeout_ms` and 5 s more where that is longer.
            correlation_id: Sent along; empty for a new one.

        Raises:
            ConfigurationError: `timeout_ms` is no whole number of 32 bits without
                sign, or another argument is wrong. Nothing was sent.
        """
        server = int32("server_handle", server_handle)
        wait = uint32("timeout_ms", timeout_ms)
        tags = texts("references", references)

        def build(part: list[str]) -> ReadBulkCommand:
            return ReadBulkCommand(server_handle=server, tag_addresses=part, timeout_ms=wait)

        return await self._in_parts(
            build, tags, timeout, correlation_id, references=tags, wait=wait / 1000
        )

    async def write_bulk(
        self,
        server_handle: int,
        entries: Iterable[WriteBulkEntry | tuple[int, object]],
        *,
        data_type: DataType | None = None,
        user_id: int = 0,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[BulkWriteResult]:
        """Write to advised items, one after another in this order (Write for each).

        As with `write`, success means accepted; a write-complete event follows for
        each. An item may stand more than once.

        Args:
            server_handle: From `register`.
            entries: Pairs of item handle and value as for `write`, or WriteBulkEntry.
            data_type: The type of all values that are given in pairs.
            user_id: Who writes them; an entry message has its own.
            timeout: Seconds for everything.
            correlation_id: Sent along; empty for a new one.
        """
        server = int32("server_handle", server_handle)
        built = checked(
            entries,
            WriteBulkEntry,
            lambda item: self.reference(server, item),
            data_type=data_type,
            user_id=int32("user_id", user_id),
        )

        def build(part: list[WriteBulkEntry]) -> WriteBulkCommand:
            return WriteBulkCommand(server_handle=server, entries=part)

        return await self._written(build, built, timeout, correlation_id)

    async def write2_bulk(
        self,
        server_handle: int,
        entries: Iterable[Write2BulkEntry],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[BulkWriteResult]:
        """Write with the caller's times (Write2 for each); all else as `write_bulk`."""
        server = int32("server_handle", server_handle)
        built = checked(entries, Write2BulkEntry, lambda item: self.reference(server, item))

        def build(part: list[Write2BulkEntry]) -> Write2BulkCommand:
            return Write2BulkCommand(server_handle=server, entries=part)

        return await self._written(build, built, timeout, correlation_id)

    async def write_secured_bulk(
        self,
        server_handle: int,
        entries: Iterable[WriteSecuredBulkEntry],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[BulkWriteResult]:
        """Write secured values (WriteSecured for each); the users stand in each entry.

        All else as `write_bulk` and `Session.write_secured`.
        """
        server = int32("server_handle", server_handle)
        built = checked(entries, WriteSecuredBulkEntry, lambda item: self.reference(server, item))

        def build(part: list[WriteSecuredBulkEntry]) -> WriteSecuredBulkCommand:
            return WriteSecuredBulkCommand(server_handle=server, entries=part)

        return await self._written(build, built, timeout, correlation_id)

    async def write_secured2_bulk(
        self,
        server_handle: int,
        entries: Iterable[WriteSecured2BulkEntry],
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> list[BulkWriteResult]:
        """Write secured values with the caller's times (WriteSecured2 for each).

        All else as `write_secured_bulk`.
        """
        server = int32("server_handle", server_handle)
        built = checked(entries, WriteSecured2BulkEntry, lambda item: self.reference(server, item))

        def build(part: list[WriteSecured2BulkEntry]) -> WriteSecured2BulkCommand:
            return WriteSecured2BulkCommand(server_handle=server, entries=part)

        return await self._written(build, built, timeout, correlation_id)

    # What they have in common ---------------------------------------------------

    async def _added(
        self, server: int, build: Build, tags: list[str], timeout: float | None, correlation_id: str
    ) -> list[SubscribeResult]:
        def remember(part: Sequence[str], results: list[SubscribeResult]) -> None:
            for tag, result in zip(part, results, strict=True):
                if result.item_handle:
                    self._references[server, result.item_handle] = tag

        return await self._in_parts(
            build, tags, timeout, correlation_id, references=tags, note=remember
        )

    async def _removed(
        self,
        server: int,
        build: Build,
        items: list[int],
        timeout: float | None,
        correlation_id: str,
    ) -> list[SubscribeResult]:
        def forget(part: Sequence[int], results: list[SubscribeResult]) -> None:
            for item, result in zip(part, results, strict=True):
                if result.was_successful:
                    self._references.pop((server, item), None)

        return await self._in_parts(build, items, timeout, correlation_id, items=items, note=forget)

    async def _written(
        self, build: Build, entries: list[Any], timeout: float | None, correlation_id: str
    ) -> list[BulkWriteResult]:
        return await self._in_parts(
            build,
            entries,
            timeout,
            correlation_id,
            items=[entry.item_handle for entry in entries],
            secrets=secrets_of(entries),
        )

    async def _in_parts(
        self,
        build: Build,
        entries: list[_Entry],
        timeout: float | None,
        correlation_id: str,
        *,
        items: Sequence[int] = (),
        references: Sequence[str] = (),
        wait: float = 0.0,
        secrets: tuple[str, ...] = (),
        note: Callable[[Sequence[_Entry], list[Any]], None] | None = None,
    ) -> list[Any]:
        """Send the command that `build` makes of entries, in parts where it must be.

        Args:
            build: Makes the payload of the command for some of the entries.
            entries: All entries.
            timeout: Seconds for all parts together; None for the default for each.
            correlation_id: The same for all parts; empty for a new one for each.
            items: The item handle of each entry, where entries have one.
            references: The reference of each entry, where entries have one.
            wait: Seconds that the gateway may wait for one entry.
            secrets: Texts that no error may show.
            note: Is told the entries and results of each part that was answered.
        """
        self._require_open()
        parts = split(
            len(entries),
            self._client.options.max_bulk_items,
            lambda part: self._size(build(entries[part.start : part.stop]), correlation_id),
            self._client.options.max_send_bytes,
        )
        results: list[Any] = []
        started = anyio.current_time()
        for part in parts:
            chosen = entries[part.start : part.stop]
            seconds = timeout
            if timeout is None and wait:
                seconds = self._seconds_for(len(part) * wait + _MARGIN_SECONDS)
            try:
                if timeout is not None and part.start:
                    seconds = _left(timeout, anyio.current_time() - started)
                answer = await self._run(build(chosen), seconds, correlation_id, secrets=secrets)
                _check(answer, len(part), items[part.start : part.stop])
                _check_order(answer, references[part.start : part.stop])
            except MxGatewayError as exc:
                if len(parts) > 1:
                    tell_partial(exc, part, len(entries), results)
                raise
            if note is not None:
                note(chosen, answer.results)
            results += answer.results
        return results

    def _size(self, payload: betterproto2.Message, correlation_id: str) -> int:
        request = MxCommandRequest(
            session_id=self._session_id,
            client_correlation_id=correlation_id or _SOME_CORRELATION_ID,
            command=command(payload),
        )
        return len(encode(request))


def _handles(item_handles: Iterable[int]) -> list[int]:
    values = listed("item_handles", item_handles)
    return [int32(f"item_handles[{i}]", value) for i, value in enumerate(values)]


def _left(timeout: float, elapsed: float) -> float:
    left = timeout - elapsed
    if left <= 0:
        raise DeadlineExceededError(f"the timeout of {timeout:g} s passed", processed="no")
    return left


def _check(answer: Any, count: int, items: Sequence[int]) -> None:
    """Refuse results that cannot be told apart: a wrong one would be taken for another item's."""
    name = type(answer).__name__
    if len(answer.results) != count:
        raise MalformedReplyError(
            f"{name}: {len(answer.results)} results for {count} entries", reply=answer
        )
    for i, (item, result) in enumerate(zip(items, answer.results, strict=False)):
        # A denied entry may come back without its handle.
        if result.item_handle not in (0, item):
            raise MalformedReplyError(
                f"{name}: result {i} is about item {result.item_handle}, entry {i} about "
                f"item {item}",
                reply=answer,
            )


def _check_order(answer: Any, references: Sequence[str]) -> None:
    """Refuse results that name the references of each other.

    A result may name its reference in another form, as the gateway resolved it.
    """
    odd = [
        (_plain(reference), _plain(result.tag_address))
        for reference, result in zip(references, answer.results, strict=False)
        if result.tag_address not in ("", reference)
    ]
    asked = {own for own, named in odd if own != named}
    for own, named in odd:
        if own != named and named in asked:
            raise MalformedReplyError(
                f"{type(answer).__name__}: the result for {own} is about {named}", reply=answer
            )


def _plain(reference: str) -> str:
    """Return a reference without what the gateway may add to it, or write differently."""
    return reference.casefold().removesuffix("[]")
