"""ConfirmMethods: writes whose end is waited for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import anyio

from mxgateway.errors import DeadlineExceededError, WriteFailedError
from mxgateway.events import WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandReply,
    MxValue,
    OpenSessionReply,
)
from mxgateway.session.arguments import int32
from mxgateway.session.confirmation import Confirmation, sending_confirmed
from mxgateway.session.hiding import hide, texts_of
from mxgateway.session.items import ItemMethods
from mxgateway.session.ledger import Key, Ledger, never_executed
from mxgateway.session.streams import EventMethods, seconds_of
from mxgateway.session.targets import write_targets
from mxgateway.session.writes import WriteMethods
from mxgateway.values import DataType, to_mx_value

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["ConfirmMethods"]


class ConfirmMethods(EventMethods, ItemMethods, WriteMethods):
    """Writes whose end is waited for."""

    def __init__(
        self,
        client: GatewayClient,
        session_id: str,
        *,
        open_reply: OpenSessionReply | None = None,
        version_warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            client, session_id, open_reply=open_reply, version_warnings=version_warnings
        )
        self._ledger = Ledger()
        self._hub.attach(self._ledger, passive=True)

    async def write_and_wait(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        *,
        timestamp: dt.datetime | MxValue | None = None,
        user_id: int = 0,
        current_user_id: int | None = None,
        verifier_user_id: int = 0,
        data_type: DataType | None = None,
        supervisory: bool = False,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> WriteComplete:
        """Write a value and return once MXAccess says that it is written (OnWriteComplete).

        Does what a confirmed write needs: reads the session's events, from then on until
        the session is closed; advises the item, unless this session object did; waits for
        its first data change, which tells MXAccess the type. `timestamp` makes it a
        Write2, `current_user_id` a WriteSecured, both a WriteSecured2.

        MXAccess tells with the completion only which item was written. So confirmed writes
        of one item go out one after another, in the order of the calls, and each only
        when every earlier write of this session object to that item has completed.
        Where the end of one is not known, the next one is refused. Do not write the same
        item of a session from elsewhere at the same time.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item`.
            value: A Python value or an MxValue, as for `write`.
            timestamp: The value's time, as for `write2`.
            user_id: Who writes; 0 for nobody. Not for secured writes.
            current_user_id: Who writes a secured value, from `authenticate_user`.
            verifier_user_id: Who confirms a secured value; 0 for nobody.
            data_type: As for `write`.
            supervisory: Advise with AdviseSupervisory, so that the write counts as the
                application's.
            timeout: Seconds for all of it; default the options' `call_timeout`.
            correlation_id: Sent along; empty for a new one.

        Raises:
            WriteFailedError: The completion says that the write failed; `event` has it.
            WriteOutcomeUnknownError: The write was sent and its end is not known: nothing came
                in time, the stream was lost, or the gateway's answer was.
            TagError: The item's data change failed, for example for a wrong reference; or
                an earlier write of the item has an unknown end. Nothing was sent.
            DeadlineExceededError: The time passed before the write was sent.
            MxAccessError: MXAccess refused the write at once.
            EncodeError: The value does not fit its type. Nothing was sent.
        """
        self._require_open()
        self._client._check_home()
        key = (int32("server_handle", server_handle), int32("item_handle", item_handle))
        tag = self._tag(*key)
        secured = current_user_id is not None
        if secured:
            built = self._secured(*key, value, data_type)
        else:
            built = to_mx_value(value, data_type, tag=tag)
        seconds = seconds_of(timeout, self._client.options.call_timeout)

        def send(left: float | None) -> Awaitable[MxCommandReply]:
            if current_user_id is not None:
                users = {"current_user_id": current_user_id, "verifier_user_id": verifier_user_id}
                if timestamp is None:
                    return self.write_secured(
                        *key, built, **users, timeout=left, correlation_id=correlation_id
                    )
                return self.write_secured2(
                    *key, built, timestamp, **users, timeout=left, correlation_id=correlation_id
                )
            if timestamp is None:
                return self.write(
                    *key, built, user_id=user_id, timeout=left, correlation_id=correlation_id
                )
            return self.write2(
                *key, built, timestamp, user_id=user_id, timeout=left, correlation_id=correlation_id
            )

        confirmation = Confirmation(
            self,
            self._ledger,
            key,
            tag or f"server {key[0]} item {key[1]}",
            seconds,
            supervisory=supervisory,
            secret=self._client.options.api_key,
        )
        try:
            return await confirmation.run(send)
        except WriteFailedError as error:
            if secured:
                hide(error, texts_of(built))
            raise

    async def invoke(
        self, command: MxCommand, *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """Send a command in this session and return the reply once it is known to say success.

        `mxgateway.commands.command` makes an MxCommand from any command payload.
        """
        self._require_open()
        self._client._check_home()
        ledger = self._ledger
        targets = [] if sending_confirmed.get() else write_targets(command)
        await self._wait_for_replies(targets, timeout)
        sent = ledger.before(command)
        ledger.sent(targets)
        try:
            reply = await super().invoke(command, timeout=timeout, correlation_id=correlation_id)
        except BaseException as error:
            ledger.failed(targets, error)
            if not never_executed(error):
                ledger.after(command, None)
            raise
        ledger.answered(targets, reply)
        ledger.after(command, reply, sent)
        return reply

    @property
    def _some_may_be_late(self) -> bool:
        """Whether there is any item at all whose events may be those of an earlier one."""
        return self._ledger.some_doubtful

    def _may_be_late(self, server_handle: int, item_handle: int) -> bool:
        """Return whether events of an item may be those of an earlier one with its handle."""
        return self._ledger.doubtful((server_handle, item_handle))

    def _is_quiet(self, server_handle: int, item_handle: int) -> bool:
        """Return whether an item was un-advised and none of its events is on its way."""
        return self._ledger.quiet((server_handle, item_handle))

    async def _wait_for_replies(self, targets: list[Key], timeout: float | None) -> None:
        """Let no write overtake a confirmed one that has no reply yet: order would be unknown."""
        item = self._ledger.item
        if not any(item(key).sending for key in targets):
            return
        with anyio.move_on_after(seconds_of(timeout, self._client.options.call_timeout)):
            while any((state := item(key)).sending for key in targets):
                state.changed.clear()
                await state.changed.wait()
            return
        raise DeadlineExceededError(
            "the deadline passed while a confirmed write of the same item was being sent",
            processed="no",
        )
