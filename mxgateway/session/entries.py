"""Entries of bulk writes: made from pairs, and checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from mxgateway.codec import encode
from mxgateway.errors import ConfigurationError, EncodeError
from mxgateway.generated.mxaccess_gateway.v1 import (
    Write2BulkEntry,
    WriteBulkEntry,
    WriteSecured2BulkEntry,
    WriteSecuredBulkEntry,
)
from mxgateway.session.arguments import int32, listed
from mxgateway.session.hiding import secured_value, texts_of
from mxgateway.values import DataType, to_mx_value

__all__ = ["checked", "secrets_of"]

_Entry = TypeVar(
    "_Entry", WriteBulkEntry, Write2BulkEntry, WriteSecuredBulkEntry, WriteSecured2BulkEntry
)
_USERS: Final = ("user_id", "current_user_id", "verifier_user_id")
_TIMED: Final = (Write2BulkEntry, WriteSecured2BulkEntry)
_SECURED: Final = (WriteSecuredBulkEntry, WriteSecured2BulkEntry)


def checked(
    entries: Iterable[_Entry | tuple[int, object]],
    kind: type[_Entry],
    reference_of: Callable[[int], str],
    *,
    data_type: DataType | None = None,
    user_id: int = 0,
) -> list[_Entry]:
    """Return the entries as messages of one kind; pairs become a WriteBulkEntry.

    Args:
        entries: What the caller gave.
        kind: The message class that the command carries.
        reference_of: Gives the reference of an item handle, empty if not known.
        data_type: The type of values in pairs.
        user_id: The user of pairs.

    Raises:
        ConfigurationError: An entry is of another kind, or a handle or id is no int
            of 32 bits.
        EncodeError: A value does not fit, or there is none.
    """
    built: list[_Entry] = []
    entry: Any
    for i, entry in enumerate(listed("entries", entries)):
        where = f"entries[{i}]"
        if kind is WriteBulkEntry and isinstance(entry, tuple) and len(entry) == 2:
            item = int32(f"{where}[0]", entry[0])
            value = to_mx_value(entry[1], data_type, tag=_named(where, reference_of(item)))
            entry = WriteBulkEntry(item_handle=item, value=value, user_id=user_id)
        if not isinstance(entry, kind):
            pair = " or a pair of item handle and value" if kind is WriteBulkEntry else ""
            raise ConfigurationError(
                f"{where}: give a {kind.__name__}{pair}, not {type(entry).__name__}"
            )
        _check(entry, where, reference_of)
        built.append(entry)
    return built


def _check(entry: Any, where: str, reference_of: Callable[[int], str]) -> None:
    item = int32(f"{where}.item_handle", entry.item_handle)
    for name in _USERS:
        if hasattr(entry, name):
            int32(f"{where}.{name}", getattr(entry, name))
    named = _named(where, reference_of(item))
    kind = type(entry).__name__
    if entry.value is None:
        raise EncodeError(kind, "value", f"{named}: there is none; write None as null if meant")
    if isinstance(entry, _TIMED) and entry.timestamp_value is None:
        raise EncodeError(kind, "timestamp_value", f"{named}: there is none")
    if isinstance(entry, _SECURED):
        secured_value(entry.value, named)  # after which no error is about the value
    try:
        encode(entry)
    except EncodeError as exc:
        raise EncodeError(exc.message_type, exc.field, f"{named}: {exc.reason}") from None


def _named(where: str, reference: str) -> str:
    return f"{where} ({reference})" if reference else where


def secrets_of(entries: list[Any]) -> tuple[str, ...]:
    """Return the texts that secured entries write, for `hide`; none for plain entries."""
    return texts_of(*(entry.value for entry in entries if isinstance(entry, _SECURED)))
