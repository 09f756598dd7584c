"""Which items a command is about, by its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from mxgateway.generated.mxaccess_gateway.v1 import MxCommand, MxCommandKind, MxCommandReply

__all__ = [
    "ADDS",
    "ADVISES",
    "REMOVALS",
    "UN_ADVISES",
    "Key",
    "added_items",
    "done_items",
    "named_items",
    "write_results",
    "write_targets",
]

Key: TypeAlias = tuple[int, int]
"""Server handle and item handle."""

_K: Final = MxCommandKind
ADDS: Final = frozenset(
    {_K.ADD_ITEM, _K.ADD_ITEM2, _K.ADD_BUFFERED_ITEM, _K.ADD_ITEM_BULK, _K.SUBSCRIBE_BULK}
)
ADVISES: Final = frozenset(
    {_K.ADVISE, _K.ADVISE_SUPERVISORY, _K.ADVISE_ITEM_BULK, _K.SUBSCRIBE_BULK}
)
UN_ADVISES: Final = frozenset({_K.UN_ADVISE, _K.UN_ADVISE_ITEM_BULK})
REMOVALS: Final = frozenset({_K.REMOVE_ITEM, _K.REMOVE_ITEM_BULK, _K.UNSUBSCRIBE_BULK})
_PAYLOADS: Final[dict[int, str]] = {
    _K.ADD_ITEM: "add_item",
    _K.ADD_ITEM2: "add_item2",
    _K.ADD_BUFFERED_ITEM: "add_buffered_item",
    _K.ADD_ITEM_BULK: "add_item_bulk",
    _K.ADVISE: "advise",
    _K.ADVISE_SUPERVISORY: "advise_supervisory",
    _K.ADVISE_ITEM_BULK: "advise_item_bulk",
    _K.SUBSCRIBE_BULK: "subscribe_bulk",
    _K.UN_ADVISE: "un_advise",
    _K.UN_ADVISE_ITEM_BULK: "un_advise_item_bulk",
    _K.REMOVE_ITEM: "remove_item",
    _K.REMOVE_ITEM_BULK: "remove_item_bulk",
    _K.UNSUBSCRIBE_BULK: "unsubscribe_bulk",
    _K.WRITE: "write",
    _K.WRITE2: "write2",
    _K.WRITE_SECURED: "write_secured",
    _K.WRITE_SECURED2: "write_secured2",
    _K.WRITE_BULK: "write_bulk",
    _K.WRITE2_BULK: "write2_bulk",
    _K.WRITE_SECURED_BULK: "write_secured_bulk",
    _K.WRITE_SECURED2_BULK: "write_secured2_bulk",
}
_WRITES: Final = frozenset(
    {_K.WRITE, _K.WRITE2, _K.WRITE_SECURED, _K.WRITE_SECURED2}
    | {_K.WRITE_BULK, _K.WRITE2_BULK, _K.WRITE_SECURED_BULK, _K.WRITE_SECURED2_BULK}
)


def write_targets(command: MxCommand) -> list[Key]:
    """Return the items that a command writes, one for each entry; empty for other commands."""
    return named_items(command) if command.kind in _WRITES else []


def _payload(command: MxCommand) -> Any:
    return getattr(command, _PAYLOADS[command.kind])


def named_items(command: MxCommand) -> list[Key]:
    """Return the items that a command names by handle."""
    payload = _payload(command)
    if payload is None:
        return []
    server = payload.server_handle
    if hasattr(payload, "entries"):
        return [(server, entry.item_handle) for entry in payload.entries]
    if hasattr(payload, "item_handles"):
        return [(server, item) for item in payload.item_handles]
    return [(server, payload.item_handle)] if hasattr(payload, "item_handle") else []


def done_items(command: MxCommand, reply: MxCommandReply | None) -> list[Key]:
    """Return the items for which a command succeeded; without a reply all that it names."""
    payload = _payload(command)
    if payload is None:
        return []
    answer = getattr(reply, _PAYLOADS[command.kind], None)
    if answer is None:
        return named_items(command)
    server, named = payload.server_handle, named_items(command)
    keys: list[Key] = []
    for index, result in enumerate(answer.results):
        if result.was_successful:
            # A gateway may leave out the handle that the command has named.
            handle = result.item_handle or (named[index][1] if index < len(named) else 0)
            keys.append((server, handle))
    return keys


def added_items(command: MxCommand, reply: MxCommandReply) -> list[Key]:
    """Return the items that a command has added."""
    payload, answer = _payload(command), getattr(reply, _PAYLOADS[command.kind], None)
    if payload is None or answer is None:
        return []
    results = answer.results if hasattr(answer, "results") else [answer]
    return [(payload.server_handle, result.item_handle) for result in results if result.item_handle]


def write_results(reply: MxCommandReply) -> Sequence[Any]:
    """Return the results of a bulk write, one for each entry; empty for other replies."""
    answer = getattr(reply, _PAYLOADS[reply.kind], None) if reply.kind in _WRITES else None
    return [] if answer is None else answer.results
