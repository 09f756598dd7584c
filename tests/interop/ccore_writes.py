"""Writes of the grpcio gateway: accepted or refused at once, and how an accepted one ends.

MXAccess reference, sections 1.1, 4.1 and 6. A write that takes effect is told as a data
change first and as a completion after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google_messages import load_google_modules
from interop.plant_sessions import Item, Session, Tag
from interop.refusals import InvalidError, RefusalError
from interop.scripted_plant import Plant, Written
from interop.statuses import (
    NO_PERMISSION,
    NOT_SUPPORTED,
    SECURED_NEEDED,
    VERIFIED_NEEDED,
    WRITE_REFUSED,
    status,
)
from interop.tag_values import KINDS, ConversionError, MalformedError

__all__ = ["WriteCommands"]

_SECURED, _VERIFIED, _VIEW_ONLY = 2, 3, 6


@dataclass(frozen=True, slots=True)
class _Users:
    """Who writes a secured value."""

    current: int
    verifier: int


class WriteCommands:
    """Write, Write2, WriteSecured and WriteSecured2."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def _write(self, session: Session, payload: Any, _reply: Any) -> None:
        self._accept(session, payload.server_handle, payload)

    _write2 = _write_secured = _write_secured2 = _write

    def _accept(self, session: Session, server_handle: int, payload: Any) -> None:
        """Accept one write, a command or an entry of a bulk command; then carry it out.

        Raises:
            RefusalError: MXAccess refuses it at once.
            InvalidError: It has no value or no time, or they break the contract.
        """
        names = payload.DESCRIPTOR.fields_by_name
        for name in ("value", "timestamp_value"):
            if name in names and not payload.HasField(name):
                raise InvalidError(f"{name} is missing")
        users = None
        if "current_user_id" in names:
            users = _Users(payload.current_user_id, payload.verifier_user_id)
        item = self._item(session, server_handle, payload.item_handle)
        tag = item.tag
        if not item.advised:
            raise RefusalError(f"{item.reference} is not advised")
        if tag is None or not (item.has_value or tag.kind is None):
            raise RefusalError(f"{item.reference} has had no value, its type is not known")
        if users is not None and tag.classification not in (_SECURED, _VERIFIED):
            raise RefusalError(f"{item.reference} takes no secured write", NOT_SUPPORTED)
        refusal = self._refusal(session, item, tag, users)
        moment = None
        try:
            value = _converted(tag, item, payload.value)
            if "timestamp_value" in names:
                KINDS["Time"].convert(payload.timestamp_value, array=False)
                moment = payload.timestamp_value.timestamp_value
        except ConversionError as error:
            refusal = refusal or status("OPERATIONAL_ERROR", detail=WRITE_REFUSED, text=str(error))
        except MalformedError as error:
            raise InvalidError(str(error)) from error
        if self._plant.pending_first:
            session.complete(item, status("PENDING"))
        if refusal is None:
            who = users or _Users(getattr(payload, "user_id", 0) if item.supervisory else 0, 0)
            self._set(item, tag, value, moment)
            self._plant.writes.append(
                Written(item.reference, _plain(value), who.current, who.verifier)
            )
        session.complete(item, refusal or status())

    def _refusal(self, session: Session, item: Item, tag: Tag, users: _Users | None) -> Any:
        """Return the status of a completion that fails; None for one that does not."""
        if tag.classification == _VIEW_ONLY:
            return status(
                "OPERATIONAL_ERROR", detail=WRITE_REFUSED, text=f"{tag.reference} is not writable"
            )
        if tag.classification not in (_SECURED, _VERIFIED) or item.supervisory:
            return None
        verified = tag.classification == _VERIFIED
        if users is None:
            detail = VERIFIED_NEEDED if verified else SECURED_NEEDED
            return status("SECURITY_ERROR", detail=detail, text="a secured write is needed")
        if not {users.current, users.verifier or users.current} <= session.users:
            return status("SECURITY_ERROR", detail=NO_PERMISSION, text="nobody has signed in so")
        if verified and users.verifier in (0, users.current):
            return status("SECURITY_ERROR", detail=VERIFIED_NEEDED, text="two users are needed")
        return None

    def _set(self, item: Item, tag: Tag, value: Any, moment: Any) -> None:
        if item.index is not None:
            whole = list(tag.value)
            whole[item.index - 1] = value
            value = whole
        self._plant.update(tag, value, moment=moment)

    def _check_server(self, session: Session, handle: int) -> None:
        if handle not in session.servers:
            raise RefusalError(f"server handle {handle} is not registered")

    def _item(self, session: Session, server_handle: int, item_handle: int) -> Item:
        self._check_server(session, server_handle)
        item = session.items.get(item_handle)
        if item is None or item.server_handle != server_handle:
            raise RefusalError(f"item handle {item_handle} is not valid")
        return item


def _converted(tag: Tag, item: Item, message: Any) -> Any:
    if tag.kind is not None:
        return tag.kind.convert(message, array=tag.array and item.index is None)
    kept = load_google_modules().gateway_pb2.MxValue()
    kept.CopyFrom(message)
    return kept


def _plain(value: Any) -> Any:
    """Return a value that is kept as a message as what it holds."""
    if hasattr(value, "WhichOneof"):
        return getattr(value, value.WhichOneof("kind"))
    return value
