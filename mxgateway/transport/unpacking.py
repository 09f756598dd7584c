"""Received messages to Python objects: small ones at once, large ones in a worker thread.

Decoding a message of 16 MiB takes seconds. In the event loop it would hold up every other task
meanwhile, deadlines and Ctrl-C among them.
"""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

import anyio
import anyio.to_thread
import betterproto2

from mxgateway.codec import Allowance, counting_decoder_for, decoder_for
from mxgateway.options import ClientOptions
from mxgateway.transport.messages import Compressed, MessageCutter

__all__ = ["AT_ONCE", "Unpacked", "Unpacker"]

AT_ONCE: Final = 1 << 16
"""Bytes up to which a message is decoded in the event loop: 3 ms as a rule, 35 ms at worst."""

_M = TypeVar("_M", bound=betterproto2.Message)


class Unpacked(NamedTuple, Generic[_M]):
    """A message and the bytes that it was, expanded."""

    message: _M
    size: int


class Unpacker(Generic[_M]):
    """Decodes the messages of one call.

    Attributes:
        decode: Makes a message of bytes, without a limit of elements.
        plain: Bytes up to which a message can be given to `decode`: it is small, and
            too short to have too many elements.

    Args:
        recv_type: Class of the messages.
        options: For the limits.
    """

    __slots__ = ("_limit", "_scope", "_type", "decode", "plain")

    def __init__(self, recv_type: type[_M], options: ClientOptions) -> None:
        self.decode = decoder_for(recv_type)
        self._type = recv_type
        self._limit = options.max_message_elements
        self._scope: anyio.CancelScope | None = None
        self.plain = min(AT_ONCE, self._limit)

    def small(self, payload: bytes, cutter: MessageCutter) -> Unpacked[_M] | None:
        """Decode a message if it is small, also when expanded; None if it is not.

        Raises:
            MessageError, DecodeError, LimitError: It is damaged, or beyond a limit.
        """
        if type(payload) is Compressed:
            expanded = cutter.expanded(payload, AT_ONCE)
            return None if expanded is None else self._counted(expanded)
        return self._counted(payload) if len(payload) <= AT_ONCE else None

    async def large(
        self, payload: bytes, cutter: MessageCutter, limiter: anyio.CapacityLimiter
    ) -> Unpacked[_M] | None:
        """Expand and decode a message in a worker thread; None where `stop` was called first.

        A thread that nobody waits for any more ends at the next element that it would make.

        Raises:
            MessageError, DecodeError, LimitError: It is damaged, or beyond a limit.
        """

        allowance = Allowance(self._limit)

        def work() -> Unpacked[_M]:
            data = cutter.expanded(payload) if type(payload) is Compressed else payload
            assert data is not None  # no smaller limit was given
            return self._counted(data, allowance)

        with anyio.CancelScope() as scope:
            self._scope = scope
            try:
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
            except BaseException:
                allowance.revoke()
                raise
            finally:
                self._scope = None
        return None

    def stop(self) -> None:
        """End the waiting in `large`, which another task may be in."""
        if self._scope is not None:
            self._scope.cancel()

    def _counted(self, data: bytes, allowance: Allowance | None = None) -> Unpacked[_M]:
        if len(data) <= self.plain:
            return Unpacked(self.decode(data), len(data))
        limit = self._limit if allowance is None else allowance
        return Unpacked(counting_decoder_for(self._type)(data, limit), len(data))
