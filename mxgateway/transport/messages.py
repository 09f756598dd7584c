"""gRPC messages on their way out of DATA: cut, and expanded where they are compressed.

Nothing here does I/O, reads a clock or knows an event loop.
"""

from __future__ import annotations

import zlib
from collections import deque

from mxgateway.errors import StatusCode

__all__ = ["Compressed", "MessageCutter", "MessageError", "frame_message"]

_MESSAGE_HEADER = 5  # gRPC over HTTP/2: one flag byte, four bytes of length
_ANY_EXPANSION = 4 << 20  # bytes up to which nobody looks at how much a message has grown


class MessageError(Exception):
    """The DATA of one stream is no valid sequence of gRPC messages, or goes beyond a limit.

    Attributes:
        status: The gRPC status to end the call with.
        option: The option whose limit it goes beyond, or "".
        limit: The value of that option.
    """

    def __init__(
        self, status: StatusCode, message: str, *, option: str = "", limit: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.option = option
        self.limit = limit


def frame_message(payload: bytes) -> bytes:
    """Return `payload` behind the prefix of an uncompressed gRPC message."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


class MessageCutter:
    """Cuts the gRPC messages of one stream out of its DATA.

    `messages` holds the payloads that are complete; a compressed one stays so
    until `expanded` is asked for it, so that memory is bounded by what was received.

    Args:
        limit: Largest message in bytes; checked on the prefix, before the body is kept.
        max_expansion: How many times as long as it came a message of more than 4 MiB may be.
    """

    __slots__ = (
        "_needed",
        "_partial",
        "encoding",
        "error",
        "limit",
        "max_expansion",
        "messages",
    )

    def __init__(self, limit: int, max_expansion: int) -> None:
        self.limit = limit
        self.max_expansion = max_expansion
        self.encoding = "identity"
        self.messages: deque[bytes] = deque()
        self.error: MessageError | None = None
        # One buffer, not a list: the peer may send a message in millions of tiny frames.
        self._partial = bytearray()
        self._needed = 0  # size of the message they belong to, prefix included; 0 = not known yet

    @property
    def partial(self) -> int:
        """Bytes received of a message that is not complete."""
        return len(self._partial)

    @property
    def missing(self) -> int:
        """Bytes still to come for the incomplete message; 0 if there is none."""
        if not self._partial:
            return 0
        return max(self._needed, _MESSAGE_HEADER) - len(self._partial)

    def feed(self, data: bytes) -> None:
        """Take the next DATA. On an error the rest of the stream is dropped and `error` set."""
        if self.error is not None or not data:
            return
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial.clear()
            self._needed = 0
        try:
            pos = self._cut(data)
        except MessageError as error:
            self.error = error
            return
        if pos < len(data):
            self._partial += data[pos:] if pos else data

    def _cut(self, data: bytes) -> int:
        """Append the complete messages of `data` and return where the incomplete one starts."""
        end = len(data)
        pos = 0
        limit = self.limit
        append = self.messages.append
        while end - pos >= _MESSAGE_HEADER:
            start = pos + _MESSAGE_HEADER
            length = int.from_bytes(data[pos + 1 : start], "big")
            if length > limit:
                raise MessageError(
                    StatusCode.RESOURCE_EXHAUSTED,
                    f"message of {length} bytes announced",
                    option="max_receive_bytes",
                    limit=limit,
                )
            flag = data[pos]
            if flag > 1:
                raise MessageError(StatusCode.INTERNAL, f"unknown message flag {flag}")
            if flag and self.encoding == "identity":
                raise MessageError(
                    StatusCode.INTERNAL,
                    "a message is marked as compressed, but the reply names no grpc-encoding",
                )
            stop = start + length
            if stop > end:
                self._needed = _MESSAGE_HEADER + length
                break
            append(Compressed(data[start:stop]) if flag else data[start:stop])
            pos = stop
        return pos

    def drop(self) -> int:
        """Remove the oldest message; return the bytes that it took on the wire."""
        return len(self.messages.popleft()) + _MESSAGE_HEADER

    def expanded(self, data: bytes, most: int | None = None) -> bytes | None:
        """Return the payload of a compressed message; None where it has more than `most` bytes.

        It changes nothing, so another thread may call it.

        Raises:
            MessageError: It is compressed in a way this side does not know, is
                damaged, or grows beyond a limit.
        """
        if self.encoding != "gzip":
            raise MessageError(
                StatusCode.INTERNAL,
                f"a message is compressed with {self.encoding!r}; only gzip is understood",
            )
        allowed = min(self.limit, max(_ANY_EXPANSION, self.max_expansion * len(data)))
        first = allowed if most is None else min(most, allowed)
        expander = zlib.decompressobj(wbits=31)
        try:
            result = expander.decompress(data, first + 1)
        except zlib.error as error:
            raise MessageError(StatusCode.INTERNAL, f"damaged gzip message: {error}") from error
        if len(result) > first:
            if first < allowed:
                return None
            raise self._grown(len(data), allowed)
        if not expander.eof:
            raise MessageError(StatusCode.INTERNAL, "damaged gzip message: it ends too early")
        if expander.unused_data:
            # Dropping the rest would make a shorter message of it, without a word.
            raise MessageError(StatusCode.INTERNAL, "damaged gzip message: more follows its end")
        return result

    def _grown(self, size: int, allowed: int) -> MessageError:
        if allowed == self.limit:
            return MessageError(
                StatusCode.RESOURCE_EXHAUSTED,
                f"a compressed message of {size} bytes grows beyond {allowed} bytes when expanded",
                option="max_receive_bytes",
                limit=self.limit,
            )
        return MessageError(
            StatusCode.RESOURCE_EXHAUSTED,
            f"a compressed message of {size} bytes grows beyond {allowed} bytes when expanded, "
            f"more than {self.max_expansion} times",
            option="max_expansion",
            limit=self.max_expansion,
        )


class Compressed(bytes):
    """Payload of a message whose compressed flag was set."""

    __slots__ = ()
