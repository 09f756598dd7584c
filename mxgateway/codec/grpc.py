"""The compiled codec as grpclib wants it."""

from __future__ import annotations

from typing import Any

from grpclib.encoding.base import CodecBase

from mxgateway.codec import decode, encode

__all__ = ["MessageCodec"]


class MessageCodec(CodecBase):
    """grpclib codec of content subtype `proto` on the compiled encoder and decoder."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        """Return the bytes of `message`.

        Raises:
            TypeError: `message` is of another class than `message_type`.
            EncodeError: A field holds a value its type cannot carry.
        """
        if not isinstance(message, message_type):
            raise TypeError(f"the call takes {message_type.__name__}, not {type(message).__name__}")
        return encode(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        """Return the message that `data` holds.

        Raises:
            DecodeError: `data` is no valid message of this type.
        """
        return decode(message_type, data)
