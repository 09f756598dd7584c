"""Bulk commands of the grpcio gateway: one result for each entry, in order, whatever fails.

Gateway semantics, section 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interop.plant_sessions import Item, Session
from interop.refusals import InvalidError, RefusalError
from interop.scripted_plant import Plant
from interop.statuses import E_INVALIDARG, INVALID_REFERENCE, status

__all__ = ["BulkCommands"]

_WORKER_DEFAULT_MS = 100


class BulkCommands:
    """The eleven bulk commands."""

    if TYPE_CHECKING:
        _plant: Plant

        def _new_item(self, session: Session, server_handle: int, reference: str) -> Item: ...
        def _item(self, session: Session, server_handle: int, item_handle: int) -> Item: ...
        def _accept(self, session: Session, server_handle: int, payload: Any) -> None: ...

    def _drop(self, session: Session, item: Item) -> None:
        self._plant.un_advise(session, item)
        del session.items[item.handle]

    # Items ----------------------------------------------------------------------------

    def _add_item_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._tags(session, payload, reply.add_item_bulk, lambda _item: None)

    def _subscribe_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._tags(session, payload, reply.subscribe_bulk, lambda i: self._plant.advise(session, i))

    def _advise_item_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._handles(
            session, payload, reply.advise_item_bulk, lambda i: self._plant.advise(session, i)
        )

    def _un_advise_item_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._handles(
            session, payload, reply.un_advise_item_bulk, lambda i: self._plant.un_advise(session, i)
        )

    def _remove_item_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._handles(session, payload, reply.remove_item_bulk, lambda i: self._drop(session, i))

    def _unsubscribe_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._handles(session, payload, reply.unsubscribe_bulk, lambda i: self._drop(session, i))

    def _tags(
        self, session: Session, payload: Any, answer: Any, action: Callable[[Item], None]
    ) -> None:
        answer.SetInParent()
        for reference in payload.tag_addresses:
            result = answer.results.add(
                server_handle=payload.server_handle, tag_address=reference, was_successful=True
            )
            try:
                item = self._new_item(session, payload.server_handle, reference)
                result.item_handle = item.handle
                action(item)
            except RefusalError as refusal:
                _fail(result, refusal)

    def _handles(
        self, session: Session, payload: Any, answer: Any, action: Callable[[Item], None]
    ) -> None:
        answer.SetInParent()
        for handle in payload.item_handles:
            result = answer.results.add(
                server_handle=payload.server_handle, item_handle=handle, was_successful=True
            )
            try:
                item = self._item(session, payload.server_handle, handle)
                result.tag_address = item.reference
                action(item)
            except RefusalError as refusal:
                _fail(result, refusal)

    # Writing --------------------------------------------------------------------------

    def _write_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._writes(session, payload, reply.write_bulk)

    def _write2_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._writes(session, payload, reply.write2_bulk)

    def _write_secured_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._writes(session, payload, reply.write_secured_bulk)

    def _write_secured2_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        self._writes(session, payload, reply.write_secured2_bulk)

    def _writes(self, session: Session, payload: Any, answer: Any) -> None:
        answer.SetInParent()
        for entry in payload.entries:
            result = answer.results.add(
                server_handle=payload.server_handle,
                item_handle=entry.item_handle,
                was_successful=True,
                hresult=0,
                statuses=[status()],
            )
            try:
                self._accept(session, payload.server_handle, entry)
            except (RefusalError, InvalidError) as refusal:
                _fail(result, refusal)
                result.hresult = getattr(refusal, "hresult", E_INVALIDARG)
                del result.statuses[:]
                result.statuses.append(status("OPERATIONAL_ERROR", text=str(refusal)))

    # Reading --------------------------------------------------------------------------

    def _read_bulk(self, session: Session, payload: Any, reply: Any) -> None:
        reply.read_bulk.SetInParent()
        seconds = (payload.timeout_ms or _WORKER_DEFAULT_MS) / 1000
        for reference in payload.tag_addresses:
            result = reply.read_bulk.results.add(
                server_handle=payload.server_handle, tag_address=reference
            )
            try:
                self._read(session, payload.server_handle, reference, seconds, result)
            except RefusalError as refusal:
                _fail(result, refusal)

    def _read(
        self, session: Session, server_handle: int, reference: str, seconds: float, result: Any
    ) -> None:
        item = self._advised(session, server_handle, reference)
        result.was_cached = item is not None
        if item is None:
            # No event stands for it: the value is the answer to this command alone.
            item = self._new_item(session, server_handle, reference)
            del session.items[item.handle]
        result.item_handle = item.handle
        tag = item.tag
        if tag is None:
            result.error_message = f"{reference}: no such reference"
            result.statuses.append(
                status("CONFIGURATION_ERROR", "REQUESTING_LMX", item.detail or INVALID_REFERENCE)
            )
            return
        if tag.kind is None and not self._plant.changed.wait_for(
            lambda: tag.value is not None, seconds
        ):
            result.error_message = f"no value within {seconds * 1000:g} ms"
            result.quality = 32
            result.statuses.append(status("COMMUNICATION_ERROR", "REQUESTING_NMX", 1))
            return
        result.was_successful = True
        result.value.CopyFrom(tag.message(item.index))
        result.quality = tag.quality
        if tag.moment is not None:
            result.source_timestamp.CopyFrom(tag.moment)
        else:
            result.source_timestamp.seconds = 1_760_000_000
        result.statuses.append(status())

    def _advised(self, session: Session, server_handle: int, reference: str) -> Item | None:
        wanted = self._plant.normalised(reference).lower()
        for item in session.items.values():
            if (
                item.server_handle == server_handle
                and item.reference.lower() == wanted
                and item.has_value
            ):
                return item
        return None


def _fail(result: Any, refusal: Exception) -> None:
    result.was_successful = False
    result.error_message = str(refusal)
