"""WriteMethods: writes of single items."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping

from mxgateway.errors import ConfigurationError, EncodeError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandReply,
    MxValue,
    Write2Command,
    WriteCommand,
    WriteSecured2Command,
    WriteSecuredCommand,
)
from mxgateway.session.arguments import int32
from mxgateway.session.base import SessionBase
from mxgateway.session.hiding import secured_value, texts_of
from mxgateway.values import DataType, to_mx_value
from mxgateway.values.sparse import to_sparse_value

__all__ = ["WriteMethods"]


class WriteMethods(SessionBase):
    """Writes of single items.

    The reply to every one of them says that MXAccess accepted the write. How it
    ended comes later, as a write-complete event with the item handle, so a stream
    must run before. A write that is cancelled, times out or loses its connection
    may still take effect: `error.processed` is "maybe", and it is never sent again
    from here.
    """

    async def write(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        *,
        user_id: int = 0,
        data_type: DataType | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write a value to an advised item (Write).

        The reply says that MXAccess accepted the write. How it ended comes later, as
        a write-complete event with the item handle, so a stream must run before.
        The item must be advised and have had its first data change. An array
        replaces the whole array. `user_id` is recorded only with a supervisory advise.

        A write that is cancelled, times out or loses its connection may still take
        effect: `error.processed` is "maybe", and it is never sent again from here.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item`.
            value: A Python value or an MxValue; see `mxgateway.values.to_mx_value`.
            user_id: Who writes; 0 for nobody.
            data_type: The type of the tag, as an MxDataType or a name such as
                "int32"; without it the Python type decides.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            EncodeError: The value does not fit its type. Nothing was sent.
            ConfigurationError: A handle or id is no int of 32 bits. Nothing was sent.
        """
        payload = WriteCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
            value=to_mx_value(value, data_type, tag=self._tag(server_handle, item_handle)),
            user_id=int32("user_id", user_id),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def write2(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        timestamp: dt.datetime | MxValue,
        *,
        user_id: int = 0,
        data_type: DataType | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write a value with the caller's time (Write2); all else as `write`.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item`.
            value: As for `write`.
            timestamp: A datetime with a time zone, or `mxgateway.Timestamp`, which
                keeps 100 ns.
            user_id: As for `write`.
            data_type: As for `write`.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            EncodeError: The value or the time does not fit. Nothing was sent.
            ConfigurationError: A handle or id is no int of 32 bits. Nothing was sent.
        """
        tag = self._tag(server_handle, item_handle)
        payload = Write2Command(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
            value=to_mx_value(value, data_type, tag=tag),
            timestamp_value=_time_value(timestamp, tag),
            user_id=int32("user_id", user_id),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def write_secured(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        *,
        current_user_id: int,
        verifier_user_id: int = 0,
        data_type: DataType | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write to an attribute of class "secured" or "verified" (WriteSecured).

        "Secured" asks for the user who writes, "verified" for a second, other user
        who confirms. All else is as for `write`. The value is shown in no error of
        this client. Needs a key with the scope `invoke:secure`.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item`, advised with `advise`.
            value: As for `write`.
            current_user_id: Who writes; from `authenticate_user` of this session.
            verifier_user_id: Who confirms; 0 for nobody.
            data_type: As for `write`.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            EncodeError: The value does not fit its type. Nothing was sent.
            ConfigurationError: A handle or id is no int of 32 bits. Nothing was sent.
        """
        built = self._secured(server_handle, item_handle, value, data_type)
        payload = WriteSecuredCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
            current_user_id=int32("current_user_id", current_user_id),
            verifier_user_id=int32("verifier_user_id", verifier_user_id),
            value=built,
        )
        reply: MxCommandReply = await self._run(
            payload, timeout, correlation_id, secrets=texts_of(built)
        )
        return reply

    async def write_secured2(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        timestamp: dt.datetime | MxValue,
        *,
        current_user_id: int,
        verifier_user_id: int = 0,
        data_type: DataType | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write a secured value with the caller's time (WriteSecured2).

        The users are those of `write_secured`, the time is that of `write2`; so are
        the errors.
        """
        built = self._secured(server_handle, item_handle, value, data_type)
        payload = WriteSecured2Command(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
            current_user_id=int32("current_user_id", current_user_id),
            verifier_user_id=int32("verifier_user_id", verifier_user_id),
            value=built,
            timestamp_value=_time_value(timestamp, self._tag(server_handle, item_handle)),
        )
        reply: MxCommandReply = await self._run(
            payload, timeout, correlation_id, secrets=texts_of(built)
        )
        return reply

    async def write_array_elements(
        self,
        server_handle: int,
        item_handle: int,
        elements: Mapping[int, object],
        *,
        total_length: int,
        data_type: DataType,
        user_id: int = 0,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write some elements of an array and RESET all others (Write).

        The gateway makes a whole array of it. Positions that are not listed do not
        keep their values: they get the default of the type (false, 0, "" or the
        Unix epoch). To change one element alone, add the item `Attribute[n]`, which
        counts from 1, and write that.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item` of the whole array.
            elements: Value by index, counted from 0.
            total_length: Number of elements of the whole array.
            data_type: Type of the elements, as an MxDataType or a name such as "int32".
            user_id: As for `write`.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            EncodeError: No element is given, an index is not below `total_length`, or
                a value is not a single one of the type. Nothing was sent.
            ConfigurationError: A handle or id is no int of 32 bits. Nothing was sent.
        """
        payload = WriteCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
            value=to_sparse_value(
                elements, total_length, data_type, tag=self._tag(server_handle, item_handle)
            ),
            user_id=int32("user_id", user_id),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    def _tag(self, server_handle: int, item_handle: int) -> str | None:
        server, item = int32("server_handle", server_handle), int32("item_handle", item_handle)
        return self.reference(server, item) or None

    def _secured(
        self, server_handle: int, item_handle: int, value: object, data_type: DataType | None
    ) -> MxValue:
        where = self._tag(server_handle, item_handle) or f"item {item_handle}"
        built: MxValue | None = None
        with contextlib.suppress(EncodeError):  # told below, without the value
            built = to_mx_value(value, data_type)
        if built is None:
            declared = f" {data_type!r}" if data_type is not None else ""
            raise EncodeError(
                "MxValue",
                "value",
                f"{where}: the given {type(value).__name__} does not fit the type{declared}; "
                "the value is not shown, because the write is secured",
            )
        return secured_value(built, where)


def _time_value(timestamp: dt.datetime | MxValue, tag: str | None) -> MxValue:
    if isinstance(timestamp, MxValue):
        return timestamp
    if not isinstance(timestamp, dt.datetime):
        raise ConfigurationError(
            f"timestamp: give a datetime with a time zone, not {type(timestamp).__name__}"
        )
    return to_mx_value(timestamp, "time", tag=f"{tag}, timestamp" if tag else "timestamp")
